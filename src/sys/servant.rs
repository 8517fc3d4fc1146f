//! A program that a process starts for itself and waits for: its descriptors, its end.
//!
//! For a process with one thread, as httpd's parent is.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// The first descriptor that a servant inherits besides the standard three.
const FIRST: RawFd = 3;

/// How a servant's end is looked for: it takes this long at most to be noticed.
const STEP: Duration = Duration::from_millis(10);

/// Starts `program` with descriptors 3, 4, ... as given, this process's standard error for both of its
/// outputs, and no other descriptor. Its process number; the caller reaps it.
///
/// # Errors
/// What the system says against starting it, such as that the file is not there.
pub fn start(program: &Path, arguments: &[&OsStr], descriptors: &[BorrowedFd<'_>]) -> io::Result<u32> {
    let wanted: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let end = FIRST + RawFd::try_from(wanted.len()).map_err(io::Error::other)?;
    // Copies beyond the numbers to be taken, so that none is overwritten before it is in its place.
    let copies: Vec<OwnedFd> = wanted
        .iter()
        .map(|descriptor| duplicate_from(*descriptor, end))
        .collect::<io::Result<_>>()?;
    // As long as this is open, what Command opens for its own use lies beyond them too.
    let _taken = occupy(end)?;
    let sources: Vec<RawFd> = copies.iter().map(AsRawFd::as_raw_fd).collect();
    let mut command = Command::new(program);
    let output = io::stderr().as_fd().try_clone_to_owned()?;
    command.args(arguments).stdin(Stdio::null()).stdout(output);
    // SAFETY: between fork and exec, only calls that are safe there.
    unsafe {
        command.pre_exec(move || {
            for (target, source) in (FIRST..).zip(&sources) {
                if libc::dup2(*source, target) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            // Best effort on kernels before 5.11: what we open is closed on exec anyway.
            libc::syscall(
                libc::SYS_close_range,
                end,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            );
            Ok(())
        });
    }
    Ok(command.spawn()?.id())
}

/// A copy of a descriptor with a number from `lowest` on, closed on exec.
fn duplicate_from(descriptor: RawFd, lowest: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl only reads the numbers.
    let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, lowest) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Opens files until no number below `end` is free.
fn occupy(end: RawFd) -> io::Result<Vec<OwnedFd>> {
    let mut taken = Vec::new();
    loop {
        let next: OwnedFd = File::open("/dev/null")?.into();
        if next.as_raw_fd() >= end {
            return Ok(taken);
        }
        taken.push(next);
    }
}

/// Two ends of a pipe, both closed on exec: what is read from, and what is written to.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    Ok((read.into(), write.into()))
}

/// How a child of this process has ended, if it has; it is then gone for good. An error if it is no child.
pub fn reap(pid: u32) -> io::Result<Option<ExitStatus>> {
    use std::os::unix::process::ExitStatusExt;
    let number = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: a valid out-parameter, no waiting.
    match unsafe { libc::waitpid(number, &raw mut status, libc::WNOHANG) } {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(Some(ExitStatus::from_raw(status))),
    }
}

/// Waits for a child's end, and kills it when `limit` is over. Whether it ended by itself.
pub fn see_off(pid: u32, limit: Duration) -> bool {
    let begin = Instant::now();
    loop {
        match reap(pid) {
            Ok(Some(_)) | Err(_) => return true,
            Ok(None) if begin.elapsed() >= limit => break,
            Ok(None) => std::thread::sleep(STEP),
        }
    }
    kill(pid);
    while matches!(reap(pid), Ok(None)) {
        std::thread::sleep(STEP);
    }
    false
}

/// Kills a child that has not been reaped.
pub fn kill(pid: u32) {
    if let Ok(number) = libc::pid_t::try_from(pid)
        && number > 0
    {
        // SAFETY: a plain call; a child that has not been reaped keeps its number.
        unsafe { libc::kill(number, libc::SIGKILL) };
    }
}

/// A child that does nothing but end after `delay`, so that its end reminds its parent. It holds no
/// descriptor of its parent.
pub fn start_timer(delay: Duration) -> io::Result<u32> {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(delay.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: delay.subsec_nanos().into(),
    };
    // SAFETY: the child makes only calls that are safe after a fork, and never returns.
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::signal(libc::SIGTERM, libc::SIG_DFL);
                libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
                libc::nanosleep(&raw const time, std::ptr::null_mut());
                libc::_exit(0)
            }
            pid => u32::try_from(pid).map_err(io::Error::other),
        }
    }
}

/// Most descriptors that copies do without.
const MOST_PRIVATE: usize = 2;

/// Descriptors that copies of this process must not have.
static PRIVATE: [AtomicI32; MOST_PRIVATE] = [const { AtomicI32::new(-1) }; MOST_PRIVATE];

/// Closes these descriptors (two at most), and no longer those of an earlier call, in every process that is
/// forked off from now on, whether it executes another program or not. Their owners live in this process
/// alone and must not be dropped in a copy, nor before another call has taken them from the list.
pub fn keep_from_copies(descriptors: &[BorrowedFd<'_>]) {
    extern "C" fn in_copy() {
        for place in &PRIVATE {
            let descriptor = place.swap(-1, Ordering::Relaxed);
            if descriptor >= 0 {
                // SAFETY: the copy's own; whoever owns the number there never uses it.
                unsafe { libc::close(descriptor) };
            }
        }
    }
    static REGISTERED: Once = Once::new();
    let numbers = descriptors.iter().map(AsRawFd::as_raw_fd);
    for (place, number) in PRIVATE.iter().zip(numbers.chain([-1; MOST_PRIVATE])) {
        place.store(number, Ordering::Relaxed);
    }
    // SAFETY: the handler only closes descriptors; the module is never unloaded.
    REGISTERED.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_copy));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Runs a shell command with descriptors 3 and 4: its output.
    fn shell(command: &str, descriptors: &[BorrowedFd<'_>]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("output");
        let full = format!("{{ {command}; }} > {}", output.display());
        let arguments = ["-c".as_ref(), full.as_ref()];
        let pid = start(Path::new("/bin/sh"), &arguments, descriptors).expect("started");
        assert!(see_off(pid, Duration::from_secs(20)), "the command ends");
        fs::read_to_string(output).expect("written")
    }

    #[test]
    fn it_gets_its_descriptors_in_order_and_no_other() {
        let (read, write) = pipe().expect("a pipe");
        let zero = File::open("/dev/zero").expect("opens");
        let listed = shell(
            "for f in 3 4 5 6 7 8; do readlink /proc/$$/fd/$f || echo none; done",
            &[zero.as_fd(), read.as_fd()],
        );
        let lines: Vec<&str> = listed.lines().collect();
        assert_eq!(lines[0], "/dev/zero");
        assert!(lines[1].starts_with("pipe:"), "{listed}");
        assert_eq!(lines[2..], ["none"; 4], "{listed}");
        drop(write);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = start(Path::new("/nonexistent/program"), &[], &[]).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn one_that_does_not_end_is_killed() {
        let arguments = ["-c".as_ref(), "sleep 60".as_ref()];
        let pid = start(Path::new("/bin/sh"), &arguments, &[]).expect("started");
        assert!(!see_off(pid, Duration::from_millis(50)));
        assert!(reap(pid).is_err(), "it is reaped");
    }

    #[test]
    fn a_timer_ends_when_its_time_is_over() {
        let begin = Instant::now();
        let pid = start_timer(Duration::from_millis(100)).expect("started");
        assert!(see_off(pid, Duration::from_secs(20)));
        assert!(begin.elapsed() >= Duration::from_millis(90));
    }

    #[test]
    fn what_is_private_is_closed_in_copies() {
        let (read, write) = pipe().expect("a pipe");
        keep_from_copies(&[write.as_fd()]);
        let timer = start_timer(Duration::from_secs(60)).expect("started");
        let arguments = ["-c".as_ref(), "sleep 60".as_ref()];
        let shell = start(Path::new("/bin/sh"), &arguments, &[]).expect("started");
        keep_from_copies(&[]);
        drop(write);
        let end = io::Read::read(&mut File::from(read), &mut [0]).expect("reads");
        assert_eq!(end, 0, "nobody else has the other end");
        for pid in [timer, shell] {
            kill(pid);
            see_off(pid, Duration::from_secs(20));
        }
    }
}
