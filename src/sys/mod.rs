//! The fence around the operating system: what the standard library does not offer safely.

#![allow(unsafe_code, reason = "the fence around libc")]

pub mod channel;
pub mod clock;
pub mod file;
pub mod futex;
pub mod library;
pub mod memory;
pub mod process;
pub mod servant;
pub mod socket;
pub mod user;
