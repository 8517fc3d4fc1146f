//! What one server makes of one request, as named values that can be compared.

use std::collections::BTreeMap;
use std::time::Duration;

use rwsgi_harness::{ClientError, Connection, Framing, Response, Server, wait_until};

use crate::case::Case;
use crate::normalise::{Normaliser, log_outcome};

/// Value by field: `status`, `header content-type`, `environ PATH_INFO`, `log`, ...
pub(crate) type Observation = BTreeMap<String, String>;

/// How long the access log may lag behind a response.
pub(crate) const LOG_LIMIT: Duration = Duration::from_secs(5);

/// Sends the request and collects what can be seen of its outcome.
pub(crate) fn observe(server: &Server, case: &Case) -> Observation {
    case.prepare(server);
    let authorization = case.authorization(server);
    let logged = server.logs().len();
    let accessed = server.access_log().len();
    let mut connection = server.connect();
    connection.send_lossy(case.bytes(authorization.as_deref()));
    if case.ends_sending() {
        connection.finish_sending();
    }
    let answer = if case.is_head() {
        connection.try_head_response()
    } else {
        connection.try_response()
    };
    let normaliser = Normaliser::of(server);
    let mut seen = Observation::new();
    let mut requests = 1;
    match answer {
        Ok(response) => {
            let kept = case_keeps(&mut connection, case, &response);
            requests += usize::from(kept);
            describe(&mut seen, &normaliser, &response);
            put(&mut seen, "then", if kept { "kept" } else { "closed" });
        }
        Err(error) => put(&mut seen, "response", no_response(&error)),
    }
    drop(connection);
    // httpd writes a request's access line last of all.
    wait_until(LOG_LIMIT, || server.access_log().len() >= accessed + requests);
    let lines = server.logs().split_off(logged);
    put(&mut seen, "log", log_outcome(&lines, &normaliser));
    seen
}

fn put(seen: &mut Observation, field: &str, value: impl Into<String>) {
    seen.insert(field.to_string(), value.into());
}

fn no_response(error: &ClientError) -> &'static str {
    match error {
        ClientError::Closed(bytes) if bytes.is_empty() => "none, closed",
        ClientError::Closed(_) => "cut within the head",
        ClientError::Malformed(..) => "malformed",
        ClientError::TimedOut(_) => "none in time",
    }
}

/// Whether the connection answers a further request in step. `OPTIONS *` never reaches an application.
fn case_keeps(connection: &mut Connection, case: &Case, response: &Response) -> bool {
    if case.ends_sending() || !response.complete {
        return false;
    }
    connection.send_lossy("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection
        .try_response()
        .is_ok_and(|next| next.header("Allow").is_some())
}

fn describe(seen: &mut Observation, normaliser: &Normaliser, response: &Response) {
    put(seen, "response", &response.version);
    put(seen, "status", response.status.to_string());
    put(seen, "reason", &response.reason);
    put(seen, "interim", format!("{:?}", response.interim));
    put(seen, "complete", response.complete.to_string());
    for (name, value) in &response.headers {
        let name = name.to_ascii_lowercase();
        let value = match name.as_str() {
            "date" | "server" | "last-modified" => "present".to_string(),
            _ => normaliser.text(value),
        };
        let values = seen.entry(format!("header {name}")).or_default();
        if !values.is_empty() {
            values.push_str(" | ");
        }
        values.push_str(&value);
    }
    framing(seen, response);
    if response.header("X-Method").is_some() {
        environ(seen, normaliser, &response.text());
    } else {
        let text: String = response.body.iter().map(|byte| char::from(*byte)).collect();
        put(seen, "body", normaliser.text(&text));
    }
}

/// How the end of a complete body is told takes one field, so that it and the body are compared apart.
fn framing(seen: &mut Observation, response: &Response) {
    let framing = match response.framing {
        _ if !response.complete => return,
        Framing::Chunked => "chunked",
        Framing::Length(_) => "length",
        Framing::None | Framing::UntilClose => return,
    };
    seen.remove("header content-length");
    seen.remove("header transfer-encoding");
    put(seen, "framing", framing);
}

/// The lines of `environ_dump.py`: one key each.
fn environ(seen: &mut Observation, normaliser: &Normaliser, text: &str) {
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(" = ") {
            put(seen, &format!("environ {key}"), normaliser.environ(key, value));
        }
    }
}
