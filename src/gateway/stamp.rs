//! Versions of script files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The version of a script's file: its modification time, in microseconds since the epoch.
pub type SourceStamp = i64;

/// The version of the file at `path` now. That of a file which cannot be looked at is 0: reading it will
/// tell why.
pub fn source_stamp(path: &[u8]) -> SourceStamp {
    let file = Path::new(OsStr::from_bytes(path));
    std::fs::metadata(file).map_or(0, |file| file.mtime() * 1_000_000 + file.mtime_nsec() / 1000)
}
