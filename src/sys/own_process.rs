//! This process as others see it, and what it gives its threads.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

/// Bytes of stack that the system gives the first thread, and so what C code counts on; 8 MiB where there is
/// no limit.
pub fn stack_bytes() -> usize {
    const USUAL: usize = 8 << 20;
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a valid out-parameter.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit) };
    if told < 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return USUAL;
    }
    usize::try_from(limit.rlim_cur).unwrap_or(USUAL)
}

/// Keeps processes of the same user from looking into this one, which then leaves no core either. An exec undoes
/// it.
///
/// # Errors
///
/// What the system says.
pub fn forbid_inspection() -> io::Result<()> {
    // SAFETY: takes plain numbers and changes a flag of this process.
    match unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the locale that the environment names, for C code; false when the system does not have it.
///
/// For a process of one thread.
pub fn take_locale() -> bool {
    // SAFETY: a valid string, and nobody reads the locale meanwhile (documented demand).
    !unsafe { libc::setlocale(libc::LC_ALL, c"".as_ptr()) }.is_null()
}

/// Standard input and output, for one user alone.
#[derive(Debug)]
pub struct Streams {
    /// What was standard input.
    pub input: fs::File,
    /// What was standard output.
    pub output: fs::File,
}

/// Takes standard input and output away from everybody else in this process: from then on nothing can be read
/// there, and what is written goes to standard error.
///
/// # Errors
///
/// What the system says.
pub fn take_streams() -> io::Result<Streams> {
    let streams = Streams {
        input: io::stdin().as_fd().try_clone_to_owned()?.into(),
        output: io::stdout().as_fd().try_clone_to_owned()?.into(),
    };
    let nothing = fs::File::open("/dev/null")?;
    for (from, to) in [(nothing.as_raw_fd(), 0), (2, 1)] {
        // SAFETY: open descriptors of this process.
        if unsafe { libc::dup2(from, to) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(streams)
}

/// Becomes another program, with `descriptor` as number 3 besides the standard three; the error, if not.
pub fn become_program(program: &Path, arguments: &[OsString], descriptor: BorrowedFd<'_>) -> io::Error {
    use std::os::unix::process::CommandExt;
    const NUMBER: libc::c_int = 3;
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    // SAFETY: duplicates a descriptor of this process; one that has the number already must lose its flag.
    let placed = unsafe {
        if descriptor.as_raw_fd() == NUMBER {
            libc::fcntl(NUMBER, libc::F_SETFD, 0)
        } else {
            libc::dup2(descriptor.as_raw_fd(), NUMBER)
        }
    };
    if placed < 0 {
        return io::Error::last_os_error();
    }
    command.exec()
}

/// Ends the process at once: no destructors, no callbacks.
pub fn leave(status: u8) -> ! {
    // SAFETY: never returns; runs no handlers.
    unsafe { libc::_exit(status.into()) }
}

/// Shows `title` as the process's command line, as far as the present one is long enough.
///
/// For a process of one thread that does not look at its arguments any more.
pub fn set_title(title: &str) {
    let Some((start, end)) = argument_area() else {
        return;
    };
    let length = end.saturating_sub(start);
    if length < 2 || start == 0 {
        return;
    }
    let area = std::ptr::with_exposed_provenance_mut::<u8>(start);
    let shown = title.as_bytes().iter().copied().filter(|byte| *byte != 0);
    let mut bytes: Vec<u8> = shown.take(length - 2).collect();
    bytes.resize(length - 1, 0);
    // An end that is not zero tells the kernel that the arguments were replaced by one string.
    bytes.push(b' ');
    // SAFETY: the area that the kernel made for this process's arguments, which is writable and as long;
    // nobody reads it meanwhile (documented demand).
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), area, length) };
}

/// Where the kernel put the arguments: fields 48 and 49 of `/proc/self/stat`.
fn argument_area() -> Option<(usize, usize)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, field 2, may hold anything; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(48 - 3);
    let start = fields.next()?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_where_the_kernel_says() {
        let (start, end) = argument_area().expect("told");
        let arguments = fs::read("/proc/self/cmdline").expect("readable");
        assert_eq!(end - start, arguments.len());
    }

    #[test]
    fn a_thread_can_have_as_much_stack_as_the_first() {
        assert!(stack_bytes() >= 64 << 10);
    }
}
