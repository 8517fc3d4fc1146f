//! Variables that have no effect, as the server computes those of their names.

use super::{COMPUTED, Environ, Name, Variable};

impl<'r> Environ<'r> {
    /// The names of variables that a configuration or a module has set in vain, as the server computes them. Those
    /// come before all others.
    pub fn set_in_vain(&self) -> impl Iterator<Item = &'r [u8]> {
        self.variables
            .iter()
            .map_while(|variable| match variable.name {
                Name::Set(name) => Some((name, variable.value)),
                _ => None,
            })
            .filter(|(name, value)| may_be_computed(name) && self.is_computed_otherwise(name, value))
            .map(|(name, _)| name)
    }

    fn is_computed_otherwise(&self, name: &[u8], value: &[u8]) -> bool {
        let is_own = |variable: &&Variable<'_>| matches!(variable.name, Name::Server(key) if key.name().as_bytes() == name);
        COMPUTED.contains(&name)
            || OBJECTS.contains(&name)
            || self
                .variables
                .iter()
                .rev()
                .find(is_own)
                .is_some_and(|computed| computed.value != value)
    }
}

/// Keys whose values are made for each request.
const OBJECTS: [&[u8]; 2] = [b"wsgi.input", b"wsgi.errors"];

/// Whether the name may be one of those that the server computes, by its first letters: quickly false for nearly
/// all others.
fn may_be_computed(name: &[u8]) -> bool {
    matches!(
        name.first_chunk::<4>(),
        Some(
            b"AUTH"
                | b"CONT"
                | b"DOCU"
                | b"PATH"
                | b"QUER"
                | b"REDI"
                | b"REMO"
                | b"REQU"
                | b"SCRI"
                | b"SERV"
                | b"mod_"
                | b"apac"
                | b"wsgi"
        )
    )
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;

    #[test]
    fn variables_that_are_set_in_vain_are_those_that_the_server_computes_otherwise() {
        let mut environ = Environ::default();
        for name in [
            "SCRIPT_NAME",
            "REMOTE_USER",
            "REQUEST_METHOD",
            "wsgi.errors",
            "wsgi.custom",
            "apache.version",
            "HTTP_HOST",
            "SITE",
        ] {
            environ.push(Name::Set(name.as_bytes()), b"set");
        }
        environ.push(Name::Header(b"Host"), b"header");
        environ.server(Key::ScriptName, b"/a");
        environ.server(Key::RequestMethod, b"set");
        let told: Vec<&[u8]> = environ.set_in_vain().collect();
        assert_eq!(told, [&b"SCRIPT_NAME"[..], b"wsgi.errors", b"apache.version"]);
    }

    #[test]
    fn no_computed_name_is_taken_for_another() {
        let computed = Key::NAMES.iter().map(|name| name.as_bytes());
        for name in computed.chain(COMPUTED).chain(OBJECTS) {
            // The header's own value is often set under its name.
            let expected = name != Key::HttpAuthorization.name().as_bytes();
            assert_eq!(may_be_computed(name), expected, "{}", name.escape_ascii());
        }
    }
}
