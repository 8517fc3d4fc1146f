//! What `start_response` accepts, and the exceptions it raises, caught and uncaught.

use super::{gets, server};
use crate::case::{Area, Case, get};

const CASES: &str = "/status_int /status_bytes /status_none /status_not_latin1 /status_surrogate /status_empty \
    /status_letters /status_two_digits /status_sign /status_four_digits /status_no_space /status_newline /status_nul \
    /status_delete /status_99 /status_600 /status_bare /status_no_reason /status_latin1 /status_unknown \
    /headers_tuple /headers_dict /headers_str /headers_none /headers_generator /headers_list_subclass /item_list \
    /item_str /item_none /item_empty /item_one /item_three /name_bytes /name_int /name_not_latin1 /name_empty \
    /name_newline /name_nul /name_space /name_trailing_space /name_colon /name_parenthesis /name_latin1 /value_bytes \
    /value_int /value_none /value_not_latin1 /value_surrogate /value_cr /value_lf /value_nul /value_control \
    /value_delete /value_tab /value_latin1 /value_empty /content_type_lf /keyword_arguments /no_arguments \
    /exc_info_list /exc_info_str /exc_info_none /returns_write /second_call_replaces /second_call_after_output \
    /exc_info_before_output /exc_info_after_output /exc_info_after_output_uncaught /keep /call_kept /write_kept \
    /str_subclasses /caller_changes_list_later";

/// Interim codes as final ones: a client waits for more until the connection ends.
const INTERIM: [&str; 3] = ["/status_100", "/status_101", "/status_103"];

pub(super) fn area() -> Area {
    let caught = CASES.split_whitespace().map(|path| get(&format!("{path}?catch")));
    let mut cases: Vec<Case> = caught.chain(gets("", CASES)).collect();
    for path in INTERIM {
        cases.push(get(path).header("Connection", "close"));
    }
    Area::embedded(
        "start_response",
        server().config("WSGIScriptAlias / ${APPS}/start_response_cases.py"),
        cases,
    )
}
