//! The `rwsgi` command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use mod_rwsgi::cli::{Arguments, run};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        // Who reads only the beginning has closed the pipe.
        Ok(output) => match io::stdout().write_all(output.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => {
            eprintln!("rwsgi: {problem}");
            ExitCode::FAILURE
        }
    }
}
