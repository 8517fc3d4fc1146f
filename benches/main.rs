//! Compares rwsgi with its floor and its peers: the same application on the same httpd.
#![deny(unsafe_code)]

mod compare;
mod instructions;
mod measure;
mod own_gil;
mod systems;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a measurement could not be made, in words for the terminal.
type Failure = String;

#[derive(Debug, Parser)]
#[command(name = "rwsgi-bench", about, version)]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
    /// Requests a second, CPU time, response times and memory of all systems under load, with wrk
    Compare(compare::Options),
    /// Write the report of the last comparison again
    Report(compare::ReportOptions),
    /// Machine instructions a request, counted by callgrind
    Instructions(instructions::Options),
    /// What a GIL for each application group gains on two processors
    OwnGil(own_gil::Options),
}

fn main() -> ExitCode {
    let held = match Arguments::parse().measurement {
        Measurement::Instructions(options) => instructions::run(&options),
        Measurement::Compare(options) => compare::run(&options),
        Measurement::Report(options) => compare::report(&options),
        Measurement::OwnGil(options) => own_gil::run(&options),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("rwsgi-bench: {failure}");
            ExitCode::from(2)
        }
    }
}
