//! Homes as people have them, in temporary directories.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const EMBEDDED: PythonBuild = PythonBuild {
    version: (3, 11),
    free_threaded: false,
};

/// A directory with a complete base installation under `base`.
struct Machine {
    root: TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let machine = Self { root };
        machine.mode("", 0o755);
        machine.write("base/lib/python3.11/os.py", "");
        machine.write("base/bin/python3.11", "");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        // Without a trailing slash for the root itself; temporary directories may lie behind links.
        let root = fs::canonicalize(self.root.path()).unwrap();
        if name.is_empty() { root } else { root.join(name) }
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// As `python3.11 -m venv` makes it.
    fn environment(&self, name: &str) -> PathBuf {
        let bin = self.path("base/bin");
        self.write(
            &format!("{name}/pyvenv.cfg"),
            &format!(
                "home = {}\ninclude-system-site-packages = false\nversion = 3.11.2\n",
                bin.display()
            ),
        );
        self.link(&format!("{name}/bin/python3"), bin.join("python3.11"));
        self.link(&format!("{name}/bin/python"), "python3");
        fs::create_dir_all(self.path(&format!("{name}/lib/python3.11/site-packages"))).unwrap();
        self.path(name)
    }

    /// Someone who owns nothing here and is in none of its groups.
    fn stranger(&self) -> ServingUser {
        let owner = fs::metadata(self.path("")).unwrap();
        ServingUser {
            uid: owner.uid() + 4321,
            gids: vec![owner.gid() + 4321],
        }
    }

    fn check(&self, name: &str) -> Result<PythonHome, HomeProblem> {
        check(&self.path(name), EMBEDDED, &self.stranger())
    }

    /// The problem, once it has been seen to be one line that names `element` and holds `advice`.
    #[track_caller]
    fn problem(&self, name: &str, element: &str, advice: &str) -> HomeProblem {
        let problem = self.check(name).unwrap_err();
        let line = problem.to_string();
        let element = self.path(element).display().to_string();
        assert!(!line.contains('\n'), "{line}");
        assert!(line.contains(&element), "{line} does not name {element}");
        assert!(line.contains(advice), "{line} does not say {advice:?}");
        problem
    }
}

#[test]
fn a_virtual_environment_is_accepted() {
    let machine = Machine::new();
    let home = machine.environment("venv");
    let found = machine.check("venv").unwrap();
    let kind = HomeKind::Venv {
        program: home.join("bin/python"),
        base_home: machine.path("base"),
    };
    assert_eq!(
        found,
        PythonHome {
            prefix: home.clone(),
            kind
        }
    );
    assert_eq!(check_here(&home, EMBEDDED), Ok(found));
}

#[test]
fn an_installation_is_accepted() {
    let machine = Machine::new();
    let expected = PythonHome {
        prefix: machine.path("base"),
        kind: HomeKind::Prefix,
    };
    assert_eq!(machine.check("base"), Ok(expected));
    machine.write("fedora/lib64/python3.11/os.py", "");
    machine.write("zipped/lib/python311.zip", "");
    assert!(machine.check("fedora").is_ok());
    assert!(machine.check("zipped").is_ok());
}

#[test]
fn older_configurations_name_two_prefixes() {
    let machine = Machine::new();
    let pair = format!("{0}:{0}", machine.path("base").display());
    let found = check(Path::new(&pair), EMBEDDED, &machine.stranger()).unwrap();
    assert_eq!(found.prefix, machine.path("base"));
}

#[test]
fn a_path_inside_of_a_home_means_the_home() {
    let machine = Machine::new();
    let home = machine.environment("venv");
    let inside = [
        "bin",
        "bin/python",
        "bin/python3",
        "lib",
        "lib/python3.11",
        "pyvenv.cfg",
    ];
    for name in inside.into_iter().chain(["lib/python3.11/site-packages"]) {
        let found = machine.check(&format!("venv/{name}"));
        assert_eq!(found.map(|found| found.prefix), Ok(home.clone()), "{name}");
    }
    assert_eq!(
        machine.check("base/bin/python3.11").unwrap().prefix,
        machine.path("base")
    );
}

#[test]
fn a_home_reached_through_a_link_keeps_its_name() {
    let machine = Machine::new();
    machine.environment("venv-2");
    machine.link("current", "venv-2");
    assert_eq!(machine.check("current").unwrap().prefix, machine.path("current"));
}

#[test]
fn a_missing_element_is_named() {
    let machine = Machine::new();
    machine.problem("srv/site/venv", "srv", "does not exist");
    let relative = check(Path::new("venv"), EMBEDDED, &machine.stranger()).unwrap_err();
    assert!(
        relative.to_string().contains("venv is a relative path"),
        "{relative}"
    );
}

#[test]
fn a_file_is_no_home() {
    let machine = Machine::new();
    machine.write("wsgi.py", "");
    let problem = machine.problem("wsgi.py", "wsgi.py", "not a directory");
    assert!(matches!(problem, HomeProblem::NotADirectory(_)));
    machine.problem("wsgi.py/venv", "wsgi.py", "not a directory");
}

#[test]
fn a_closed_directory_on_the_way_is_named() {
    let machine = Machine::new();
    machine.environment("home/ann/venv");
    machine.mode("home/ann", 0o700);
    let problem = machine.problem("home/ann/venv", "home/ann", "chmod o+x");
    assert!(matches!(
        problem,
        HomeProblem::NotAccessible {
            need: Need::Traverse,
            ..
        }
    ));
    machine.mode("home/ann", 0o711);
    assert!(machine.check("home/ann/venv").is_ok());
}

#[test]
fn owner_group_and_others_count_in_this_order() {
    let machine = Machine::new();
    machine.environment("venv");
    let owner = fs::metadata(machine.path("venv")).unwrap();
    let (uid, gid) = (owner.uid() + 4321, owner.gid());
    let member = ServingUser {
        uid,
        gids: vec![gid + 1, gid],
    };
    machine.mode("venv", 0o750);
    assert!(machine.check("venv").is_err());
    assert!(check(&machine.path("venv"), EMBEDDED, &member).is_ok());
    machine.mode("venv", 0o705);
    assert!(machine.check("venv").is_ok());
    assert!(check(&machine.path("venv"), EMBEDDED, &member).is_err());
    machine.mode("venv", 0o755);
    let root = ServingUser {
        uid: 0,
        gids: vec![0],
    };
    machine.mode("venv/lib", 0o000);
    assert!(check(&machine.path("venv"), EMBEDDED, &root).is_ok() || owner.uid() != 0);
    machine.mode("venv/lib", 0o755);
}

#[test]
fn files_that_python_reads_must_be_readable() {
    let machine = Machine::new();
    machine.environment("venv");
    machine.mode("venv/pyvenv.cfg", 0o600);
    machine.problem("venv", "venv/pyvenv.cfg", "chmod o+r");
    machine.mode("venv/pyvenv.cfg", 0o644);
    machine.mode("venv/lib/python3.11/site-packages", 0o711);
    machine.problem("venv", "venv/lib/python3.11/site-packages", "chmod o+rx");
    machine.mode("venv/lib/python3.11/site-packages", 0o755);
    machine.mode("base/lib", 0o700);
    machine.problem("venv", "base/lib", "chmod o+x");
    machine.mode("base/lib", 0o755);
    machine.mode("base/bin", 0o700);
    machine.problem("venv", "base/bin", "chmod o+x");
}

#[test]
fn another_minor_version_is_told() {
    let machine = Machine::new();
    let home = machine.environment("venv");
    let cfg = fs::read_to_string(home.join("pyvenv.cfg")).unwrap();
    machine.write("venv/pyvenv.cfg", &cfg.replace("3.11.2", "3.9.18"));
    machine.problem(
        "venv",
        "venv",
        "belongs to Python 3.9, but this module contains Python 3.11",
    );

    machine.write("venv/pyvenv.cfg", &cfg.replace("version = 3.11.2", ""));
    assert!(machine.check("venv").is_ok());
    fs::rename(home.join("lib/python3.11"), home.join("lib/python3.12")).unwrap();
    machine.problem("venv", "venv", "belongs to Python 3.12");

    machine.write("old/lib/python3.7/os.py", "");
    machine.problem("old", "old", "belongs to Python 3.7");
    machine.problem("old/lib/python3.7", "old", "belongs to Python 3.7");
}

#[test]
fn an_environment_without_its_base_is_told() {
    let machine = Machine::new();
    let home = machine.environment("venv");
    fs::remove_file(machine.path("base/bin/python3.11")).unwrap();
    let problem = machine.problem("venv", "venv/bin/python3", "does not exist");
    assert!(matches!(problem, HomeProblem::DanglingLink { .. }));

    // `venv --copies` has no link to dangle.
    fs::remove_file(home.join("bin/python3")).unwrap();
    fs::write(home.join("bin/python3"), "").unwrap();
    fs::remove_file(machine.path("base/lib/python3.11/os.py")).unwrap();
    machine.problem("venv", "base/bin", "was made from the Python in");
    fs::remove_dir_all(machine.path("base")).unwrap();
    machine.problem("venv", "base/bin", "was made from the Python in");
    machine.write("venv/pyvenv.cfg", "version = 3.11.2\n");
    machine.problem("venv", "venv", "names no base installation");
}

#[test]
fn links_that_lead_nowhere_end() {
    let machine = Machine::new();
    machine.link("venv", machine.path("gone/venv"));
    let problem = machine.problem("venv", "venv", "which does not exist");
    assert!(matches!(problem, HomeProblem::DanglingLink { .. }));
    machine.link("round", machine.path("about"));
    machine.link("about", machine.path("round"));
    assert!(matches!(
        machine.check("round"),
        Err(HomeProblem::DanglingLink { .. })
    ));
}

#[test]
fn an_environment_needs_an_interpreter() {
    let machine = Machine::new();
    let home = machine.environment("venv");
    fs::remove_dir_all(home.join("bin")).unwrap();
    machine.problem("venv", "venv/bin", "does not exist");
    fs::create_dir(home.join("bin")).unwrap();
    machine.problem("venv", "venv/bin/python", "does not exist");
}

#[test]
fn an_incomplete_installation_is_told() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("half/lib/python3.11")).unwrap();
    machine.problem("half", "half/lib/python3.11", "no standard library");
    machine.write("bare/bin/python3", "");
    machine.problem("bare", "bare/lib/python3.11", "no standard library");
}

#[test]
fn a_directory_without_python_is_told_and_a_neighbour_suggested() {
    let machine = Machine::new();
    machine.write("site/wsgi.py", "");
    let problem = machine.problem("site", "site", "neither a virtual environment");
    assert_eq!(
        problem,
        HomeProblem::NoPython {
            home: machine.path("site"),
            suggestion: None
        }
    );
    machine.environment("site/.venv");
    machine.problem("site", "site/.venv", "is meant");
}

#[test]
fn pypy_is_told() {
    let machine = Machine::new();
    machine.write(
        "virtualenv/pyvenv.cfg",
        "home = /opt/pypy/bin\nimplementation = PyPy\n",
    );
    machine.problem("virtualenv", "virtualenv", "belongs to PyPy");
    machine.write("venv/pyvenv.cfg", "home = /opt/pypy/bin\nversion = 3.11.9\n");
    machine.write("venv/bin/pypy3", "");
    fs::create_dir_all(machine.path("venv/lib/pypy3.11/site-packages")).unwrap();
    machine.problem("venv", "venv", "belongs to PyPy");
    machine.write("opt/bin/pypy", "");
    machine.problem("opt", "opt", "belongs to PyPy");
}

#[test]
fn a_real_environment_is_accepted_when_there_is_one() {
    let home = Path::new("/usr");
    if !home.join("lib/python3.11/os.py").exists() {
        println!("skipped: no Python 3.11 under /usr");
        return;
    }
    let nobody = ServingUser {
        uid: 65534,
        gids: vec![65534],
    };
    assert_eq!(check(home, EMBEDDED, &nobody).unwrap().kind, HomeKind::Prefix);
}

#[test]
fn a_free_threaded_python_has_folders_of_its_own() {
    let machine = Machine::new();
    let free_threaded = PythonBuild {
        version: (3, 11),
        free_threaded: true,
    };
    let judge = |name: &str| check(&machine.path(name), free_threaded, &machine.stranger());
    let other =
        |name: &str| matches!(judge(name), Err(HomeProblem::OtherVersion { found, .. }) if found == "3.11");
    machine.environment("venv");
    assert!(other("base") && other("venv"));
    machine.write("ft/lib/python3.11t/os.py", "");
    machine.write("ft/bin/python3.11t", "");
    assert_eq!(judge("ft").unwrap().kind, HomeKind::Prefix);
    machine.problem(
        "ft",
        "ft",
        "belongs to Python 3.11t, but this module contains Python 3.11;",
    );
    let bin = machine.path("ft/bin");
    machine.write(
        "made/pyvenv.cfg",
        &format!("home = {}\nversion = 3.11.2\n", bin.display()),
    );
    machine.link("made/bin/python", bin.join("python3.11t"));
    fs::create_dir_all(machine.path("made/lib/python3.11t/site-packages")).unwrap();
    assert!(matches!(judge("made").unwrap().kind, HomeKind::Venv { .. }));
    machine.problem("made", "made", "create it anew with python3.11 -m venv");
}
