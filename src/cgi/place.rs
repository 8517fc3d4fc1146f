//! Where the application is mounted, and what of the path is its own.

/// SCRIPT_NAME and PATH_INFO of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Place {
    /// Both, one after the other.
    path: Vec<u8>,
    /// How much of it is SCRIPT_NAME.
    length: usize,
}

impl Place {
    /// What follows from what the web server says, and from `mount` (without a slash at the end), where the
    /// application is told that it is.
    ///
    /// A web server that has no PATH_INFO to tell of tells the whole path as SCRIPT_NAME. With a mount the two
    /// are put together and cut again behind the mount, unless the path is elsewhere.
    pub fn set(&mut self, script_name: &[u8], path_info: &[u8], mount: Option<&str>) {
        self.path.clear();
        // A mount at the root has no name of its own: its slash belongs to the path.
        let name = script_name.strip_suffix(b"/").unwrap_or(script_name);
        self.path.extend_from_slice(name);
        self.length = name.len();
        if name.len() < script_name.len() && !path_info.starts_with(b"/") {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(path_info);
        if let Some(mount) = mount.map(str::as_bytes)
            && let Some(rest) = self.path.strip_prefix(mount)
            && (rest.is_empty() || rest.starts_with(b"/"))
        {
            self.length = mount.len();
        }
    }

    /// The part of the path that leads to the application.
    pub fn script_name(&self) -> &[u8] {
        self.path.get(..self.length).unwrap_or_default()
    }

    /// The rest of it.
    pub fn path_info(&self) -> &[u8] {
        self.path.get(self.length..).unwrap_or_default()
    }

    /// All of it.
    pub fn path(&self) -> &[u8] {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_cut_where_the_application_is() {
        for (script_name, path_info, mount, expected) in [
            ("/app", "/x", None, ("/app", "/x")),
            ("/app", "", None, ("/app", "")),
            ("", "/app/x", None, ("", "/app/x")),
            ("/", "x", None, ("", "/x")),
            ("/", "/x", None, ("", "/x")),
            ("/", "", None, ("", "/")),
            ("/app/", "", None, ("/app", "/")),
            ("", "/app/x", Some("/app"), ("/app", "/x")),
            ("/app/x", "", Some("/app"), ("/app", "/x")),
            ("/app/x", "/y", Some(""), ("", "/app/x/y")),
            ("", "/app", Some("/app"), ("/app", "")),
            ("", "/apple", Some("/app"), ("", "/apple")),
            ("/other", "/x", Some("/app"), ("/other", "/x")),
            ("", "", Some(""), ("", "")),
        ] {
            let mut place = Place::default();
            place.set(b"left over", b"from before", None);
            place.set(script_name.as_bytes(), path_info.as_bytes(), mount);
            let found = (place.script_name(), place.path_info());
            assert_eq!(
                found,
                (expected.0.as_bytes(), expected.1.as_bytes()),
                "{script_name} {path_info} {mount:?}"
            );
        }
    }
}
