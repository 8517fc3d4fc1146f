//! The variables of one request.

use std::fmt;

use super::Place;
use crate::gateway::headers::parse_length;
use crate::gateway::{Environ, Key, Name};

/// Beginnings of names that belong to the environ's own keys.
const OWN_NAMES: [&[u8]; 3] = [b"wsgi.", b"mod_wsgi.", b"apache."];

/// What the absence of PATH_INFO means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// That there is none: SCRIPT_NAME leads to the application (CGI).
    Empty,
    /// That the web server did not divide the path: all of it is SCRIPT_NAME, and the application is at the
    /// root.
    Undivided,
}

/// Why the variables are no request that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// There is no REQUEST_METHOD.
    NoMethod,
    /// CONTENT_LENGTH is no number.
    ContentLength,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::NoMethod => f.write_str(
                "the web server does not pass REQUEST_METHOD; have it pass the variables of CGI (for nginx: \
                 include fastcgi_params or scgi_params)",
            ),
            Unusable::ContentLength => f.write_str("CONTENT_LENGTH is no number"),
        }
    }
}

/// What the variables tell besides the environ.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// REQUEST_METHOD.
    pub method: &'a [u8],
    /// REQUEST_URI; empty if the web server does not tell it.
    pub target: &'a [u8],
    /// CONTENT_LENGTH, if there is one.
    pub content_length: Option<u64>,
    /// Whether the client's connection is encrypted.
    pub is_https: bool,
    script_name: Option<&'a [u8]>,
    document_uri: &'a [u8],
    path_info: Option<&'a [u8]>,
    has: Present,
}

/// Which variables there are that an environ must have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Present {
    server_name: bool,
    server_port: bool,
    server_protocol: bool,
    query_string: bool,
}

impl<'a> Request<'a> {
    /// Reads what is to be known before the environ is made.
    ///
    /// # Errors
    /// Why there is no request to answer.
    pub fn read(variables: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Request<'a>, Unusable> {
        let mut request = Request::default();
        for (name, value) in variables {
            match name {
                b"REQUEST_METHOD" => request.method = value,
                b"REQUEST_URI" => request.target = value,
                b"SCRIPT_NAME" => request.script_name = Some(value),
                b"PATH_INFO" => request.path_info = Some(value),
                b"CONTENT_LENGTH" if value.is_empty() => {}
                b"CONTENT_LENGTH" => {
                    let length = parse_length(value).ok_or(Unusable::ContentLength)?;
                    request.content_length = Some(length);
                }
                b"HTTPS" => request.is_https |= value.eq_ignore_ascii_case(b"on") || value == b"1",
                b"REQUEST_SCHEME" => request.is_https |= value.eq_ignore_ascii_case(b"https"),
                b"DOCUMENT_URI" => request.document_uri = value,
                b"SERVER_NAME" => request.has.server_name = !value.is_empty(),
                b"SERVER_PORT" => request.has.server_port = !value.is_empty(),
                b"SERVER_PROTOCOL" => request.has.server_protocol = !value.is_empty(),
                b"QUERY_STRING" => request.has.query_string = true,
                _ => {}
            }
        }
        if request.method.is_empty() {
            return Err(Unusable::NoMethod);
        }
        Ok(request)
    }

    /// Whether the client asked for the head alone.
    pub fn is_head(&self) -> bool {
        self.method == b"HEAD"
    }

    /// Where the request leads, with the application at `mount` if that is given.
    pub fn place(&self, place: &mut Place, mount: Option<&str>, absent: Absent) {
        let script_name = self.script_name.unwrap_or_default();
        match (self.path_info, absent) {
            (Some(path_info), _) => place.set(script_name, path_info, mount),
            (None, Absent::Empty) => place.set(script_name, b"", mount),
            // nginx's usual variables for SCGI have neither.
            (None, Absent::Undivided) => {
                place.set(b"", self.script_name.unwrap_or(self.document_uri), mount);
            }
        }
    }

    /// Makes the environ of the variables, for the application in `script` at `place`.
    pub fn environ<'e>(
        &self,
        variables: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        place: &'e Place,
        script: &'e [u8],
        environ: &mut Environ<'e>,
    ) where
        'a: 'e,
    {
        for (is_there, key, usual) in [
            (self.has.server_name, Key::ServerName, &b"localhost"[..]),
            (self.has.server_port, Key::ServerPort, b"80"),
            (self.has.server_protocol, Key::ServerProtocol, b"HTTP/1.0"),
            (self.has.query_string, Key::QueryString, b""),
        ] {
            if !is_there {
                environ.server(key, usual);
            }
        }
        for (name, value) in variables {
            if is_passed(name, value) {
                environ.push(Name::Final(name), value);
            }
        }
        environ.server(Key::ScriptName, place.script_name());
        environ.server(Key::PathInfo, place.path_info());
        environ.server(Key::ScriptFilename, script);
        let scheme: &[u8] = if self.is_https { b"https" } else { b"http" };
        environ.server(Key::WsgiUrlScheme, scheme);
    }
}

/// Whether an application gets a variable as the web server tells it.
fn is_passed(name: &[u8], value: &[u8]) -> bool {
    match name {
        // HTTP clients take their proxy from it (CVE-2016-5385).
        b"" | b"HTTP_PROXY" => false,
        // They have names of their own, and could say something else here.
        b"HTTP_CONTENT_TYPE" | b"HTTP_CONTENT_LENGTH" => false,
        // Said anew.
        b"SCRIPT_NAME" | b"PATH_INFO" | b"SCRIPT_FILENAME" => false,
        // Web servers that always pass them leave them empty where there is nothing to say.
        b"CONTENT_TYPE" | b"CONTENT_LENGTH" | b"REMOTE_USER" | b"AUTH_TYPE" | b"SERVER_NAME"
        | b"SERVER_PORT" | b"SERVER_PROTOCOL" => !value.is_empty(),
        _ => !OWN_NAMES.iter().any(|own| name.starts_with(own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(&'static [u8], &'static [u8])>;

    fn pairs(list: &[(&'static str, &'static str)]) -> Pairs {
        let bytes = |(name, value): &(&'static str, &'static str)| (name.as_bytes(), value.as_bytes());
        list.iter().map(bytes).collect()
    }

    fn environ(list: &[(&'static str, &'static str)], mount: Option<&str>) -> Vec<(String, String)> {
        let list = pairs(list);
        let request = Request::read(list.iter().copied()).expect("usable");
        let mut place = Place::default();
        request.place(&mut place, mount, Absent::Undivided);
        let mut environ = Environ::default();
        request.environ(list.iter().copied(), &place, b"/srv/app.wsgi", &mut environ);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut all: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
        for variable in &environ.variables {
            if let Some(key) = variable.name.key() {
                all.insert(text(&key), text(variable.value));
            }
        }
        all.into_iter().collect()
    }

    #[test]
    fn a_request_has_all_that_an_environ_must_have() {
        let found = environ(&[("REQUEST_METHOD", "GET")], None);
        let expected = [
            ("PATH_INFO", ""),
            ("QUERY_STRING", ""),
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_FILENAME", "/srv/app.wsgi"),
            ("SCRIPT_NAME", ""),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.0"),
            ("wsgi.url_scheme", "http"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn variables_choose_nothing_but_the_request() {
        let found = environ(
            &[
                ("REQUEST_METHOD", "GET"),
                ("SCRIPT_NAME", "/app/x"),
                ("SCRIPT_FILENAME", "/etc/passwd"),
                ("HTTP_PROXY", "http://attacker"),
                ("HTTP_CONTENT_LENGTH", "7"),
                ("CONTENT_TYPE", ""),
                ("REMOTE_USER", ""),
                ("mod_wsgi.application_group", "other"),
                ("mod_wsgi.x-plan", "forged"),
                ("wsgi.url_scheme", "gopher"),
                ("wsgi.input", "x"),
                ("apache.version", "x"),
                ("PATH", "/bin"),
                ("HTTPS", "on"),
                ("HTTP_X", "1"),
                ("trac.env", "/t"),
                ("SERVER_NAME", "a"),
                ("SERVER_PORT", "443"),
                ("SERVER_PROTOCOL", "HTTP/2.0"),
                ("QUERY_STRING", "q"),
            ],
            Some("/app"),
        );
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "HTTP_X",
                "PATH_INFO",
                "QUERY_STRING",
                "REQUEST_METHOD",
                "SCRIPT_FILENAME",
                "SCRIPT_NAME",
                "SERVER_NAME",
                "SERVER_PORT",
                "SERVER_PROTOCOL",
                "trac.env",
                "wsgi.url_scheme"
            ]
        );
        let value = |name: &str| {
            found
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| &**value)
        };
        assert_eq!(value("SCRIPT_FILENAME"), Some("/srv/app.wsgi"));
        assert_eq!(value("wsgi.url_scheme"), Some("https"));
        assert_eq!(
            (value("SCRIPT_NAME"), value("PATH_INFO")),
            (Some("/app"), Some("/x"))
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let read = |list: &[(&'static str, &'static str)]| Request::read(pairs(list).into_iter());
        assert_eq!(read(&[("SCRIPT_NAME", "/")]).err(), Some(Unusable::NoMethod));
        for length in ["x", "-1", "1e3", "9223372036854775808"] {
            let list = [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", length)];
            assert_eq!(read(&list).err(), Some(Unusable::ContentLength), "{length}");
        }
    }

    #[test]
    fn what_is_absent_means_what_the_protocol_says() {
        let list = pairs(&[("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/app")]);
        let request = Request::read(list.into_iter()).expect("usable");
        let mut place = Place::default();
        request.place(&mut place, None, Absent::Empty);
        assert_eq!((place.script_name(), place.path_info()), (&b"/app"[..], &b""[..]));
        request.place(&mut place, None, Absent::Undivided);
        assert_eq!((place.script_name(), place.path_info()), (&b""[..], &b"/app"[..]));
    }
}
