//! `WSGIScriptAlias` and `WSGIScriptAliasMatch`: from the path of a URL to a script.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::place::Place;
use super::scripts::{ImportScript, literal_group};
use crate::gateway::bytes::same;

/// A compiled regular expression over the path of a request.
pub trait UriPattern: Send + Sync {
    /// Where the whole match (first) and each group lie in `uri`; `None` without a match.
    fn captures(&self, uri: &[u8]) -> Option<Vec<Option<Range<usize>>>>;
    /// The expression as written.
    fn source(&self) -> &str;
}

/// What the path of a request is compared with.
pub enum Matcher {
    /// A path, up to a boundary between path elements.
    Prefix(String),
    /// A regular expression.
    Regex(Box<dyn UriPattern>),
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => f.debug_tuple("Prefix").field(prefix).finish(),
            Self::Regex(pattern) => f.debug_tuple("Regex").field(&pattern.source()).finish(),
        }
    }
}

/// Options after the two arguments of an alias: they beat directives of any scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasOptions {
    /// `process-group=`, not expanded.
    pub process_group: Option<Arc<str>>,
    /// `application-group=`, not expanded.
    pub application_group: Option<Arc<str>>,
    /// `callable-object=`, not expanded.
    pub callable_object: Option<Arc<str>>,
    /// `pass-authorization=`.
    pub pass_authorization: Option<bool>,
}

/// One alias.
#[derive(Debug)]
pub struct ScriptAlias {
    /// Which requests it takes.
    pub matcher: Matcher,
    /// The script, or the directory of scripts, that it leads to.
    pub target: String,
    /// Its options.
    pub options: AliasOptions,
    /// Name of the directive that made it.
    pub source: &'static str,
    /// Where that directive stands.
    pub place: Option<Place>,
}

/// Where an alias leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped<'a> {
    /// Where the file name for httpd to walk begins.
    pub target: Cow<'a, [u8]>,
    /// What of the path follows the mount point: the rest of the file name.
    pub rest: &'a [u8],
    /// How much of the path is the mount point, in bytes; never 0.
    pub location_len: usize,
}

impl ScriptAlias {
    /// The path or expression as written.
    #[must_use]
    pub fn source_text(&self) -> String {
        match &self.matcher {
            Matcher::Prefix(prefix) => prefix.clone(),
            Matcher::Regex(pattern) => pattern.source().to_owned(),
        }
    }

    /// What is loaded when a process starts: the script of an alias that names both groups and
    /// leaves nothing to the request.
    #[must_use]
    pub fn preload(&self) -> Option<ImportScript> {
        let fixed = |value: &Option<Arc<str>>| {
            let name = literal_group(value.as_deref()?);
            (!name.contains("%{")).then(|| Arc::from(name))
        };
        if matches!(self.matcher, Matcher::Regex(_)) && self.target.contains('$') {
            return None;
        }
        Some(ImportScript {
            path: self.target.as_str().into(),
            process_group: fixed(&self.options.process_group)?,
            application_group: fixed(&self.options.application_group)?,
            source: self.source,
            place: self.place.clone(),
        })
    }

    /// Maps the decoded path of a request, or leaves it to others.
    #[must_use]
    pub fn resolve<'a>(&'a self, uri: &'a [u8]) -> Option<Mapped<'a>> {
        let (target, location_len, at_root) = match &self.matcher {
            Matcher::Prefix(prefix) => {
                let length = matching_prefix(uri, prefix.as_bytes())?;
                let at_root = prefix.bytes().all(|byte| byte == b'/');
                (Cow::Borrowed(self.target.as_bytes()), length, at_root)
            }
            Matcher::Regex(pattern) => {
                let groups = pattern.captures(uri)?;
                let length = groups.first()?.as_ref()?.end;
                let at_root = uri.get(..length)? == b"/";
                (
                    Cow::Owned(substitute(&self.target, uri, &groups)),
                    length,
                    at_root,
                )
            }
        };
        if location_len == 0 {
            return None;
        }
        Some(Mapped {
            target,
            // Mounted at the root, the slash belongs to the rest of the path.
            rest: uri.get(if at_root { 0 } else { location_len }..)?,
            location_len,
        })
    }
}

/// How many bytes of `uri` the path `prefix` covers.
///
/// A run of slashes equals one slash, and the match ends where a path element ends.
fn matching_prefix(uri: &[u8], prefix: &[u8]) -> Option<usize> {
    if prefix.last().is_some_and(|last| *last != b'/')
        && uri.get(..prefix.len()).is_some_and(|start| same(start, prefix))
    {
        // What is the same to the letter has the same runs of slashes.
        let at_boundary = uri.get(prefix.len()).is_none_or(|&byte| byte == b'/');
        return at_boundary.then_some(prefix.len());
    }
    matching_runs(uri, prefix)
}

fn matching_runs(uri: &[u8], prefix: &[u8]) -> Option<usize> {
    let (mut path, mut wanted) = (uri, prefix);
    while let Some((&expected, following)) = wanted.split_first() {
        let (&found, rest) = path.split_first()?;
        if found != expected {
            return None;
        }
        let is_slash = expected == b'/';
        wanted = if is_slash {
            skip_slashes(following)
        } else {
            following
        };
        path = if is_slash { skip_slashes(rest) } else { rest };
    }
    let at_boundary = path.first().is_none_or(|&byte| byte == b'/') || prefix.last() == Some(&b'/');
    (at_boundary && !prefix.is_empty()).then(|| uri.len() - path.len())
}

fn skip_slashes(mut path: &[u8]) -> &[u8] {
    while let Some((b'/', rest)) = path.split_first() {
        path = rest;
    }
    path
}

/// `target` with `$0` to `$9` replaced by what the groups matched; a backslash quotes what follows.
fn substitute(target: &str, uri: &[u8], groups: &[Option<Range<usize>>]) -> Vec<u8> {
    let mut result = Vec::with_capacity(target.len() + uri.len());
    let mut bytes = target.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek().copied()) {
            (b'$', Some(digit @ b'0'..=b'9')) => {
                bytes.next();
                let group = groups.get(usize::from(digit - b'0')).cloned().flatten();
                result.extend_from_slice(group.and_then(|range| uri.get(range)).unwrap_or_default());
            }
            (b'\\', Some(quoted)) => {
                bytes.next();
                result.push(quoted);
            }
            _ => result.push(byte),
        }
    }
    result
}

#[cfg(test)]
mod tests;
