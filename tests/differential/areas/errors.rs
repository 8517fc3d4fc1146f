//! `wsgi.errors`, `sys.stderr` and `sys.stdout`: what reaches the log.

use super::{gets, server};
use crate::case::Area;

const CASES: &str = "/one_line /several_lines /writelines /printed /pieces /incomplete_line /flushed_line /unicode_text \
    /surrogate /controls /long_line /nul /bytes_text /buffer /attributes /keep /use_kept /stderr /stdout /quiet";

pub(super) fn area() -> Area {
    let mut cases = gets("/main", CASES);
    cases.extend(gets("/sub", CASES));
    Area::embedded(
        "errors",
        server().config(
            "WSGIScriptAlias /main ${APPS}/errors_cases.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /sub ${APPS}/errors_cases.py",
        ),
        cases,
    )
}
