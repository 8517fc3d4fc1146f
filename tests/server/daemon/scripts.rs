//! `script-user=` and `script-group=`: whose scripts a group runs (contract, section 2.4).

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use super::{group, id, is_root};
use crate::assert_error_page;
use rwsgi_harness::{Builder, Server};

/// A script in a folder of its own; whoever runs the tests owns both.
fn owned(options: &str) -> Builder {
    group(options)
        .file("owned/hello.py", include_str!("../../apps/hello.py"))
        .config_first("WSGIScriptAlias /owned ${ROOT}/owned/hello.py process-group=cases")
        .allow_log("^WSGI01(5[3-9]|6[0-9]|7[0-3])")
}

fn mode(server: &Server, path: &str, mode: u32) {
    set_permissions(server.path(path), Permissions::from_mode(mode)).expect("permissions");
}

fn own_user() -> String {
    use std::os::unix::fs::MetadataExt;
    format!("#{}", std::fs::metadata("/proc/self").expect("we run").uid())
}

#[test]
fn script_user_wants_the_script_and_its_folder_closed_to_others() {
    let server = owned(&format!("threads=2 script-user={}", own_user())).start();
    assert_eq!(server.get("/owned").status, 200);
    for (path, wrong, right) in [
        ("owned/hello.py", 0o664, 0o644),
        ("owned/hello.py", 0o646, 0o644),
        ("owned", 0o775, 0o755),
        ("owned", 0o757, 0o755),
    ] {
        mode(&server, path, wrong);
        assert_error_page(&server.get("/owned"), 403);
        mode(&server, path, right);
        assert_eq!(server.get("/owned").status, 200, "{path} {right:o}");
    }
    assert_eq!(server.logs_matching("^WSGI01").len(), 4, "one line a refusal");
    server.finish();
}

#[test]
fn script_user_refuses_the_script_of_another() {
    if !is_root() {
        return;
    }
    let server = owned("threads=2 script-user=games").start();
    assert_error_page(&server.get("/owned"), 403);
    let games = id("/etc/passwd", "games");
    chown(server.path("owned/hello.py"), Some(games), None).expect("root may");
    assert_error_page(&server.get("/owned"), 403);
    chown(server.path("owned"), Some(games), None).expect("root may");
    assert_eq!(server.get("/owned").status, 200);
    server.finish();
}

#[test]
fn script_group_allows_its_group_to_write() {
    if !is_root() {
        return;
    }
    let server = owned("threads=2 script-group=games").start();
    assert_error_page(&server.get("/owned"), 403);
    let games = id("/etc/group", "games");
    for path in ["owned", "owned/hello.py"] {
        chown(server.path(path), None, Some(games)).expect("root may");
    }
    mode(&server, "owned/hello.py", 0o664);
    mode(&server, "owned", 0o775);
    assert_eq!(server.get("/owned").status, 200);
    mode(&server, "owned/hello.py", 0o666);
    assert_error_page(&server.get("/owned"), 403);
    server.finish();
}
