//! The differences there may be.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::case::{Area, Mode};
use crate::compare::Difference;

/// One row: where, which value, what ours contains, and the heading of `docs/differences.md` that explains it.
struct Row {
    /// An area's name, or `*`.
    area: &'static str,
    /// The mode it holds in, or both.
    mode: Option<Mode>,
    /// A case's name; `*` at the end or the beginning stands for anything.
    case: &'static str,
    /// A field's name, `*` likewise.
    field: &'static str,
    /// What our value contains; a missing value is the empty text.
    ours: &'static str,
    heading: &'static str,
}

const fn row(
    area: &'static str,
    case: &'static str,
    field: &'static str,
    ours: &'static str,
    heading: &'static str,
) -> Row {
    Row {
        area,
        mode: None,
        case,
        field,
        ours,
        heading,
    }
}

impl Row {
    /// Holds in daemon mode only.
    const fn daemon(mut self) -> Row {
        self.mode = Some(Mode::Daemon);
        self
    }
}

const BODIES_FIRST: &str = "Request bodies are collected first";
const SAME_ANSWERS: &str = "The same answers as in embedded mode";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("*", "*", "environ mod_wsgi.request_id", "", "Request and connection ids"),
    row("*", "*", "environ wsgi.errors", "<mod_wsgi.Log>", "The class of wsgi.errors"),
    row("*", "*", "framing", "length", "Responses in one piece have a length"),
    row("headers", "range", "*", "", "Responses in one piece have a length"),
    row("headers", "HTTP/1.0 kept", "header *", "", "Responses in one piece have a length"),
    row("head", "*", "header content-length", "", "Responses in one piece have a length"),
    row("*", "POST /read_none", "body", "first line", "read(None) and readline(None)"),
    row("*", "POST /readline_sized", "body", "b'fi'", "read(None) and readline(None)"),
    row("input", "expect /ignore", "header connection", "close", "Request bodies that nobody reads"),
    row("input", "cut short /*", "body", "Connection was terminated", "Request bodies that break off"),
    row("input", "what a cut body looked like", "body", "Connection was terminated", "Request bodies that break off"),
    row("chunked", "*", "body", "OSError: mod_wsgi request data read error", "Request bodies that break off"),
    row("start_response", "GET /status_99*", "*", "", "Informational status codes"),
    row("start_response", "GET /status_100", "*", "", "Informational status codes"),
    row("start_response", "GET /status_101", "*", "", "Informational status codes"),
    row("start_response", "GET /status_103", "*", "", "Informational status codes"),
    row("start_response", "GET /status_nul*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /name_nul*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /value_nul*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /name_colon*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /name_parenthesis*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /name_latin1*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /value_control*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /value_delete*", "*", "", "Characters in status lines and headers"),
    row("start_response", "GET /keyword_arguments*", "*", "takes no keyword arguments", "Texts of exceptions"),
    row("start_response", "GET /no_arguments*", "*", "0 were given", "Texts of exceptions"),
    row("start_response", "GET /exc_info_after_output_uncaught*", "complete", "false", "Responses that break off"),
    row("start_response", "GET /exc_info_after_output_uncaught*", "framing", "", "Responses that break off"),
    row("start_response", "GET /exc_info_after_output_uncaught*", "body", "output, ", "Responses that break off"),
    row("start_response", "GET /exc_info_after_output_uncaught*", "header transfer-encoding", "chunked", "Responses that break off"),
    row("response", "GET /length_empty", "*", "", "Malformed Content-Length of a response"),
    row("response", "GET /length_plus", "*", "", "Malformed Content-Length of a response"),
    row("response", "GET /length_twice_different", "*", "", "Malformed Content-Length of a response"),
    row("response", "*", "log", "Warn WSGI1006", "Responses shorter or longer than declared"),
    row("file_wrapper", "*", "log", "Warn WSGI1006", "Responses shorter or longer than declared"),
    row("response", "*", "log", "Warn WSGI1005", "Responses shorter or longer than declared"),
    row("file_wrapper", "*", "log", "Warn WSGI1005", "Responses shorter or longer than declared"),
    row("response", "GET /length_longer_than_empty_body", "*", "", "Responses shorter or longer than declared"),
    row("file_wrapper", "GET /main/longer_length", "*", "", "Responses shorter or longer than declared"),
    row("response", "GET /hop_by_hop", "*", "", "Headers that belong to the connection"),
    row("response", "GET /transfer_encoding_and_length", "*", "", "Headers that belong to the connection"),
    row("response", "GET /fails/*", "log", "Error WSGI010", "One number for a script that does not load"),
    row("reload", "*", "log", "Error WSGI010", "One number for a script that does not load"),
    row("proxies", "no address *", "environ REMOTE_ADDR", "", "Forwarding headers that hold no address"),
    row("proxies", "no address *", "environ HTTP_X_FORWARDED_FOR", "", "Forwarding headers that hold no address"),
    row("proxies", "/trusted all trusted", "environ HTTP_X_FORWARDED_FOR", "10.0.0.1,10.0.0.2", "The spelling of a shortened X-Forwarded-For"),
    row("proxies", "/trusted empty elements", "environ HTTP_X_FORWARDED_FOR", "203.0.113.9,, 10.1.2.3,", "The spelling of a shortened X-Forwarded-For"),
    row("errors", "*/long_line", "log", "marker start", "Long lines and NUL bytes in the log"),
    row("errors", "*/nul", "log", "marker after", "Long lines and NUL bytes in the log"),
    row("auth", "/user as writer", "log", "hook_user.py] to stderr", "Output of these scripts in the log"),
    row("auth", "/user as nul", "*", "", "A NUL in an answer about a user"),
    row("auth", "/digest as nul", "*", "", "A NUL in an answer about a user"),
    row("auth", "/group as upper", "*", "", "The letter case of groups"),
    row("auth", "/group as broken", "*", "", "Groups that break off"),
    row("auth", "/group as none", "log", "Error WSGI0051", "One number for an answer that does not count"),
    row("auth", "/group as number", "log", "Error WSGI0051", "One number for an answer that does not count"),
    row("auth", "/group as wide", "log", "Error WSGI0049", "One number for an answer that does not count"),
    row("auth", "/group as iter", "log", "Error WSGI0174", "One number for an answer that does not count"),
    row("auth", "GET /access?*", "log", "Error WSGI0055", "One number for an answer that does not count"),
    row("auth", "GET /access?raise", "log", "Error WSGI0174", "One number for an answer that does not count"),
    row("auth", "GET /broken/access/lacking", "log", "Error WSGI0056", "One number for an answer that does not count"),
    row("auth", "/broken/*", "log", "Error WSGI010", "One number for a script that does not load"),
    row("auth", "GET /broken/access/*", "log", "Error WSGI010", "One number for a script that does not load"),
    row("environ", "GET /set", "log", "Warn WSGI1171", "Variables that are set in vain"),
    row("auth", "GET /told/*", "environ HTTP_PROXY", "", "HTTP_PROXY in the environ of these scripts"),
    row("dispatch", "GET /app?*", "log", "Error WSGI0086", "A dispatch script that gives no answer"),
    row("dispatch", "GET /script/broken_*", "*", "", "A dispatch script that gives no answer"),
    row("dispatch", "GET /app?application=gr%c3%bcn", "body", "", "Names of groups beyond ASCII"),
    row("dispatch", "GET /told/*", "environ apache.version", "<version>", "What a dispatch script is told"),
    row("dispatch", "GET /told/*", "environ mod_wsgi.version", "<version>", "What a dispatch script is told"),
    row("dispatch", "GET /told/*", "environ mod_wsgi.x-*", "", "What a dispatch script is told"),
    row("dispatch", "GET /told/*", "environ mod_ssl.*", "callable", "What a dispatch script is told"),
    row("dispatch", "GET /told/*", "environ wsgi.url_scheme", "'http'", "What a dispatch script is told"),
    row("dispatch", "GET /a.*", "log", "Error WSGI010", "One number for a script that does not load"),
    row("*", "expect *", "interim", "[]", BODIES_FIRST).daemon(),
    row("*", "expect *", "header connection", "close", BODIES_FIRST).daemon(),
    row("input", "cut short /*", "*", "", BODIES_FIRST).daemon(),
    row("input", "what a cut body looked like", "body", "None", BODIES_FIRST).daemon(),
    row("chunked", "*", "log", "", BODIES_FIRST).daemon(),
    row("chunked", "cut short /*", "*", "400", BODIES_FIRST).daemon(),
    row("chunked", "cut short /*", "reason", "Bad Request", BODIES_FIRST).daemon(),
    row("chunked", "*", "body", "400 Bad Request", BODIES_FIRST).daemon(),
    row("response", "GET /raises_after_output_chunked", "*", "", "Responses that break off").daemon(),
    row("response", "GET /later_item_str", "*", "", "Responses that break off").daemon(),
    row("*", "*/repeated_headers", "header x-many", "one | two", SAME_ANSWERS).daemon(),
    row("response", "GET /location_with_200", "*", "", SAME_ANSWERS).daemon(),
    row("response", "GET /status_header", "*", "", SAME_ANSWERS).daemon(),
    row("response", "GET /fails/callable", "*", "", SAME_ANSWERS).daemon(),
    row("environ", "GET /missing-callable", "*", "", SAME_ANSWERS).daemon(),
    row("dispatch", "GET /app?callable=absent", "*", "", SAME_ANSWERS).daemon(),
    row("dispatch", "GET /a.lacking", "*", "", SAME_ANSWERS).daemon(),
    row("dispatch", "GET /app?process=*", "log", "Error WSGI0150", "One number for an unknown group").daemon(),
];

/// What only releases before 6 do otherwise.
#[rustfmt::skip]
const OLD_ROWS: &[Row] = &[
    row("start_response", "GET /status_bare", "*", "", "A status without a reason"),
];

impl Row {
    fn allows(&self, area: &Area, case: &str, difference: &Difference) -> bool {
        self.is_of(area)
            && matches(self.case, case)
            && matches(self.field, &difference.field)
            && difference.ours.as_deref().unwrap_or("").contains(self.ours)
    }

    fn is_of(&self, area: &Area) -> bool {
        matches(self.area, area.name) && self.mode.is_none_or(|mode| mode == area.mode)
    }
}

/// The rows, and how many differences each allowed.
pub(crate) struct Allowed {
    used: Vec<Cell<usize>>,
}

impl Allowed {
    pub(crate) fn new() -> Allowed {
        Allowed {
            used: ROWS.iter().map(|_| Cell::new(0)).collect(),
        }
    }

    /// The heading under which a difference is explained; `current` as [`crate::peer::is_current`] says.
    pub(crate) fn heading(
        &self,
        area: &Area,
        case: &str,
        difference: &Difference,
        current: bool,
    ) -> Option<&'static str> {
        if let Some(at) = ROWS.iter().position(|row| row.allows(area, case, difference)) {
            self.used[at].set(self.used[at].get() + 1);
            return Some(ROWS[at].heading);
        }
        let old = OLD_ROWS.iter().filter(|_| !current);
        old.into_iter()
            .find(|row| row.allows(area, case, difference))
            .map(|row| row.heading)
    }

    /// How many differences each heading explained.
    pub(crate) fn by_heading(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for (row, used) in ROWS.iter().zip(&self.used) {
            *counts.entry(row.heading).or_default() += used.get();
        }
        counts
    }

    /// Rows of these areas, and of all where these are all, that allowed nothing: the difference is gone, and so
    /// should the row be.
    pub(crate) fn unused(&self, areas: &[Area], all: bool) -> Vec<String> {
        let is_due = |row: &Row| match row.area {
            "*" => all,
            _ => areas.iter().any(|area| row.is_of(area)),
        };
        ROWS.iter()
            .zip(&self.used)
            .filter(|(row, used)| is_due(row) && used.get() == 0)
            .map(|(row, _)| format!("{}: {}: {}: {:?}", row.area, row.case, row.field, row.ours))
            .collect()
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => pattern == name,
    }
}

#[test]
fn every_allowed_difference_is_explained_under_its_heading() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/differences.md");
    let page = fs::read_to_string(path).expect("docs/differences.md");
    for row in ROWS.iter().chain(OLD_ROWS) {
        let is_heading = |line: &str| line.strip_prefix("### ") == Some(row.heading);
        assert!(page.lines().any(is_heading), "no heading {:?}", row.heading);
    }
}

#[test]
fn a_star_stands_for_anything() {
    assert!(matches("header *", "header date") && matches("*", "x") && matches("* gzip", "HEAD / gzip"));
    assert!(!matches("header", "header date") && !matches("* gzip", "gzip HEAD"));
}
