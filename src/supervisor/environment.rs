//! The environment and the arguments of a process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::config::interpreter::{HashSeed, Utf8Mode};
use crate::config::plan::GroupPlan;

/// Variables, each once.
pub(super) type Variables = BTreeMap<OsString, OsString>;

/// What the processes of a group have in their environment: what httpd has, the user's name and home, then
/// what the group sets; `file` is the contents of `env-file=`.
pub(super) fn variables(
    plan: &GroupPlan,
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    file: Option<&[u8]>,
) -> Variables {
    let mut variables: Variables = inherited.into_iter().collect();
    // Python's own executable finds its home by itself; what an init system tells is for the supervisor.
    for name in [
        "PYTHONHOME",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "NOTIFY_SOCKET",
    ] {
        variables.remove(&OsString::from(name));
    }
    if plan.identity.change {
        if let Some(home) = &plan.identity.home {
            variables.insert("HOME".into(), home.into());
        }
        if let Some(user) = &plan.identity.user {
            for name in ["USER", "USERNAME", "LOGNAME"].map(OsString::from) {
                variables.entry(name).and_modify(|value| *value = user.into());
            }
        }
    }
    let options = &plan.options;
    let eggs = options.python_eggs.as_ref().or(plan.python.eggs.as_ref());
    for (name, value) in [
        ("LANG", options.lang.as_ref()),
        ("LC_ALL", options.locale.as_ref()),
        ("PYTHON_EGG_CACHE", eggs),
    ] {
        if let Some(value) = value {
            variables.insert(name.into(), value.into());
        }
    }
    if plan.python.utf8_mode() == Utf8Mode::Off {
        // Python would otherwise put C.UTF-8 in place of the C locale (PEP 538).
        variables.insert("PYTHONCOERCECLOCALE".into(), "0".into());
    }
    match plan.python.hash_seed {
        Some(HashSeed::Random) => drop(variables.insert("PYTHONHASHSEED".into(), "random".into())),
        Some(HashSeed::Fixed(seed)) => {
            variables.insert("PYTHONHASHSEED".into(), seed.to_string().into());
        }
        None => {}
    }
    variables.extend(file.map(file_variables).unwrap_or_default());
    let set = options.env.iter();
    variables.extend(set.map(|(name, value)| (OsString::from(name), OsString::from(value))));
    variables
}

/// The lines `NAME=value` of a file; empty ones and those that begin with `#` say nothing. One pair of quotes
/// around a value is taken off.
fn file_variables(text: &[u8]) -> Variables {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| {
            let equals = line.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (line.get(..equals)?.trim_ascii(), line.get(equals + 1..)?);
            let name = name.strip_prefix(b"export ").unwrap_or(name);
            let is_set = !name.is_empty() && !line.contains(&0);
            is_set.then(|| (OsString::from_vec(name.to_vec()), unquoted(value)))
        })
        .collect()
}

fn unquoted(value: &[u8]) -> OsString {
    let value = value.trim_ascii();
    let inner = [b'"', b'\''].into_iter().find_map(|quote| {
        let rest = value.strip_prefix(&[quote])?;
        rest.strip_suffix(&[quote])
    });
    OsString::from_vec(inner.unwrap_or(value).to_vec())
}

/// The arguments of a group's Python executable, after its own name, to run `bootstrap`.
pub fn arguments(plan: &GroupPlan, bootstrap: &str, worker_folders: &[PathBuf]) -> Vec<OsString> {
    let python = &plan.python;
    let mut arguments: Vec<OsString> = Vec::new();
    match python.utf8_mode() {
        Utf8Mode::Auto => {}
        Utf8Mode::On => arguments.extend(["-X".into(), "utf8=1".into()]),
        Utf8Mode::Off => arguments.extend(["-X".into(), "utf8=0".into()]),
    }
    // A free-threaded build goes without its GIL unless told otherwise; other builds and versions accept this.
    if !python.interpreter_options(&plan.name, "").free_threading {
        arguments.extend(["-X".into(), "gil=1".into()]);
    }
    match python.optimize() {
        0 => {}
        1 => arguments.push("-O".into()),
        _ => arguments.push("-OO".into()),
    }
    if python.dont_write_bytecode() {
        arguments.push("-B".into());
    }
    for warning in &python.warnings {
        arguments.extend(["-W".into(), warning.into()]);
    }
    arguments.extend(["-c".into(), bootstrap.into()]);
    arguments.extend(worker_folders.iter().map(OsString::from));
    arguments
}

#[cfg(test)]
mod tests {
    use super::super::tests::group_plan;
    use super::*;
    use crate::config::plan::BOOTSTRAP;

    fn inherited() -> Vec<(OsString, OsString)> {
        [
            ("PATH", "/bin"),
            ("LOGNAME", "root"),
            ("HOME", "/root"),
            ("PYTHONHOME", "/usr"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec()
    }

    fn value<'v>(variables: &'v Variables, name: &str) -> Option<&'v str> {
        variables.get(&OsString::from(name))?.to_str()
    }

    #[test]
    fn the_user_is_named_where_one_was_named_before() {
        let mut plan = group_plan();
        plan.identity.change = true;
        plan.identity.user = Some("web".to_owned());
        plan.identity.home = Some("/home/web".into());
        let variables = variables(&plan, inherited(), None);
        assert_eq!(value(&variables, "LOGNAME"), Some("web"));
        assert_eq!(value(&variables, "USER"), None);
        assert_eq!(value(&variables, "HOME"), Some("/home/web"));
        assert_eq!(value(&variables, "PATH"), Some("/bin"));
        assert_eq!(value(&variables, "PYTHONHOME"), None);
    }

    #[test]
    fn the_group_sets_more_than_its_file_and_that_more_than_httpd() {
        let mut plan = group_plan();
        plan.options.lang = Some("C.UTF-8".to_owned());
        plan.python.hash_seed = Some(HashSeed::Fixed(7));
        plan.options.env = vec![("A".to_owned(), "option".to_owned())];
        let file = b"# comment\nA=file\n B = \"x y\" \nexport C='z'\nPATH=/opt\nno equals\n=none\n";
        let variables = variables(&plan, inherited(), Some(file));
        let expected = [
            ("A", "option"),
            ("B", "x y"),
            ("C", "z"),
            ("PATH", "/opt"),
            ("LANG", "C.UTF-8"),
            ("PYTHONHASHSEED", "7"),
            ("HOME", "/root"),
        ];
        for (name, wanted) in expected {
            assert_eq!(value(&variables, name), Some(wanted), "{name}");
        }
        assert_eq!(variables.len(), expected.len() + 1);
    }

    #[test]
    fn arguments_follow_the_settings_of_python() {
        let mut plan = group_plan();
        let of = |plan: &GroupPlan| -> Vec<String> {
            arguments(plan, BOOTSTRAP, &["/one".into()])
                .into_iter()
                .map(|argument| argument.to_string_lossy().into_owned())
                .filter(|argument| argument != BOOTSTRAP)
                .collect()
        };
        assert_eq!(of(&plan), ["-X", "gil=1", "-c", "/one"]);
        plan.python.options.free_threading = Some(true);
        assert_eq!(of(&plan), ["-c", "/one"]);
        plan.python.utf8_mode = Some(Utf8Mode::On);
        plan.python.optimize = Some(2);
        plan.python.dont_write_bytecode = Some(true);
        plan.python.warnings = vec!["error".to_owned()];
        assert_eq!(
            of(&plan),
            ["-X", "utf8=1", "-OO", "-B", "-W", "error", "-c", "/one"]
        );
    }
}
