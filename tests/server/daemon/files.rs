//! Files that processes hand over to httpd.

use std::time::Duration;

use rwsgi_harness::{Mpm, Server, process, wait_until};

use crate::server;

/// One process with one thread, and a file that is larger than what sockets hold.
fn one_thread() -> Server {
    server()
        .mpm(Mpm::Event)
        .file("data/large.bin", vec![b'x'; 32 << 20])
        .config("SetEnv file.large ${ROOT}/data/large.bin")
        .config("SetEnv file.path ${ROOT}/data/large.bin")
        .config("WSGIDaemonProcess files threads=1")
        .config("WSGIScriptAlias / ${APPS}/file_wrapper_cases.py process-group=files")
        .start()
}

fn open_files(pids: &[u32]) -> usize {
    let descriptors = pids.iter().flat_map(|pid| process::descriptors(*pid));
    descriptors.filter(|target| target.ends_with("large.bin")).count()
}

#[test]
fn a_slow_client_of_a_large_file_keeps_no_thread_of_the_group() {
    let server = one_thread();
    let mut slow: Vec<_> = (0..5)
        .map(|_| {
            let mut connection = server.connect();
            connection
                .send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .expect("sent");
            connection.next_head().expect("the response begins");
            connection
        })
        .collect();
    // Nobody has read any of it.
    assert_eq!(server.get("/bytes_io").text(), "from memory");
    let workers = server.workers();
    assert!(
        wait_until(Duration::from_secs(5), || open_files(&workers) == 0),
        "the process is done with all of them"
    );
    assert_eq!(open_files(&server.children()), slow.len(), "httpd is not");
    for connection in &mut slow {
        assert_eq!(connection.rest().len(), 32 << 20);
    }
    assert!(wait_until(Duration::from_secs(5), || {
        open_files(&server.children()) == 0
    }));
    server.finish();
}

#[test]
fn a_request_takes_no_file_along_when_its_process_dies() {
    let server = one_thread();
    server.allow_log("WSGI0146|WSGI1103");
    let mut connection = server.connect();
    connection
        .send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("sent");
    connection.next_head().expect("the response begins");
    let [worker] = server.workers()[..] else {
        panic!("one process: {:?}", server.workers())
    };
    process::signal(worker, 9).expect("killed");
    // What httpd has is its own.
    assert_eq!(connection.rest().len(), 32 << 20);
    server.finish();
}
