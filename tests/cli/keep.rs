//! `--setup`: a server to keep.

use std::process::Command;

use rwsgi_harness::{process, wait_until};

use crate::folder::{Folder, application};
use crate::running::rwsgi;

#[test]
fn a_server_to_keep_is_controlled_by_its_script() {
    let folder = Folder::with(&[("app.py", &application("app", "'kept ' + os.environ['WORD']"))]);
    let kept = folder.path("kept server");
    let port = free_port();
    let written = rwsgi(folder.root())
        .args(["serve", "app:app", "--port", &port.to_string(), "--setup"])
        .arg(&kept)
        .output()
        .expect("rwsgi runs");
    assert!(written.status.success(), "{written:?}");
    folder.write("kept server/environment", "WORD='for long'\n");
    let control = |word: &str| {
        let done = Command::new(kept.join("control"))
            .arg(word)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("it runs");
        let log = std::fs::read_to_string(kept.join("logs/error.log")).unwrap_or_default();
        assert!(done.status.success(), "{word}: {done:?}\n{log}");
    };
    control("test");
    control("start");
    let number = kept.join("run/httpd.pid");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut body = String::new();
    let answers = wait_until(std::time::Duration::from_secs(30), || {
        let Ok(mut connection) = rwsgi_harness::Connection::open(address) else {
            return false;
        };
        connection.send_lossy("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let response = connection.try_response();
        body = response.map(|response| response.text()).unwrap_or_default();
        body.starts_with("kept")
    });
    let pid: u32 = std::fs::read_to_string(&number)
        .expect("a number")
        .trim()
        .parse()
        .expect("digits");
    control("graceful");
    control("stop");
    let gone = wait_until(std::time::Duration::from_secs(30), || !process::exists(pid));
    assert!(answers && gone, "{body}");
    assert_eq!(body, "kept for long");
}

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").port()
}
