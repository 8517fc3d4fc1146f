//! An exchange for scripts that do not answer a request: they can write to its log, and no more.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin,
};
use crate::httpd::{Request, log};
use crate::sys;

/// Somebody who is asked about a request, or runs while there is none.
pub struct Bystander<'r> {
    request: Option<Request<'r>>,
    script: &'r [u8],
}

impl<'r> Bystander<'r> {
    /// For a script that is asked about a request.
    pub fn of(request: Request<'r>, script: &'r [u8]) -> Self {
        Bystander {
            request: Some(request),
            script,
        }
    }

    /// For a script that runs when a process starts.
    pub fn without_request(script: &'r [u8]) -> Self {
        Bystander {
            request: None,
            script,
        }
    }
}

impl Exchange for Bystander<'_> {
    fn body_length(&self) -> BodyLength {
        BodyLength::None
    }

    fn read(&mut self, _buffer: &mut [u8]) -> Result<usize, BodyError> {
        Ok(0)
    }

    fn head(&mut self, _head: &Head) {}

    fn stage(&mut self, _piece: &[u8]) {}

    fn stage_file(&mut self, _file: FileRange) {}

    fn flush(&mut self) -> Result<(), ClientGone> {
        Ok(())
    }

    fn send(&mut self, _piece: &[u8]) -> Result<(), ClientGone> {
        Ok(())
    }

    fn body_rule(&self, _status: u16) -> BodyRule {
        BodyRule::Withheld
    }

    fn script(&self) -> &[u8] {
        self.script
    }

    fn is_client_gone(&self) -> bool {
        false
    }

    fn server_record(&self) -> Option<NonNull<c_void>> {
        self.request.as_ref()?.record_for_applications()
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        match &self.request {
            Some(request) => log::request(request, level, code, text),
            None => log::server(level, code, text),
        }
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        match &self.request {
            Some(request) => log::request_from(request, level, origin, text),
            None => log::process_from(level, origin, text),
        }
    }

    fn is_tls(&self) -> bool {
        self.request.as_ref().is_some_and(Request::is_tls)
    }

    fn tls_variable(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if sys::process::is_forked_copy() {
            sys::process::end_forked_copy();
        }
        self.request.as_ref()?.tls_variable(name).map(<[u8]>::to_vec)
    }
}
