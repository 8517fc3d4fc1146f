//! What a response's head does to httpd's request.

use std::ffi::c_int;
use std::time::Duration;

use super::request::Request;
use crate::ffi;
use crate::gateway::headers::{CONTENT_TYPE, WWW_AUTHENTICATE};
use crate::gateway::{BodyRule, Head};

impl Request<'_> {
    /// Takes over status and headers of a response.
    pub fn respond(&self, head: &Head) {
        self.begin_response(head);
        if let Some(length) = head.content_length() {
            self.set_content_length(length);
        }
    }

    /// Takes over status and headers of a response, but for its length.
    pub(super) fn begin_response(&self, head: &Head) {
        self.set_status(head.status(), head.status_line());
        let (headers, error_headers) = (self.headers_out(), self.err_headers_out());
        for (name, value) in head.fields() {
            if CONTENT_TYPE.is(name) {
                self.set_content_type(value);
            } else if WWW_AUTHENTICATE.is(name) {
                error_headers.add(name, value);
            } else {
                headers.add(name, value);
            }
        }
    }

    /// Whether httpd counts a body that it gets as a whole, and sets its length itself, with nothing before that
    /// but filters of the protocol's own.
    pub(super) fn is_counted_by_server(&self) -> bool {
        if self.is_subrequest() || self.body_rule(self.status()) != BodyRule::Sent {
            return false;
        }
        // SAFETY: null, or the filters of a live request, which nobody changes meanwhile.
        unsafe {
            let mut filter = (*self.as_ptr()).output_filters;
            while !filter.is_null() && (*filter).frec != ffi::ap_content_length_filter_handle {
                if (*(*filter).frec).ftype < ffi::ap_filter_type_AP_FTYPE_PROTOCOL {
                    return false;
                }
                filter = (*filter).next;
            }
            !filter.is_null()
        }
    }

    /// Whether a response with this status has a body.
    pub fn body_rule(&self, status: u16) -> BodyRule {
        BodyRule::of(status, self.is_head())
    }

    /// Tells a client that waits for it to send its body. May block.
    pub fn answer_expect_continue(&self) {
        if !self.expects_continue() {
            return;
        }
        // SAFETY: live and handled by this thread; httpd reads the interim status from where the final one
        // will stand.
        unsafe {
            let status = (*self.as_ptr()).status;
            (*self.as_ptr()).status = c_int::try_from(ffi::HTTP_CONTINUE).unwrap_or(status);
            ffi::ap_send_interim_response(self.as_ptr(), 0);
            (*self.as_ptr()).status = status;
        }
    }

    /// How long a write to the client may wait; the old limit, if it has a socket of its own.
    pub fn set_client_patience(&self, limit: Duration) -> Option<Duration> {
        let micros = |duration: Duration| ffi::apr_interval_time_t::try_from(duration.as_micros()).ok();
        // SAFETY: a request has a live connection; a socket of its own only without a master (HTTP/2).
        unsafe {
            let connection = (*self.as_ptr()).connection;
            if !(*connection).master.is_null() {
                return None;
            }
            let socket = ffi::ap_get_conn_socket(connection);
            let mut old = 0;
            if socket.is_null() || ffi::apr_socket_timeout_get(socket, &raw mut old) != 0 {
                return None;
            }
            if ffi::apr_socket_timeout_set(socket, micros(limit)?) != 0 {
                return None;
            }
            u64::try_from(old).ok().map(Duration::from_micros)
        }
    }
}
