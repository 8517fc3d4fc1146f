//! The fence around the operating system: what the standard library does not offer safely.

#![allow(unsafe_code, reason = "the fence around libc")]

pub mod channel;
pub mod clock;
pub mod epoll;
pub mod file;
pub mod futex;
pub mod inherit;
pub mod local_time;
pub mod memory;
pub mod own_process;
pub mod peer;
pub mod process;
pub mod signals;
pub mod socket;
pub mod user;
