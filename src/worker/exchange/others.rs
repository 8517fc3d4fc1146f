//! How the request of a web server ends that is not ours.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use super::super::error_page::error_page;
use super::super::output::write_all;
use super::FcgiExchange;
use crate::config::plan::Protocol;
use crate::fcgi::record;
use crate::gateway::Outcome;

/// How long the rest of a body is waited for that nobody reads.
const LAST_WORD: Duration = Duration::from_secs(2);
/// As long as a record's header, and of a version that there is not.
const NO_RECORD: [u8; record::HEADER_LEN] = [0; record::HEADER_LEN];

impl FcgiExchange<'_> {
    /// Ends the request of a web server that knows nothing of application statuses.
    pub(super) fn conclude_for_others(mut self, outcome: Outcome) -> bool {
        let is_whole = match outcome {
            Outcome::Complete => true,
            Outcome::Truncated => {
                let written = self.output.flush(self.connection.socket());
                self.broken |= written.is_err();
                false
            }
            Outcome::Failed(status) if !self.output.is_begun() => {
                self.output.discard();
                let page = error_page(status);
                self.output.head(&page.head);
                if !self.manner.is_head {
                    self.output.text(&page.text);
                }
                true
            }
            Outcome::ClientGone | Outcome::Failed(_) => {
                self.output.discard();
                false
            }
        };
        self.skip_arrived();
        if !is_whole && !self.broken {
            self.break_off();
        }
        let is_kept = self.wire.is_kept() && !self.server.is_closed();
        let socket = self.connection.socket();
        if !self.broken {
            let ended = if is_kept {
                self.output.end(socket, 0)
            } else {
                self.output.end_last(socket)
            };
            self.broken = ended.is_err();
        }
        if !self.broken && !is_kept {
            self.wait_for_last_word();
        }
        self.tell_arrivals_again();
        is_kept && !self.broken
    }

    /// Closes the connection so that the other side sees, if it can, that something is missing: without the end
    /// of the request. Some web servers take the end of the connection for that; what is no record they refuse.
    fn break_off(&mut self) {
        if self.manner.public == Some(Protocol::FastCgi) {
            // Whoever does not read it does not miss it.
            let _ = write_all(self.connection.socket(), &mut [IoSlice::new(&NO_RECORD)]);
        }
        self.connection.break_off();
        self.broken = true;
    }

    /// Reads what is left of the body before the connection is closed: a peer that still sends would be told
    /// that it failed, and not look at the answer.
    fn wait_for_last_word(&mut self) {
        let deadline = Instant::now() + LAST_WORD;
        while !self.body_ended && !self.aborted && !self.broken && Instant::now() < deadline {
            let limit = Some(LAST_WORD);
            if self.connection.socket().set_read_timeout(limit).is_err() || self.wait_for_body().is_err() {
                return;
            }
            self.skip_arrived();
        }
    }
}
