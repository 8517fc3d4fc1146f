//! Compares rwsgi with its floor and its peers.

fn main() {}
