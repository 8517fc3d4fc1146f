//! Arguments of `WSGIScriptAlias` and `WSGIScriptAliasMatch`.

use std::sync::Arc;

use super::super::alias::{AliasOptions, Matcher, ScriptAlias};
use super::super::args::NameValue;
use super::call::Call;
use super::{ConfigError, Problem};

const OPTIONS: &str = "process-group=, application-group=, callable-object=, pass-authorization=";

/// `WSGIScriptAlias URL-path file-or-directory [options]`
pub(super) fn prefix(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let path = call.word()?;
    let target = target(call)?;
    let options = options(call)?;
    if !path.starts_with('/') {
        call.warn(&format!(
            "no request can match {path:?}, which does not begin with /"
        ));
    } else if path.len() > 1 && path.ends_with('/') && !target.ends_with('/') {
        call.warn(&format!(
            "{path:?} ends with a slash and {target:?} does not: what follows in a URL is glued to the \
             file's name; remove the slash"
        ));
    }
    push(call, Matcher::Prefix(path), target, options)
}

/// `WSGIScriptAliasMatch regex file-or-directory [options]`
pub(super) fn regex(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let pattern = call.word()?;
    let target = target(call)?;
    let options = options(call)?;
    let compiled =
        (call.scope.compile)(&pattern).map_err(|reason| call.error(Problem::Regex { pattern, reason }))?;
    push(call, Matcher::Regex(compiled), target, options)
}

fn push(
    call: &mut Call<'_, '_>,
    matcher: Matcher,
    target: String,
    options: AliasOptions,
) -> Result<(), ConfigError> {
    let alias = ScriptAlias {
        matcher,
        target,
        options,
        source: call.name,
        place: call.scope.place.clone(),
    };
    call.server()?.aliases.push(Arc::new(alias));
    Ok(())
}

fn target(call: &mut Call<'_, '_>) -> Result<String, ConfigError> {
    let target = call.word()?;
    // A group of the expression may bring the whole path.
    let absolute = target.starts_with('/') || target.starts_with('$') || has_drive(&target);
    if absolute {
        Ok(target)
    } else {
        Err(call.error(Problem::RelativePath(target)))
    }
}

/// Whether `path` begins like `C:/` or `C:\`, where such paths exist.
fn has_drive(path: &str) -> bool {
    cfg!(windows)
        && matches!(
            path.as_bytes(),
            [b'A'..=b'Z' | b'a'..=b'z', b':', b'/' | b'\\', ..]
        )
}

fn options(call: &mut Call<'_, '_>) -> Result<AliasOptions, ConfigError> {
    let mut options = AliasOptions::default();
    loop {
        let option = call.words.next_option();
        let Some(NameValue { name, value, spaced }) =
            option.map_err(|error| ConfigError::option(call.name, error, OPTIONS))?
        else {
            return Ok(options);
        };
        let text = |option, what| {
            let error = call.error(Problem::Name { option, what });
            if value.is_empty() {
                Err(error)
            } else {
                Ok(Some(Arc::from(value.as_str())))
            }
        };
        match name.as_str() {
            "process-group" => options.process_group = text("process-group", "process group")?,
            "application-group" => {
                options.application_group = text("application-group", "application group")?;
            }
            "callable-object" => options.callable_object = text("callable-object", "callable object")?,
            "pass-authorization" => {
                let named = call.error(Problem::Option {
                    option: format!("{name}={value}"),
                    allowed: "Off | On",
                });
                options.pass_authorization = Some(call.switch(value.clone()).map_err(|_| named)?);
            }
            _ => {
                let option = format!("{name}={value}");
                return Err(call.error(Problem::Option {
                    option,
                    allowed: OPTIONS,
                }));
            }
        }
        if spaced && !value.is_empty() {
            call.warn(&format!(
                "{value:?} is taken as the value of {name}= although a space precedes it"
            ));
        }
    }
}
