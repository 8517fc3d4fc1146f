//! `rwsgi cgi`, as the interpreter of a script.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rwsgi_harness::{command_under_test, process, usual_python};

use super::rig::Site;

/// Makes a CGI script of the site's application.
pub(crate) fn make_script(site: &Site, name: &str) {
    // The kernel passes all that follows the program as one argument: a wrapper names the Python.
    let launcher = site.path("launcher");
    let text = format!(
        "#!/bin/sh\nexec {} cgi --python {} \"$@\"\n",
        command_under_test().display(),
        usual_python().display()
    );
    fs::write(&launcher, text).expect("written");
    fs::set_permissions(&launcher, Permissions::from_mode(0o755)).expect("set");
    site.write(
        name,
        &format!("#!{}\n{}", launcher.display(), site.read("wsgi.py")),
    );
    fs::set_permissions(site.path(name), Permissions::from_mode(0o755)).expect("set");
}

fn run(site: &Site, name: &str, variables: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(site.path(name));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(variables.iter().copied())
        .current_dir(site.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(account) = process::serving_account() {
        command.uid(account.user_id).gid(account.group_id);
    }
    let mut child = command.spawn().expect("started");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(input)
        .expect("written");
    child.wait_with_output().expect("ended")
}

const REQUEST: [(&str, &str); 5] = [
    ("REQUEST_METHOD", "POST"),
    ("SCRIPT_NAME", "/app"),
    ("PATH_INFO", "/read"),
    ("CONTENT_LENGTH", "5"),
    ("SERVER_NAME", "localhost"),
];

#[test]
fn a_request_is_answered_on_standard_output() {
    let site = Site::new();
    make_script(&site, "mysite.cgi");
    let output = run(
        &site,
        "mysite.cgi",
        &REQUEST,
        &[],
        b"hello, and more than was announced",
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text,
        "Status: 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"
    );
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// `?--python=/tmp/evil` reaches a CGI script as an argument (as CVE-2012-1823 had it).
#[test]
fn a_query_without_an_equals_sign_sets_no_option() {
    let site = Site::new();
    make_script(&site, "mysite.cgi");
    let query = ["--python=/nonexistent", "--mount", "/x", "-h"];
    let output = run(&site, "mysite.cgi", &REQUEST, &query, b"hello");
    assert!(output.stdout.ends_with(b"hello"), "{output:?}");
}

#[test]
fn what_the_application_prints_does_not_reach_the_client() {
    let site = Site::with(
        "import sys\nprint('printed')\ndef application(environ, start_response):\n    print('more', sys.stdin.read())\n    \
         start_response('200 OK', [])\n    return [b'body']\n",
    );
    make_script(&site, "mysite.cgi");
    let output = run(&site, "mysite.cgi", &REQUEST, &[], b"hello");
    assert_eq!(output.stdout, b"Status: 200 OK\r\n\r\nbody");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("printed") && log.contains("more"), "{log}");
}

#[test]
fn a_process_without_a_request_says_so() {
    let site = Site::new();
    make_script(&site, "mysite.cgi");
    let output = run(&site, "mysite.cgi", &[], &[], b"");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && log.contains("WSGI1193"), "{log}");
    assert!(output.stdout.is_empty());
}
