//! The requests that every way of serving has to answer alike.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rwsgi_harness::{Connection, Response, wait_until};

use super::client::Ask;

/// What one way of serving is asked.
pub(crate) struct Asked<'a> {
    pub(crate) address: SocketAddr,
    /// A folder that application and test can write in.
    pub(crate) folder: &'a Path,
    /// What all logs say.
    pub(crate) log: &'a dyn Fn() -> String,
}

type Check = fn(&Asked<'_>) -> Result<(), String>;

/// All requests, by name.
pub(crate) const SUITE: &[(&str, Check)] = &[
    ("environ", environ),
    ("encoded_path", encoded_path),
    ("script_file", script_file),
    ("proxy_header", proxy_header),
    ("underscore_header", underscore_header),
    ("authorization", authorization),
    ("body", body),
    ("empty_body", empty_body),
    ("chunked_body", chunked_body),
    ("lines", lines),
    ("unread_body", unread_body),
    ("status", status),
    ("repeated_header", repeated_header),
    ("no_content", no_content),
    ("not_modified", not_modified),
    ("head", head),
    ("redirect", redirect),
    ("created", created),
    ("large_response", large_response),
    ("file_wrapper", file_wrapper),
    ("streaming", streaming),
    ("many_pieces", many_pieces),
    ("exception", exception),
    ("late_exception", late_exception),
    ("too_short", too_short),
    ("errors_stream", errors_stream),
];

fn holds(what: bool, response: &Response) -> Result<(), String> {
    if what {
        Ok(())
    } else {
        Err(format!("{response:?}"))
    }
}

fn has(response: &Response, lines: &[&str]) -> Result<(), String> {
    let text = response.text();
    let missing: Vec<&&str> = lines
        .iter()
        .filter(|line| !text.lines().any(|own| own == **line))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("{missing:?} not in {text}"))
    }
}

fn environ(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/a%20b/c?x=1&y=%2F")
        .header("X-Thing", "a, b")
        .send(asked.address)?;
    has(
        &response,
        &[
            "PATH_INFO='/a b/c'",
            "SCRIPT_NAME=''",
            "QUERY_STRING='x=1&y=%2F'",
            "REQUEST_METHOD='GET'",
            "REMOTE_ADDR='127.0.0.1'",
            "SERVER_PROTOCOL='HTTP/1.1'",
            "HTTP_X_THING='a, b'",
            "wsgi.url_scheme='http'",
            &format!("SERVER_PORT='{}'", asked.address.port()),
        ],
    )?;
    let has_name = response
        .text()
        .lines()
        .any(|line| line.starts_with("SERVER_NAME='") && line != "SERVER_NAME=''");
    // SCGI always has a length.
    let text = response.text().replace("CONTENT_LENGTH='0'", "");
    let has_body = text.contains("CONTENT_LENGTH=") || text.contains("CONTENT_TYPE=");
    // Debian's nginx leaves the port out.
    let has_host = text.contains("HTTP_HOST='www.example.com");
    holds(has_name && has_host && !has_body, &response)
}

fn encoded_path(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/caf%C3%A9%25").send(asked.address)?;
    has(&response, &["PATH_INFO='/cafÃ©%'"])
}

/// The variable of this name says which script runs, never what the web server thinks.
fn script_file(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/").send(asked.address)?;
    let names_it = response.text().lines().any(|line| {
        line.starts_with("SCRIPT_FILENAME='") && (line.ends_with("wsgi.py'") || line.ends_with(".cgi'"))
    });
    holds(names_it, &response)
}

fn proxy_header(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/").header("Proxy", "http://evil").send(asked.address)?;
    holds(!response.text().contains("evil"), &response)
}

/// `X_User` must not pass for `X-User`.
fn underscore_header(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/").header("X_User", "admin").send(asked.address)?;
    holds(
        response.status == 200 && !response.text().contains("HTTP_X_USER"),
        &response,
    )
}

fn authorization(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/")
        .header("Authorization", "Bearer secret")
        .send(asked.address)?;
    has(&response, &["HTTP_AUTHORIZATION='Bearer secret'"])
}

/// Bytes of all values.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number % 256) as u8).collect()
}

fn body(asked: &Asked<'_>) -> Result<(), String> {
    for length in [1, 3000, 300_000] {
        let response = Ask::post("/read", &bytes(length)).send(asked.address)?;
        holds(
            response.status == 200 && response.body == bytes(length),
            &response,
        )?;
    }
    Ok(())
}

fn empty_body(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::post("/read", b"").send(asked.address)?;
    holds(response.status == 200 && response.body.is_empty(), &response)?;
    let response = Ask::get("/read").send(asked.address)?;
    holds(response.status == 200 && response.body.is_empty(), &response)
}

fn chunked_body(asked: &Asked<'_>) -> Result<(), String> {
    let ask = Ask {
        chunked: true,
        ..Ask::post("/read", &bytes(70_000))
    };
    let response = ask.send(asked.address)?;
    holds(
        response.status == 200 && response.body == bytes(70_000),
        &response,
    )
}

fn lines(asked: &Asked<'_>) -> Result<(), String> {
    let text = "0123456789\n".repeat(5000);
    let response = Ask::post("/lines", text.as_bytes()).send(asked.address)?;
    holds(response.text() == "5000 55000", &response)
}

/// An answer before the body was read is an answer.
fn unread_body(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::post("/ignore", &bytes(3_000_000)).send(asked.address)?;
    holds(response.status == 200 && response.text() == "ignored", &response)
}

fn status(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/missing").send(asked.address)?;
    holds(response.status == 404 && response.text() == "gone", &response)
}

fn repeated_header(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/cookies").send(asked.address)?;
    holds(response.header_all("Set-Cookie") == ["a=1", "b=2"], &response)
}

fn no_content(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/none").send(asked.address)?;
    holds(response.status == 204 && response.body.is_empty(), &response)
}

fn not_modified(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/unmodified").send(asked.address)?;
    let is_right = response.status == 304 && response.body.is_empty();
    holds(is_right && response.header("ETag") == Some("\"x\""), &response)
}

fn head(asked: &Asked<'_>) -> Result<(), String> {
    let ask = Ask {
        method: "HEAD",
        ..Ask::get("/large")
    };
    let response = ask.send(asked.address)?;
    let length = response.header("Content-Length");
    holds(
        response.status == 200 && length == Some("5242880") && response.body.is_empty(),
        &response,
    )
}

fn redirect(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/redirect").send(asked.address)?;
    // Some servers put their own name before it.
    let leads_there = response
        .header("Location")
        .is_some_and(|location| location.ends_with("/elsewhere?a=b"));
    holds(response.status == 302 && leads_there, &response)
}

fn created(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/created").send(asked.address)?;
    holds(response.status == 201 && response.text() == "made", &response)
}

fn large_response(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/large").send(asked.address)?;
    let is_right =
        response.body.len() == 5 << 20 && response.body.chunks(16).all(|piece| piece == b"0123456789abcdef");
    holds(response.complete && is_right, &response)
}

fn file_wrapper(asked: &Asked<'_>) -> Result<(), String> {
    let file = asked.folder.join("file");
    std::fs::write(&file, bytes(400_000)).map_err(|error| error.to_string())?;
    let response = Ask::get("/file")
        .header("X-File", &file.display().to_string())
        .send(asked.address)?;
    holds(response.complete && response.body == bytes(400_000), &response)
}

/// What comes until the connection ends, with whether that looked like a failure. The application goes on when the
/// first piece has arrived.
fn read_in_pieces(asked: &Asked<'_>, target: &str) -> Result<(String, bool), String> {
    let name = format!("marker-{}{}", asked.address.port(), target.replace('/', "-"));
    let marker = asked.folder.join(name);
    let ask = Ask::get(target).header("X-Marker", &marker.display().to_string());
    let mut connection = Connection::open(asked.address).map_err(|error| error.to_string())?;
    connection.send_lossy(ask.bytes(asked.address.port()));
    let stream = connection.stream().clone();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .map_err(|error| error.to_string())?;
    let (mut text, mut room) = (Vec::new(), [0; 4096]);
    loop {
        let read = (&*stream).read(&mut room);
        let shown = String::from_utf8_lossy(&text).into_owned();
        let is_marked = marker.exists();
        match read {
            Ok(0) if is_marked => return Ok((shown, false)),
            Ok(count @ 1..) => text.extend_from_slice(&room[..count]),
            Err(error) if is_marked && error.kind() == ErrorKind::ConnectionReset => {
                return Ok((shown, true));
            }
            ended => {
                // The application must not wait for ever.
                let _ = std::fs::write(&marker, "");
                return Err(format!("{ended:?}: {shown}"));
            }
        }
        if !is_marked && text.windows(11).any(|piece| piece == b"first piece") {
            std::fs::write(&marker, "").map_err(|error| error.to_string())?;
        }
    }
}

/// The first piece arrives before there is a last one.
fn streaming(asked: &Asked<'_>) -> Result<(), String> {
    let (text, is_reset) = read_in_pieces(asked, "/stream")?;
    if text.contains("last piece") && !is_reset {
        Ok(())
    } else {
        Err(text)
    }
}

fn many_pieces(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/many").send(asked.address)?;
    let is_right = response.text().lines().count() == 2000 && response.body.len() == 16_000;
    holds(response.complete && is_right, &response)
}

fn exception(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/raise").send(asked.address)?;
    holds(
        response.status == 500 && !response.text().contains("raised early"),
        &response,
    )?;
    is_logged(asked, "raised early")
}

/// A response that breaks off must not look whole.
fn is_broken(response: Result<Response, String>) -> Result<(), String> {
    match response {
        Err(_) => Ok(()),
        Ok(response) => holds(!response.complete || response.status == 502, &response),
    }
}

fn late_exception(asked: &Asked<'_>) -> Result<(), String> {
    let (text, is_reset) = read_in_pieces(asked, "/break")?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let head = head.to_ascii_lowercase();
    let is_whole = if head.contains("transfer-encoding: chunked") {
        body.ends_with("\r\n0\r\n\r\n")
    } else {
        // A length was not known when the head was sent.
        true
    };
    if is_whole && !is_reset {
        return Err(format!("it looks whole: {head}, {} bytes", body.len()));
    }
    is_logged(asked, "broken off late")
}

fn too_short(asked: &Asked<'_>) -> Result<(), String> {
    is_broken(Ask::get("/short").send(asked.address))
}

fn errors_stream(asked: &Asked<'_>) -> Result<(), String> {
    let response = Ask::get("/log").send(asked.address)?;
    holds(response.text() == "logged", &response)?;
    is_logged(asked, "a line from the application")
}

fn is_logged(asked: &Asked<'_>, text: &str) -> Result<(), String> {
    if wait_until(Duration::from_secs(5), || (asked.log)().contains(text)) {
        Ok(())
    } else {
        Err(format!("no log has '{text}':\n{}", (asked.log)()))
    }
}
