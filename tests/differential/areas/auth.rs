//! `WSGIAuthUserScript`, `WSGIAuthGroupScript` and `WSGIAccessScript`: what each answer does to the request, and what
//! the functions are told.

use rwsgi_harness::{Builder, credentials};

use super::{gets, server};
use crate::case::{Area, Case, get};

/// The password that `hook_user.py` takes.
const PASSWORD: &str = "open-5e5ame";

/// Users of `hook_user.py`, each named after its answer.
const USERS: &str = "admin denied stranger renamed empty bytes one zero list nul surrogate raiser leaver writer \
    us\u{e9}r";

/// Users of `get_realm_hash`, likewise.
const DIGEST_USERS: &str = "str bytes stranger empty none_bytes int raiser nul";

/// Users of `hook_groups.py`, likewise.
const MEMBERS: &str =
    "member bytes generated second upper prefix nobody none number item wide broken iter text umlaut unknown";

const ACCESS: &str = "yes no pass one zero text list raise";

/// Scripts that cannot answer; one that is not there is asked besides.
const BROKEN: [(&str, &str); 4] = [
    ("lacking", ""),
    ("raising", "1 / 0\n"),
    ("malformed", "def\n"),
    ("leaving", "import sys\nsys.exit()\n"),
];

fn ask(target: &str, user: &str, password: &str) -> Case {
    get(target)
        .header("Authorization", credentials::basic(user, password))
        .named(format!("{target} as {user}"))
}

/// A path below which a user is needed, with what answers for it.
fn private(path: &str, rest: &str) -> String {
    format!(
        "WSGIScriptAlias {path} ${{APPS}}/environ_dump.py\n\
         <Location {path}>\n  AuthType Basic\n  AuthName \"a realm\"\n  AuthBasicProvider wsgi\n  {rest}\n</Location>"
    )
}

/// The three kinds of a script below `/broken`, by its name.
fn with_script(builder: Builder, name: &str) -> Builder {
    let file = format!("${{APPS}}/{name}.py");
    builder
        .config(&private(
            &format!("/broken/user/{name}"),
            &format!("WSGIAuthUserScript {file}\n  Require valid-user"),
        ))
        .config(&private(
            &format!("/broken/group/{name}"),
            &format!(
                "WSGIAuthUserScript ${{APPS}}/hook_groups.py\n  WSGIAuthGroupScript {file}\n  Require wsgi-group staff"
            ),
        ))
        .config(&format!(
            "WSGIScriptAlias /broken/access/{name} ${{APPS}}/hello.py\n\
             <Location /broken/access/{name}>\n  WSGIAccessScript {file}\n</Location>"
        ))
}

fn configured() -> Builder {
    let mut builder = server();
    for module in [
        "authn_core",
        "auth_basic",
        "auth_digest",
        "authz_user",
        "authn_file",
    ] {
        builder = builder.module(module);
    }
    for (name, source) in BROKEN {
        builder = with_script(builder.app(&format!("{name}.py"), source), name);
    }
    with_script(builder, "absent")
        // The password is the word itself.
        .file("conf/users", "stranger:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
        .config(&private(
            "/user",
            "WSGIAuthUserScript ${APPS}/hook_user.py\n  Require valid-user",
        ))
        .config(&private(
            "/both",
            "WSGIAuthUserScript ${APPS}/hook_user.py\n  AuthBasicProvider wsgi file\n  \
             AuthUserFile conf/users\n  Require valid-user",
        ))
        .config(&private("/unset", "Require valid-user"))
        .config(&private(
            "/ungrouped",
            "WSGIAuthUserScript ${APPS}/hook_groups.py\n  Require wsgi-group staff",
        ))
        .config(&private(
            "/digest",
            "AuthType Digest\n  AuthDigestProvider wsgi\n  WSGIAuthUserScript ${APPS}/hook_user.py\n  \
             Require valid-user",
        ))
        .config(&private(
            "/group",
            "WSGIAuthUserScript ${APPS}/hook_groups.py\n  WSGIAuthGroupScript ${APPS}/hook_groups.py\n  \
             AuthzSendForbiddenOnFailure On\n  Require wsgi-group staff \"two words\"",
        ))
        .config(&private(
            "/asked",
            "SetEnv OWN_SETTING 7\n  WSGIAuthUserScript ${APPS}/hook_environ.py\n  \
             WSGIAuthGroupScript ${APPS}/hook_environ.py\n  WSGIAccessScript ${APPS}/hook_environ.py\n  \
             Require wsgi-group staff",
        ))
        .config(
            "WSGIScriptAlias /told ${APPS}/hook_environ.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /access ${APPS}/hello.py\n\
             <Location /access>\n  WSGIAccessScript ${APPS}/hook_access.py\n</Location>\n\
             <Location /access/closed>\n  Require all denied\n</Location>",
        )
}

/// One request that every function is told of, and what they were told.
fn told() -> Vec<Case> {
    let asked = ask("/asked/a%20b//c?q=1", "us\u{e9}r", "secret")
        .header("Proxy", "http://proxy.example/")
        .header("X_Underscore", "1")
        .header("X-One", "1")
        .header("Content-Type", "text/plain")
        .named("asked");
    let mut cases = vec![asked];
    cases.extend(gets("/told/", "allow_access check_password groups_for_user"));
    cases
}

pub(super) fn area() -> Area {
    let mut cases = vec![get("/user"), get("/digest"), get("/group")];
    cases.push(ask("/user", "admin", "wrong").named("/user with a wrong password"));
    for user in USERS.split_whitespace() {
        cases.push(ask("/user", user, PASSWORD));
    }
    for (user, password) in [
        ("stranger", "password"),
        ("stranger", "wrong"),
        ("denied", PASSWORD),
    ] {
        cases.push(ask("/both", user, password).named(format!("/both as {user} with {password}")));
    }
    for user in DIGEST_USERS.split_whitespace() {
        cases.push(
            get("/digest")
                .digest(user, PASSWORD)
                .named(format!("/digest as {user}")),
        );
    }
    cases.push(
        get("/digest")
            .digest("str", "wrong")
            .named("/digest with a wrong password"),
    );
    for user in MEMBERS.split_whitespace() {
        cases.push(ask("/group", user, PASSWORD));
    }
    cases.push(ask("/unset", "admin", PASSWORD));
    cases.push(ask("/ungrouped", "member", PASSWORD));
    cases.extend(gets("/access?", ACCESS));
    cases.extend(gets("/access/closed?", "yes pass"));
    for name in BROKEN.iter().map(|(name, _)| *name).chain(["absent"]) {
        cases.push(ask(&format!("/broken/user/{name}"), "admin", PASSWORD));
        cases.push(ask(&format!("/broken/group/{name}"), "admin", PASSWORD));
        cases.push(get(&format!("/broken/access/{name}")));
    }
    cases.extend(told());
    Area::embedded("auth", configured(), cases)
}
