//! The request's body, through httpd's input filters.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::request::Request;
use crate::ffi;
use crate::gateway::{BodyError, BodyLength};

/// A body of at most so many unread bytes is worth reading to its end only to keep the connection.
const WORTH_DRAINING: u64 = 256 * 1024;

/// Where a request's body comes from.
pub struct Input<'r> {
    request: Request<'r>,
    length: BodyLength,
    remaining: Option<u64>,
    ended: bool,
    /// Invariant: null before the first read, then a brigade of the request's pool.
    brigade: *mut ffi::apr_bucket_brigade,
}

// SAFETY: the request is handled by one thread at a time; whoever has the input has the request.
unsafe impl Send for Input<'_> {}

impl<'r> Input<'r> {
    /// For the body of `request`, which announced `length`.
    pub fn new(request: Request<'r>, length: BodyLength) -> Self {
        let remaining = match length {
            BodyLength::Known(length) => Some(length),
            BodyLength::None => Some(0),
            BodyLength::Open => None,
        };
        Input {
            request,
            length,
            remaining,
            ended: length == BodyLength::None,
            brigade: ptr::null_mut(),
        }
    }

    /// The announced length.
    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// For a response that is complete: what is left of the request's body stands before the next request. It
    /// is read to its end by httpd if it is short or already here; a longer one is not worth keeping the
    /// connection for.
    pub fn settle(&mut self) {
        self.drain_arrived();
        if self.has_much_left() || self.request.expects_continue() {
            self.request.close_connection_after();
        }
    }

    /// Whether so much of the body is unread that reading it only to throw it away costs more than the
    /// connection is worth.
    fn has_much_left(&self) -> bool {
        !self.ended && self.remaining.is_none_or(|remaining| remaining > WORTH_DRAINING)
    }

    /// Reads some of the body; 0 means its end. May block; the first read answers `Expect: 100-continue`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        while !self.ended {
            let read = self.read_brigade(buffer, ffi::apr_read_type_e_APR_BLOCK_READ)?;
            if read > 0 {
                self.remaining = self.remaining.map(|rest| rest.saturating_sub(read as u64));
                return Ok(read);
            }
        }
        Ok(0)
    }

    /// Reads what has arrived of the body; `None` when that is nothing, 0 at its end. Never blocks, and never
    /// answers `Expect: 100-continue`.
    pub fn read_arrived(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, BodyError> {
        if self.ended {
            return Ok(Some(0));
        }
        let read = self.read_brigade(buffer, ffi::apr_read_type_e_APR_NONBLOCK_READ)?;
        self.remaining = self.remaining.map(|rest| rest.saturating_sub(read as u64));
        Ok((read > 0 || self.ended).then_some(read))
    }

    /// Throws away what has arrived of a body that nobody will read, up to a limit. Never blocks, and never
    /// answers `Expect: 100-continue`.
    fn drain_arrived(&mut self) {
        if self.ended
            || self.request.expects_continue()
            || self.remaining.is_some_and(|rest| rest > WORTH_DRAINING)
        {
            return;
        }
        let mut buffer = [0; 8192];
        for _ in 0..WORTH_DRAINING / buffer.len() as u64 {
            match self.read_brigade(&mut buffer, ffi::apr_read_type_e_APR_NONBLOCK_READ) {
                Ok(read) if read > 0 && !self.ended => {}
                _ => return,
            }
        }
    }

    fn read_brigade(&mut self, buffer: &mut [u8], mode: ffi::apr_read_type_e) -> Result<usize, BodyError> {
        if self.brigade.is_null() {
            // SAFETY: the pool and the bucket allocator of a live request.
            self.brigade = unsafe {
                ffi::apr_brigade_create(
                    self.request.pool().as_ptr(),
                    (*(*self.request.as_ptr()).connection).bucket_alloc,
                )
            };
        }
        let wanted = ffi::apr_off_t::try_from(buffer.len()).unwrap_or(ffi::apr_off_t::MAX);
        // SAFETY: the filters of a live request and a live, empty brigade.
        let status = unsafe {
            ffi::ap_get_brigade(
                (*self.request.as_ptr()).input_filters,
                self.brigade,
                ffi::ap_input_mode_t_AP_MODE_READBYTES,
                mode,
                wanted,
            )
        };
        let copied = if status == 0 {
            self.copy_buckets(buffer)
        } else {
            Err(status)
        };
        // SAFETY: a live brigade (rule 4).
        unsafe { ffi::apr_brigade_cleanup(self.brigade.cast()) };
        if copied == Err(ffi::APR_EAGAIN) {
            return Ok(0);
        }
        copied.map_err(|status| {
            self.ended = true;
            self.body_error(status)
        })
    }

    /// Copies the brigade's data; notes the end of the body.
    fn copy_buckets(&mut self, buffer: &mut [u8]) -> Result<usize, ffi::apr_status_t> {
        let mut filled = 0_usize;
        // SAFETY: a live brigade; the sentinel ends the ring.
        let (mut bucket, sentinel) = unsafe {
            (
                ffi::rwsgi_brigade_first(self.brigade),
                ffi::rwsgi_brigade_sentinel(self.brigade),
            )
        };
        while bucket != sentinel {
            // SAFETY: a bucket of the ring, which nobody changes meanwhile but the read itself.
            unsafe {
                if ffi::rwsgi_bucket_is_eos(bucket) != 0 {
                    self.ended = true;
                    break;
                }
                if ffi::rwsgi_bucket_is_metadata(bucket) == 0 {
                    let (mut data, mut length) = (ptr::null::<c_char>(), 0_usize);
                    match ffi::rwsgi_bucket_read(bucket, &raw mut data, &raw mut length) {
                        0 => {
                            filled += copy(data.cast(), length, buffer.get_mut(filled..).unwrap_or_default())
                        }
                        status => return Err(status),
                    }
                }
                bucket = ffi::rwsgi_bucket_next(bucket);
            }
        }
        Ok(filled)
    }

    fn body_error(&self, status: ffi::apr_status_t) -> BodyError {
        match status {
            ffi::APR_TIMEUP => BodyError::TimedOut,
            ffi::APR_ENOSPC => BodyError::TooLarge,
            ffi::APR_ECONNRESET | ffi::APR_ECONNABORTED | ffi::APR_EOF => BodyError::Gone,
            // The chunk or length that the client announced did not come.
            ffi::APR_INCOMPLETE => BodyError::Gone,
            ffi::AP_FILTER_ERROR => {
                BodyError::Broken("the request was refused while its body was read".into())
            }
            _ if self.request.is_aborted() => BodyError::Gone,
            _ => BodyError::Broken(describe(status)),
        }
    }
}

/// # Safety
///
/// `data` leads to `length` readable bytes.
unsafe fn copy(data: *const u8, length: usize, room: &mut [u8]) -> usize {
    let length = length.min(room.len());
    if length > 0 {
        // SAFETY: caller's promise, and bounded by the room.
        unsafe { ptr::copy_nonoverlapping(data, room.as_mut_ptr(), length) };
    }
    length
}

/// APR's words for a status.
fn describe(status: ffi::apr_status_t) -> String {
    let mut text: [c_char; 200] = [0; 200];
    // SAFETY: APR writes at most the length given, terminated.
    unsafe {
        ffi::apr_strerror(status, text.as_mut_ptr(), text.len());
        CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
    }
}
