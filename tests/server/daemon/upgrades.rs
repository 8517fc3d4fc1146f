//! Files that are replaced while they are in use, as an upgrade does (F-34): what runs goes on, what cannot start says
//! why, and what is mended starts without a restart of httpd.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{group, pid, replaced};
use mod_rwsgi::config::plan::VERSION;
use rwsgi_harness::{Builder, Server, command_under_test, module_under_test, process, wait_until};
use tempfile::TempDir;

const SIGKILL: i32 = 9;

/// Module, command and workers in a directory of their own.
struct Installed {
    place: TempDir,
}

impl Installed {
    fn new() -> Installed {
        let place = tempfile::tempdir().expect("a directory");
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("permissions");
        let installed = Installed { place };
        installed.install();
        installed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Puts the good files in their places, each in one step.
    fn install(&self) {
        let command = command_under_test();
        for (from, name) in [(module_under_test(), "mod_wsgi.so"), (command.clone(), "rwsgi")] {
            self.replace(name, &fs::read(from).expect("it was built"));
        }
        let workers = command.with_file_name("worker");
        let _ = fs::remove_dir_all(self.path("worker"));
        let copied = Command::new("cp")
            .arg("-a")
            .arg(workers)
            .arg(self.path("worker"))
            .status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "the workers cannot be copied"
        );
    }

    fn replace(&self, name: &str, content: &[u8]) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, content).expect("written");
        fs::set_permissions(&new, Permissions::from_mode(0o755)).expect("permissions");
        fs::rename(new, self.path(name)).expect("replaced");
    }

    /// The extension module of each worker, relative to the place.
    fn extensions(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("worker")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("it can be read").flatten() {
                match entry.file_type().expect("known").is_dir() {
                    true => folders.push(entry.path()),
                    false if entry.file_name().to_string_lossy().starts_with("_native") => {
                        found.push(entry.path());
                    }
                    false => {}
                }
            }
        }
        assert!(!found.is_empty(), "no worker in {}", self.place.path().display());
        found
    }

    /// Puts workers of another release in the place of all.
    fn upgrade_workers(&self) {
        for extension in self.extensions() {
            fs::remove_file(&extension).expect("removed");
            fs::write(extension.with_file_name("_native.py"), OTHER_WORKER).expect("written");
        }
    }

    fn group(&self, options: &str) -> Builder {
        group(options)
            .without_module_under_test()
            .load_module("wsgi_module", self.path("mod_wsgi.so"))
    }
}

/// Kills one of two processes: the other serves on, alone, and the log tells why.
#[track_caller]
fn one_goes_on(server: &Server, says: &str) {
    let victim = server.workers()[0];
    process::signal(victim, SIGKILL).expect("it runs");
    let line = server.wait_for_log(says);
    println!("{}", line.message);
    for _ in 0..50 {
        let other = pid(server);
        assert_ne!(other, victim);
    }
}

#[track_caller]
fn heals(server: &Server) {
    let healed = wait_until(Duration::from_secs(40), || {
        let _ = pid(server);
        server.workers().len() == 2 && server.logs_matching("takes requests").len() > 2
    });
    assert!(
        healed,
        "no process is started from the mended files: {:?}",
        server.workers()
    );
}

#[test]
fn f34_broken_files_harm_nothing_that_runs_and_mended_ones_are_found() {
    let installed = Installed::new();
    let server = installed
        .group("processes=2 threads=4")
        .allow_log("^WSGI")
        .start();
    let _ = pid(&server);
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    for name in ["mod_wsgi.so", "rwsgi"] {
        installed.replace(name, b"half of an upgrade");
    }
    for extension in installed.extensions() {
        let new = extension.with_extension("new");
        fs::write(&new, "half of an upgrade").expect("written");
        fs::rename(new, extension).expect("replaced");
    }
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    one_goes_on(&server, "^WSGI1120.*cannot be loaded");
    // httpd keeps the module that it has loaded, and the processes that it cannot replace.
    server.graceful();
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    installed.install();
    heals(&server);
    server.finish();
}

/// A supervisor that dies in the middle of an upgrade has no successor until that is over.
#[test]
fn f34_a_supervisor_is_started_again_once_the_command_is_whole() {
    let installed = Installed::new();
    let server = installed
        .group("processes=2 threads=4")
        .allow_log("^WSGI|: not found$")
        .start();
    let old = pid(&server);
    installed.replace("rwsgi", b"half of an upgrade");
    process::signal(server.supervisor().expect("a supervisor"), SIGKILL).expect("it runs");
    // What cannot be executed may be taken for a script of the shell.
    server.wait_for_log("^WSGI115[68]");
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    installed.install();
    let back = wait_until(Duration::from_secs(40), || server.supervisor().is_some());
    assert!(back, "no supervisor");
    replaced(&server, old, Duration::from_secs(20));
    server.finish();
}

#[test]
fn f34_a_module_that_cannot_be_loaded_is_refused_at_the_next_start() {
    let installed = Installed::new();
    assert!(installed.group("threads=2").check_config().accepted);
    installed.replace("mod_wsgi.so", b"half of an upgrade");
    let check = installed.group("threads=2").check_config();
    assert!(!check.accepted, "{}", check.output);
    assert!(check.output.contains("mod_wsgi.so"), "{}", check.output);
}

/// What the worker of another release says first.
const OTHER_WORKER: &str = "import json, socket, struct, time

def main():
    channel = socket.socket(fileno=5)
    hello = json.dumps({'Hello': {'version': '99.0.0', 'python': '3', 'file': __file__}}).encode()
    channel.sendall(struct.pack('=I', len(hello)) + hello)
    time.sleep(60)
    return 0
";
/// What the command of another release says first.
const OTHER_COMMAND: &str = "#!/usr/bin/python3
import json, socket, struct, time

channel = socket.socket(fileno=3)
hello = json.dumps({'Hello': {'version': '99.0.0'}}).encode()
channel.sendall(struct.pack('=I', len(hello)) + hello)
time.sleep(60)
";

#[test]
fn f34_a_worker_of_another_build_is_refused_and_the_old_one_goes_on() {
    let installed = Installed::new();
    let server = installed
        .group("processes=2 threads=4 shutdown-timeout=1")
        .allow_log("^WSGI")
        .start();
    let _ = pid(&server);
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    installed.upgrade_workers();
    let place = installed.place.path().display();
    let worker = format!(r"\({place}/worker/python[^/]*/rwsgi/_native.py\) is of version 99\.0\.0");
    let command = format!(r"\({place}/rwsgi\) is of version {}", regex_lite::escape(VERSION));
    let fix = r"install both from one package, or build both again \(make build\), then stop and start httpd";
    let line = format!("^WSGI1129: .* {worker}; the command rwsgi that supervises it {command}: {fix}$");
    one_goes_on(&server, &line);
    installed.install();
    heals(&server);
    server.finish();
}

/// A package is upgraded while httpd runs, which keeps the module and the supervisor that it has started.
#[test]
fn f34_what_runs_outlives_an_upgrade_and_the_log_says_to_stop_and_start_httpd() {
    let installed = Installed::new();
    let server = installed
        .group("processes=2 threads=4 shutdown-timeout=1")
        .allow_log("^WSGI")
        .start();
    let _ = pid(&server);
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    // The new module is not looked at before httpd is started anew; the file has to be another.
    let module = fs::read(installed.path("mod_wsgi.so")).expect("installed");
    installed.replace("mod_wsgi.so", &module);
    installed.replace("rwsgi", OTHER_COMMAND.as_bytes());
    installed.upgrade_workers();
    let place = installed.place.path().display();
    let fix = "was replaced while it ran: stop and start httpd, as a restart is not enough$";
    one_goes_on(
        &server,
        &format!(r"^WSGI1129: .*\(.*_native.py\) is of version 99\.0\.0; .* \({place}/rwsgi\) .* {fix}"),
    );
    server.graceful();
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    process::signal(server.supervisor().expect("a supervisor"), SIGKILL).expect("it runs");
    let line = server.wait_for_log(&format!(
        r"^WSGI1157: the command rwsgi \({place}/rwsgi\) is of version 99\.0\.0; the module \({place}/mod_wsgi.so\) .* {fix}"
    ));
    println!("{}", line.message);
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    // Somebody takes the upgrade back.
    installed.install();
    let back = wait_until(Duration::from_secs(40), || server.workers().len() == 2);
    assert!(back, "no supervisor with its processes: {:?}", server.workers());
    server.finish();
}

/// The executable of a group is a link, as in every virtual environment; the Python behind it is gone for a while.
#[test]
fn f34_a_python_that_is_replaced_is_found_again() {
    let place = tempfile::tempdir().expect("a directory");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("permissions");
    let python = place.path().join("python");
    let point_to = |target: &Path| {
        let new = place.path().join("new");
        symlink(target, &new).expect("a link");
        fs::rename(new, &python).expect("replaced");
    };
    point_to(Path::new("/usr/bin/python3"));
    let server = group(&format!("processes=2 threads=4 python={}", python.display()))
        .allow_log("^WSGI")
        .start();
    let _ = pid(&server);
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    point_to(Path::new("/opt/gone/bin/python3.99"));
    one_goes_on(
        &server,
        "^WSGI0100.*/python links to /opt/gone/bin/python3.99, which does not exist",
    );
    // The configuration is read again, and says so, too.
    server.graceful();
    for _ in 0..50 {
        assert_eq!(server.get("/pid").status, 200);
    }
    point_to(Path::new("/usr/bin/python3"));
    heals(&server);
    server.finish();
}
