//! Starts private httpd servers for tests and benchmarks.
