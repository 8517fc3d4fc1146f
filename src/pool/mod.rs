//! Daemon mode from the side of httpd's children: a request is given to a worker and its answer passed on.

mod groups;
mod kept;

pub use groups::{Group, GroupFacts, Groups, ScriptOwner};
