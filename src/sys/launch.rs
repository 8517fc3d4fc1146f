//! Starting another program as another user, for a process that has one thread only.

mod become_program;

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use become_program::become_program;

use super::child::Child;
use super::identity::Identity;
use super::limits::{LimitKind, Limits};

/// Status of a process that could not become what it was to become (`EX_OSERR` of sysexits.h).
pub const NOT_STARTED: u8 = 71;

/// A program to start.
#[derive(Debug)]
pub struct Launch<'d> {
    /// Its file.
    pub program: CString,
    /// Its arguments, the name it is called by first.
    pub arguments: Vec<CString>,
    /// Its environment, each `NAME=value`.
    pub environment: Vec<CString>,
    /// Its descriptors, from 0 on; it gets no others.
    pub descriptors: Vec<BorrowedFd<'d>>,
    /// Its limits.
    pub limits: Limits,
    /// Its umask.
    pub umask: u32,
    /// Its root directory, if that is another.
    pub root: Option<CString>,
    /// Its user and groups, if those are others.
    pub identity: Option<Identity>,
    /// Its working directory, if that is another.
    pub directory: Option<CString>,
    /// Whether it may work in `/` when it cannot work there.
    pub directory_is_a_wish: bool,
    /// Whether it gains nothing by starting set-user-ID programs.
    pub no_new_privileges: bool,
}

/// What went wrong in the new process before it became the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A limit could not be set; the program was started nevertheless.
    Limit(LimitKind),
    /// It works in `/`, and not in the directory wished for.
    Directory,
    /// It could not take on its identity, and has ended with [`NOT_STARTED`].
    Identity,
    /// The program could not be started, and it has ended with [`NOT_STARTED`].
    Program,
    /// The same, as the system denies it the access.
    Denied,
}

const TROUBLES: [(u8, Trouble); 8] = [
    (b'p', Trouble::Limit(LimitKind::Priority)),
    (b'd', Trouble::Limit(LimitKind::Data)),
    (b'a', Trouble::Limit(LimitKind::AddressSpace)),
    (b'o', Trouble::Limit(LimitKind::Other)),
    (b'w', Trouble::Directory),
    (b'i', Trouble::Identity),
    (b'x', Trouble::Program),
    (b'y', Trouble::Denied),
];

/// What the new process tells of trouble. Ends when the program runs or the process has ended.
#[derive(Debug)]
pub struct Report(File);

impl Report {
    /// Waits for its end.
    pub fn read(mut self) -> Vec<(Trouble, String)> {
        let mut text = String::new();
        // What cannot be read says nothing; the process's status does.
        let _ = self.0.read_to_string(&mut text);
        text.lines()
            .filter_map(|line| {
                let (mark, text) = line.split_at_checked(1)?;
                let (_, trouble) = TROUBLES.iter().find(|(known, _)| mark.as_bytes() == [*known])?;
                Some((*trouble, text.to_owned()))
            })
            .collect()
    }
}

impl AsFd for Report {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Starts the program. What goes wrong in the new process, its report tells.
pub fn launch(launch: &Launch<'_>) -> io::Result<(Child, Report)> {
    let (report, tell) = io::pipe()?;
    // SAFETY: this process has one thread, so its copy finds everything unlocked.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    if pid == 0 {
        become_program(launch, tell.as_raw_fd());
    }
    drop(tell);
    let report = Report(File::from(OwnedFd::from(report)));
    Ok((Child::adopt(pid)?, report))
}
