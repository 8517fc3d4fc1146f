//! `rwsgi check` on configurations with one mistake each.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use rwsgi_harness::{module_under_test, process, usual_python};

use crate::folder::{Folder, application};
use crate::running::rwsgi;

/// A site that nothing is wrong with: files in `@`, which stands for its folder.
const SOUND: &str = "\
ServerRoot @
ServerName localhost
Listen 127.0.0.1:8999
@LOAD
LoadModule wsgi_module @MODULE
DefaultRuntimeDir @/run
PidFile @/run/httpd.pid
ErrorLog @/error.log
@ACCOUNT
<Directory />
    Require all denied
</Directory>
WSGIDaemonProcess site python-home=@/venv python-path=@/app home=@/app processes=2 threads=5
WSGIScriptAlias / @/app/site.wsgi process-group=site application-group=%{GLOBAL}
<Directory @/app>
    Require all granted
</Directory>
";

/// A mistake: what finds it, what in the site is replaced by what, what is done to its files.
struct Mistake {
    id: &'static str,
    replace: (&'static str, &'static str),
    files: fn(&Path),
}

fn nothing(_: &Path) {}

const fn line(id: &'static str, from: &'static str, to: &'static str) -> Mistake {
    Mistake {
        id,
        replace: (from, to),
        files: nothing,
    }
}

const fn file(id: &'static str, files: fn(&Path)) -> Mistake {
    Mistake {
        id,
        replace: ("", ""),
        files,
    }
}

fn mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

fn set_version(root: &Path, version: &str) {
    let text = format!("home = /usr/bin\nversion = {version}\n");
    fs::write(root.join("venv/pyvenv.cfg"), text).expect("written");
}

fn rename(root: &Path, from: &str, to: &str) {
    fs::rename(root.join(from), root.join(to)).expect("renamed");
}

const MISTAKES: &[Mistake] = &[
    line("httpd-refuses", "threads=5", "treads=5"),
    line("module-not-loaded", "LoadModule wsgi_module @MODULE", ""),
    line(
        "WSGI1015",
        "WSGIScriptAlias",
        "WSGIDaemonProcess site threads=6\nWSGIScriptAlias",
    ),
    line("WSGI1013", "process-group=site", "process-group=other"),
    line("WSGI0100", "python-home=@/venv", "python-home=@/gone"),
    line(
        "socket-folder-unusable",
        "@ACCOUNT",
        "@ACCOUNT\nWSGISocketPrefix @/gone/wsgi",
    ),
    line("script-missing", "site.wsgi", "gone.wsgi"),
    line(
        "script-exposed",
        "<Directory />",
        "Alias /files @/app\n<Directory />",
    ),
    line(
        "access-denied",
        "    Require all granted",
        "    Require all denied",
    ),
    line(
        "alias-shadowed",
        "<Directory @/app>",
        "WSGIScriptAlias /api @/app/site.wsgi process-group=site application-group=%{GLOBAL}\n<Directory @/app>",
    ),
    line("mpm-small", "threads=5", "threads=500"),
    line("not-in-daemon", "process-group=site", ""),
    line(
        "group-unused",
        "WSGIScriptAlias",
        "WSGIDaemonProcess spare\nWSGIScriptAlias",
    ),
    line("home-unusable", "home=@/app", "home=@/gone"),
    line(
        "python-path-unusable",
        "python-path=@/app",
        "python-path=@/app:@/gone",
    ),
    line(
        "python-path-ignored",
        "WSGIDaemonProcess",
        "WSGIPythonPath @/app\nWSGIDaemonProcess",
    ),
    line(
        "env-file-unreadable",
        "threads=5",
        "threads=5 env-file=@/gone.env",
    ),
    line("env-file-exposed", "threads=5", "threads=5 env-file=@/open.env"),
    Mistake {
        id: "sub-interpreter",
        replace: ("application-group=%{GLOBAL}", ""),
        files: |root| {
            let version = worker_version();
            let packages = root.join(format!("venv/lib/python{version}/site-packages/numpy"));
            fs::create_dir_all(packages).expect("made");
        },
    },
    file("script-writable", |root| mode(root.join("app/site.wsgi"), 0o666)),
    file("WSGI0100", |root| {
        // The Python that the environment was made from has gone.
        fs::write(
            root.join("venv/pyvenv.cfg"),
            format!("home = /opt/gone/bin\nversion = {}\n", worker_version()),
        )
        .expect("written");
        fs::remove_file(root.join("venv/bin/python3")).expect("removed");
        symlink("/opt/gone/bin/python3", root.join("venv/bin/python3")).expect("linked");
    }),
    file("WSGI0100", |root| {
        set_version(root, "3.9.2");
        rename(
            root,
            &format!("venv/lib/python{}", worker_version()),
            "venv/lib/python3.9",
        );
    }),
    file("worker-missing", |root| {
        // Of a version that no worker is built for.
        fs::remove_dir_all(root.join("venv")).expect("removed");
        let library = root.join("venv/lib/python3.99");
        fs::create_dir_all(&library).expect("made");
        fs::write(library.join("os.py"), "").expect("written");
    }),
];

/// Mistakes that only root can make: others than the user itself are then meant.
const MISTAKES_OF_ROOT: &[Mistake] = &[
    line("WSGI1150", "threads=5", "threads=5 user=nosuchuser"),
    file("script-unreadable", |root| {
        mode(root.join("app/site.wsgi"), 0o600)
    }),
    file("WSGI0102", |root| mode(root.join("venv"), 0o700)),
];

/// The version of the worker that tests are run with.
fn worker_version() -> String {
    let real = fs::canonicalize(usual_python()).expect("a Python");
    let name = real.file_name().expect("a name").to_string_lossy().into_owned();
    name.trim_start_matches("python").to_owned()
}

/// A sound site.
fn site() -> Folder {
    let folder = Folder::with(&[
        ("app/site.wsgi", &application("application", "1")),
        ("open.env", "A=b\n"),
        ("run/keep", ""),
    ]);
    let python = fs::canonicalize(usual_python()).expect("a Python");
    let above = python.parent().expect("a folder").display().to_string();
    let version = worker_version();
    // As `python -m venv` makes it.
    folder.write(
        "venv/pyvenv.cfg",
        &format!("home = {above}\nversion = {version}.0\n"),
    );
    fs::create_dir_all(folder.path(&format!("venv/lib/python{version}/site-packages"))).expect("made");
    fs::create_dir(folder.path("venv/bin")).expect("made");
    symlink(python, folder.path("venv/bin/python3")).expect("linked");
    symlink("python3", folder.path("venv/bin/python")).expect("linked");
    folder
}

fn load_lines() -> String {
    let modules = ["mpm_event", "unixd", "authz_core", "alias"];
    let folder = Path::new("/usr/lib/apache2/modules");
    let file = |name: &str| folder.join(format!("mod_{name}.so"));
    let lines = modules.iter().filter(|name| file(name).exists());
    lines
        .map(|name| format!("LoadModule {name}_module {}\n", file(name).display()))
        .collect()
}

fn check(folder: &Folder, (from, to): (&str, &str), arguments: &[&str]) -> Output {
    let account = process::serving_account().map_or_else(String::new, |account| {
        format!("User {}\nGroup {}", account.name, account.group)
    });
    let text = if from.is_empty() {
        SOUND.to_owned()
    } else {
        SOUND.replacen(from, to, 1)
    };
    let text = text
        .replace("@MODULE", &module_under_test().to_string_lossy())
        .replace("@LOAD", &load_lines())
        .replace("@ACCOUNT", &account)
        .replace('@', &folder.root().to_string_lossy());
    folder.write("site.conf", &text);
    rwsgi(folder.root())
        .arg("check")
        .arg("site.conf")
        .args(arguments)
        .output()
        .expect("rwsgi runs")
}

#[test]
fn each_mistake_is_named_with_its_place_and_its_fix() {
    let sound = check(&site(), ("", ""), &[]);
    assert!(
        sound.status.success(),
        "{}",
        String::from_utf8_lossy(&sound.stdout)
    );
    let root_only = if process::is_root() {
        MISTAKES_OF_ROOT
    } else {
        eprintln!(
            "skipped: {} mistakes that only root can check",
            MISTAKES_OF_ROOT.len()
        );
        &[]
    };
    let mut missed = Vec::new();
    for (number, mistake) in MISTAKES.iter().chain(root_only).enumerate() {
        let folder = site();
        (mistake.files)(folder.root());
        let output = check(&folder, mistake.replace, &[]);
        let text = String::from_utf8_lossy(&output.stdout).replace(&folder.root().display().to_string(), "");
        let heading = text
            .lines()
            .find(|line| line.contains(&format!(" {}: ", mistake.id)));
        println!("{:2} {}", number + 1, heading.unwrap_or("NOT FOUND"));
        let paragraph = text
            .split("\n\n")
            .find(|part| part.contains(&format!(" {}: ", mistake.id)));
        let is_whole = paragraph.is_some_and(|part| part.contains("\n  why  ") && part.contains("\n  fix  "));
        if !is_whole {
            missed.push(format!(
                "{number} {}:\n{text}{}",
                mistake.id,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    assert!(MISTAKES.len() >= 20);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn programs_read_findings_as_json_and_by_the_status() {
    let folder = site();
    let output = check(&folder, ("site.wsgi", "gone.wsgi"), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "\"id\": \"script-missing\"",
        "\"severity\": \"problem\"",
        "\"line\": ",
        "\"file\": \"",
        "\"fix\": \"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // A warning alone is no failure.
    let output = check(&folder, ("threads=5", "threads=500"), &["--json"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_file_of_serve_is_checked_as_it_would_be_served() {
    let folder = Folder::with(&[
        ("app.py", &application("app", "1")),
        ("site.toml", "app = 'app.py'\nprocesses = 40\nmax-clients = 10\n"),
    ]);
    let output = rwsgi(folder.root())
        .args(["check", "site.toml"])
        .output()
        .expect("rwsgi runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("warning mpm-small: "),
        "{output:?}"
    );
}

/// Where the command is, workers are found: it counts from ServerRoot, wherever the check is typed.
#[test]
fn a_relative_command_lies_below_the_server_root() {
    let folder = site();
    fs::remove_dir_all(folder.path("venv")).expect("removed");
    folder.write("venv/lib/python3.99/os.py", "");
    folder.write("bin/rwsgi", "");
    let with_command = ("threads=5", "threads=5\nRWSGICommand bin/rwsgi");
    let told = |expected: bool| {
        check(&folder, with_command, &[]);
        let output = rwsgi(folder.root())
            .arg("check")
            .arg(folder.path("site.conf"))
            .current_dir("/")
            .output()
            .expect("rwsgi runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.contains("worker-missing"), expected, "{text}");
    };
    told(true);
    folder.write("bin/worker/python3.99/rwsgi/__init__.py", "");
    told(false);
}

/// As the package of Debian has it, before the first start: nobody has made the folders of run-time files.
const DEBIAN_CONFIGURATION: &str = "\
DefaultRuntimeDir ${APACHE_RUN_DIR}
Mutex file:${APACHE_LOCK_DIR} default
PidFile ${APACHE_PID_FILE}
User ${APACHE_RUN_USER}
Group ${APACHE_RUN_GROUP}
ErrorLog ${APACHE_LOG_DIR}/error.log
IncludeOptional mods-enabled/*.load
ServerName localhost
Listen 127.0.0.1:8999
<Directory />
    Require all denied
</Directory>
IncludeOptional sites-enabled/*.conf
";
const DEBIAN_VARIABLES: &str = "\
unset HOME
# Several servers are told by the names of their folders.
if [ \"${APACHE_CONFDIR##*/apache2-}\" != \"${APACHE_CONFDIR}\" ] ; then
    SUFFIX=\"-${APACHE_CONFDIR##*/apache2-}\"
else
    SUFFIX=
fi
export APACHE_RUN_USER=@USER
export APACHE_RUN_GROUP=@GROUP
export APACHE_PID_FILE=@/run/apache2$SUFFIX/apache2.pid
export APACHE_RUN_DIR=@/run/apache2$SUFFIX
export APACHE_LOCK_DIR=@/lock/apache2$SUFFIX
export APACHE_LOG_DIR=@/log/apache2$SUFFIX
[ -n \"$SUFFIX\" ] && export LANG=C
";

/// Lays a server of Debian out, in `etc/NAME`.
fn debian(folder: &Folder, name: &str, site: &str) {
    let here = |text: &str| text.replace('@', &folder.root().to_string_lossy());
    let (user, group) =
        process::serving_account().map_or(("nobody", "nogroup"), |account| (account.name, account.group));
    let variables = DEBIAN_VARIABLES.replace("@USER", user).replace("@GROUP", group);
    let load = format!(
        "{}LoadModule wsgi_module {}\n",
        load_lines(),
        module_under_test().display()
    );
    for (file, text) in [
        ("apache2.conf", DEBIAN_CONFIGURATION),
        ("envvars", &here(&variables)),
        ("mods-enabled/all.load", &load),
        ("sites-enabled/site.conf", &here(site)),
    ] {
        folder.write(&format!("etc/{name}/{file}"), text);
    }
    fs::create_dir_all(folder.path(&format!("log/{name}"))).expect("made");
}

/// The lines of the sound site that are the site's.
fn debian_site() -> &'static str {
    let (_, site) = SOUND.split_once("</Directory>\n").expect("a site");
    site
}

fn installed_httpd() -> &'static str {
    ["/usr/sbin/apache2", "/usr/sbin/httpd"]
        .into_iter()
        .find(|file| Path::new(file).exists())
        .expect("httpd is installed")
}

/// An httpd that was compiled for `etc/apache2` in the folder.
fn compiled_for(folder: &Folder) -> PathBuf {
    let text = "#!/bin/sh
case \"$1\" in
-V)
    HTTPD -V -f /dev/null | sed -e 's|HTTPD_ROOT=\".*\"|HTTPD_ROOT=\"ROOT/etc/apache2\"|' \\
        -e 's|SERVER_CONFIG_FILE=\".*\"|SERVER_CONFIG_FILE=\"apache2.conf\"|'
    exit ;;
esac
exec HTTPD -d ROOT/etc/apache2 \"$@\"
";
    let text = text
        .replace("HTTPD -", &format!("{} -", installed_httpd()))
        .replace("ROOT/", &format!("{}/", folder.root().display()));
    folder.write("bin/apache2", &text);
    mode(folder.path("bin/apache2"), 0o755);
    folder.path("bin/apache2")
}

#[test]
fn without_a_file_the_configuration_of_httpd_is_checked_with_its_variables() {
    let folder = site();
    let httpd = compiled_for(&folder);
    let run = || {
        let mut command = rwsgi(folder.root());
        command.arg("check").arg("--httpd").arg(&httpd);
        let output = command.output().expect("rwsgi runs");
        let told = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&told).into_owned(),
        )
    };
    let (succeeded, told) = run();
    let missing = format!(
        "{} does not exist",
        folder.path("etc/apache2/apache2.conf").display()
    );
    assert!(!succeeded && told.contains(&missing), "{told}");
    debian(&folder, "apache2", debian_site());
    let (succeeded, told) = run();
    assert!(succeeded, "{told}");
    debian(
        &folder,
        "apache2",
        &debian_site().replace("site.wsgi", "gone.wsgi"),
    );
    let (succeeded, told) = run();
    let place = folder.path("etc/apache2/sites-enabled/site.conf");
    assert!(!succeeded && told.contains("problem script-missing"), "{told}");
    assert!(told.contains(&format!("\n  at   {}:", place.display())), "{told}");
}

/// One of several servers, named by its file.
#[test]
fn a_file_that_has_variables_beside_it_is_read_with_them() {
    let folder = site();
    debian(&folder, "apache2-blue", debian_site());
    let output = rwsgi(folder.root())
        .args([
            "check",
            "etc/apache2-blue/apache2.conf",
            "--httpd",
            installed_httpd(),
        ])
        .output()
        .expect("rwsgi runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
