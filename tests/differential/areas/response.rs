//! Every way a request can end: exceptions, lengths, bodies, fields of the response.

use super::{gets, server};
use crate::case::{Area, Case, get};

const OUTCOMES: &str = "/hello /raises_before_start /raises_after_start /raises_in_first_item /raises_after_empty_item \
    /raises_in_iter /events /raises_after_output_with_length /raises_after_output_chunked /raises_after_complete_body \
    /events /raises_in_close /raises_in_close_lookup /system_exit /system_exit_zero /keyboard_interrupt \
    /generator_exit /own_base_exception /never_starts_empty /never_starts_data /never_starts_and_writes_late \
    /returns_none /returns_int /returns_str /first_item_str /later_item_str /item_none /item_bytearray \
    /item_memoryview /events /length_letters /length_empty /length_negative /length_plus /length_hex \
    /length_underscore /length_list /length_huge /length_twice_different /length_twice_equal /length_exact \
    /length_shorter_than_body /length_longer_than_body /length_zero_with_body /length_longer_than_empty_body \
    /stream_longer_than_length /events /empty_list /empty_items /several_items /generator /no_content /not_modified \
    /events /hop_by_hop /transfer_encoding_and_length /repeated_headers /own_server_and_date /location_with_200 \
    /location_relative /status_header /error_status /no_content_type /big_body /no_such_case";

/// The part of the write cases that needs no second client.
const WRITES: &str =
    "/mixed /write_only /write_empty /write_str /write_none /write_bytearray /write_beyond_length /events";

/// Outcomes in which the protocol version matters.
const FRAMED: [&str; 6] = [
    "/hello",
    "/several_items",
    "/generator",
    "/empty_list",
    "/no_content",
    "/error_status",
];

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = Vec::new();
    for (number, case) in gets("", OUTCOMES).into_iter().enumerate() {
        // `/events` tells several times what happened since.
        let name = case.name.clone();
        cases.push(if name.ends_with("/events") {
            case.named(format!("{name} {number}"))
        } else {
            case
        });
    }
    cases.extend(gets("/write", WRITES));
    for path in FRAMED {
        cases.push(get(path).version("HTTP/1.0").named(format!("HTTP/1.0 {path}")));
        cases.push(
            get(path)
                .header("Connection", "close")
                .named(format!("close {path}")),
        );
    }
    cases.push(get("/fails/syntax"));
    cases.push(get("/fails/import"));
    cases.push(get("/fails/exit"));
    cases.push(get("/fails/missing"));
    cases.push(get("/fails/callable"));
    cases.push(get("/fails/directory"));
    cases.push(get("/fails/denied"));
    Area::embedded(
        "response",
        server()
            .app("syntax.py", "def application(\n")
            .app("import.py", "import no_such_module\n")
            .app("exit.py", "import sys\nsys.exit(3)\n")
            .app("callable.py", "app = None\n")
            .app("denied/app.py", "def application(e, s): raise SystemError\n")
            .config(
                "WSGIScriptAlias /write ${APPS}/write_cases.py\n\
                 WSGIScriptAlias /fails/syntax ${APPS}/syntax.py\n\
                 WSGIScriptAlias /fails/import ${APPS}/import.py\n\
                 WSGIScriptAlias /fails/exit ${APPS}/exit.py\n\
                 WSGIScriptAlias /fails/missing ${APPS}/missing.py\n\
                 WSGIScriptAlias /fails/callable ${APPS}/callable.py\n\
                 WSGIScriptAlias /fails/directory ${APPS}\n\
                 WSGIScriptAlias /fails/denied ${APPS}/denied/app.py\n\
                 WSGIScriptAlias / ${APPS}/outcome_cases.py\n\
                 <Directory ${APPS}/denied>\nRequire all denied\n</Directory>",
            ),
        cases,
    )
}
