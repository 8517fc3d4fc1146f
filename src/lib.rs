//! rwsgi: Apache httpd runs Python web applications.
#![deny(unsafe_code)]

pub mod config;
#[cfg(feature = "httpd")]
mod ffi;
