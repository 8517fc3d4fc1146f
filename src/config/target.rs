//! Who runs a request: process group, application group and callable, expanded.
//!
//! Only a value that as a whole is one `%{...}` is expanded; any other text stands for itself.

use std::borrow::Cow;

use crate::gateway::environ::collapse_slashes;

/// The callable looked for unless another one is named.
pub const DEFAULT_CALLABLE: &str = "application";

/// The application group that a process chooses: the main interpreter for its first application, an
/// interpreter like that of `%{RESOURCE}` for each further one.
pub const AUTOMATIC: &str = "%{AUTO}";

/// What expansions ask about a request.
pub trait RequestFacts {
    /// `ServerName` of the virtual host.
    fn server_name(&self) -> &str;
    /// The port as `UseCanonicalName` and `UseCanonicalPhysicalPort` make it.
    fn port(&self) -> u16;
    /// The host part of the Host header, which the client writes.
    fn host(&self) -> Option<Cow<'_, str>>;
    /// SCRIPT_NAME: the path up to where PATH_INFO begins.
    fn script_name(&self) -> &[u8];
    /// A variable: request notes first, then the request's environment, then the process's.
    fn lookup(&self, name: &str) -> Option<String>;
    /// Whether paths that differ in letter case name the same file.
    fn case_insensitive(&self) -> bool;
}

/// How much of a group's name a client can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Influence {
    /// Nothing: the configuration fixes it.
    None,
    /// The port, where it follows the Host header, and with a regular expression as alias the
    /// script name.
    Partial,
    /// All of it.
    Full,
}

/// What a client can do to the group that `value` names. An application group that is not set
/// counts as `%{RESOURCE}`.
#[must_use]
pub fn influence(value: Option<&str>) -> Influence {
    match value {
        None | Some("%{RESOURCE}" | "%{SERVER}" | AUTOMATIC) => Influence::Partial,
        Some("%{HOST}") => Influence::Full,
        Some(value) if environment_variable(value).is_some() => Influence::Full,
        Some(_) => Influence::None,
    }
}

/// The daemon process group; empty for httpd's own processes.
///
/// What cannot be resolved stays as written, and so names a group that does not exist.
pub fn process_group<'a>(value: Option<&'a str>, facts: &dyn RequestFacts) -> Cow<'a, str> {
    expand_group(value.unwrap_or(""), facts)
}

/// The application group; empty for the main interpreter.
pub fn application_group<'a>(value: Option<&'a str>, facts: &dyn RequestFacts) -> Cow<'a, str> {
    match value {
        None | Some(AUTOMATIC) => expand_group("%{RESOURCE}", facts),
        Some(value) => expand_group(value, facts),
    }
}

/// The global name in the script that is called.
pub fn callable_object<'a>(value: Option<&'a str>, facts: &dyn RequestFacts) -> Cow<'a, str> {
    let Some(value) = value else {
        return Cow::Borrowed(DEFAULT_CALLABLE);
    };
    if !value.starts_with('%') {
        return Cow::Borrowed(value);
    }
    match environment_variable(value).and_then(|name| facts.lookup(name)) {
        // Nothing but %{ENV:...} expands here, so a second round can only fail.
        Some(found) if found.starts_with('%') && !found.starts_with("%{ENV:") => {
            Cow::Borrowed(DEFAULT_CALLABLE)
        }
        Some(found) => Cow::Owned(found),
        None => Cow::Borrowed(DEFAULT_CALLABLE),
    }
}

fn expand_group<'a>(value: &'a str, facts: &dyn RequestFacts) -> Cow<'a, str> {
    if !value.starts_with('%') {
        return Cow::Borrowed(value);
    }
    if value == "%{GLOBAL}" {
        return Cow::Borrowed("");
    }
    if let Some(expanded) = expand_from_request(value, facts) {
        return Cow::Owned(expanded);
    }
    let Some(found) = environment_variable(value).and_then(|name| facts.lookup(name)) else {
        return Cow::Borrowed(value);
    };
    // A variable may hold an expansion in its turn, but not one of a further variable.
    if found == "%{GLOBAL}" {
        return Cow::Borrowed("");
    }
    Cow::Owned(expand_from_request(&found, facts).unwrap_or(found))
}

fn expand_from_request(value: &str, facts: &dyn RequestFacts) -> Option<String> {
    match value {
        "%{SERVER}" => Some(with_port(facts.server_name(), facts.port(), 0)),
        "%{HOST}" => {
            let host = facts.host().unwrap_or(Cow::Borrowed(facts.server_name()));
            Some(with_port(&host, facts.port(), 0))
        }
        "%{RESOURCE}" => {
            let path = facts.script_name();
            let mut name = with_port(facts.server_name(), facts.port(), path.len() + 1);
            name.push('|');
            push_group_path(&mut name, path, facts.case_insensitive());
            Some(name)
        }
        _ => None,
    }
}

/// The name in `%{ENV:name}`.
fn environment_variable(value: &str) -> Option<&str> {
    value.strip_prefix("%{ENV:")?.strip_suffix('}')
}

/// The usual ports of http and https leave no trace, whichever of the two a request uses.
///
/// There is room for `more` bytes after it: most requests come here.
fn with_port(host: &str, port: u16, more: usize) -> String {
    const LONGEST_PORT: usize = ":65535".len();
    let mut name = String::with_capacity(host.len() + LONGEST_PORT + more);
    name.push_str(host);
    if port != 80 && port != 443 {
        name.push(':');
        push_decimal(&mut name, port);
    }
    name
}

fn push_decimal(text: &mut String, number: u16) {
    if number >= 10 {
        push_decimal(text, number / 10);
    }
    text.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or_default()));
}

/// The part of a group's name that a script's path makes: runs of slashes become one.
///
/// Bytes that are no UTF-8 are written as `\xNN`, so that different paths stay different.
fn push_group_path(name: &mut String, script_name: &[u8], fold_case: bool) {
    let start = name.len();
    let path = collapse_slashes(script_name);
    for chunk in path.utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            name.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if fold_case && let Some(path) = name.get_mut(start..) {
        path.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests;
