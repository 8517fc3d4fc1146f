//! The `rwsgi` command.

fn main() {}
