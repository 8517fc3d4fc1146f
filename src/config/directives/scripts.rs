//! Arguments of the directives that name scripts without mounting them.

use std::sync::Arc;

use super::super::args::NameValue;
use super::super::scripts::{HandlerScript, HookScript, ImportScript, literal_group};
use super::super::settings::DirSettings;
use super::super::target::AUTOMATIC;
use super::call::Call;
use super::{ConfigError, Problem};

const IMPORT_OPTIONS: &str = "process-group=, application-group=";
const HANDLER_OPTIONS: &str = "process-group=, application-group=, pass-authorization=";
const HOOK_OPTIONS: &str = "application-group=";

/// The value of `application-group=`; `auto` lets the process choose.
pub(super) fn application_group(call: &Call<'_, '_>, value: &str) -> Result<Option<Arc<str>>, ConfigError> {
    if value == "auto" {
        return Ok(Some(AUTOMATIC.into()));
    }
    call.option_name(value, "application-group", "application group")
}

/// `RWSGIApplicationGroup auto`, or whatever `WSGIApplicationGroup` takes.
pub(super) fn application_group_directive(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let value = call.only_word()?;
    call.scope.dir.application_group = application_group(call, &value)?;
    Ok(())
}

/// `WSGIAccessScript path [application-group=name]`, and others with the same arguments.
pub(super) fn hook(
    call: &mut Call<'_, '_>,
    what: &'static str,
    field: fn(&mut DirSettings) -> &mut Option<Arc<HookScript>>,
) -> Result<(), ConfigError> {
    let path = path(call)?;
    let mut application_group = None;
    while let Some(NameValue { name, value, .. }) = call.next_option(what, HOOK_OPTIONS)? {
        match name.as_str() {
            "application-group" => {
                application_group = call.option_name(&value, "application-group", "application group")?;
            }
            _ => return Err(call.unknown_option(format!("{name}={value}"), what, HOOK_OPTIONS)),
        }
    }
    *field(call.scope.dir) = Some(Arc::new(HookScript {
        path,
        application_group,
    }));
    call.scope.needs_python = true;
    Ok(())
}

/// `WSGIHandlerScript name path [options]`
pub(super) fn handler(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    const WHAT: &str = "handler script";
    let name = call.word()?;
    let mut script = HandlerScript {
        path: path(call)?,
        process_group: None,
        application_group: None,
        pass_authorization: None,
    };
    while let Some(NameValue { name, value, .. }) = call.next_option(WHAT, HANDLER_OPTIONS)? {
        match name.as_str() {
            "process-group" => {
                script.process_group = call.option_name(&value, "process-group", "process group")?;
            }
            "application-group" => script.application_group = application_group(call, &value)?,
            "pass-authorization" => {
                script.pass_authorization = Some(call.option_switch(WHAT, "pass-authorization", &value)?);
            }
            _ => return Err(call.unknown_option(format!("{name}={value}"), WHAT, HANDLER_OPTIONS)),
        }
    }
    let scripts = call.scope.dir.handler_scripts.get_or_insert_default();
    Arc::make_mut(scripts).insert(name.into(), Arc::new(script));
    Ok(())
}

/// `WSGIImportScript path process-group=name application-group=name`
pub(super) fn import(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    const WHAT: &str = "import script";
    let path = path(call)?;
    let (mut process, mut application) = (None, None);
    while let Some(NameValue { name, value, .. }) = call.next_option(WHAT, IMPORT_OPTIONS)? {
        match name.as_str() {
            "process-group" => process = call.option_name(&value, "process-group", "process group")?,
            "application-group" => {
                application = call.option_name(&value, "application-group", "application group")?;
            }
            _ => return Err(call.unknown_option(format!("{name}={value}"), WHAT, IMPORT_OPTIONS)),
        }
    }
    let required = |group: Option<Arc<str>>, option, what| {
        let group = group.ok_or_else(|| call.error(Problem::Missing { option, what }))?;
        Ok(Arc::from(literal_group(&group)))
    };
    let import = ImportScript {
        path,
        process_group: required(process, "process-group", "process group")?,
        application_group: required(application, "application-group", "application group")?,
        source: call.name,
        place: call.scope.place.clone(),
    };
    call.server()?.imports.push(Arc::new(import));
    Ok(())
}

fn path(call: &mut Call<'_, '_>) -> Result<Arc<str>, ConfigError> {
    let path = call.word()?;
    if !path.starts_with('/') {
        call.warn(&format!(
            "{path:?} is a relative path, which depends on the folder that httpd was started in; write the full path"
        ));
    }
    Ok(path.into())
}
