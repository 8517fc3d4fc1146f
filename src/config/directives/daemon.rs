//! Arguments of `WSGIDaemonProcess`.

use std::sync::Arc;

use super::super::args::NameValue;
use super::super::daemon_group::{DAEMON_OPTIONS, DaemonGroup, DaemonOptions, Reader, find_option};
use super::call::Call;
use super::{ConfigError, Problem};
use crate::gateway::{Code, Level};

const WHAT: &str = "daemon process";

/// Options that older releases had.
const REMOVED: [&str; 2] = ["newrelic-config-file", "newrelic-environment"];

/// `WSGIDaemonProcess name [options]`
pub(super) fn process(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let name: Arc<str> = call.word()?.into();
    if let Some((option, _)) = name.split_once('=')
        && find_option(option).is_some()
    {
        call.warn(&format!(
            "{name:?} is taken as the name of the group, as the first word always is"
        ));
    }
    let mut options = DaemonOptions::default();
    while let Some(option) = call.next_option(WHAT, &known())? {
        set(call, &name, &mut options, option)?;
    }
    if options.script_user.is_some() && options.script_group.is_some() {
        return Err(call.error(Problem::Exclusive("script-user", "script-group")));
    }
    let place = call.scope.place.clone();
    let group = DaemonGroup { name, options, place };
    call.server()?.daemon_groups.push(Arc::new(group));
    Ok(())
}

fn set(
    call: &mut Call<'_, '_>,
    group: &Arc<str>,
    options: &mut DaemonOptions,
    given: NameValue,
) -> Result<(), ConfigError> {
    let NameValue { name, value, .. } = given;
    if REMOVED.contains(&name.as_str()) {
        let text = format!("the option {name}= has no effect any more; remove it");
        call.tell(Level::Warning, Code::DIRECTIVE_REMOVED, &text);
        return Ok(());
    }
    let Some(option) = find_option(&name) else {
        return Err(call.unknown_option(format!("{name}={value}"), WHAT, &known()));
    };
    let mut reader = Reader {
        option: option.name,
        value,
        group: group.clone(),
        warning: None,
    };
    (option.set)(options, &mut reader).map_err(|error| call.error(Problem::DaemonOption(error)))?;
    if let Some(warning) = reader.warning {
        call.warn(&warning);
    }
    Ok(())
}

fn known() -> String {
    let names: Vec<String> = DAEMON_OPTIONS
        .iter()
        .map(|option| format!("{}=", option.name))
        .collect();
    names.join(", ")
}
