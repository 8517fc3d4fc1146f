//! From the command to the first answer, and to the end.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rwsgi_harness::process;

use crate::folder::{Folder, application};
use crate::running::{rwsgi, start, start_with};
use crate::serve;

#[test]
fn a_flask_script_answers_within_three_seconds() {
    let Some(venv) = std::env::var_os("RWSGI_TEST_VENV").filter(|path| !path.is_empty()) else {
        eprintln!("skipped: RWSGI_TEST_VENV names no virtual environment; `make test` makes one");
        return;
    };
    let folder = Folder::with(&[(
        "hello.py",
        "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef hello():\n    return 'hello'\n",
    )]);
    let mut command = rwsgi(folder.root());
    // As an activated environment has it.
    command.env("VIRTUAL_ENV", venv);
    let begin = Instant::now();
    let server = start(command.args(["serve", "hello.py", "--port", "0"]), folder.root());
    assert_eq!(server.text("/"), "hello");
    let taken = begin.elapsed();
    println!("first answer after {taken:?}");
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    server.finish();
}

#[test]
fn every_way_to_ask_for_the_end_leaves_nothing() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let folder = Folder::with(&[("app.py", &application("app", "os.getpid()"))]);
        let mut server = serve(folder.root(), &["app.py"]);
        server.text("/");
        let status = server.signal(signal);
        assert!(status.success(), "{signal}: {status}\n{}", server.report());
        assert_eq!(server.left(), Vec::<String>::new(), "{signal}");
        server.forget();
    }
}

/// Service managers give sockets, which cannot be opened by a name as files can.
#[test]
fn the_log_goes_to_a_socket_as_well() {
    let folder = Folder::with(&[(
        "app.py",
        &application("app", "print('seen', file=environ['wsgi.errors'])"),
    )]);
    let (mut reading, writing) = UnixStream::pair().expect("a pair");
    let mut command = rwsgi(folder.root());
    command.args(["serve", "app.py", "--port", "0"]);
    let server = start_with(&mut command, folder.root(), OwnedFd::from(writing).into());
    drop(command);
    assert_eq!(server.text("/"), "None");
    server.finish();
    let mut log = String::new();
    reading.read_to_string(&mut log).expect("text");
    assert!(log.contains("seen"), "{log}");
}

/// As when its window is closed.
#[test]
fn a_terminal_that_has_gone_ends_it_in_order() {
    let folder = Folder::with(&[("app.py", &application("app", "1"))]);
    let mut command = rwsgi(folder.root());
    command.args(["serve", "app.py", "--port", "0"]);
    let (mut reading, writing) = UnixStream::pair().expect("a pair");
    let mut child = command
        .stdout(Stdio::from(OwnedFd::from(writing)))
        .stderr(File::create(folder.path("err.txt")).expect("a file"))
        .spawn()
        .expect("rwsgi runs");
    drop(command);
    let mut told = Vec::new();
    while !told.ends_with(b"Ctrl-C stops it.\n") {
        let mut byte = [0];
        reading.read_exact(&mut byte).expect("it serves");
        told.push(byte[0]);
    }
    drop(reading);
    process::signal(child.id(), libc::SIGHUP).expect("it runs");
    child.wait().expect("our own child");
    let log = std::fs::read_to_string(folder.path("err.txt")).expect("a log");
    assert!(
        log.contains("shutting down") && !log.contains("panicked"),
        "{log}"
    );
    assert_eq!(
        crate::running::private_folders(folder.root()),
        Vec::<String>::new()
    );
}

#[test]
fn httpd_ends_with_a_command_that_is_killed() {
    let folder = Folder::with(&[("app.py", &application("app", "os.getpid()"))]);
    let mut server = serve(folder.root(), &["app.py"]);
    server.text("/");
    server.signal(libc::SIGKILL);
    let private = format!("rwsgi-serve-{}", server.pid());
    // Nobody could remove that any more.
    server.wait_until("its processes are left", || server.left() == [private.as_str()]);
    server.forget();
}

#[test]
fn a_second_interrupt_does_not_wait_for_requests() {
    let text = "import time\ndef app(environ, start_response):\n    print('waits', file=environ['wsgi.errors'], flush=True)\n    time.sleep(60)\n";
    let folder = Folder::with(&[("app.py", text)]);
    let mut server = serve(folder.root(), &["app.py", "--shutdown-timeout", "300"]);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut connection = rwsgi_harness::Connection::open(address).expect("open");
    connection.send_lossy("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.wait_until("the request does not arrive", || server.log().contains("waits"));
    process::signal(server.pid(), libc::SIGINT).expect("it runs");
    server.wait_until("the first is not heard", || server.output().contains("Stopping"));
    let begin = Instant::now();
    // The first one, sent twice, would still be one.
    server.signal_until_it_ends(libc::SIGINT);
    assert!(begin.elapsed() < Duration::from_secs(20));
    server.wait_until("its processes are left", || server.left().is_empty());
    server.forget();
}
