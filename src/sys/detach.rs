//! What a process does that has no terminal and outlives whoever started it.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Closes all descriptors from `first` on, at the start of a process: it wants none of them.
pub fn close_from(first: RawFd) {
    let from = libc::c_uint::try_from(first).unwrap_or(libc::c_uint::MAX);
    // SAFETY: nothing in this process uses them yet. Where the kernel cannot do it, they stay open.
    unsafe { libc::syscall(libc::SYS_close_range, from, libc::c_uint::MAX, 0) };
}

/// Sets this process's umask; what it was.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: a plain number.
    unsafe { libc::umask(mask) }
}

/// Leaves the session of whoever started this process, so that no terminal's signals reach it.
pub fn leave_session() {
    // SAFETY: no arguments. A leader of a group has left it already.
    unsafe { libc::setsid() };
}

/// Writes what goes to descriptors 1 and 2 to `target` from now on.
pub fn redirect_output(target: BorrowedFd<'_>) {
    for number in [1, 2] {
        // SAFETY: valid descriptors; what was there is closed.
        unsafe { libc::dup2(target.as_raw_fd(), number) };
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() == 0 }
}
