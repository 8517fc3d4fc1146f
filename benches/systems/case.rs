//! What the systems are asked, and what has to come back.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The body of the smallest response.
pub(crate) const HELLO: &[u8] = b"Hello, world!";

/// Bytes of the large file and the large upload.
pub(crate) const LARGE: usize = 10 * 1024 * 1024;

/// Bytes of the other long bodies.
pub(crate) const LONG: usize = 64 * 1024;

/// What a browser sends along; `Host` is the sixth.
pub(crate) const BROWSER_HEADERS: [(&str, &str); 5] = [
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Cookie", "csrftoken=Zq1vN0dW7kYb3T; sessionid=9n2x8c4u6q0r7m5k"),
];

/// One kind of request, with the application that answers it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    /// 13 bytes back, `Host` the only header
    Hello,
    /// The same with the six headers of a browser
    Headers,
    /// 64 KiB back, in one piece
    Body,
    /// 16 pieces of 1 KiB back, one by one
    Stream,
    /// A page of the example guestbook: Django, a template, SQLite
    Django,
    /// 5 ms of waiting and 0.2 ms of CPU
    Wait,
    /// 2 ms of CPU
    Cpu,
    /// A POST of 64 KiB, which the application reads
    Upload,
    /// A POST of 10 MiB, which the application reads
    UploadLarge,
    /// A file of 10 MiB by wsgi.file_wrapper
    File,
}

impl Case {
    /// The name on the command line and in tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_string())
    }

    /// One line for a reader.
    pub(crate) fn described(self) -> String {
        let help = self
            .to_possible_value()
            .and_then(|value| value.get_help().cloned());
        help.map_or_else(String::new, |help| help.to_string())
    }

    /// The Python module of the application.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Case::Hello | Case::Headers => "hello",
            Case::Body => "body",
            Case::Stream => "stream",
            Case::Django => "django_page",
            Case::Wait => "wait",
            Case::Cpu => "cpu",
            Case::Upload | Case::UploadLarge => "upload",
            Case::File => "file",
        }
    }

    /// The path that is asked for; every application answers at one path.
    pub(crate) fn target(self) -> String {
        match self {
            // Where its own links lead.
            Case::Django => "/".to_string(),
            _ => format!("/{}", self.module()),
        }
    }

    /// Header fields beside `Host`.
    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Case::Headers | Case::Django => &BROWSER_HEADERS,
            _ => &[],
        }
    }

    /// Bytes that are sent along with a POST.
    pub(crate) fn upload(self) -> Option<usize> {
        match self {
            Case::Upload => Some(LONG),
            Case::UploadLarge => Some(LARGE),
            _ => None,
        }
    }

    /// Connections at once, where none are asked for.
    pub(crate) fn usual_connections(self) -> &'static [u32] {
        match self {
            Case::Hello => &[1, 16, 64, 256],
            Case::Wait => &[16, 64],
            _ => &[16],
        }
    }

    /// Seconds that the application needs for one request, where it mostly waits.
    pub(crate) fn waiting(self) -> Option<f64> {
        (self == Case::Wait).then_some(0.0052)
    }

    /// Whether this is the response.
    pub(crate) fn is_answered_by(self, body: &[u8]) -> bool {
        match self {
            Case::Hello | Case::Headers => body == HELLO,
            Case::Body => body.len() == LONG,
            Case::Stream => body.len() == 16 * 1024,
            Case::Django => body.windows(10).any(|part| part == b"Visitor 99"),
            Case::Wait | Case::Cpu => body == b"done",
            Case::Upload | Case::UploadLarge => self
                .upload()
                .is_some_and(|length| body == length.to_string().as_bytes()),
            Case::File => body.len() == LARGE,
        }
    }

    /// The request as bytes, for a kept connection.
    pub(crate) fn request(self, port: u16) -> Vec<u8> {
        let method = if self.upload().is_some() { "POST" } else { "GET" };
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nHost: localhost:{port}\r\n",
            self.target()
        );
        for (name, value) in self.headers() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = self.upload().unwrap_or(0);
        if length > 0 {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.resize(request.len() + length, b'x');
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_headers_and_the_body_of_its_case() {
        let hello = String::from_utf8(Case::Hello.request(80)).expect("text");
        assert_eq!(hello, "GET /hello HTTP/1.1\r\nHost: localhost:80\r\n\r\n");
        let headers = String::from_utf8(Case::Headers.request(80)).expect("text");
        assert_eq!(headers.lines().count(), 2 + BROWSER_HEADERS.len() + 1);
        let upload = Case::Upload.request(80);
        let head = upload.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        assert_eq!(head.map(|at| upload.len() - at - 4), Some(LONG));
    }

    #[test]
    fn a_short_body_is_no_answer() {
        assert!(Case::Hello.is_answered_by(HELLO));
        assert!(!Case::Hello.is_answered_by(b"Hello"));
        assert!(!Case::Body.is_answered_by(&[b'x'; 100]));
        assert!(Case::Upload.is_answered_by(b"65536"));
        assert!(!Case::UploadLarge.is_answered_by(b"65536"));
    }
}
