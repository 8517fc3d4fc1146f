//! Configuration: the directive table, what it stores, and what a request makes of it.
//!
//! Pure: knows neither httpd nor Python. httpd's regular expressions and the facts of a request
//! are handed in through [`alias::UriPattern`] and [`target::RequestFacts`].
#![forbid(unsafe_code)]

pub mod alias;
pub mod args;
pub mod daemon_group;
pub mod directives;
pub mod finish;
pub mod interpreter;
pub mod place;
pub mod plan;
pub mod python_home;
pub mod scripts;
pub mod server_options;
pub mod settings;
pub mod target;
pub mod trusted;
pub mod workers;
