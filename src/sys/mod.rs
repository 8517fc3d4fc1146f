//! The fence around the operating system: what the standard library does not offer safely.

#![allow(unsafe_code, reason = "the fence around libc")]

pub mod accounts;
pub mod channel;
pub mod child;
pub mod clock;
pub mod detach;
pub mod epoll;
pub mod file;
pub mod foreground;
pub mod futex;
pub mod identity;
pub mod inherit;
pub mod launch;
pub mod limits;
pub mod listener;
pub mod local_time;
pub mod log_output;
pub mod mailbox;
pub mod memory;
pub mod own_process;
pub mod passing;
pub mod poll;
pub mod private_directory;
pub mod process;
pub mod program_file;
pub mod scheduling;
pub mod servant;
pub mod signal_file;
pub mod signals;
pub mod socket;
pub mod stream;
pub mod user;
