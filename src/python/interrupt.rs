//! Raising an exception in a request that another thread runs.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use pyo3::ffi;

use super::{Attached, Interpreter, Object};

const OUTSIDE: u32 = 0;
const INSIDE: u32 = 1;
const INTERRUPTED: u32 = 2;

/// A place where a request says that it runs Python, so that it can be interrupted there and nowhere else.
///
/// The state changes under the interpreter's GIL only.
#[derive(Debug, Default)]
pub struct Interruptible {
    state: AtomicU32,
    thread: AtomicU64,
    interpreter: AtomicPtr<Interpreter>,
}

/// The current thread runs a request, until this is dropped.
pub struct Inside<'a, 'py> {
    place: &'a Interruptible,
    _attached: Attached<'py>,
}

impl Interruptible {
    /// Says that the current thread runs a request of `py`'s interpreter, while what comes back lives.
    pub fn enter<'a, 'py>(&'a self, py: Attached<'py>) -> Inside<'a, 'py> {
        self.thread.store(own_ident(), Ordering::Relaxed);
        self.interpreter
            .store(ptr::from_ref(py.interpreter()).cast_mut(), Ordering::Relaxed);
        self.state.store(INSIDE, Ordering::Release);
        Inside {
            place: self,
            _attached: py,
        }
    }

    /// Raises the class that `class` gives in the request that runs here. `class` is told the number of the
    /// request's thread, and raises nothing when it gives `None`. Whether something was raised.
    ///
    /// Waits for the GIL of the request's interpreter; do not call it attached.
    pub fn interrupt(&self, class: impl for<'py> FnOnce(Attached<'py>, u64) -> Option<Object<'py>>) -> bool {
        if self.state.load(Ordering::Acquire) != INSIDE {
            return false;
        }
        let interpreter = self.interpreter.load(Ordering::Relaxed);
        // SAFETY: null or one of the interpreters, which are never freed.
        let Some(interpreter): Option<&'static Interpreter> = (unsafe { interpreter.as_ref() }) else {
            return false;
        };
        let raised = interpreter.attach(|py| {
            let is_same = ptr::eq(self.interpreter.load(Ordering::Relaxed), interpreter);
            if !is_same || self.state.load(Ordering::Acquire) != INSIDE {
                return false;
            }
            let thread = self.thread.load(Ordering::Relaxed);
            let Some(class) = class(py, thread) else {
                return false;
            };
            // Making the class ready may have let the request go on, and end.
            if self.state.load(Ordering::Acquire) != INSIDE {
                return false;
            }
            self.state.store(INTERRUPTED, Ordering::Release);
            set_exception(py, thread, Some(&class))
        });
        raised.unwrap_or(false)
    }
}

impl Drop for Inside<'_, '_> {
    fn drop(&mut self) {
        if self.place.state.swap(OUTSIDE, Ordering::AcqRel) == INTERRUPTED {
            // What was not raised in time must not hit the thread's next request.
            set_exception(self._attached, own_ident(), None);
        }
    }
}

/// The number of the current thread, as `threading.get_ident()` tells it.
fn own_ident() -> u64 {
    // SAFETY: no arguments, cannot fail.
    let ident = unsafe { libc::pthread_self() };
    #[allow(clippy::useless_conversion, reason = "its size differs between systems")]
    u64::from(ident)
}

/// Whether `thread` has a state in the attached interpreter, and so the exception now.
fn set_exception(_py: Attached<'_>, thread: u64, class: Option<&Object<'_>>) -> bool {
    let class = class.map_or(ptr::null_mut(), Object::as_ptr);
    // SAFETY: attached; null or a class that is alive, of which Python takes its own reference.
    unsafe { ffi::PyThreadState_SetAsyncExc(thread.cast_signed(), class) > 0 }
}
