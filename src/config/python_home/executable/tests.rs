use super::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use tempfile::TempDir;

/// A folder with environments and installations that programs of this machine stand for.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        Machine { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("there").join(name)
    }

    fn file(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        path
    }

    /// An installation, whose interpreter is this very program's beginning.
    fn installation(&self, name: &str, version: &str) -> PathBuf {
        let own = header(Path::new("/proc/self/exe")).expect("readable");
        self.file(&format!("{name}/bin/python{version}"), &own, 0o755);
        self.file(&format!("{name}/lib/python{version}/os.py"), b"", 0o644);
        let link = self.path(&format!("{name}/bin/python3"));
        if !link.exists() {
            symlink(format!("python{version}"), link).expect("a link");
        }
        self.path(name)
    }

    fn environment(&self, name: &str, base: &str, version: &str) -> PathBuf {
        let bin = self.path(base).join("bin");
        let number = version.trim_end_matches('t');
        let settings = format!("home = {}\nversion = {number}.0\n", bin.display());
        self.file(&format!("{name}/pyvenv.cfg"), settings.as_bytes(), 0o644);
        self.file(
            &format!("{name}/lib/python{version}/site-packages/x.py"),
            b"",
            0o644,
        );
        fs::create_dir_all(self.path(name).join("bin")).expect("a folder");
        symlink(
            bin.join(format!("python{version}")),
            self.path(name).join("bin/python"),
        )
        .expect("a link");
        self.path(name)
    }

    fn stranger(&self) -> ServingUser {
        let owner = fs::metadata(self.folder.path()).expect("there");
        ServingUser {
            uid: owner.uid() + 4321,
            gids: vec![owner.gid() + 4321],
        }
    }

    fn program(&self, name: &str) -> Result<PathBuf, HomeProblem> {
        let usual = PythonBuild {
            version: (3, 11),
            free_threaded: false,
        };
        program_of_home(&self.path(name), usual, &self.stranger())
    }
}

#[test]
fn environments_and_installations_of_any_version_are_taken() {
    let machine = Machine::new();
    for version in ["3.11", "3.14", "3.14t"] {
        let base = format!("base{version}");
        let home = machine.installation(&base, version);
        assert_eq!(
            machine.program(&base),
            Ok(home.join(format!("bin/python{version}")))
        );
        let name = format!("venv{version}");
        let venv = machine.environment(&name, &base, version);
        assert_eq!(machine.program(&name), Ok(venv.join("bin/python")));
        assert_eq!(
            machine.program(&format!("{name}/bin/python")),
            Ok(venv.join("bin/python"))
        );
    }
}

#[test]
fn of_several_versions_python3_says_which() {
    let machine = Machine::new();
    let home = machine.installation("usr", "3.12");
    machine.installation("usr", "3.14");
    assert_eq!(machine.program("usr"), Ok(home.join("bin/python3.12")));
}

#[test]
fn an_old_version_is_refused_by_its_number() {
    let machine = Machine::new();
    machine.installation("base", "3.9");
    machine.environment("venv", "base", "3.9");
    for name in ["base", "venv"] {
        let problem = machine.program(name).expect_err("refused");
        assert!(
            matches!(&problem, HomeProblem::TooOld { found, .. } if found == "3.9"),
            "{problem}"
        );
        assert!(problem.to_string().contains("3.11"), "{problem}");
    }
}

#[test]
fn the_mistakes_of_a_home_are_told_as_for_any_other() {
    let machine = Machine::new();
    machine.installation("base", "3.13");
    let missing = machine.path("missing");
    assert_eq!(machine.program("missing"), Err(HomeProblem::Missing(missing)));
    machine.environment("venv", "base", "3.13");
    fs::remove_dir_all(machine.path("base")).expect("removed");
    assert!(matches!(
        machine.program("venv"),
        Err(HomeProblem::BaseMissing { .. } | HomeProblem::DanglingLink { .. })
    ));
    let closed = machine.installation("closed", "3.13");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("permissions");
    let problem = machine.program("closed").expect_err("refused");
    assert!(matches!(problem, HomeProblem::NotAccessible { element, .. } if element == closed));
}

#[test]
fn a_program_must_be_one_for_this_machine_and_user() {
    let machine = Machine::new();
    let own = header(Path::new("/proc/self/exe")).expect("readable");
    let check = |path: &Path| check_program(path, &machine.stranger());
    assert_eq!(check(&machine.file("good", &own, 0o755)), Ok(()));
    assert_eq!(check(&machine.file("script", b"#!/bin/sh\n", 0o755)), Ok(()));
    let text = machine.file("text", b"hello", 0o755);
    assert_eq!(check(&text), Err(HomeProblem::NoProgram(text)));
    let folder = machine.path("");
    assert!(matches!(check(&folder), Err(HomeProblem::NoProgram(_))));
    let mut foreign = own.clone();
    foreign[18] ^= 0xff;
    let foreign = machine.file("foreign", &foreign, 0o755);
    assert_eq!(check(&foreign), Err(HomeProblem::OtherMachine(foreign)));
    let closed = machine.file("closed", &own, 0o700);
    let problem = check(&closed).expect_err("refused");
    assert!(matches!(
        problem,
        HomeProblem::NotAccessible {
            need: crate::config::python_home::Need::Run,
            ..
        }
    ));
}
