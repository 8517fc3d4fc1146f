//! httpd's regular expressions, for `WSGIScriptAliasMatch`.

use std::ffi::{CString, c_char};
use std::ops::Range;

use super::pool::Pool;
use crate::config::alias::UriPattern;
use crate::ffi;

/// Groups that a target can refer to, and the whole match.
const GROUPS: usize = 10;

/// A compiled expression; lives in the configuration pool.
struct Pattern {
    source: String,
    /// Invariant: compiled in a pool that this value lives in too; never written after that.
    compiled: *mut ffi::ap_regex_t,
}

// SAFETY: matching only reads the compiled expression.
unsafe impl Send for Pattern {}
// SAFETY: as for Send.
unsafe impl Sync for Pattern {}

/// Compiles an expression in the configuration pool.
pub(super) fn compile(pool: Pool<'_>, source: &str) -> Result<Box<dyn UriPattern>, String> {
    let text = CString::new(source).map_err(|_| "it contains a NUL".to_string())?;
    // SAFETY: a live pool and a C string, which is compiled and not kept.
    let compiled = unsafe { ffi::ap_pregcomp(pool.as_ptr(), text.as_ptr(), ffi::AP_REG_EXTENDED) };
    if compiled.is_null() {
        return Err("it is not a valid regular expression".to_string());
    }
    Ok(Box::new(Pattern {
        source: source.to_string(),
        compiled,
    }))
}

impl UriPattern for Pattern {
    fn captures(&self, uri: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        let mut groups = [ffi::ap_regmatch_t { rm_so: -1, rm_eo: -1 }; GROUPS];
        // SAFETY: a compiled expression (invariant); reads `uri.len()` bytes, writes GROUPS matches.
        let failed = unsafe {
            ffi::ap_regexec_len(
                self.compiled,
                uri.as_ptr().cast::<c_char>(),
                uri.len(),
                GROUPS,
                groups.as_mut_ptr(),
                0,
            )
        };
        (failed == 0).then(|| groups.iter().map(range).collect())
    }

    fn source(&self) -> &str {
        &self.source
    }
}

fn range(group: &ffi::ap_regmatch_t) -> Option<Range<usize>> {
    Some(usize::try_from(group.rm_so).ok()?..usize::try_from(group.rm_eo).ok()?)
}
