//! The end of `rwsgi serve`, as a service manager or a container engine asks for it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rwsgi_harness::{Connection, process};

use crate::folder::{Folder, application};
use crate::running::Running;
use crate::serve;

const SLOW: &str = "import time\ndef app(environ, start_response):\n    \
    print('has begun', file=environ['wsgi.errors'], flush=True)\n    \
    time.sleep(float(environ['QUERY_STRING']))\n    \
    start_response('200 OK', [('Content-Length', '4')])\n    return [b'late']\n";

/// A request that takes so many seconds, and has begun.
fn slow_request(server: &Running, seconds: &str) -> Connection {
    let mut connection = Connection::open(SocketAddr::from(([127, 0, 0, 1], server.port))).expect("open");
    connection.send_lossy(format!("GET /?{seconds} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    server.wait_until("the request does not arrive", || {
        server.log().contains("has begun")
    });
    connection
}

#[test]
fn requests_that_run_are_answered_before_the_end() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let folder = Folder::with(&[("app.py", SLOW)]);
        let mut server = serve(folder.root(), &["app.py"]);
        let mut connection = slow_request(&server, "1.5");
        // As `timeout` does it: to the process, and to its group.
        for _ in 0..2 {
            process::signal(server.pid(), signal).expect("it runs");
            server.wait_until("the signal is not heard", || server.output().contains("Stopping"));
        }
        let response = connection.try_response();
        let response = response.unwrap_or_else(|error| panic!("{error}\n{}", server.report()));
        assert_eq!((response.status, response.text().as_str()), (200, "late"));
        // httpd lingers for clients that keep their end open.
        drop(connection);
        server.wait_for_success();
        assert_eq!(server.left(), Vec::<String>::new());
        server.forget();
    }
}

#[test]
fn a_request_that_does_not_end_is_waited_for_as_long_as_told() {
    let folder = Folder::with(&[("app.py", SLOW)]);
    let options = ["app.py", "--graceful-timeout", "1", "--shutdown-timeout", "1"];
    let mut server = serve(folder.root(), &options);
    let _connection = slow_request(&server, "300");
    let begin = Instant::now();
    process::signal(server.pid(), libc::SIGTERM).expect("it runs");
    server.wait_for_success();
    let took = begin.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(15),
        "{took:?}\n{}",
        server.report()
    );
    assert_eq!(server.left(), Vec::<String>::new());
    server.forget();
}

/// In a container it is the first process, to which all come whose parents have ended.
#[test]
fn processes_that_applications_leave_are_waited_for() {
    let leaves = "(lambda pid: pid and os.waitpid(pid, 0))(os.fork() or os._exit(os.fork() and 0))";
    let folder = Folder::with(&[("app.py", &application("app", leaves))]);
    let server = serve(folder.root(), &["app.py"]);
    for _ in 0..3 {
        server.text("/");
    }
    server.wait_until("ended processes stay", || {
        let own = server.pid();
        !process::all()
            .iter()
            .any(|found| found.parent == own && found.state == 'Z')
    });
    server.finish();
}
