//! The response's way through httpd's output filters.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr;

use super::request::Request;
use crate::ffi;
use crate::gateway::{ClientGone, FileRange, Head};

/// Longest part of one file bucket: APR's lengths are signed, and a 32-bit system's are short.
const LONGEST_FILE_PART: u64 = 1 << 30;
/// Bytes of a file that are read at a time where it is neither mapped nor sent by the kernel.
const FILE_BUFFER: usize = 64 << 10;
/// Bytes of a file from which on mapping it costs less than reading it; measured.
const MAPPED: u64 = 128 << 10;

/// Where a response's body goes. Pieces gather in a brigade and travel together.
pub struct Output<'r> {
    request: Request<'r>,
    /// Invariant: null before the first use, then a brigade of the request's pool.
    brigade: *mut ffi::apr_bucket_brigade,
    passed: bool,
    /// The declared length of the body, until the response's headers have it.
    length: Option<u64>,
}

// SAFETY: the request is handled by one thread at a time; whoever has the output has the request.
unsafe impl Send for Output<'_> {}

impl<'r> Output<'r> {
    /// For the body of `request`'s response.
    pub fn new(request: Request<'r>) -> Self {
        Output {
            request,
            brigade: ptr::null_mut(),
            passed: false,
            length: None,
        }
    }

    /// Takes over status and headers of the response. Its declared length waits to be seen: httpd sets that of
    /// a body which is passed on as a whole.
    pub fn begin(&mut self, head: &Head) {
        self.request.begin_response(head);
        self.length = head.content_length();
    }

    fn allocator(&self) -> *mut ffi::apr_bucket_alloc_t {
        // SAFETY: a live request has a connection.
        unsafe { (*(*self.request.as_ptr()).connection).bucket_alloc }
    }

    fn brigade(&mut self) -> *mut ffi::apr_bucket_brigade {
        if self.brigade.is_null() {
            // SAFETY: the pool and the bucket allocator of a live request.
            self.brigade = unsafe { ffi::apr_brigade_create(self.request.pool().as_ptr(), self.allocator()) };
        }
        self.brigade
    }

    fn append(&mut self, bucket: *mut ffi::apr_bucket) {
        let brigade = self.brigade();
        // SAFETY: a live brigade and a bucket that is in none.
        unsafe { ffi::rwsgi_brigade_append(brigade, bucket) }
    }

    /// Whether pieces wait to be passed on.
    pub fn has_staged(&self) -> bool {
        // SAFETY: a live brigade, unless null.
        !self.brigade.is_null() && unsafe { ffi::rwsgi_brigade_is_empty(self.brigade) == 0 }
    }

    /// Whether anything was passed on: status and headers are out of our hands then.
    pub fn has_passed(&self) -> bool {
        self.passed
    }

    /// Copies a piece.
    pub fn stage(&mut self, piece: &[u8]) {
        // SAFETY: without a free function the bucket copies the piece.
        let bucket = unsafe {
            ffi::apr_bucket_heap_create(piece.as_ptr().cast(), piece.len(), None, self.allocator())
        };
        self.append(bucket);
    }

    /// Appends a part of a file, which is closed once it has been sent.
    ///
    /// Unless it is mapped or sent by sendfile, httpd moves its position: nobody else should use that. False when the
    /// system refused something, and nothing is appended.
    #[must_use]
    pub fn stage_file(&mut self, range: FileRange) -> bool {
        let FileRange { file, offset, length } = range;
        let Some(file) = self.adopt(file) else {
            return false;
        };
        let may_map = c_int::from(length >= MAPPED && self.request.may_map_files());
        let (mut offset, mut rest) = (offset, length);
        while rest > 0 {
            let part = rest.min(LONGEST_FILE_PART);
            let (Ok(start), Ok(size)) = (ffi::apr_off_t::try_from(offset), usize::try_from(part)) else {
                return false;
            };
            // SAFETY: an open file of the request's pool, and the bucket made of it.
            let bucket = unsafe {
                let pool = self.request.pool().as_ptr();
                let bucket = ffi::apr_bucket_file_create(file, start, size, pool, self.allocator());
                ffi::apr_bucket_file_enable_mmap(bucket, may_map);
                ffi::apr_bucket_file_set_buf_size(bucket, FILE_BUFFER);
                bucket
            };
            self.append(bucket);
            offset += part;
            rest -= part;
        }
        true
    }

    /// Makes the file APR's own, so that it follows its buckets from pool to pool and is closed with the last.
    ///
    /// APR closes no descriptor that was handed to it, and forgets whose it is when a bucket has to wait for the
    /// client in another pool. One that it has copied is its own.
    fn adopt(&self, file: File) -> Option<*mut ffi::apr_file_t> {
        let flags = if self.request.may_use_sendfile() {
            ffi::APR_FOPEN_READ | ffi::APR_FOPEN_SENDFILE_ENABLED
        } else {
            ffi::APR_FOPEN_READ
        };
        let mut descriptor = file.as_raw_fd();
        let (mut lent, mut own) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: an open descriptor, which `file` closes; copies belong to a live pool. The second copy takes the
        // place of the first and is closed on exec, which the first is not.
        unsafe {
            let pool = self.request.pool().as_ptr();
            let is_copied = ffi::apr_os_file_put(&raw mut lent, &raw mut descriptor, flags, pool) == 0
                && ffi::apr_file_dup(&raw mut own, lent, pool) == 0
                && ffi::apr_file_dup2(own, lent, pool) == 0;
            is_copied.then_some(own)
        }
    }

    /// Sends what is staged, then `piece` from where it is, and flushes. May block.
    pub fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        // SAFETY: the piece outlives the pass below, which flushes it out or copies it.
        let bucket =
            unsafe { ffi::apr_bucket_transient_create(piece.as_ptr().cast(), piece.len(), self.allocator()) };
        self.append(bucket);
        self.flush()
    }

    /// Sends what is staged and flushes. May block.
    pub fn flush(&mut self) -> Result<(), ClientGone> {
        // SAFETY: the bucket allocator of a live request.
        let bucket = unsafe { ffi::apr_bucket_flush_create(self.allocator()) };
        self.append(bucket);
        self.pass()
    }

    /// Passes on staged pieces without a flush: the first one, and those after it up to `most` bytes. Tells
    /// how many bytes. httpd sends what the client takes, and blocks only while it holds more than it wants
    /// to.
    pub fn pass_on(&mut self, most: usize) -> Result<usize, ClientGone> {
        let brigade = self.brigade();
        // SAFETY: a live brigade; the sentinel ends the ring, and nothing but `apr_brigade_split_ex` changes
        // it. The rest is taken off while the beginning is passed on, and put back after it.
        let (rest, length) = unsafe {
            let sentinel = ffi::rwsgi_brigade_sentinel(brigade);
            let mut bucket = ffi::rwsgi_brigade_first(brigade);
            let mut length = 0_usize;
            while bucket != sentinel {
                let more = length.saturating_add((*bucket).length);
                if length > 0 && more > most {
                    break;
                }
                length = more;
                bucket = ffi::rwsgi_bucket_next(bucket);
            }
            (
                ffi::apr_brigade_split_ex(brigade, bucket, ptr::null_mut()),
                length,
            )
        };
        let passed = self.pass();
        self.brigade = rest;
        // SAFETY: the emptied brigade, which nobody uses any more.
        unsafe { ffi::apr_brigade_destroy(brigade) };
        passed.map(|()| length)
    }

    /// Sends what is staged and the end of the response. May block.
    pub fn finish(&mut self) -> Result<(), ClientGone> {
        if !self.passed && self.request.is_counted_by_server() {
            self.length = None;
        }
        // SAFETY: the bucket allocator of a live request.
        let bucket = unsafe { ffi::apr_bucket_eos_create(self.allocator()) };
        self.append(bucket);
        self.pass()
    }

    /// Ends a response that is not complete, so that the client can tell: no last chunk, and the connection
    /// closes (HTTP/2: the stream is reset). An error bucket of 502 is what httpd's filters understand.
    pub fn break_off(&mut self) -> Result<(), ClientGone> {
        // The head goes first: of a connection that is known to close, its end would be a response's end.
        let flushed = if self.has_staged() || !self.passed {
            self.flush()
        } else {
            Ok(())
        };
        self.request.close_connection_after();
        flushed?;
        // SAFETY: the pool and bucket allocator of a live request; the text is not used for this status.
        let bucket = unsafe {
            ffi::ap_bucket_error_create(
                ffi::HTTP_BAD_GATEWAY,
                ptr::null(),
                self.request.pool().as_ptr(),
                self.allocator(),
            )
        };
        self.append(bucket);
        self.finish()
    }

    /// Throws away what is staged.
    pub fn discard(&mut self) {
        if !self.brigade.is_null() {
            // SAFETY: a live brigade.
            unsafe { ffi::apr_brigade_cleanup(self.brigade.cast()) };
        }
    }

    fn pass(&mut self) -> Result<(), ClientGone> {
        let brigade = self.brigade();
        self.passed = true;
        if let Some(length) = self.length.take() {
            self.request.set_content_length(length);
        }
        // SAFETY: the filters of a live request and a live brigade, emptied afterwards (rule 4).
        let status = unsafe {
            let status = ffi::ap_pass_brigade((*self.request.as_ptr()).output_filters, brigade);
            ffi::apr_brigade_cleanup(brigade.cast());
            status
        };
        if status != 0 || self.request.is_aborted() {
            Err(ClientGone)
        } else {
            Ok(())
        }
    }
}
