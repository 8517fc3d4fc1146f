//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

use std::ffi::CStr;
use std::fs::File;

use crate::gateway::FileRange;
use crate::python::native::{Arguments, Attribute, Construct, Method, Next, Payload};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised, Stored};
use crate::sys;

/// Block size unless the application gives one, in bytes.
const BLOCK_SIZE: i64 = 8192;

/// An iterable over the blocks of a file-like object.
pub(super) struct FileWrapper {
    file: Option<Stored>,
    block_size: i64,
}

impl Payload for FileWrapper {
    const NAME: &'static CStr = c"mod_wsgi.FileWrapper";
    const DOC: &'static CStr = c"FileWrapper(filelike, blksize=8192): iterates over a file in blocks.";

    fn release(&mut self, py: Attached<'_>) {
        if let Some(file) = self.file.take() {
            drop(file.release(py));
        }
    }
}

impl Construct for FileWrapper {
    fn construct<'py>(py: Attached<'py>, arguments: &[Object<'py>]) -> PyResult<'py, Self> {
        let (file, size) = match arguments {
            [file] => (file, None),
            [file, size] => (file, size.to_size(py)?),
            _ => {
                let message = format!(
                    "FileWrapper() takes 1 or 2 arguments but {} were given",
                    arguments.len()
                );
                return Err(Raised::new(py, ErrorKind::TypeError, message));
            }
        };
        let block_size = size.unwrap_or(BLOCK_SIZE);
        if block_size < 0 {
            return Err(Raised::new(
                py,
                ErrorKind::ValueError,
                "FileWrapper() blksize must not be negative",
            ));
        }
        Ok(FileWrapper {
            file: Some(file.clone().store()),
            block_size,
        })
    }
}

impl FileWrapper {
    fn file<'a, 'py>(&'a self, py: Attached<'py>) -> PyResult<'py, &'a Object<'py>> {
        match &self.file {
            Some(file) => Ok(file.get(py)),
            None => Err(Raised::new(py, ErrorKind::ValueError, "FileWrapper has no file")),
        }
    }

    /// The rest of the file from its position on, when it is a regular file of the operating system that
    /// can be sent without reading it; `None` means to iterate.
    pub(super) fn as_range(&self, py: Attached<'_>) -> Option<FileRange> {
        let file = self.file.as_ref()?.get(py);
        let descriptor = file.call_method(py, c"fileno", []).ok()?.to_size(py).ok()??;
        let position = file.call_method(py, c"tell", []).ok()?.to_size(py).ok()??;
        let file: File = sys::file::duplicate(i32::try_from(descriptor).ok()?).ok()?;
        let details = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let offset = u64::try_from(position).ok()?;
        Some(FileRange {
            file,
            offset,
            length: details.len().saturating_sub(offset),
        })
    }
}

impl Next<FileWrapper> for FileWrapper {
    fn next<'py>(this: &FileWrapper, py: Attached<'py>) -> PyResult<'py, Option<Object<'py>>> {
        let size = py.int(this.block_size)?;
        let block = this.file(py)?.call_method(py, c"read", [&size])?;
        match block.as_bytes() {
            Some([]) => Ok(None),
            Some(_) => Ok(Some(block)),
            None => {
                let class = block.type_name();
                let message = format!("file wrapper read() must return bytes, not {class}");
                Err(Raised::new(py, ErrorKind::TypeError, message))
            }
        }
    }
}

/// `close()`: closes the file, whatever it raises.
pub(super) struct CloseFile;

impl Method<FileWrapper> for CloseFile {
    const NAME: &'static CStr = c"close";

    fn call<'py>(this: &FileWrapper, py: Attached<'py>, _: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        let file = this.file(py)?;
        if let Ok(close) = file.getattr_str(py, c"close") {
            drop(close.call(py, []));
        }
        Ok(py.none())
    }
}

/// The attribute `filelike`.
pub(super) struct FileLike;

impl Attribute<FileWrapper> for FileLike {
    const NAME: &'static CStr = c"filelike";

    fn get<'py>(this: &FileWrapper, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        this.file(py).cloned()
    }
}

/// The attribute `blksize`.
pub(super) struct BlockSize;

impl Attribute<FileWrapper> for BlockSize {
    const NAME: &'static CStr = c"blksize";

    fn get<'py>(this: &FileWrapper, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        py.int(this.block_size)
    }
}
