//! The Python of a group: two at once by virtual environments alone, and twelve ways to name a wrong one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{group, json};
use crate::server;
use rwsgi_harness::process;
use tempfile::TempDir;

fn open_directory() -> TempDir {
    let directory = tempfile::Builder::new()
        .prefix("rwsgi-python-")
        .tempdir()
        .expect("a directory");
    mode(directory.path(), 0o755);
    directory
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

/// A virtual environment of a Python, without packages.
fn venv(python: &Path, place: &Path) -> PathBuf {
    let venv = place.join("venv");
    let made = Command::new(python)
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .output();
    let made = made.expect("Python runs");
    assert!(made.status.success(), "{made:?}");
    venv
}

fn default_python() -> PathBuf {
    std::env::var_os("PYO3_PYTHON").map_or_else(|| "/usr/bin/python3".into(), PathBuf::from)
}

/// A Python of another version that the serving account can read, with a worker built for it.
fn other_python() -> Option<PathBuf> {
    let home = std::env::var_os("RWSGI_TEST_OWN_GIL_HOME").map(PathBuf::from);
    if home.is_none() {
        eprintln!("skipped: no second Python (RWSGI_TEST_OWN_GIL_HOME, see tools/other-python.sh)");
    }
    home.map(|home| home.join("bin/python3"))
}

fn version_of(python: &Path) -> String {
    let script = "import sys; print(sys.version.split()[0])";
    let output = Command::new(python)
        .args(["-c", script])
        .output()
        .expect("Python runs");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
fn two_pythons_serve_at_once_by_their_virtual_environments_alone() {
    let Some(other) = other_python() else { return };
    let places = [open_directory(), open_directory()];
    let pythons = [default_python(), other];
    let mut builder = server().allow_log("^stopping of");
    for (number, (python, place)) in pythons.iter().zip(&places).enumerate() {
        let home = venv(python, place.path());
        // A copied installation does not know where its library went.
        let library = python.with_file_name("../lib");
        builder = builder
            .config(&format!(
                "WSGIDaemonProcess group{number} threads=2 python-home={} env=LD_LIBRARY_PATH={}",
                home.display(),
                library.display()
            ))
            .config(&format!(
                "WSGIScriptAlias /{number} ${{APPS}}/daemon_cases.py process-group=group{number}"
            ));
    }
    let server = builder.start();
    for round in 0..2 {
        for (number, (python, place)) in pythons.iter().zip(&places).enumerate() {
            let facts = json(&server, &format!("/{number}/identity"));
            assert_eq!(facts["version"], version_of(python), "round {round}");
            assert_eq!(facts["prefix"], place.path().join("venv").display().to_string());
        }
        server.graceful();
    }
    server.finish();
}

#[test]
fn an_executable_may_be_named_directly() {
    let place = open_directory();
    let home = venv(&default_python(), place.path());
    let server = group(&format!("threads=2 python={}/bin/python", home.display())).start();
    assert_eq!(json(&server, "/identity")["prefix"], home.display().to_string());
    server.finish();
}

/// One mistake: what is written for the group, and what the line about it has to name.
struct Mistake {
    name: &'static str,
    make: fn(&Path) -> String,
    element: &'static str,
}

fn home(path: &Path) -> String {
    format!("python-home={}", path.display())
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, content).expect("written");
}

/// An environment whose executable is what `make` puts there.
fn with_executable(place: &Path, make: impl FnOnce(&Path)) -> String {
    let home_directory = place.join("venv");
    write(&home_directory.join("pyvenv.cfg"), "home = /usr/bin\n");
    fs::create_dir_all(home_directory.join("bin")).expect("folders");
    make(&home_directory.join("bin/python"));
    home(&home_directory)
}

const MISTAKES: [Mistake; 12] = [
    Mistake {
        name: "a home that does not exist",
        make: |place| home(&place.join("no/venv")),
        element: "/no",
    },
    Mistake {
        name: "a file instead of a home",
        make: |place| {
            write(&place.join("file"), "");
            home(&place.join("file"))
        },
        element: "/file",
    },
    Mistake {
        name: "an empty folder",
        make: |place| {
            fs::create_dir(place.join("empty")).expect("a folder");
            home(&place.join("empty"))
        },
        element: "/empty",
    },
    Mistake {
        name: "a home in a closed folder",
        make: |place| {
            let closed = place.join("closed");
            fs::create_dir(&closed).expect("a folder");
            venv(&default_python(), &closed);
            mode(&closed, 0o700);
            home(&closed.join("venv"))
        },
        element: "/closed",
    },
    Mistake {
        name: "a link to an interpreter that is gone",
        make: |place| {
            with_executable(place, |python| {
                symlink("/opt/gone/bin/python3", python).expect("a link")
            })
        },
        element: "/opt/gone/bin/python3",
    },
    Mistake {
        name: "an environment without an interpreter",
        make: |place| with_executable(place, |_| {}),
        element: "/venv/bin",
    },
    Mistake {
        name: "an interpreter that may not be executed",
        make: |place| {
            with_executable(place, |python| {
                fs::copy("/usr/bin/python3", python).expect("a copy");
                mode(python, 0o644);
            })
        },
        element: "/venv/bin/python",
    },
    Mistake {
        name: "an interpreter of another machine",
        make: |place| {
            with_executable(place, |python| {
                // The head of a 64-bit program for a machine that nobody has.
                let mut head = [0_u8; 64];
                head[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
                head[16] = 2;
                head[18] = 0xfe;
                fs::write(python, head).expect("written");
                mode(python, 0o755);
            })
        },
        element: "/venv/bin/python",
    },
    Mistake {
        name: "something else than Python",
        make: |place| with_executable(place, |python| symlink("/bin/false", python).expect("a link")),
        // It may be anything that ends like this.
        element: "exited with status 1 before it took requests",
    },
    Mistake {
        name: "an executable that does not exist",
        make: |place| format!("python={}", place.join("bin/python3.99").display()),
        element: "/bin/python3.99",
    },
    Mistake {
        name: "a Python that nothing is installed for",
        make: |place| {
            let script = "#!/usr/bin/python3\nimport sys\nat = sys.argv.index('-c')\ncode = sys.argv[at + 1]\n\
                sys.argv[:] = ['-c', *sys.argv[at + 2:]]\nsys.version_info = (3, 9, 2, 'final', 0)\nexec(code)\n";
            with_executable(place, |python| {
                fs::write(python, script).expect("written");
                mode(python, 0o755);
            })
        },
        element: "no worker for Python 3.9 .* install the package rwsgi",
    },
    Mistake {
        name: "an environment whose base is gone",
        make: |place| {
            let home_directory = venv(&default_python(), place);
            write(
                &home_directory.join("pyvenv.cfg"),
                "home = /opt/gone/bin\nversion = 3.11.2\n",
            );
            let python = home_directory.join("bin/python");
            for name in ["python", "python3"] {
                let _ = fs::remove_file(home_directory.join("bin").join(name));
            }
            symlink("/opt/gone/bin/python3", python).expect("a link");
            home(&home_directory)
        },
        element: "/opt/gone/bin",
    },
];

/// One line that names what is wrong; the group refuses; every other host goes on.
#[test]
fn twelve_mistakes_are_one_line_each_and_harm_no_other_host() {
    for Mistake { name, make, element } in MISTAKES {
        if name.contains("closed") && !process::is_root() {
            eprintln!("skipped: {name}: only root serves under another account");
            continue;
        }
        let place = open_directory();
        let option = make(place.path());
        let server = server()
            .config(&format!(
                "WSGIDaemonProcess wrong threads=2 connect-timeout=2 {option}"
            ))
            .config("WSGIDaemonProcess right threads=2")
            .config("WSGIScriptAlias /wrong ${APPS}/hello.py process-group=wrong")
            .config("WSGIScriptAlias /right ${APPS}/hello.py process-group=right")
            .allow_log("^WSGI")
            .start();
        let response = server.get("/wrong");
        assert!([500, 503].contains(&response.status), "{name}: {response:?}");
        for _ in 0..3 {
            assert_eq!(server.get("/right").text(), "Hello world!\n", "{name}");
        }
        let naming: Vec<_> = server
            .logs_matching(element)
            .into_iter()
            .filter(|line| line.is_trouble() && !line.client)
            .collect();
        let first = naming
            .first()
            .unwrap_or_else(|| panic!("{name}: not told\n{}", server.report()));
        let by_parent = naming
            .iter()
            .filter(|line| line.pid == server.parent_pid())
            .count();
        // The parent says what it can see in the files, once; each vain start is told until the starts get rare.
        assert!(by_parent <= 1 && naming.len() <= 6, "{name}: {naming:#?}");
        println!("{name}: {}", first.message);
        server.finish();
    }
}
