//! Header fields of the application on their way to the client.

use super::GROUPS;
use super::outcome::{start, succeeds};

#[test]
fn outcome_hop_by_hop_headers_never_reach_the_client() {
    let server = start();
    server.expect_log("WSGI1007");
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/hop_by_hop"));
        assert_eq!((response.status, response.complete), (200, true));
        assert_eq!(
            response.text(),
            "5\r\nhello\r\n0\r\n\r\n",
            "the body is the application's bytes as they are"
        );
        for name in ["Upgrade", "TE", "Trailer", "Proxy-Connection"] {
            assert_eq!(response.header(name), None, "{name}");
        }
        let text = String::from_utf8_lossy(&response.raw_head).to_lowercase();
        assert!(
            !text.contains("x-secret") && !text.contains("timeout=99"),
            "{text}"
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}

#[test]
fn outcome_repeated_headers_stay_separate() {
    let response = succeeds("repeated_headers");
    assert_eq!(response.header_all("Set-Cookie"), ["a=1", "b=2", "a=3"]);
    assert_eq!(response.header_all("X-Many"), ["one", "two"]);
    assert_eq!(
        response.header_all("WWW-Authenticate"),
        ["Basic realm=x", "Digest realm=y"]
    );
}

#[test]
fn outcome_server_and_date_are_httpds() {
    let response = succeeds("own_server_and_date");
    assert_eq!(
        (
            response.header_all("Server").len(),
            response.header_all("Date").len()
        ),
        (1, 1)
    );
    assert!(
        response
            .header("Server")
            .is_some_and(|value| value.starts_with("Apache")),
        "{response:?}"
    );
    assert!(
        response
            .header("Date")
            .is_some_and(|value| !value.contains("1970")),
        "{response:?}"
    );
}

#[test]
fn outcome_location_with_200_is_no_redirect() {
    let response = succeeds("location_with_200");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "not redirected")
    );
    assert_eq!(response.header("Location"), Some("/main/pid"));
}

#[test]
fn outcome_relative_location_is_passed_as_it_is() {
    let response = succeeds("location_relative");
    assert_eq!(
        (response.status, response.header("Location")),
        (302, Some("../elsewhere?x=1"))
    );
}

#[test]
fn outcome_status_header_does_not_change_the_status() {
    assert_eq!(succeeds("status_header").status, 200);
}

#[test]
fn outcome_missing_content_type_is_not_made_up() {
    assert_eq!(succeeds("no_content_type").header("Content-Type"), None);
}
