//! What is in the memory of a daemon process: nothing of httpd's (P-02).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{group, pid};
use rwsgi_harness::httpd_module_exists;

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
