//! What a daemon process may do, told by `/proc` (P-02 to P-12, P-16).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use super::{group, id, is_root, json, pid, replaced};
use rwsgi_harness::{Server, process};

/// Accounts that every system has, for groups that are not httpd's user.
const USER: &str = "daemon";
const EXTRA: [&str; 2] = ["games", "mail"];

/// The lines of `/proc/PID/status`.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(key, value)| {
            (
                key.to_string(),
                value.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
        .collect()
}

/// What `/proc` shows of a process's rights, for whoever reads the test's output.
fn show_rights(what: &str, status: &BTreeMap<String, String>) {
    let keys = [
        "Uid",
        "Gid",
        "Groups",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "SigBlk",
    ];
    let shown: Vec<String> = keys.iter().map(|key| format!("{key} {}", status[*key])).collect();
    println!("{what}: {}", shown.join(", "));
}

#[test]
fn p05_a_process_has_its_user_its_groups_and_nothing_more() {
    if !is_root() {
        return;
    }
    let server = group(&format!(
        "user={USER} group={USER} supplementary-groups={}",
        EXTRA.join(",")
    ))
    .start();
    let status = status(pid(&server));
    show_rights("with user=, group= and supplementary-groups=", &status);
    let (uid, gid) = (id("/etc/passwd", USER), id("/etc/group", USER));
    assert_eq!(status["Uid"], format!("{uid} {uid} {uid} {uid}"));
    assert_eq!(status["Gid"], format!("{gid} {gid} {gid} {gid}"));
    let mut groups: Vec<u32> = [USER, EXTRA[0], EXTRA[1]]
        .map(|name| id("/etc/group", name))
        .to_vec();
    groups.sort_unstable();
    let mut seen: Vec<u32> = status["Groups"]
        .split(' ')
        .map(|one| one.parse().expect("a number"))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, groups);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    server.finish();
}

#[test]
fn p05_without_options_a_process_is_httpds_user_without_capabilities() {
    if !is_root() {
        return;
    }
    let server = group("threads=2").start();
    let worker = status(pid(&server));
    let child = status(server.children()[0]);
    show_rights("without options", &worker);
    assert_eq!(worker["Uid"], child["Uid"]);
    assert_eq!(worker["Gid"], child["Gid"]);
    assert_eq!(worker["Groups"], child["Groups"]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(worker[set], "0000000000000000", "{set}");
    }
    assert_eq!(worker["SigBlk"], "0000000000000000", "no signal is blocked");
    server.finish();
}

#[test]
fn p10_no_new_privileges_where_asked() {
    for (option, expected) in [("", "0"), ("no-new-privs=Off", "0"), ("no-new-privs=On", "1")] {
        let server = group(&format!("threads=2 {option}")).start();
        let status = status(pid(&server));
        show_rights(&format!("with {option:?}"), &status);
        assert_eq!(status["NoNewPrivs"], expected, "{option}");
        server.finish();
    }
}

/// `/dev/null`, the log twice, listener, scoreboard, channel, life pipe, crash file; what Python and the worker
/// open for themselves has other numbers.
#[test]
fn p04_a_process_has_only_the_descriptors_meant_for_it() {
    let server = group("threads=2").start();
    let worker = pid(&server);
    let mut descriptors: Vec<(u32, String)> = fs::read_dir(format!("/proc/{worker}/fd"))
        .expect("it runs")
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).ok()?.display().to_string()))
        })
        .collect();
    descriptors.sort();
    println!("descriptors: {descriptors:?}");
    let kinds: Vec<&str> = descriptors.iter().map(|(_, target)| kind(target)).collect();
    assert_eq!(
        kinds[..8],
        [
            "/dev/null",
            "log",
            "log",
            "socket",
            "memory",
            "socket",
            "pipe",
            "memory"
        ],
        "{descriptors:?}"
    );
    // Polling, waking up, and kept connections of httpd's children.
    for (number, target) in &descriptors[8..] {
        let known = [
            "socket",
            "anon_inode:[eventpoll]",
            "anon_inode:[eventfd]",
            "anon_inode:[signalfd]",
            "pipe",
        ];
        assert!(known.contains(&kind(target)), "{number}: {target}");
    }
    let tcp = descriptors
        .iter()
        .filter(|(_, target)| process::is_tcp_socket(target))
        .count();
    assert_eq!(tcp, 0, "{descriptors:?}");
    server.finish();
}

fn kind(target: &str) -> &str {
    match target {
        log if log.ends_with("logs/error.log") => "log",
        socket if socket.starts_with("socket:") => "socket",
        memory if memory.starts_with("/memfd:") => "memory",
        pipe if pipe.starts_with("pipe:") => "pipe",
        other => other,
    }
}

/// The directory of sockets: root's, entered by httpd's group alone, and each socket its user's.
#[test]
fn p06_sockets_are_where_only_httpd_gets_at_them() {
    let server = group("processes=2 threads=2").start();
    let _ = pid(&server);
    let directory = socket_directory(&server);
    let owner = fs::metadata(&directory).expect("it is there");
    let own = fs::metadata("/proc/self").expect("we run").uid();
    assert_eq!(owner.uid(), own);
    let expected = if process::is_root() { 0o711 } else { 0o700 };
    assert_eq!(owner.permissions().mode() & 0o777, expected);
    let mut sockets = 0;
    for folder in fs::read_dir(&directory).expect("it can be read").flatten() {
        let data = folder.metadata().expect("it is there");
        assert!(data.is_dir(), "{folder:?}");
        assert_eq!(data.uid(), own);
        if process::is_root() {
            assert_eq!(data.permissions().mode() & 0o777, 0o750, "{folder:?}");
            let group = id("/etc/group", &child_group(&server));
            assert_eq!(data.gid(), group);
        }
        for socket in fs::read_dir(folder.path()).expect("it can be read").flatten() {
            let data = socket.metadata().expect("it is there");
            assert!(data.file_type().is_socket(), "{socket:?}");
            assert_eq!(data.permissions().mode() & 0o777, 0o600, "{socket:?}");
            assert_eq!(
                data.uid().to_string(),
                status(server.children()[0])["Uid"]
                    .split(' ')
                    .next()
                    .expect("one")
            );
            sockets += 1;
        }
    }
    assert_eq!(sockets, 2);
    server.finish();
}

fn child_group(server: &Server) -> String {
    let text = server.config_text();
    let line = text.lines().find_map(|line| line.strip_prefix("Group "));
    line.expect("root's servers name a group").to_string()
}

fn socket_directory(server: &Server) -> PathBuf {
    let found = fs::read_dir(server.path("run"))
        .expect("it can be read")
        .flatten();
    let mut directories = found.map(|entry| entry.path()).filter(|path| path.is_dir());
    directories.next().expect("a directory of sockets")
}

/// What cannot leave a core cannot be read by processes of the same user either: `/proc` is then root's.
#[test]
fn p11_a_process_is_closed_to_its_siblings_unless_cores_are_wanted() {
    if !is_root() {
        return;
    }
    let server = group("threads=2").start();
    let owner = |pid: u32| {
        fs::metadata(format!("/proc/{pid}/environ"))
            .expect("it runs")
            .uid()
    };
    let old = pid(&server);
    assert_ne!(owner(old), 0, "cores are wanted");
    server.rewrite_config(|text| text.replace("CoreDumpDirectory cores\n", ""));
    server.graceful();
    let new = replaced(&server, old, Duration::from_secs(10));
    assert_eq!(owner(new), 0);
    server.finish();
}

#[test]
fn socket_user_owns_the_sockets() {
    if !is_root() {
        return;
    }
    // httpd's children are another user, so they cannot connect: the owner is what counts here.
    let server = group(&format!("threads=2 socket-user={USER} connect-timeout=1"))
        .allow_log("WSGI")
        .start();
    let found = rwsgi_harness::wait_for(Duration::from_secs(10), || {
        let folders = fs::read_dir(socket_directory(&server)).ok()?.flatten();
        let mut sockets =
            folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        sockets.next()?.metadata().ok()
    });
    assert_eq!(found.expect("a socket").uid(), id("/etc/passwd", USER));
    server.finish();
}

#[test]
fn a_process_is_never_root() {
    if !is_root() {
        return;
    }
    for option in ["user=root", "user=#0"] {
        let check = group(option).check_config();
        assert!(!check.accepted, "{option}: {}", check.output);
        assert!(
            check.output.contains("blocked from running as root"),
            "{option}: {}",
            check.output
        );
    }
}

#[test]
fn limits_and_priority_are_those_of_the_options() {
    let server = group(
        "threads=2 cpu-time-limit=100 memory-limit=3000000000 virtual-memory-limit=4000000000 cpu-priority=5",
    )
    .start();
    let facts = json(&server, "/identity");
    assert_eq!(facts["limits"]["CPU"][0], 100);
    assert_eq!(facts["limits"]["DATA"][0], 3_000_000_000_u64);
    assert_eq!(facts["limits"]["AS"][0], 4_000_000_000_u64);
    assert_eq!(facts["nice"], 5);
    server.finish();
}
