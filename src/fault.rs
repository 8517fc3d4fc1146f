//! Injected panics, for the tests of the panic boundaries. Compiled to nothing in a release build.

/// Panics when the environment variable `RWSGI_FAULT` names this point.
#[inline]
#[allow(clippy::panic, reason = "that is what it is for")]
pub(crate) fn point(name: &str) {
    #[cfg(debug_assertions)]
    if enabled::names(name) {
        panic!("injected at {name}");
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod enabled {
    use std::sync::OnceLock;

    static NAMED: OnceLock<Option<String>> = OnceLock::new();

    pub(super) fn names(point: &str) -> bool {
        NAMED.get_or_init(|| std::env::var("RWSGI_FAULT").ok()).as_deref() == Some(point)
    }
}
