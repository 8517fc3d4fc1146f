//! rwsgi: Apache httpd runs Python web applications.
#![deny(unsafe_code)]

#[cfg(feature = "httpd")]
mod ffi;
