//! The unit files, judged by systemd's own tools.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rwsgi_harness::command_under_test;
use tempfile::TempDir;

use super::{root, text};

const SERVICE: &str = "rwsgi-fastcgi@.service";
const SOCKET: &str = "rwsgi-fastcgi@.socket";
const DROP_IN: &str = "apache2.service.d/rwsgi.conf";
/// Of 10; what the files had when this was written, and a little.
const MOST_EXPOSURE: f64 = 2.0;

/// As Debian's package apache2 has it, in the parts that the drop-in is about.
const APACHE2: &str = "[Unit]\nDescription=The Apache HTTP Server\n[Service]\nType=forking\n\
    ExecStart=/bin/true start\nExecStop=/bin/true graceful-stop\nKillMode=mixed\nPrivateTmp=true\nRestart=on-abort\n";

/// Units in a folder, with an existing program in the place of the installed one; `None`, and why, without systemd.
fn units() -> Option<TempDir> {
    if let Err(error) = Command::new("systemd-analyze").arg("--version").output() {
        eprintln!("skipped: systemd-analyze: {error} (package systemd)");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let command = command_under_test().display().to_string();
    for name in [SERVICE, SOCKET] {
        let unit = text(&format!("packaging/systemd/{name}")).replace("/usr/bin/rwsgi", &command);
        fs::write(folder.path().join(name), unit).expect("written");
    }
    Some(folder)
}

fn analyze(arguments: &[&str], folder: &Path, unit: &str) -> Output {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(folder.join(unit))
        .output();
    output.expect("it runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Says nothing against a unit.
fn verify(folder: &Path, unit: &str) {
    let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], folder, unit);
    // About units of this machine that these only name.
    let told = told(&output);
    let own: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("rwsgi") || line.contains(&*folder.to_string_lossy()))
        .collect();
    assert!(
        output.status.success() && own.is_empty(),
        "{unit}: {}: {told}",
        output.status
    );
}

#[test]
fn systemd_understands_every_line() {
    let Some(folder) = units() else { return };
    verify(folder.path(), "rwsgi-fastcgi@mysite.service");
    verify(folder.path(), "rwsgi-fastcgi@mysite.socket");
    // It is told of lines that it does not know.
    let unit = text(&format!("packaging/systemd/{SERVICE}")) + "\n[Service]\nRwsgiNonsense=1\n";
    fs::write(folder.path().join(SERVICE), unit).expect("written");
    let output = analyze(
        &["verify", "--man=no"],
        folder.path(),
        "rwsgi-fastcgi@mysite.service",
    );
    assert!(told(&output).contains("RwsgiNonsense"), "{}", told(&output));
}

#[test]
fn systemd_understands_the_drop_in_for_apache2() {
    let Some(folder) = units() else { return };
    let place = folder.path().join(DROP_IN);
    fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    fs::write(&place, text(&format!("packaging/systemd/{DROP_IN}"))).expect("written");
    fs::write(folder.path().join("apache2.service"), APACHE2).expect("written");
    verify(folder.path(), "apache2.service");
}

#[test]
fn the_service_is_hardly_exposed() {
    let Some(folder) = units() else { return };
    // Of a template there has to be an instance.
    fs::copy(
        folder.path().join(SERVICE),
        folder.path().join("rwsgi-fastcgi@mysite.service"),
    )
    .expect("copied");
    let output = analyze(
        &["security", "--offline=true", "--no-pager"],
        folder.path(),
        "rwsgi-fastcgi@mysite.service",
    );
    let told = told(&output);
    let (_, figure) = told
        .split_once("Overall exposure level for rwsgi-fastcgi@mysite.service: ")
        .unwrap_or_else(|| panic!("{told}"));
    let figure: f64 = figure
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("{told}"));
    println!("exposure {figure} of 10");
    assert!(figure <= MOST_EXPOSURE, "{told}");
}

/// What the service is started with is understood, and what it reads is what its head shows.
#[test]
fn the_head_of_the_service_shows_a_file_that_is_read() {
    let unit = text(&format!("packaging/systemd/{SERVICE}"));
    let shown: String = unit
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .filter(|line| line.contains(" = "))
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    assert!(shown.contains("app = "), "{shown}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mysite.toml");
    fs::write(&file, shown).expect("written");
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/rwsgi "));
    let line = line
        .expect("a line")
        .replace("/etc/rwsgi/%i.toml", &file.to_string_lossy());
    let status = folder.path().join("status.sock");
    let line = line.replace("/run/rwsgi/%i/status.sock", &status.to_string_lossy());
    let output = Command::new(command_under_test())
        .args(line.split(' '))
        .current_dir(root())
        .output()
        .expect("it runs");
    // It gets as far as looking for the application, which is not there.
    let told = told(&output);
    assert!(
        !output.status.success() && told.contains("/srv/mysite/app/mysite/wsgi.py"),
        "{told}"
    );
}
