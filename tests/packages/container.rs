//! The image's command as a container runs it: the first process, as an account that exists nowhere, on a file system
//! that cannot be written to, with nothing but `/tmp`.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rwsgi_harness::{Connection, Response, command_under_test, module_under_test, process, usual_python};
use rwsgi_harness::{wait_for, wait_until};
use tempfile::TempDir;

use super::image::{only, words};
use super::{root, text};

const PATIENCE: Duration = Duration::from_secs(60);

const APP: &str = "import os, sys, time\n\
    def application(environ, start_response):\n    \
        path = environ['PATH_INFO']\n    \
        if path == '/slow':\n        \
            print('slow has begun', file=sys.stderr, flush=True)\n        \
            time.sleep(2)\n    \
        if path == '/write':\n        \
            open('/var/tmp/written', 'w')\n    \
        if path == '/orphan':\n        \
            child = os.fork() or os._exit(os.fork() and 0)\n        \
            os.waitpid(child, 0)\n    \
        print('printed for', path)\n    \
        body = f'{os.getuid()} {os.getgid()} {os.getgroups()}'.encode()\n    \
        start_response('500 Error' if path == '/broken' else '200 OK', [('Content-Length', str(len(body)))])\n    \
        return [body]\n";

/// Makes the file system of a container out of this one's, and becomes the command: `$1` has its parts, `$2` becomes
/// `/tmp`, the rest is the command.
const ENTER: &str = r#"
set -e
parts=$1 tmp=$2
shift 2
mount --make-rprivate /
mount --bind "$parts" /srv
mount --bind "$tmp" /tmp
mount -o remount,bind,ro /srv
mount -o remount,bind,ro /
mount -t proc proc /proc
cd /srv/app
# With another account the wish of `unshare --kill-child` is forgotten.
exec setpriv --pdeathsig KILL --reuid 12345 --regid 0 --clear-groups --no-new-privs --bounding-set=-all \
    --inh-caps=-all "$@"
"#;

/// Whether a container can be made like this here; prints why not.
fn possible() -> bool {
    if !process::is_root() {
        eprintln!("skipped: only root can make the file system of a container");
        return false;
    }
    let tried = Command::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--fork",
            "sh",
            "-c",
            "mount --make-rprivate / && mount -o remount,bind,ro /",
        ])
        .output();
    match tried {
        Ok(output) if output.status.success() => {
            Path::new("/srv").is_dir() || {
                eprintln!("skipped: there is no folder /srv to put the parts into");
                false
            }
        }
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            eprintln!("skipped: no container can be made here: {}", told.trim());
            false
        }
        Err(error) => {
            eprintln!("skipped: no container can be made here: unshare: {error}");
            false
        }
    }
}

/// A container that runs.
struct Container {
    child: Child,
    log: Arc<Mutex<String>>,
    port: u16,
    tmp: PathBuf,
    folder: Option<TempDir>,
}

impl Container {
    fn start() -> Container {
        let folder = tempfile::tempdir().expect("a folder");
        put_parts(&folder.path().join("parts"));
        let tmp = folder.path().join("tmp");
        fs::create_dir(&tmp).expect("made");
        fs::set_permissions(&tmp, Permissions::from_mode(0o1777)).expect("set");
        Container::start_in(folder)
    }

    /// As the image starts it, but for the port.
    fn start_in(folder: TempDir) -> Container {
        let [parts, tmp] = ["parts", "tmp"].map(|name| folder.path().join(name));
        let port = free_port();
        let mut command = words(&only("ENTRYPOINT"));
        for word in &mut command {
            if *word == only("EXPOSE") {
                *word = port.to_string();
            }
        }
        command[0] = "/srv/rwsgi/rwsgi".to_owned();
        command.push("/srv/app".to_owned());
        let mut child = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                ENTER,
                "sh",
            ])
            .args([&parts, &tmp])
            .args(command)
            .arg("--python")
            .arg(usual_python())
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("HOME", "/tmp"),
                ("TMPDIR", "/tmp"),
                ("LANG", "C.UTF-8"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped"), &log);
        collect(child.stderr.take().expect("piped"), &log);
        let container = Container {
            child,
            log,
            port,
            tmp,
            folder: Some(folder),
        };
        container.wait_for_log("Ctrl-C stops it.");
        container
    }

    fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    #[track_caller]
    fn wait_for_log(&self, part: &str) {
        let found = wait_until(PATIENCE, || self.log().contains(part));
        assert!(found, "no '{part}' in:\n{}", self.log());
    }

    fn send(&self, path: &str) -> Connection {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut connection = Connection::open(address).expect("it listens");
        connection.send_lossy(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection
    }

    #[track_caller]
    fn response(&self, mut connection: Connection) -> Response {
        let response = connection.try_response();
        response.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Response {
        self.response(self.send(path))
    }

    /// The first process of the container, as it is numbered outside.
    fn first_process(&self) -> u32 {
        process::children_of(self.child.id())[0]
    }

    /// What the engine does: the image's signal, then a wait.
    fn stop(&self) {
        assert_eq!(only("STOPSIGNAL"), "SIGTERM");
        process::signal(self.first_process(), libc::SIGTERM).expect("sent");
    }

    #[track_caller]
    fn wait_for_end(&mut self) -> ExitStatus {
        let ended = wait_for(PATIENCE, || self.child.try_wait().expect("our own child"));
        ended.unwrap_or_else(|| panic!("it does not end\n{}", self.log()))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // The container's processes go with it (--kill-child).
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parts of rwsgi and an application, readable for everybody.
fn put_parts(parts: &Path) {
    let (rwsgi, app) = (parts.join("rwsgi"), parts.join("app"));
    let command = command_under_test();
    fs::create_dir_all(&rwsgi).expect("made");
    fs::create_dir_all(&app).expect("made");
    fs::copy(&command, rwsgi.join("rwsgi")).expect("copied");
    fs::copy(module_under_test(), rwsgi.join("mod_rwsgi.so")).expect("copied");
    let worker =
        std::env::var_os("RWSGI_TEST_WORKER").map_or_else(|| command.with_file_name("worker"), PathBuf::from);
    let copied = Command::new("cp")
        .arg("-r")
        .arg(worker)
        .arg(rwsgi.join("worker"))
        .status();
    assert!(copied.expect("cp runs").success());
    fs::write(app.join("app.py"), APP).expect("written");
    let readable = Command::new("chmod").args(["-R", "a+rX"]).arg(parts).status();
    assert!(readable.expect("chmod runs").success());
}

fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").port()
}

/// Reads an output to its end, in a thread of its own.
fn collect(output: impl std::io::Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut text = log.lock().expect("no panic");
            text.push_str(&line);
            text.push('\n');
        }
    });
}

fn health(port: u16, path: &str) -> (bool, String) {
    let output = Command::new(usual_python())
        .arg(root().join("packaging/container/healthy.py"))
        .env("HEALTH_PORT", port.to_string())
        .env("HEALTH_PATH", path)
        .output()
        .expect("python runs");
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (output.status.success(), told)
}

#[test]
fn it_serves_any_account_writes_nothing_and_answers_what_runs_before_it_ends() {
    if !possible() {
        return;
    }
    let mut container = Container::start();
    assert_eq!(container.get("/").text(), "12345 0 []", "{}", container.log());
    // Its logs are its outputs: requests, what the application prints, what goes wrong.
    container.wait_for_log("\"GET / HTTP/1.1\" 200");
    container.wait_for_log("printed for /");
    assert_eq!(container.get("/write").status, 500);
    container.wait_for_log("Read-only file system: '/var/tmp/written'");
    let first = container.first_process();
    assert_eq!(container.get("/orphan").status, 200);
    let reaped = wait_until(PATIENCE, || {
        !process::all()
            .iter()
            .any(|found| found.parent == first && found.state == 'Z')
    });
    assert!(reaped, "ended processes stay");
    assert_eq!(health(container.port, "/"), (true, String::new()));
    assert_eq!(
        health(container.port, "/broken"),
        (false, "/broken answers 500".to_owned())
    );

    let slow = container.send("/slow");
    container.wait_for_log("slow has begun");
    container.stop();
    let begin = Instant::now();
    let response = container.response(slow);
    assert_eq!((response.status, response.complete), (200, true));
    let status = container.wait_for_end();
    let took = begin.elapsed();
    let log = container.log();
    assert!(status.success(), "{status}\n{log}");
    println!("ended {took:?} after SIGTERM, with a request of two seconds that ran");
    // What engines wait for before they kill.
    assert!(took < Duration::from_secs(10), "{took:?}\n{log}");
    assert_eq!(log.matches("Read-only file system").count(), 1, "{log}");
    let left: Vec<_> = fs::read_dir(&container.tmp).expect("there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!health(container.port, "/").0);
}

/// As after a kill for want of memory: the next start finds the folder of the one before, by the same number.
#[test]
fn it_starts_over_what_a_killed_one_has_left() {
    if !possible() {
        return;
    }
    let mut container = Container::start();
    process::signal(container.first_process(), libc::SIGKILL).expect("sent");
    container.wait_for_end();
    let left: Vec<_> = fs::read_dir(&container.tmp).expect("there").flatten().collect();
    assert!(!left.is_empty(), "nothing is left to start over");
    let again = Container::start_in(container.folder.take().expect("its folder"));
    assert_eq!(again.get("/").status, 200, "{}", again.log());
}

/// The documents show the command as it is.
#[test]
fn the_documents_name_what_the_image_has() {
    let page = text("docs/container.md");
    for word in [
        only("EXPOSE"),
        only("USER"),
        only("STOPSIGNAL"),
        "HEALTH_PATH".to_owned(),
    ] {
        assert!(page.contains(&word), "docs/container.md does not tell of {word}");
    }
}
