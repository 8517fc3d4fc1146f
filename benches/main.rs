//! Compares rwsgi with its floor and its peers: the same application on the same httpd.
#![deny(unsafe_code)]

mod callgrind;
mod cpu;
mod instructions;
mod load;
mod own_gil;
mod profile;
mod setup;
mod systems;
mod table;
mod wrk;

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
    /// Machine instructions a request, counted by callgrind
    Instructions(instructions::Options),
    /// Requests a second, CPU time and response times under many connections, with wrk
    Load(load::Options),
    /// What a GIL for each application group gains on two processors
    OwnGil(own_gil::Options),
}

fn main() -> ExitCode {
    let held = match Arguments::parse().measurement {
        Measurement::Instructions(options) => instructions::run(&options),
        Measurement::Load(options) => load::run(&options),
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
