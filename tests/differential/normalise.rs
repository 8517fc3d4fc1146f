//! What differs from run to run is replaced, so that what is left can be compared.

use regex_lite::Regex;
use rwsgi_harness::{LogLine, Server};

/// Environ values that differ from run to run or tell which module it is.
const VOLATILE: [(&str, &str); 11] = [
    ("REMOTE_PORT", "<port>"),
    ("SERVER_SOFTWARE", "<banner>"),
    ("apache.version", "<version>"),
    ("mod_wsgi.version", "<version>"),
    ("mod_wsgi.thread_id", "<int>"),
    ("mod_wsgi.server_pid", "<pid>"),
    ("mod_wsgi.request_id", "<id>"),
    ("mod_wsgi.connection_id", "<id>"),
    ("mod_wsgi.request_start", "<time>"),
    ("mod_wsgi.application_start", "<time>"),
    ("UNIQUE_ID", "<id>"),
];

/// What Python writes between the tracebacks of chained exceptions.
const CHAINS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Knows what one server's values contain.
pub(crate) struct Normaliser {
    root: String,
    port: String,
    address: Regex,
    etag: Regex,
    /// What a nonce of the server goes into.
    nonce: Regex,
    script_module: Regex,
    code: Regex,
    prefix: Regex,
}

impl Normaliser {
    pub(crate) fn of(server: &Server) -> Normaliser {
        Normaliser::new(server.root().display().to_string(), server.port().to_string())
    }

    fn new(root: String, port: String) -> Normaliser {
        let compile = |pattern| Regex::new(pattern).expect("a regular expression");
        Normaliser {
            root,
            port,
            address: compile(r"0x[0-9a-f]{6,}"),
            // Weak while the file is younger than a second.
            etag: compile(r#"(W/)?"[0-9a-f]+-[0-9a-f]+""#),
            nonce: compile(r#"\b(nonce|rspauth)="[^"]*""#),
            script_module: compile("_mod_wsgi_[0-9a-f]{32}"),
            code: compile(r"\b(WSGI\d{4}|AH\d{5})\b"),
            prefix: compile(r"^\[script [^\]]*\] "),
        }
    }

    /// Any text that names paths, ports or objects of this server.
    pub(crate) fn text(&self, text: &str) -> String {
        let text = text.replace(&self.root, "${ROOT}").replace(&self.port, "${PORT}");
        let text = self.address.replace_all(&text, "0x<address>");
        let text = self.etag.replace_all(&text, "\"<etag>\"");
        let text = self.nonce.replace_all(&text, "${1}=\"<nonce>\"");
        self.script_module
            .replace_all(&text, "_mod_wsgi_<md5>")
            .into_owned()
    }

    /// The value of an environ key.
    pub(crate) fn environ(&self, key: &str, value: &str) -> String {
        // In embedded mode they are 0.0.
        let is_time = key == "mod_wsgi.queue_start" || key == "mod_wsgi.daemon_start";
        if is_time && value != "0.0" {
            return "<time>".to_string();
        }
        let stand_in = VOLATILE.iter().find(|(name, _)| *name == key);
        stand_in.map_or_else(|| self.text(value), |(_, stand_in)| (*stand_in).to_string())
    }
}

/// What the lines of level warn and worse say, one item each: of a coded line level and code, of a traceback the
/// exception, of what an application wrote the text.
pub(crate) fn log_outcome(lines: &[LogLine], normaliser: &Normaliser) -> String {
    let mut items = Vec::new();
    let mut in_traceback = false;
    for line in lines.iter().filter(|line| line.is_trouble()) {
        let bare = normaliser.prefix.replace(&line.message, "");
        if bare.starts_with("Traceback (most recent call last):") {
            in_traceback = true;
        } else if in_traceback {
            if !bare.starts_with(' ') {
                items.push(format!("exception {}", normaliser.text(&bare)));
                in_traceback = false;
            }
        } else if bare.is_empty() || CHAINS.contains(&&*bare) {
            // Between the tracebacks of chained exceptions.
        } else if let Some(code) = normaliser.code.find(&line.message) {
            items.push(format!("{:?} {}", line.level, code.as_str()));
        } else if line.module == "wsgi" && bare.len() == line.message.len() {
            // An exception without a traceback: what applications write has the script's prefix. The lines of a
            // SyntaxError that show the source are indented.
            if !bare.starts_with(' ') {
                items.push(format!("exception {}", normaliser.text(&bare)));
            }
        } else {
            items.push(format!("{:?} {}", line.level, normaliser.text(&line.message)));
        }
    }
    items.join("\n")
}

#[test]
fn paths_ports_and_addresses_are_replaced() {
    let normaliser = Normaliser::new("/tmp/x".to_string(), "8001".to_string());
    assert_eq!(
        normaliser.text("http://localhost:8001/ is /tmp/x/apps, <A object at 0x7f0011223344>"),
        "http://localhost:${PORT}/ is ${ROOT}/apps, <A object at 0x<address>>"
    );
    assert_eq!(normaliser.environ("REMOTE_PORT", "'5'"), "<port>");
    assert_eq!(normaliser.environ("PATH_INFO", "'/5'"), "'/5'");
}
