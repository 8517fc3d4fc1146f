//! `wsgi.file_wrapper`, with and without sendfile.

use super::{gets, server};
use crate::case::{Area, get};

const CASES: &str = "/whole /whole_noted /offset /offset_after_buffered_read /exact_length /shorter_length \
    /longer_length /at_the_end /bytes_io /without_descriptor /subclass /iterated_by_the_application /after_write \
    /file_after_write /inside_another_iterable /pipe /closed_file /reads_text /read_raises /close_raises /attributes";

pub(super) fn area() -> Area {
    let mut cases = Vec::new();
    for prefix in ["/main", "/sub"] {
        for case in gets(prefix, CASES) {
            let events = get(&format!("{prefix}/events")).named(format!("events after {}", case.name));
            cases.push(case);
            cases.push(events);
        }
    }
    let content: String = (0..20_000).map(|number| format!("{number:06}\n")).collect();
    Area::embedded(
        "file_wrapper",
        server().file("data/file.bin", content).config(
            "SetEnv file.path ${ROOT}/data/file.bin\nEnableSendfile On\nEnableMMAP Off\n\
                 WSGIScriptAlias /main ${APPS}/file_wrapper_cases.py application-group=%{GLOBAL}\n\
                 WSGIScriptAlias /sub ${APPS}/file_wrapper_cases.py\n\
                 <Location /sub>\nWSGIEnableSendfile On\n</Location>",
        ),
        cases,
    )
}
