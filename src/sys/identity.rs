//! Becoming another user for good.

use std::io;

/// Whom a process is to run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User number, not 0.
    pub uid: u32,
    /// Primary group number.
    pub gid: u32,
    /// All group numbers of the process, in any order.
    pub groups: Vec<u32>,
}

/// Highest number that a capability can have.
const LAST_CAPABILITY: libc::c_ulong = 63;
/// `_LINUX_CAPABILITY_VERSION_3` of capget(2).
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Header and data of capget(2).
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct CapabilityWords {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Makes this process, which has one thread, the user's: groups, numbers, no capability. Then looks whether
/// all of that has come true and cannot be undone. After an error the process must not go on.
pub(super) fn assume(identity: &Identity) -> Result<(), String> {
    if identity.uid == 0 {
        return Err("its user is root".to_owned());
    }
    let groups = each_once(&identity.groups);
    // SAFETY: as many numbers as told.
    let done = unsafe { libc::setgroups(groups.len(), groups.as_ptr()) };
    check(done, "cannot take on its groups")?;
    // SAFETY: plain numbers.
    let done = unsafe { libc::setresgid(identity.gid, identity.gid, identity.gid) };
    check(done, "cannot take on its group")?;
    drop_bounding_set();
    // SAFETY: plain numbers.
    let done = unsafe { libc::setresuid(identity.uid, identity.uid, identity.uid) };
    check(done, "cannot take on its user")?;
    drop_capabilities()?;
    verify(identity)
}

fn check(done: libc::c_int, what: &str) -> Result<(), String> {
    if done == 0 {
        return Ok(());
    }
    Err(format!("{what}: {}", io::Error::last_os_error()))
}

/// Where the process may not do that, programs that it starts could gain what it has not itself; it has
/// nothing by then.
fn drop_bounding_set() {
    for capability in 0..=LAST_CAPABILITY {
        // SAFETY: plain numbers.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

fn drop_capabilities() -> Result<(), String> {
    // SAFETY: plain numbers; kernels without an ambient set have nothing to clear.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    let mut header = header();
    let none = [CapabilityWords::default(); 2];
    // SAFETY: a header of this version and the two blocks that belong to it.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, none.as_ptr()) };
    if done == 0 {
        return Ok(());
    }
    Err(format!(
        "cannot give up its capabilities: {}",
        io::Error::last_os_error()
    ))
}

fn header() -> CapabilityHeader {
    CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    }
}

fn verify(identity: &Identity) -> Result<(), String> {
    let (mut real, mut effective, mut saved) = (0, 0, 0);
    // SAFETY: valid out-parameters.
    let done = unsafe { libc::getresuid(&raw mut real, &raw mut effective, &raw mut saved) };
    if done != 0 || [real, effective, saved] != [identity.uid; 3] {
        return Err("it is not the user that it was to become".to_owned());
    }
    // SAFETY: valid out-parameters.
    let done = unsafe { libc::getresgid(&raw mut real, &raw mut effective, &raw mut saved) };
    if done != 0 || [real, effective, saved] != [identity.gid; 3] {
        return Err("it is not in the group that it was to be in".to_owned());
    }
    let (have, want) = (each_once(&own_groups()), each_once(&identity.groups));
    if have != want {
        return Err(format!("it has the groups {have:?} instead of {want:?}"));
    }
    // SAFETY: plain numbers. Succeeding is what must not happen.
    if unsafe { libc::setresuid(0, 0, 0) } == 0 {
        return Err("it can become root again".to_owned());
    }
    // SAFETY: as above.
    if identity.gid != 0 && unsafe { libc::setresgid(0, 0, 0) } == 0 {
        return Err("it can get root's group again".to_owned());
    }
    let mut header = header();
    let mut have = [CapabilityWords::default(); 2];
    // SAFETY: a header of this version and room for the two blocks that belong to it.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, have.as_mut_ptr()) };
    if done != 0 || have != [CapabilityWords::default(); 2] {
        return Err("it still has capabilities".to_owned());
    }
    Ok(())
}

fn each_once(groups: &[u32]) -> Vec<u32> {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn own_groups() -> Vec<u32> {
    // SAFETY: no room is offered, only the number is asked for.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups = vec![0; usize::try_from(count).unwrap_or_default()];
    // SAFETY: room for as many numbers as told.
    let count = unsafe { libc::getgroups(count, groups.as_mut_ptr()) };
    groups.truncate(usize::try_from(count).unwrap_or_default());
    groups
}
