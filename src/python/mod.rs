//! The fence around CPython: everything that touches its C API, and nothing else.
//!
//! Application groups are sub-interpreters, so a Python object belongs to one interpreter and no
//! `static`, `OnceLock` or `thread_local` may hold one. pyo3's safe layer keeps such statics, therefore
//! this room stands on `pyo3::ffi` alone, under types of its own:
//!
//! * [`Attached`] proves that this thread holds an interpreter; every operation on objects asks for it.
//! * [`Object`] is an owned reference tied to that proof, [`Stored`] one that waits without it.
//! * [`Interpreter`] owns what outlives a request: thread states and the rooms' own state.
//! * [`native`] builds heap types whose methods are safe Rust behind a panic boundary.
//! * [`Lease`] lends request-bound data to such objects and takes it back when the request ends.
//!
//! # What CPython asks of us
//!
//! 1. A reference count changes only while attached to the object's interpreter.
//! 2. An exception is pending exactly while a call reported failure; it is fetched or cleared before the
//!    next call.
//! 3. The first thread state made on a thread is what `PyGILState_Ensure` finds before 3.12, so the main
//!    interpreter's is always made first.
//! 4. An interpreter may end only when no other thread state is left in it, and Python may be finalised
//!    only when no sub-interpreter is left.
//! 5. A free-threaded Python (PEP 703) may run without a GIL: then being attached keeps nobody else out. So
//!    nothing borrowed is taken from a list or dict that others see, a count of references decides nothing
//!    ([`Object::has_references`]), and what Rust shares stands under mutexes that are never held while Python
//!    code can run.
//! 6. A thread that asks for the GIL after finalisation never returns; so nobody attaches once the
//!    runtime is [stopping](runtime::is_stopping).

#![allow(unsafe_code, reason = "the fence around CPython")]

mod attach;
mod capsule;
mod compile;
mod convert;
mod error;
mod gil_wait;
mod interpreter;
mod interrupt;
mod lease;
pub mod native;
mod object;
pub mod runtime;
mod traceback;

pub use attach::Attached;
pub use capsule::Capsule;
pub use compile::Code;
pub use error::{ErrorKind, PyResult, Raised};
pub use gil_wait::{GilWait, gil_wait, measure_gil_waits};
pub use interpreter::{Interpreter, is_attached};
pub use interrupt::{Inside, Interruptible};
pub use lease::Lease;
pub use object::{Object, Stored};
pub use traceback::format_exception;
