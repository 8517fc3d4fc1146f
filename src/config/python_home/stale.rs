//! Files `.pth` of an environment that name what is not there any more.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::layout::{first_of_pair, normalise, versions_in};

/// How the modules begin that setuptools writes for packages installed with `pip install -e`.
const EDITABLE: &str = "__editable__";

/// A line of a `.pth` file that leads nowhere. Its `Display` is one line that names both, and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StalePath {
    /// The file.
    pub file: PathBuf,
    /// Number of the line, from 1 on.
    pub line: usize,
    /// The directory, or the module's file, that is not there.
    pub target: PathBuf,
}

impl fmt::Display for StalePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} names {} in line {}, which does not exist, so what is in there cannot be imported; install the \
             package anew that wrote the file (pip install -e), or remove the file",
            self.file.display(),
            self.target.display(),
            self.line
        )
    }
}

/// The first stale line of the `.pth` files of the environment or installation `home`, as the module `site` reads
/// them: a line is a directory, or Python code if it begins with `import`.
pub fn stale_path(home: &Path) -> Option<StalePath> {
    let home = normalise(&first_of_pair(home));
    let mut folders: Vec<PathBuf> = versions_in(&home.join("lib"))
        .into_iter()
        .map(|version| home.join(format!("lib/python{version}/site-packages")))
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| is_read(path))
            .collect();
        files.sort();
        files.into_iter().find_map(|file| stale_line(folder, file))
    })
}

/// Python skips those whose name begins with a dot.
fn is_read(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.ends_with(".pth") && !name.starts_with('.')
}

fn stale_line(folder: &Path, file: PathBuf) -> Option<StalePath> {
    let text = fs::read(&file).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (index, target) = text
        .lines()
        .enumerate()
        .find_map(|(index, line)| Some((index, missing_target(folder, line.trim_end())?)))?;
    Some(StalePath {
        file,
        line: index + 1,
        target,
    })
}

/// What a line names, if that is not there. What other code imports, only Python can find.
fn missing_target(folder: &Path, line: &str) -> Option<PathBuf> {
    if line.trim().is_empty() || line.starts_with('#') {
        return None;
    }
    let code = ["import ", "import\t"]
        .iter()
        .find_map(|word| line.strip_prefix(word));
    let Some(code) = code else {
        let target = folder.join(line);
        return (!target.exists()).then_some(target);
    };
    let module = code.split([';', ',', ' ']).find(|part| !part.is_empty())?;
    let target = folder.join(format!("{module}.py"));
    (module.starts_with(EDITABLE) && !target.exists() && !folder.join(module).exists()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leads_nowhere_is_found_and_no_other() {
        let home = tempfile::tempdir().expect("a folder");
        let packages = home.path().join("lib/python3.11/site-packages");
        fs::create_dir_all(packages.join("there")).expect("folders");
        let write = |name: &str, text: &str| fs::write(packages.join(name), text).expect("written");
        write("good.pth", "# a comment\nthere\n\nimport os; os.getpid()\n");
        write(".hidden.pth", "/no/such/place\n");
        assert_eq!(stale_path(home.path()), None);

        write("stale.pth", "there\n/no/such/place\n");
        let found = stale_path(&home.path().join("bin/python")).expect("found from inside, too");
        assert_eq!((found.file, found.line), (packages.join("stale.pth"), 2));
        assert_eq!(found.target, Path::new("/no/such/place"));
        fs::remove_file(packages.join("stale.pth")).expect("removed");

        write(
            "site.pth",
            "import __editable___site_finder; __editable___site_finder.install()\n",
        );
        let found = stale_path(home.path()).expect("its module is not there");
        assert_eq!(found.target, packages.join("__editable___site_finder.py"));
        write("__editable___site_finder.py", "");
        assert_eq!(stale_path(home.path()), None);
    }
}
