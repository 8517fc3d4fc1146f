//! What is looked at from outside: the client's view, CPU time and memory.

pub(crate) mod cpu;
pub(crate) mod machine;
pub(crate) mod memory;
mod processes;
pub(crate) mod wrk;
