//! The `rwsgi` command.

use std::process::ExitCode;

use clap::Parser;
use mod_rwsgi::cli::{Arguments, run};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(output) => {
            print!("{output}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("rwsgi: {problem}");
            ExitCode::FAILURE
        }
    }
}
