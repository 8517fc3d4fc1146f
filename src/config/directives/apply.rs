//! What the directives other than aliases do with their one argument.

use std::sync::Arc;

use super::super::args::leading_integer;
use super::super::interpreter::{HashSeed, PythonSettings, Utf8Mode};
use super::super::settings::{DirSettings, MapHead, ServerSettings};
use super::call::Call;
use super::{ConfigError, Problem};

pub(super) fn set_name(
    call: &mut Call<'_, '_>,
    field: fn(&mut DirSettings) -> &mut Option<Arc<str>>,
) -> Result<(), ConfigError> {
    let name = call.only_word()?;
    *field(call.scope.dir) = Some(name.into());
    Ok(())
}

pub(super) fn set_switch(
    call: &mut Call<'_, '_>,
    field: fn(&mut DirSettings) -> &mut Option<bool>,
) -> Result<(), ConfigError> {
    let on = call.only_switch()?;
    *field(call.scope.dir) = Some(on);
    Ok(())
}

pub(super) fn set_server_switch(
    call: &mut Call<'_, '_>,
    field: fn(&mut ServerSettings) -> &mut Option<bool>,
) -> Result<(), ConfigError> {
    let on = call.only_switch()?;
    *field(call.server()?) = Some(on);
    Ok(())
}

pub(super) fn map_head_to_get(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let value = match word.to_ascii_lowercase().as_str() {
        "auto" => MapHead::Auto,
        "on" => MapHead::On,
        "off" => MapHead::Off,
        _ => {
            return Err(call.error(Problem::NotOneOf {
                value: word,
                allowed: "Off | On | Auto",
            }));
        }
    };
    call.scope.dir.map_head_to_get = Some(value);
    Ok(())
}

pub(super) fn python_home(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let home = call.only_word()?;
    python(call)?.home = Some(home);
    Ok(())
}

pub(super) fn python_warnings(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let filter = call.only_word()?;
    python(call)?.warnings.push(filter);
    Ok(())
}

pub(super) fn python_optimize(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let (number, whole) = leading_integer(&word);
    let level = u8::try_from(number.max(0)).unwrap_or(u8::MAX);
    if !whole || number != i32::from(level) || level > 2 {
        call.warn(&format!("{word:?} is taken as {level}; write 0, 1 or 2"));
    }
    python(call)?.optimize = Some(level);
    Ok(())
}

pub(super) fn python_hash_seed(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let seed = if word.eq_ignore_ascii_case("random") {
        HashSeed::Random
    } else if let Ok(seed) = word.parse() {
        HashSeed::Fixed(seed)
    } else {
        let allowed = "random or a whole number from 0 to 4294967295";
        return Err(call.error(Problem::Value { value: word, allowed }));
    };
    python(call)?.hash_seed = Some(seed);
    Ok(())
}

pub(super) fn utf8_mode(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let mode = match word.to_ascii_lowercase().as_str() {
        "auto" => Utf8Mode::Auto,
        "on" => Utf8Mode::On,
        "off" => Utf8Mode::Off,
        _ => {
            return Err(call.error(Problem::NotOneOf {
                value: word,
                allowed: "Off | On | Auto",
            }));
        }
    };
    python(call)?.utf8_mode = Some(mode);
    Ok(())
}

fn python<'c>(call: &'c mut Call<'_, '_>) -> Result<&'c mut PythonSettings, ConfigError> {
    Ok(&mut call.server()?.python)
}
