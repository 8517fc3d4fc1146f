//! The example site as `make serve` starts it, visited the way a browser would.

use std::env;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rwsgi_harness::{command_under_test, module_under_test, process};
use tempfile::TempDir;

/// `example/serve`, running until [`Serving::interrupt`].
struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it has printed so far.
    printed: String,
    home: PathBuf,
}

impl Serving {
    fn start(home: &Path, venv: &str) -> Serving {
        let mut child = Command::new("/usr/bin/python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("example/serve"))
            .arg("--module")
            .arg(module_under_test())
            .arg("--command")
            .arg(command_under_test())
            .args(["--venv", venv, "--port", "8000", "--home"])
            .arg(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut serving = Serving {
            child,
            output,
            printed: String::new(),
            home: home.to_path_buf(),
        };
        serving.read_until("Ctrl-C stops it.");
        serving
    }

    /// The script ends by itself when the site does not answer in time, so this ends too.
    fn read_until(&mut self, last: &str) {
        loop {
            let before = self.printed.len();
            let count = self.output.read_line(&mut self.printed).expect("text");
            if self.printed[before..].trim_end() == last {
                return;
            }
            if count == 0 {
                let mut errors = String::new();
                let pipe = self.child.stderr.as_mut().expect("a pipe");
                let _ = pipe.read_to_string(&mut errors);
                panic!("it ended before it printed {last:?}:\n{}\n{errors}", self.printed);
            }
        }
    }

    /// The text between two others in what was printed.
    fn printed_between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.printed.split_once(before).expect(before);
        rest.split_once(after).expect(after).0
    }

    fn address(&self) -> String {
        self.printed_between("Serving at ", "\n").trim().to_string()
    }

    fn password(&self) -> String {
        self.printed_between("password ", ")").to_string()
    }

    /// Ctrl-C; afterwards no process of the server is left.
    fn interrupt(mut self) {
        process::signal(self.child.id(), libc::SIGINT).expect("it runs");
        assert!(self.child.wait().expect("it ends").success());
        let left = self.processes();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Command lines that name the site's directory.
    fn processes(&self) -> Vec<String> {
        let home = self.home.display().to_string();
        process::all()
            .into_iter()
            .filter(|one| one.state != 'Z')
            .filter_map(|one| fs::read_to_string(format!("/proc/{}/cmdline", one.pid)).ok())
            .filter(|line| line.contains(&home))
            .collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After a failed assertion: the script's own end takes httpd with it.
        let _ = process::signal(self.child.id(), libc::SIGTERM);
        let _ = self.child.wait();
    }
}

/// A browser: follows redirects and keeps cookies.
struct Visitor {
    address: String,
    cookies: PathBuf,
}

impl Visitor {
    fn new(serving: &Serving, name: &str) -> Visitor {
        Visitor {
            address: serving.address(),
            cookies: serving.home.join(format!("{name}.cookies")),
        }
    }

    /// Status and body.
    fn visit(&self, path: &str, form: &[String]) -> (u16, Vec<u8>) {
        let address = format!("{}{path}", self.address);
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--location", "--max-time", "30"])
            .args(["--write-out", "%{http_code}", "--referer", &address])
            .arg("--cookie")
            .arg(&self.cookies)
            .arg("--cookie-jar")
            .arg(&self.cookies);
        for field in form {
            command.args(["--form", field]);
        }
        let output = command.arg(&address).output().expect("curl runs");
        assert!(output.status.success(), "{output:?}");
        let mut body = output.stdout;
        let status = body.split_off(body.len() - 3);
        (String::from_utf8_lossy(&status).parse().expect("a status"), body)
    }

    fn page(&self, path: &str) -> (u16, String) {
        let (status, body) = self.visit(path, &[]);
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Opens a page with a form, fills it in, sends it.
    fn submit(&self, path: &str, fields: &[String]) -> (u16, String) {
        let (_, page) = self.page(path);
        let (_, rest) = page
            .split_once("name=\"csrfmiddlewaretoken\" value=\"")
            .expect("a form with a token");
        let token = rest.split('"').next().unwrap_or_default();
        let mut form = vec![format!("csrfmiddlewaretoken={token}")];
        form.extend_from_slice(fields);
        let (status, body) = self.visit(path, &form);
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

/// The environment with Django, or nothing after saying why the test cannot run.
fn venv() -> Option<String> {
    let venv = env::var("RWSGI_TEST_VENV").ok().filter(|path| !path.is_empty());
    if venv.is_none() {
        println!(
            "skipped: RWSGI_TEST_VENV names no virtual environment with Django (`make test-cargo` makes one)"
        );
    }
    venv
}

fn home(mode: u32) -> TempDir {
    let home = tempfile::Builder::new()
        .prefix("rwsgi-guestbook-")
        .tempdir()
        .expect("a directory");
    fs::set_permissions(home.path(), Permissions::from_mode(mode)).expect("permissions");
    home
}

#[test]
fn a_newcomer_signs_the_book_logs_in_and_leaves_nothing_behind() {
    let Some(venv) = venv() else { return };
    let home = home(0o755);
    let serving = Serving::start(home.path(), &venv);
    let visitor = Visitor::new(&serving, "visitor");

    let (status, page) = visitor.page("");
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Nobody has signed yet"), "{page}");
    let (status, css) = visitor.page("static/entries/guestbook.css");
    assert_eq!(status, 200, "{css}");
    assert!(css.contains("--paper"), "{css}");
    let (status, page) = visitor.page("no/such/page");
    assert_eq!(status, 404);
    assert!(page.contains("not in the book"), "{page}");

    let photo = home.path().join("photo.bin");
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    fs::write(&photo, &bytes).expect("a file");
    let fields = [
        "name=Ada".to_string(),
        "message=Hello, httpd".to_string(),
        format!("attachment=@{}", photo.display()),
    ];
    let (status, page) = visitor.submit("", &fields);
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("Thank you, Ada.") && page.contains("Hello, httpd"),
        "{page}"
    );
    assert_eq!(visitor.visit("attachments/1/", &[]), (200, bytes));
    let (status, export) = visitor.page("guestbook.csv");
    assert_eq!(status, 200);
    assert!(export.contains(",Ada,\"Hello, httpd\",photo.bin"), "{export}");

    let administrator = Visitor::new(&serving, "administrator");
    let password = serving.password();
    let login = ["username=admin".to_string(), format!("password={password}")];
    let (status, page) = administrator.submit("admin/login/?next=/admin/", &login);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Site administration"), "{page}");

    serving.interrupt();

    // What was stored is still there, and the log-in is the same.
    let again = Serving::start(home.path(), &venv);
    assert!(
        Visitor::new(&again, "visitor")
            .page("")
            .1
            .contains("Hello, httpd")
    );
    assert_eq!(again.password(), password);
    again.interrupt();
}

#[test]
fn a_directory_closed_to_the_serving_account_is_no_obstacle_for_root() {
    if !process::is_root() {
        println!("skipped: only root serves under another account");
        return;
    }
    let Some(venv) = venv() else { return };
    let home = home(0o700);
    let serving = Serving::start(home.path(), &venv);
    let copy = PathBuf::from(serving.printed_between("serving a copy in ", "\n"));
    assert!(copy.is_dir());
    assert_eq!(Visitor::new(&serving, "visitor").page("").0, 200);
    serving.interrupt();
    assert!(!copy.exists());
    assert!(home.path().join("state/db.sqlite3").exists());
}

#[test]
fn a_second_server_over_the_same_files_is_refused() {
    let Some(venv) = venv() else { return };
    let home = home(0o755);
    let serving = Serving::start(home.path(), &venv);
    let second = Command::new("/usr/bin/python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("example/serve"))
        .arg("--module")
        .arg(module_under_test())
        .arg("--command")
        .arg(command_under_test())
        .args(["--venv", &venv, "--home"])
        .arg(home.path())
        .output()
        .expect("Python runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("already being served"),
        "{second:?}"
    );
    serving.interrupt();
}
