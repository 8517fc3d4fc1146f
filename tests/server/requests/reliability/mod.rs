//! Bad, odd and hostile requests, numbered as in the catalogue of bad input.
//!
//! Where httpd itself has to answer, the tests only assert that the application is not reached and that
//! the server goes on.

mod clients;
mod framing;
mod syntax;

use super::server;
use rwsgi_harness::{Builder, Response, Server};

/// An application that echoes what it was asked.
fn echo() -> Builder {
    server()
        .one_process()
        .config("WSGIScriptAlias / ${APPS}/echo.py\nWSGIChunkedRequest On")
}

/// How often the application was called, this probe not counted.
fn calls(server: &Server) -> u32 {
    let response = server.get("/probe");
    assert_eq!(response.status, 200, "the server must go on: {response:?}");
    let call: u32 = response
        .header("X-Call")
        .and_then(|call| call.parse().ok())
        .expect("a number");
    call - 1
}

/// Sends bytes that httpd has to refuse with one of these codes; the application is not called.
#[track_caller]
fn refuses(server: &Server, bytes: &[u8], codes: &[u16]) {
    let before = calls(server);
    let mut connection = server.connect();
    connection.send_lossy(bytes);
    connection.finish_sending();
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    match connection.try_response() {
        Ok(response) => assert!(codes.contains(&response.status), "{shown:?}: {response:?}"),
        Err(error) => panic!("{shown:?}: {error}"),
    }
    assert_eq!(calls(server), before + 1, "{shown:?} reached the application");
}

/// Sends bytes that have to reach the application.
#[track_caller]
fn echoes(server: &Server, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection = server.connect();
    connection.send_lossy(bytes);
    let response = connection.response();
    assert_eq!(response.status, 200, "{response:?}");
    response
}
