//! The one table of directives; its rows stand in folders by subject.

mod applications;
mod processes;
mod python;
mod removed;
mod requests;

use std::ffi::CStr;

use super::Directive;

/// A row; `$body` is a function or closure over the [`Call`](super::call::Call).
macro_rules! directive {
    ($name:literal, $context:ident, $usage:literal, $default:literal, $help:literal, $body:expr) => {
        $crate::config::directives::Directive {
            name: $crate::config::directives::table::c_text(concat!($name, "\0")),
            context: $crate::config::directives::Context::$context,
            usage: $crate::config::directives::table::c_text(concat!($usage, "\0")),
            default: $default,
            help: $help,
            apply: |scope, line| {
                $crate::config::directives::call::Call::run($name, $usage, scope, line, $body)
            },
        }
    };
}
use directive;

/// Evaluated by the compiler only, so the error is one of the build.
#[allow(clippy::panic, reason = "in the compiler")]
const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a directive's name or usage contains a NUL"),
    }
}

const SUBJECTS: [&[Directive]; 5] = [
    applications::ROWS,
    processes::ROWS,
    python::ROWS,
    requests::ROWS,
    removed::ROWS,
];

#[allow(clippy::indexing_slicing, reason = "in the compiler, within SUBJECTS")]
const COUNT: usize = {
    let (mut count, mut subject) = (0, 0);
    while subject < SUBJECTS.len() {
        count += SUBJECTS[subject].len();
        subject += 1;
    }
    count
};

#[allow(clippy::indexing_slicing, reason = "in the compiler, within COUNT")]
static ALL: [Directive; COUNT] = {
    let mut all = [SUBJECTS[0][0]; COUNT];
    let (mut at, mut subject) = (0, 0);
    while subject < SUBJECTS.len() {
        let mut row = 0;
        while row < SUBJECTS[subject].len() {
            all[at] = SUBJECTS[subject][row];
            at += 1;
            row += 1;
        }
        subject += 1;
    }
    all
};

/// All directives, in the order of the manual.
pub static DIRECTIVES: &[Directive] = &ALL;
