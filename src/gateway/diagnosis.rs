//! What a traceback tells beyond itself.

/// What CPython 3.12 and later says in an interpreter with a GIL of its own.
const OWN_GIL_REFUSAL: &str = "does not support loading in subinterpreters";

/// Words by which extension modules refuse a sub-interpreter.
const REFUSALS: [&str; 5] = [
    OWN_GIL_REFUSAL,
    // PyO3.
    "PyO3 modules do not yet support subinterpreters",
    "PyO3 modules may only be initialized once per interpreter process",
    // Cython.
    "this module can only be loaded into one interpreter per process",
    // NumPy.
    "cannot load module more than once per process",
];

/// What failed to import when a traceback ends with an extension module refusing a sub-interpreter: the
/// module's name where the message has it, else the import statement that led there, one that names a package
/// if there is any.
pub fn refused_extension(traceback: &str) -> Option<String> {
    let refusal = traceback
        .lines()
        .rev()
        .find(|line| REFUSALS.iter().any(|words| line.contains(words)))?;
    let named = refusal
        .split_once("module ")
        .and_then(|(_, rest)| rest.split_once(" does not support loading"))
        .map(|(name, _)| format!("module {name}"));
    named.or_else(|| {
        let mut imports = traceback
            .lines()
            .rev()
            .map(str::trim)
            .filter(|line| is_import(line));
        let nearest = imports.clone().next();
        let named = imports.find(|line| !line.starts_with("from ."));
        named.or(nearest).map(|line| format!("'{line}'"))
    })
}

/// Whether it is the interpreter's own GIL that an extension module refuses.
pub fn is_about_own_gil(traceback: &str) -> bool {
    traceback.contains(OWN_GIL_REFUSAL)
}

fn is_import(line: &str) -> bool {
    line.starts_with("import ") || (line.starts_with("from ") && line.contains(" import "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_cpython_names_the_module() {
        let text = "Traceback (most recent call last):\n  File \"/a.py\", line 1, in <module>\n    import numpy\n\
                    ImportError: module numpy._core._multiarray_umath does not support loading in subinterpreters\n";
        assert_eq!(
            refused_extension(text).as_deref(),
            Some("module numpy._core._multiarray_umath")
        );
    }

    #[test]
    fn other_messages_are_told_by_the_import() {
        let text = "Traceback (most recent call last):\n  File \"/a.py\", line 1, in <module>\n    \
                    from cryptography.hazmat.bindings._rust import x509\n\
                    ImportError: PyO3 modules do not yet support subinterpreters, see there\n";
        assert_eq!(
            refused_extension(text).as_deref(),
            Some("'from cryptography.hazmat.bindings._rust import x509'")
        );
    }

    #[test]
    fn a_package_is_named_rather_than_a_part_of_it() {
        let text = "  File \"/a.py\", line 1, in <module>\n    import numpy\n  File \"/numpy/_core/__init__.py\"\n    \
                    from . import _multiarray_umath\n\
                    ImportError: cannot load module more than once per process\n";
        assert_eq!(refused_extension(text).as_deref(), Some("'import numpy'"));
    }

    #[test]
    fn any_other_error_is_no_refusal() {
        assert_eq!(refused_extension("ImportError: No module named 'numpy'\n"), None);
        assert_eq!(refused_extension(""), None);
    }
}
