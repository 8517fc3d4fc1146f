//! `rwsgi cgi`, as the interpreter of a script.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rwsgi_harness::command_under_test;

use super::rig::{Site, python};

/// Makes a CGI script of the site's application.
pub(crate) fn make_script(site: &Site, name: &str) {
    // The kernel passes all that follows the program as one argument: a wrapper names the Python.
    let launcher = site.path("launcher");
    let text = format!(
        "#!/bin/sh\nexec {} cgi --python {} \"$@\"\n",
        command_under_test().display(),
        python().display()
    );
    fs::write(&launcher, text).expect("written");
    fs::set_permissions(&launcher, Permissions::from_mode(0o755)).expect("set");
    site.write(
        name,
        &format!("#!{}\n{}", launcher.display(), site.read("wsgi.py")),
    );
    fs::set_permissions(site.path(name), Permissions::from_mode(0o755)).expect("set");
}
