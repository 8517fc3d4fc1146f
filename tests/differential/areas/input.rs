//! `wsgi.input` of a body with a known length.

use super::server;
use crate::case::{Area, Case, get, post};

const BODY: &str = "first line\nsecond\n\nfourth without end";
pub(super) const READS: &str = "/read_all /read_minus_one /read_none /read_zero /read_exact /read_past_the_end /read_in_threes \
    /readline /readline_sized /readlines /readlines_hint /iterate /iterate_after_read /is_its_own_iterator \
    /close_then_read /absent_methods /keyword_argument /bad_argument /length /keep /use_kept /ignore /remember";

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = READS.split_whitespace().map(|path| post(path, BODY)).collect();
    cases.push(get("/read_all").named("no body"));
    cases.push(get("/remembered"));
    cases.push(post("/read_in_threes", "").named("empty body in threes"));
    cases.push(post("/read_all", [0, 255, 10, 13, 10, 128]).named("binary"));
    cases.push(post("/readlines", "a\r\nb\rc\n").named("carriage returns"));
    cases.push(post("/length", "x".repeat(300_000)).named("large"));
    cases.push(post("/readline", "y".repeat(100_000)).named("long line"));
    for path in ["/read_all", "/ignore", "/read_exact"] {
        cases.push(
            post(path, "hello wide world")
                .header("Expect", "100-continue")
                .named(format!("expect {path}")),
        );
    }
    for path in ["/remember", "/readline", "/read_in_threes", "/iterate"] {
        let body = Case::new("POST", path)
            .header("Content-Length", "20")
            .bare("too short");
        cases.push(body.named(format!("cut short {path}")));
    }
    cases.push(get("/remembered").named("what a cut body looked like"));
    cases.push(post("/limited/read_all", "x".repeat(11)).named("above LimitRequestBody"));
    cases.push(post("/limited/read_all", "x".repeat(10)).named("at LimitRequestBody"));
    Area::embedded(
        "input",
        server().config(
            "WSGIScriptAlias /limited ${APPS}/input_cases.py\n\
             WSGIScriptAlias / ${APPS}/input_cases.py\n\
             <Location /limited>\nLimitRequestBody 10\n</Location>",
        ),
        cases,
    )
}
