//! What a daemon process may do, told by `/proc` (P-02 to P-12, P-16).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{group, id, is_root, json, pid, replaced};
use rwsgi_harness::{Server, httpd_module_exists, process};

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

/// The secret is in httpd's configuration, so in the memory of its parent and children.
#[test]
fn p02_nothing_of_httpds_memory_is_in_a_process() {
    let secret = format!("canary-{}-of-this-run", std::process::id());
    let server = group("threads=2")
        .config(&format!(
            "<Location /elsewhere>\n  SetEnv SECRET {secret}\n</Location>"
        ))
        .start();
    let worker = pid(&server);
    for holder in [server.parent_pid(), server.children()[0]] {
        let found = memory_holds(holder, secret.as_bytes());
        assert!(found, "the search finds nothing where it is");
    }
    for clean in [worker, server.supervisor().expect("a supervisor")] {
        assert!(
            !memory_holds(clean, secret.as_bytes()),
            "it is in process {clean}"
        );
    }
    server.finish();
}

/// Neither httpd's program and libraries, nor the memory that it shares with its children.
#[test]
fn p02_nothing_that_httpd_has_mapped_is_in_a_process() {
    let server = group("threads=2").start();
    let worker = pid(&server);
    let mapped = |pid: u32| -> BTreeSet<String> {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
        let names = maps.lines().filter_map(|line| line.splitn(6, ' ').nth(5));
        names
            .map(|name| name.trim().to_owned())
            .filter(|name| name.starts_with('/'))
            .collect()
    };
    let (own, httpds) = (mapped(worker), mapped(server.children()[0]));
    println!("a daemon process has mapped: {own:?}");
    let is_foreign = |name: &&String| {
        let foreign = ["libapr", "apache2", "httpd", "mod_", "/dev/zero", "/SYSV"];
        foreign.iter().any(|part| name.contains(part))
    };
    let of_httpd: Vec<&String> = httpds.iter().filter(is_foreign).collect();
    assert!(
        of_httpd.len() > 5,
        "the search finds nothing where it is: {httpds:?}"
    );
    let foreign: Vec<&String> = own.iter().filter(is_foreign).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let program = fs::read_link(format!("/proc/{worker}/exe")).expect("it runs");
    println!("its program: {}", program.display());
    assert!(
        program.display().to_string().contains("python"),
        "{}",
        program.display()
    );
    server.finish();
}

/// A prime of the private key, in the order of its bytes or as OpenSSL counts with it.
#[test]
fn p02_the_private_key_of_tls_is_in_no_process() {
    let place = tempfile::tempdir().expect("a folder");
    let Some(prime) = tls_key(place.path()) else {
        return;
    };
    let reversed: Vec<u8> = prime.iter().rev().copied().collect();
    let files = place.path().display();
    let server = group("threads=2")
        .module("socache_shmcb")
        .module("ssl")
        .listen("TLS")
        .config(&format!(
            "<VirtualHost *:${{PORT_TLS}}>\nServerName tls.example\nSSLEngine on\n\
             SSLCertificateFile {files}/certificate\nSSLCertificateKeyFile {files}/key\n</VirtualHost>"
        ))
        .allow_log("^AH0")
        .start();
    let worker = pid(&server);
    let holds = |pid| memory_holds(pid, &prime) || memory_holds(pid, &reversed);
    assert!(
        holds(server.children()[0]),
        "the search finds nothing where it is"
    );
    for clean in [worker, server.supervisor().expect("a supervisor")] {
        assert!(!holds(clean), "it is in process {clean}");
    }
    println!("the key is in httpd, and neither in process {worker} nor in the supervisor");
    server.finish();
}

/// Makes `key` and `certificate` in a folder; a prime of the key. `None` after saying why there is no TLS here.
fn tls_key(folder: &Path) -> Option<Vec<u8>> {
    if !httpd_module_exists("ssl") || !httpd_module_exists("socache_shmcb") {
        eprintln!("skipped: the installed httpd lacks mod_ssl");
        return None;
    }
    let openssl = |arguments: &str| {
        let made = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .output();
        made.ok().filter(|output| output.status.success())
    };
    let made =
        openssl("req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -subj /CN=tls.example")
            .and_then(|_| openssl("rsa -in key -noout -text"));
    let Some(text) = made else {
        eprintln!("skipped: no openssl");
        return None;
    };
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let digits: String = text
        .lines()
        .skip_while(|line| !line.starts_with("prime1:"))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .flat_map(|line| line.trim().split(':'))
        .collect();
    let bytes = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16));
    let prime: Vec<u8> = bytes.collect::<Result<_, _>>().expect("hexadecimal");
    // A sign comes first.
    let prime: Vec<u8> = prime.into_iter().skip_while(|byte| *byte == 0).collect();
    assert_eq!(prime.len(), 128);
    Some(prime)
}

/// Whether these bytes are anywhere in the writable memory of a process.
fn memory_holds(pid: u32, wanted: &[u8]) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let memory = fs::File::open(format!("/proc/{pid}/mem")).expect("its memory can be read");
    let writable = maps
        .lines()
        .filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")));
    writable
        .filter_map(|line| line.split(' ').next()?.split_once('-'))
        .filter_map(|(from, to)| {
            Some((
                u64::from_str_radix(from, 16).ok()?,
                u64::from_str_radix(to, 16).ok()?,
            ))
        })
        .any(|(from, to)| {
            let mut bytes = vec![0; usize::try_from(to - from).expect("it fits")];
            let read = memory.read_at(&mut bytes, from).unwrap_or(0);
            memchr::memmem::find(&bytes[..read], wanted).is_some()
        })
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
