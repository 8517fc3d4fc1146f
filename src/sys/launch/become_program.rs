//! The new process, until it has become the program.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::{identity, limits, signal_file};
use super::{Launch, NOT_STARTED, TROUBLES, Trouble};

/// In the new process.
pub(super) fn become_program(launch: &Launch<'_>, tell: RawFd) -> ! {
    let first_free = RawFd::try_from(launch.descriptors.len()).unwrap_or(RawFd::MAX);
    let Ok(mut tell) = move_above(tell, first_free) else {
        leave()
    };
    let (trouble, text) = match prepare(launch, &mut tell, first_free) {
        Ok(()) => {
            let error = execute(launch);
            let text = format!("{} cannot be run: {error}", shown(&launch.program));
            match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    let closed = closed_element(&launch.program);
                    (
                        Trouble::Denied,
                        format!("{text}: {} is closed to it", closed.display()),
                    )
                }
                _ => (Trouble::Program, text),
            }
        }
        Err(failure) => failure,
    };
    complain(&mut tell, trouble, &text);
    leave()
}

fn leave() -> ! {
    // SAFETY: never returns; runs nothing that belongs to the original process.
    unsafe { libc::_exit(NOT_STARTED.into()) }
}

fn shown(text: &CStr) -> std::borrow::Cow<'_, str> {
    text.to_string_lossy()
}

fn complain(tell: &mut File, trouble: Trouble, text: &str) {
    let mark = TROUBLES
        .iter()
        .find(|(_, known)| *known == trouble)
        .map_or(b'x', |(mark, _)| *mark);
    let line = [&[mark], text.replace('\n', " ").as_bytes(), b"\n"].concat();
    // Nobody else could be told.
    let _ = tell.write_all(&line);
}

type Failure = (Trouble, String);

fn prepare(launch: &Launch<'_>, tell: &mut File, first_free: RawFd) -> Result<(), Failure> {
    // SAFETY: no arguments. Fails for the leader of a group, which a new process is not.
    unsafe { libc::setsid() };
    signal_file::reset();
    place_descriptors(launch, first_free).map_err(|error| {
        (
            Trouble::Program,
            format!("its descriptors cannot be placed: {error}"),
        )
    })?;
    for (kind, text) in limits::set(&launch.limits) {
        complain(tell, Trouble::Limit(kind), &text);
    }
    // SAFETY: a plain number.
    unsafe { libc::umask(launch.umask) };
    let identity = |text: String| (Trouble::Identity, text);
    if let Some(root) = &launch.root {
        change_root(root).map_err(|error| identity(format!("cannot chroot to {}: {error}", shown(root))))?;
    }
    if let Some(wanted) = &launch.identity {
        identity::assume(wanted).map_err(identity)?;
    }
    if let Some(directory) = &launch.directory
        && let Err(error) = change_directory(directory)
    {
        let text = format!("cannot work in {}: {error}", shown(directory));
        if !launch.directory_is_a_wish || change_directory(c"/").is_err() {
            return Err(identity(text));
        }
        complain(tell, Trouble::Directory, &text);
    }
    if launch.no_new_privileges {
        // SAFETY: plain numbers.
        let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        if done != 0 {
            let error = io::Error::last_os_error();
            return Err(identity(format!("no-new-privs cannot be set: {error}")));
        }
    }
    Ok(())
}

fn change_root(root: &CString) -> io::Result<()> {
    // SAFETY: a C string.
    if unsafe { libc::chroot(root.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    change_directory(c"/")
}

fn change_directory(path: &CStr) -> io::Result<()> {
    // SAFETY: a C string.
    if unsafe { libc::chdir(path.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A copy of a descriptor with a number from `first` on, closed on exec.
fn move_above(descriptor: RawFd, first: RawFd) -> io::Result<File> {
    // SAFETY: fcntl only reads the numbers.
    let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, first) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

/// Gives each descriptor its number; the program gets no others.
fn place_descriptors(launch: &Launch<'_>, first_free: RawFd) -> io::Result<()> {
    // First all out of the way of each other.
    let copies: Vec<File> = launch
        .descriptors
        .iter()
        .map(|descriptor| move_above(descriptor.as_raw_fd(), first_free))
        .collect::<io::Result<_>>()?;
    for (number, copy) in (0..).zip(&copies) {
        // SAFETY: whatever had the number belongs to the original process, which keeps it.
        if unsafe { libc::dup2(copy.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    close_on_exec_from(first_free)
}

/// Lets no descriptor from `first` on reach another program.
fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let from = libc::c_uint::try_from(first).map_err(io::Error::other)?;
    // SAFETY: plain numbers.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            from,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if done == 0 {
        return Ok(());
    }
    // Before Linux 5.11.
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|number: &RawFd| *number >= first) {
            // SAFETY: fcntl only sets a flag; a number that is not open is refused.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// The first element of a path that this process may not pass through or run.
fn closed_element(program: &CStr) -> PathBuf {
    let program = Path::new(OsStr::from_bytes(program.to_bytes()));
    let mut elements: Vec<&Path> = program.ancestors().collect();
    elements.reverse();
    let closed = elements.into_iter().find(|element| {
        let Ok(element) = CString::new(element.as_os_str().as_bytes()) else {
            return false;
        };
        // SAFETY: a C string. The real user is the effective one here.
        unsafe { libc::access(element.as_ptr(), libc::X_OK) != 0 }
    });
    closed.unwrap_or(program).to_owned()
}

/// Becomes the program; the error, if not.
fn execute(launch: &Launch<'_>) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts
            .iter()
            .map(|text| text.as_ptr())
            .chain([std::ptr::null()])
            .collect()
    };
    let (arguments, environment) = (pointers(&launch.arguments), pointers(&launch.environment));
    // SAFETY: C strings in arrays that end with null.
    unsafe { libc::execve(launch.program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
