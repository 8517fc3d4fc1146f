//! Which part of a path names the script, and which is left for the application.

use std::borrow::Cow;

/// Runs of slashes become one.
#[inline]
pub fn collapse_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    let mut previous = 0;
    let has_run = path.iter().any(|&byte| {
        let is_run = byte == b'/' && previous == b'/';
        previous = byte;
        is_run
    });
    if has_run {
        Cow::Owned(collapse(path))
    } else {
        Cow::Borrowed(path)
    }
}

#[cold]
fn collapse(path: &[u8]) -> Vec<u8> {
    let mut collapsed = path.to_vec();
    collapsed.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
    collapsed
}

/// How much of `uri` comes before `path_info`, which is its end but for runs of slashes that were made one.
///
/// Where the two do not agree (a rewrite changed the path) the name ends at the next slash.
pub fn script_name_length(uri: &[u8], path_info: &[u8]) -> usize {
    let mut end = uri.len();
    for byte in path_info.iter().rev() {
        match end.checked_sub(1).filter(|last| uri.get(*last) == Some(byte)) {
            Some(last) => end = last,
            None => break,
        }
        if *byte == b'/' {
            while end > 0 && uri.get(end - 1) == Some(&b'/') {
                end -= 1;
            }
        }
    }
    let rest = uri.get(end..).unwrap_or_default();
    end + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_name_ends_where_the_path_info_begins() {
        for (uri, path_info, script_name) in [
            ("/app/x", "/x", "/app"),
            ("/x", "/x", ""),
            ("/app", "", "/app"),
            ("/app//x", "/x", "/app"),
            ("//app//a//b", "/a/b", "//app"),
            ("/", "/", ""),
            ("/app/new", "/other", "/app/new"),
            ("", "/x", ""),
        ] {
            let length = script_name_length(uri.as_bytes(), path_info.as_bytes());
            assert_eq!(&uri[..length], script_name, "{uri} {path_info}");
        }
    }

    #[test]
    fn slashes_collapse() {
        assert_eq!(*collapse_slashes(b"//a///b/"), *b"/a/b/");
        assert_eq!(*collapse_slashes(b""), *b"");
    }
}
