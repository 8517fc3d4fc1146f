//! Projects, by what lies in their folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::source::Definitions;
use super::{Application, Callable, Entry, USUAL_CALLABLE, Unrecognised, module_file};

/// Modules that hold applications, the most usual first.
const MODULES: [&str; 4] = ["wsgi", "app", "application", "main"];
/// Where Django's settings are told from.
const SETTINGS_VARIABLE: &str = "DJANGO_SETTINGS_MODULE";

/// The application of the project in `folder`, which has neither links nor dots.
pub(super) fn recognise(folder: &Path) -> Result<Application, Unrecognised> {
    if let (Some(above), Some(name)) = (folder.parent(), folder.file_name().and_then(|name| name.to_str()))
        && folder.join("__init__.py").is_file()
        && let Some(file) = module_file(above, name)
    {
        return Application::of_module(name, &file, above);
    }
    if folder.join("manage.py").is_file() {
        return django(folder);
    }
    if let Some(named) = flask_variable(folder) {
        return Application::recognise(&named, folder);
    }
    let mut first_problem = None;
    for name in MODULES {
        let Some(file) = module_file(folder, name) else {
            continue;
        };
        match Application::of_module(name, &file, folder) {
            Ok(found) => return Ok(found),
            Err(problem) => first_problem = first_problem.or(Some(problem)),
        }
    }
    if let [script] = &files(folder, "wsgi")[..] {
        return Application::of_script(script, None);
    }
    if let [package] = &packages(folder)[..]
        && let Some(file) = module_file(folder, package)
    {
        return Application::of_module(package, &file, folder);
    }
    Err(first_problem.unwrap_or_else(|| Unrecognised::NoProject(folder.to_owned())))
}

/// What `manage.py` and the settings say.
fn django(folder: &Path) -> Result<Application, Unrecognised> {
    let problem = |missing: String| Unrecognised::NoDjangoModule {
        folder: folder.to_owned(),
        missing,
    };
    let manage = read(&folder.join("manage.py"));
    let settings = string_after(&manage, SETTINGS_VARIABLE)
        .ok_or_else(|| problem(format!("its manage.py does not set {SETTINGS_VARIABLE}")))?;
    let named = module_file(folder, &settings)
        .map(|file| read(&file))
        .and_then(|text| string_after(&text, "WSGI_APPLICATION"));
    let (module, callable) = match named.as_deref().and_then(|named| named.rsplit_once('.')) {
        Some((module, callable)) => (module.to_owned(), callable.to_owned()),
        None => {
            let package = settings.split('.').next().unwrap_or_default();
            (format!("{package}.wsgi"), USUAL_CALLABLE.to_owned())
        }
    };
    if module_file(folder, &module).is_none() {
        return Err(problem(format!("there is no module {module} in it")));
    }
    Ok(Application {
        directory: folder.to_owned(),
        entry: Entry::Module(module),
        callable: Callable::plain(&callable),
    })
}

/// `FLASK_APP` of a `.flaskenv`.
fn flask_variable(folder: &Path) -> Option<String> {
    let text = read(&folder.join(".flaskenv"));
    let value = text.lines().find_map(|line| {
        let line = line.trim();
        line.strip_prefix("export ")
            .unwrap_or(line)
            .strip_prefix("FLASK_APP=")
    })?;
    let value = value.trim_matches(['"', '\'', ' ']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// The first string literal behind `marker` on a line that is no comment.
fn string_after(text: &str, marker: &str) -> Option<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .find_map(|line| {
            let (_, rest) = line.split_once(marker)?;
            // The marker itself may be a literal, whose closing quote comes first.
            let rest = rest.trim_start_matches(['"', '\'', ']', ' ', ',', '=']);
            let rest = rest.trim_start_matches(['"', '\'']);
            let end = rest.find(['"', '\''])?;
            rest.get(..end).map(str::to_owned)
        })
}

fn read(file: &Path) -> String {
    fs::read(file).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    entries(folder)
        .into_iter()
        .filter(|path| path.is_file() && path.extension().is_some_and(|found| found == extension))
        .collect()
}

/// Packages that define an application.
fn packages(folder: &Path) -> Vec<String> {
    let holds_application = |name: &String| {
        module_file(folder, name)
            .and_then(|file| Definitions::read(&file).ok()?.callable(&file).ok())
            .is_some()
    };
    entries(folder)
        .into_iter()
        .filter(|path| path.join("__init__.py").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(holds_application)
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
