//! The twelve ways to name a wrong Python that people meet most often: one line each, and nobody else is harmed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::is_root;
use super::pythons::{mode, open_directory, venv};
use super::wrong_pythons::{
    Unmounts, default_version, denied, executable, home, mount_noexec, owned_by_another, with_executable,
    write,
};
use crate::server;
use rwsgi_harness::{Builder, LogLine, Server, process, usual_python, wait_until};

/// One mistake: what is written for the group, and what the line about it has to name and advise.
struct Mistake {
    name: &'static str,
    /// Makes it in a directory that everybody may enter; the group's options. `None` after saying why it cannot be
    /// made here.
    make: fn(&Path) -> Option<String>,
    /// The element of the path that the line names, below that directory.
    element: &'static str,
    advice: &'static str,
    /// Whether the group serves all the same.
    serves: bool,
}

/// In the order of the list in the issues of mod_wsgi's users.
const MISTAKES: [Mistake; 12] = [
    Mistake {
        name: "a file instead of a directory",
        make: |place| {
            write(&place.join("wsgi.py"), "");
            home(&place.join("wsgi.py"))
        },
        element: "/wsgi.py",
        advice: "give the directory of the virtual environment",
        serves: false,
    },
    Mistake {
        name: "another minor version, which nothing is installed for",
        make: |place| {
            let script = "#!/usr/bin/python3\nimport sys\nat = sys.argv.index('-c')\ncode = sys.argv[at + 1]\n\
                sys.argv[:] = ['-c', *sys.argv[at + 2:]]\nsys.version_info = (3, 99, 2, 'final', 0)\n\
                sys.executable = __file__\nexec(code)\n";
            with_executable(place, |python| executable(python, script))
        },
        element: "/venv/bin/python",
        advice: "worker for Python 3.99 .* install the package rwsgi into",
        serves: false,
    },
    Mistake {
        name: "a home directory with mode 0700",
        make: |place| {
            let closed = place.join("ann");
            fs::create_dir(&closed).expect("a folder");
            venv(&usual_python(), &closed);
            mode(&closed, 0o700);
            is_root().then(|| home(&closed.join("venv")))?
        },
        element: "/ann",
        advice: "grant it with chmod o.x",
        serves: false,
    },
    Mistake {
        name: "a base interpreter that is gone",
        make: |place| {
            let environment = venv(&usual_python(), place);
            let python = environment.join("bin/python");
            for name in ["python", "python3"] {
                let _ = fs::remove_file(environment.join("bin").join(name));
            }
            fs::copy(usual_python(), &python).expect("a copy, as of venv --copies");
            write(
                &environment.join("pyvenv.cfg"),
                "home = /opt/gone/bin\nversion = 3.98.2\n",
            );
            let _ = fs::rename(
                environment.join(format!("lib/python{}", default_version())),
                environment.join("lib/python3.98"),
            );
            home(&environment)
        },
        element: "/venv",
        advice: "was made from the Python in /opt/gone/bin.* create the environment anew",
        serves: false,
    },
    Mistake {
        name: "a symbolic link that dangles",
        make: |place| {
            with_executable(place, |python| {
                symlink("/opt/gone/bin/python3", python).expect("a link")
            })
        },
        element: "/venv/bin/python",
        advice: "links to /opt/gone/bin/python3, which does not exist; reinstall that Python",
        serves: false,
    },
    Mistake {
        name: "a file system that is no friend of root (NFS with root_squash)",
        make: |place| {
            // The server runs without the right to pass by permissions, as root is on such a file system: only the
            // owner gets in, who is not the group's user.
            let exported = place.join("exported");
            fs::create_dir(&exported).expect("a folder");
            venv(&usual_python(), &exported);
            owned_by_another(&exported).then(|| home(&exported.join("venv")))?
        },
        element: "/exported",
        advice: "move the environment to where that user may read",
        serves: false,
    },
    Mistake {
        name: "a file system mounted noexec",
        make: |place| {
            let mounted = mount_noexec(place)?;
            let environment = venv(&usual_python(), &mounted);
            // The link would lead to where programs can be run.
            let python = environment.join("bin/python");
            fs::remove_file(&python).expect("it is there");
            fs::copy(usual_python(), &python).expect("a copy");
            home(&environment)
        },
        element: "/mounted/venv/bin/python",
        advice: "mounted noexec; move the environment, or mount it without noexec",
        serves: false,
    },
    Mistake {
        name: "a denial of SELinux, for which an access list stands here",
        make: |place| {
            let environment = venv(&usual_python(), place);
            denied(&environment.join("bin")).then(|| home(&environment))?
        },
        element: "/venv/bin is closed to it",
        advice: "though owners and permissions allow it; look for a denial of SELinux",
        serves: false,
    },
    Mistake {
        name: "a .pth file that names what is gone",
        make: |place| {
            let environment = venv(&usual_python(), place);
            let packages = environment.join(format!("lib/python{}/site-packages", default_version()));
            write(&packages.join("shop.pth"), "/srv/gone/shop\n");
            home(&environment)
        },
        element: "/venv/lib/python3",
        advice: "site-packages/shop.pth names /srv/gone/shop .* install the package anew .* or remove the file",
        serves: true,
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
                executable(python, head);
            })
        },
        element: "/venv/bin/python",
        advice: "another kind of machine; create the environment on this one",
        serves: false,
    },
    Mistake {
        name: "an environment of PyPy",
        make: |place| {
            let environment = place.join("venv");
            write(
                &environment.join("pyvenv.cfg"),
                "home = /usr/bin\nimplementation = PyPy\nversion_info = 3.11.9\n",
            );
            executable(
                &environment.join("bin/python"),
                "#!/bin/sh\necho This is PyPy >&2\nexit 1\n",
            );
            home(&environment)
        },
        element: "/venv",
        advice: "belongs to PyPy.* create the environment with CPython",
        serves: false,
    },
    Mistake {
        name: "site disabled",
        make: |place| {
            let python = place.join("bin/python-of-ann");
            let script = format!("#!/bin/sh\nexec {} -S \"$@\"\n", usual_python().display());
            executable(&python, script);
            Some(format!("python={}", python.display()))
        },
        element: "/bin/python-of-ann",
        advice: "starts Python without its module site .* let it start Python without this option",
        serves: true,
    },
];

/// Two groups in hosts of their own, one with these options.
fn two_groups(option: &str) -> Builder {
    let builder = server()
        .config(&format!(
            "WSGIDaemonProcess wrong threads=2 connect-timeout=2 {option}"
        ))
        .config("WSGIDaemonProcess right threads=2")
        .config("WSGIScriptAlias /wrong ${APPS}/hello.py process-group=wrong")
        .config("WSGIScriptAlias /right ${APPS}/hello.py process-group=right")
        .allow_log("^WSGI|^This is PyPy");
    if is_root() && process::serving_account().is_some() {
        // Without the right to pass by permissions root sees what it would on a file system of another machine.
        return builder.under(["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]);
    }
    builder
}

/// What the server and the processes of its groups have said is wrong, whatever requests there were.
fn complaints(server: &Server) -> Vec<LogLine> {
    let lines = server.logs().into_iter();
    lines.filter(|line| line.is_trouble() && !line.client).collect()
}

#[test]
fn twelve_mistakes_are_one_line_each_and_harm_no_other_host() {
    for mistake in MISTAKES {
        let place = open_directory();
        let _unmounts = Unmounts(place.path().join("mounted"));
        let Some(option) = (mistake.make)(place.path()) else {
            eprintln!("skipped: {}", mistake.name);
            continue;
        };
        one_line_about(&mistake, place.path(), &option);
    }
}

fn one_line_about(mistake: &Mistake, place: &Path, option: &str) {
    let name = mistake.name;
    let server = two_groups(option).start();
    let statuses: &[u16] = if mistake.serves { &[200] } else { &[503] };
    let response = server.get("/wrong");
    assert!(statuses.contains(&response.status), "{name}: {response:?}");
    for _ in 0..3 {
        assert_eq!(server.get("/right").text(), "Hello world!\n", "{name}");
    }
    if !mistake.serves {
        // Once requests are refused at once, three starts were in vain.
        let refused = wait_until(Duration::from_secs(10), || {
            server.get("/wrong");
            server.logs_matching("^WSGI1134").len() > 1
        });
        assert!(refused, "{name}: no vain starts\n{}", server.report());
    }
    let lines = complaints(&server);
    assert_eq!(lines.len(), 1, "{name}: {lines:#?}");
    let text = &lines[0].message;
    println!("{name}: {text}");
    let element = format!(
        "{}{}",
        place.canonicalize().expect("there").display(),
        mistake.element
    );
    assert!(text.contains(&element), "{name}: {element} is not named: {text}");
    let advised = server.logs_matching(mistake.advice);
    assert!(
        advised.iter().any(|line| line.message == *text),
        "{name}: {:?} is not advised: {text}",
        mistake.advice
    );
    server.finish();
}

/// Whom root cannot look into the files of, can have his Python there.
#[test]
fn an_environment_that_only_its_user_can_read_serves_without_a_complaint() {
    if !is_root() {
        return;
    }
    let place = open_directory();
    let exported = place.path().join("exported");
    fs::create_dir(&exported).expect("a folder");
    let environment = venv(&usual_python(), &exported);
    assert!(owned_by_another(&exported));
    let option = format!("user=daemon group=daemon python-home={}", environment.display());
    let server = two_groups(&option).start();
    assert_eq!(server.get("/wrong").text(), "Hello world!\n");
    assert!(complaints(&server).is_empty(), "{:#?}", complaints(&server));
    server.finish();
}

/// What was wrong is noticed when it is mended, and that is said once, too.
#[test]
fn a_mistake_that_is_mended_heals_without_a_restart() {
    let place = open_directory();
    let environment = venv(&usual_python(), place.path());
    let settings = environment.join("pyvenv.cfg");
    let hidden = place.path().join("hidden");
    fs::rename(&environment, &hidden).expect("moved away");
    let server = two_groups(&format!("python-home={}", environment.display())).start();
    assert_eq!(server.get("/wrong").status, 503);
    fs::rename(&hidden, &environment).expect("moved back");
    assert!(settings.exists());
    let served = wait_until(Duration::from_secs(10), || server.get("/wrong").status == 200);
    assert!(served, "it is not noticed\n{}", server.report());
    server.wait_for_log("^WSGI1115.* 'wrong' serves again");
    let lines = complaints(&server);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    server.finish();
}
