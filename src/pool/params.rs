//! A request as FastCGI's variables.

use crate::fcgi::params::push_pair;
use crate::gateway::environ::Name;
use crate::gateway::wire::{LOG_PARAM, RequestPlan};
use crate::gateway::{Environ, Key};

/// The script is outside of the root directory that the group's processes have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutsideRoot;

/// Encodes the plan and all variables. `root` is the root directory of the group's processes, where they have
/// one of their own.
pub(super) fn encode(
    out: &mut Vec<u8>,
    environ: &Environ<'_>,
    plan: &RequestPlan<'_>,
    root: Option<&[u8]>,
) -> Result<(), OutsideRoot> {
    out.clear();
    match root {
        None => plan.push_params(out),
        Some(root) => RequestPlan {
            script: below(plan.script, root).ok_or(OutsideRoot)?,
            resource: plan.resource.map(|file| below(file, root).unwrap_or(file)),
            ..plan.clone()
        }
        .push_params(out),
    }
    push_pair(out, LOG_PARAM, b"1");
    for variable in &environ.variables {
        let value = match (root, variable.name) {
            (Some(root), Name::Server(Key::ScriptFilename | Key::DocumentRoot | Key::WsgiHandlerScript)) => {
                below(variable.value, root).unwrap_or(variable.value)
            }
            _ => variable.value,
        };
        // A variable without a name cannot be told.
        variable.name.with_key(|key| {
            if !key.is_empty() {
                push_pair(out, key, value);
            }
        });
    }
    Ok(())
}

/// A path as those see it whose root directory is `root`.
fn below<'p>(path: &'p [u8], root: &[u8]) -> Option<&'p [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = path.strip_prefix(root)?;
    match rest.first() {
        None => Some(b"/"),
        Some(b'/') => Some(rest),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::params::Pairs;

    fn pairs(out: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Pairs::new(out)
            .map(|pair| pair.expect("well-formed"))
            .filter(|(name, _)| !name.starts_with(b"mod_wsgi.x-plan"))
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    fn plan(script: &[u8]) -> RequestPlan<'_> {
        RequestPlan {
            script,
            ..RequestPlan::default()
        }
    }

    #[test]
    fn variables_have_the_names_that_applications_see() {
        let mut environ = Environ::default();
        environ.push(Name::Set(b""), b"nameless");
        environ.push(Name::Set(b"empty"), b"");
        environ.push(Name::Set(b"mod_wsgi.x-plan"), b"forged");
        environ.push(Name::Header(b"X-Thing"), b"1");
        environ.push(Name::Header(b"X_Thing"), b"2");
        environ.server(Key::PathInfo, b"/p");
        let mut out = Vec::new();
        encode(&mut out, &environ, &plan(b"/a.wsgi"), None).expect("inside");
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs(&out),
            [
                own("mod_wsgi.x-log", "1"),
                own("empty", ""),
                own("HTTP_X_THING", "1"),
                own("PATH_INFO", "/p"),
            ]
        );
    }

    #[test]
    fn a_new_root_disappears_from_file_names() {
        let mut environ = Environ::default();
        environ.server(Key::ScriptFilename, b"/jail/www/a.wsgi");
        environ.server(Key::DocumentRoot, b"/other");
        let mut out = Vec::new();
        encode(&mut out, &environ, &plan(b"/jail/www/a.wsgi"), Some(b"/jail/")).expect("inside");
        let values: Vec<String> = pairs(&out).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["1", "/www/a.wsgi", "/other"]);
        let (_, plan_value) = Pairs::new(&out).next().expect("there").expect("well-formed");
        assert!(plan_value.ends_with(b"/www/a.wsgi") && !plan_value.ends_with(b"/jail/www/a.wsgi"));
    }

    #[test]
    fn a_script_outside_of_the_root_is_refused() {
        let environ = Environ::default();
        for script in [&b"/jailed/a.wsgi"[..], b"/a.wsgi"] {
            let encoded = encode(&mut Vec::new(), &environ, &plan(script), Some(b"/jail"));
            assert_eq!(encoded, Err(OutsideRoot));
        }
    }
}
