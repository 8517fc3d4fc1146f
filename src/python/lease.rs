//! Request-bound data, lent to Python objects that may outlive the request.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::Attached;
use crate::gateway::Exchange;

/// A place where a request lends its [`Exchange`] to Python objects while it runs.
///
/// Objects that an application keeps (or hands to another thread) find the place empty once the request
/// has ended, never a dangling pointer. One user at a time: a second thread waits, without the GIL.
#[derive(Default)]
pub struct Lease {
    /// Invariant: `Some` only between the two ends of [`lend`](Lease::lend), whose caller keeps the target
    /// exclusively borrowed meanwhile.
    target: Mutex<Option<Target>>,
    /// Whether there is a target, for those who only want to know.
    lent: AtomicBool,
}

/// A lent exchange, its lifetime set aside: the lease's invariant stands in for it.
struct Target(NonNull<dyn Exchange>);

// SAFETY: `Exchange` is Send, and the lease lets one thread at a time reach it, under its mutex.
unsafe impl Send for Target {}

impl Lease {
    /// Lends `target` while `f` runs. Nobody has it any more when this returns, or unwinds.
    pub fn lend<R>(&self, py: Attached<'_>, target: &mut (dyn Exchange + '_), f: impl FnOnce() -> R) -> R {
        struct TakeBack<'a>(&'a Lease, Attached<'a>);
        impl Drop for TakeBack<'_> {
            fn drop(&mut self) {
                self.0.replace(self.1, None);
            }
        }
        // SAFETY: only the lifetime changes; `TakeBack` ends the loan before the borrow of target ends.
        let target = unsafe {
            std::mem::transmute::<NonNull<dyn Exchange + '_>, NonNull<dyn Exchange + 'static>>(NonNull::from(
                target,
            ))
        };
        self.replace(py, Some(Target(target)));
        let _take_back = TakeBack(self, py);
        f()
    }

    /// Sets the target. Waits for a user in another thread without the GIL, which that user may need to
    /// come to its end.
    fn replace(&self, py: Attached<'_>, target: Option<Target>) {
        self.lent.store(target.is_some(), Ordering::Release);
        match self.target.try_lock() {
            Ok(mut guard) => *guard = target,
            Err(TryLockError::Poisoned(guard)) => *guard.into_inner() = target,
            Err(TryLockError::WouldBlock) => py.detach(move || *self.lock() = target),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Target>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the target without the GIL, for work that may block; `None` once the request has ended.
    pub fn with_detached<R: Send>(
        &self,
        py: Attached<'_>,
        f: impl FnOnce(&mut dyn Exchange) -> R + Send,
    ) -> Option<R> {
        py.detach(|| {
            let mut guard = self.lock();
            // SAFETY: lent and not yet taken back (field invariant), and exclusive under the mutex.
            guard.as_mut().map(|target| f(unsafe { target.0.as_mut() }))
        })
    }

    /// Uses the target with the GIL held, for short work that never blocks and runs no Python; `None` once
    /// the request has ended.
    pub fn with<R: Send>(
        &self,
        py: Attached<'_>,
        f: impl FnOnce(&mut dyn Exchange) -> R + Send,
    ) -> Option<R> {
        match self.target.try_lock() {
            // SAFETY: lent and not yet taken back (field invariant), and exclusive under the mutex.
            Ok(mut guard) => guard.as_mut().map(|target| f(unsafe { target.0.as_mut() })),
            Err(_) => self.with_detached(py, f),
        }
    }

    /// Whether a request lends its data here now.
    pub fn is_lent(&self) -> bool {
        self.lent.load(Ordering::Acquire)
    }
}
