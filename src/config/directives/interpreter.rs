//! `<WSGIInterpreterOptions>`, and directives that only set what Python interpreters are.

use std::sync::Arc;

use super::super::args::NameValue;
use super::super::interpreter::{self, InterpreterOptions, Selectors};
use super::super::scripts::literal_group;
use super::call::Call;
use super::{ConfigError, Problem};

const WHAT: &str = "interpreter options";
const SELECTORS: &str = "process-group=, application-group=";

/// `<WSGIInterpreterOptions [process-group=name] [application-group=name]>`
pub(super) fn section(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let mut selectors = Selectors::default();
    while let Some(NameValue { name, value, .. }) = call.next_option(WHAT, SELECTORS)? {
        let (field, option, what) = match name.as_str() {
            "process-group" => (&mut selectors.process_group, "process-group", "process group"),
            "application-group" => (
                &mut selectors.application_group,
                "application-group",
                "application group",
            ),
            _ => return Err(call.unknown_option(format!("{name}={value}"), WHAT, SELECTORS)),
        };
        if field.is_some() {
            return Err(call.error(Problem::Repeated(option)));
        }
        *field = call
            .option_name(&value, option, what)?
            .map(|group| Arc::from(literal_group(&group)));
    }
    let nested = call.error(Problem::Nested);
    let python = &mut call.server()?.python;
    if python.in_layer {
        return Err(nested);
    }
    python.open_layer(selectors);
    Ok(())
}

/// The arguments of a section's first line: what stands before the last `>`.
pub(super) fn before_bracket(line: &str) -> Option<&str> {
    match line.trim_end().strip_suffix('>') {
        Some(arguments) => Some(arguments),
        // httpd takes the bracket off where it follows the name.
        None => line.trim().is_empty().then_some(""),
    }
}

pub(super) fn set_option_switch(
    call: &mut Call<'_, '_>,
    field: fn(&mut InterpreterOptions) -> &mut Option<bool>,
) -> Result<(), ConfigError> {
    let on = call.only_switch()?;
    *field(call.server()?.python.current_options()) = Some(on);
    Ok(())
}

pub(super) fn switch_interval(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let interval = interpreter::seconds(&word).filter(|interval| !interval.is_zero());
    let error = call.error(Problem::Value {
        value: word,
        allowed: "a number of seconds above 0",
    });
    call.server()?.python.current_options().switch_interval = Some(interval.ok_or(error)?);
    Ok(())
}

pub(super) fn path(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let list = call.only_word()?;
    let separator = if cfg!(windows) { ';' } else { ':' };
    let entries = list.split(separator).filter(|entry| !entry.is_empty());
    call.server()?.python.current_options().path = Some(entries.map(str::to_owned).collect());
    Ok(())
}
