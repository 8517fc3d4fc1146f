//! The answer to a request that the application has not answered.

use crate::gateway::Head;

/// A response.
pub(super) struct ErrorPage {
    pub(super) head: Head,
    pub(super) text: Vec<u8>,
}

/// The response with this status.
pub(super) fn error_page(status: u16) -> ErrorPage {
    let reason = match status {
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    };
    let text = format!("<!DOCTYPE html>\n<title>{status} {reason}</title>\n<h1>{reason}</h1>\n").into_bytes();
    let mut head = Head::default();
    // Both are as they must be.
    let _ = head
        .set_status(format!("{status} {reason}").as_bytes())
        .and_then(|()| head.add(b"Content-Type", b"text/html; charset=utf-8"));
    head.declare_content_length(u64::try_from(text.len()).unwrap_or_default());
    ErrorPage { head, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_status_and_its_length() {
        for status in [400, 404, 408, 413, 500, 503, 504] {
            let page = error_page(status);
            assert_eq!(page.head.status(), status);
            assert_eq!(page.head.fields().count(), 1);
            assert_eq!(page.head.content_length(), Some(page.text.len() as u64));
        }
    }
}
