//! Exceptions as text for a log.

use super::{Attached, Object};

/// The traceback of `exception` as Python prints it; just the exception when Python cannot format it.
pub fn format_exception<'py>(py: Attached<'py>, exception: &Object<'py>) -> Vec<u8> {
    format_lines(py, exception)
        .unwrap_or_else(|| format!("{}: {}", exception.type_name(), exception.to_text(py)).into_bytes())
}

fn format_lines<'py>(py: Attached<'py>, exception: &Object<'py>) -> Option<Vec<u8>> {
    let formatter = py
        .import(c"traceback")
        .ok()?
        .getattr_str(py, c"format_exception")
        .ok()?;
    let class = exception.getattr_str(py, c"__class__").ok()?;
    let trace = exception.getattr_str(py, c"__traceback__").ok()?;
    let lines = formatter.call(py, [&class, exception, &trace]).ok()?;
    let mut text = Vec::new();
    for index in 0..lines.sequence_length()? {
        text.extend_from_slice(&lines.item(py, index)?.to_utf8_lossy(py)?);
    }
    Some(text)
}
