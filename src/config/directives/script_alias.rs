//! Arguments of `WSGIScriptAlias` and `WSGIScriptAliasMatch`.

use std::sync::Arc;

use super::super::alias::{AliasOptions, Matcher, ScriptAlias};
use super::super::args::NameValue;
use super::call::Call;
use super::scripts::application_group;
use super::{ConfigError, Problem};

const WHAT: &str = "script alias";
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
    while let Some(NameValue { name, value, .. }) = call.next_option(WHAT, OPTIONS)? {
        match name.as_str() {
            "process-group" => {
                options.process_group = call.option_name(&value, "process-group", "process group")?;
            }
            "application-group" => options.application_group = application_group(call, &value)?,
            "callable-object" => {
                options.callable_object = call.option_name(&value, "callable-object", "callable object")?;
            }
            "pass-authorization" => {
                options.pass_authorization = Some(call.option_switch(WHAT, "pass-authorization", &value)?);
            }
            _ => return Err(call.unknown_option(format!("{name}={value}"), WHAT, OPTIONS)),
        }
    }
    Ok(options)
}
