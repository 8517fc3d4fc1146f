//! Where settings come from, and whom they reach.

use std::thread;

use mod_rwsgi::config::directives::{Context, DIRECTIVES};

use super::{APPLICATION, ask, builder, json};
use crate::server;

/// CVE-2019-0211: what runs in httpd's processes can write its scoreboard, which root's process trusts.
#[test]
fn a51_root_is_told_once_that_applications_may_run_in_its_httpds_processes() {
    let told = |config: &str| {
        let server = server().config(config).start();
        server.graceful();
        let told = server.logs_matching("^WSGI1170: ").len();
        server.finish();
        told
    };
    let root = usize::from(rwsgi_harness::process::is_root());
    assert_eq!(told("WSGIScriptAlias / ${APPS}/hello.py"), root);
    assert_eq!(told("WSGIRestrictEmbedded On"), 0);
}

/// mod_wsgi 6.0.0: an unset WSGIMapHEADToGET counted as set, and virtual hosts did not inherit it.
#[test]
fn a13_unset_inherits_and_set_wins_in_every_scope() {
    let values = [None, Some("On"), Some("Off")];
    let lines = |value: Option<&str>| {
        value.map_or(String::new(), |value| {
            format!("WSGIPassAuthorization {value}\nWSGIMapHEADToGET {value}\n")
        })
    };
    for base in values {
        let mut builder = server()
            .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
            .config(&lines(base));
        for (number, (host, place)) in scopes(values).enumerate() {
            builder = builder.config(&format!(
                "<VirtualHost *:${{PORT}}>\nServerName host{number}.test\n{}<Location />\n{}</Location>\n</VirtualHost>",
                lines(host),
                lines(place),
            ));
        }
        let server = builder.start();
        for (number, (host, place)) in scopes(values).enumerate() {
            let on = place.or(host).or(base) == Some("On");
            let shown = format!("{base:?} {host:?} {place:?}");
            let request = |method| {
                server
                    .request(method, "/")
                    .header("Host", &format!("host{number}.test"))
                    .header("Authorization", "Basic YTpi")
            };
            let text = request("GET").send().text();
            assert_eq!(text.contains("HTTP_AUTHORIZATION"), on, "{shown}");
            let mapped = request("HEAD").send();
            assert_eq!(
                mapped.header("X-Method"),
                Some(if on { "GET" } else { "HEAD" }),
                "{shown}"
            );
        }
        server.finish();
    }
}

fn scopes(values: [Option<&str>; 3]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    values
        .into_iter()
        .flat_map(move |host| values.into_iter().map(move |place| (host, place)))
}

/// CVE-2026-24072: a .htaccess read files as httpd's user. What it may hold here is this, by AllowOverride.
#[test]
fn a55_directives_that_htaccess_may_hold() {
    let names = |wanted: Context| {
        let mut names: Vec<String> = DIRECTIVES
            .iter()
            .filter(|directive| directive.context == wanted)
            .map(|directive| directive.name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(Context::FileInfo),
        [
            "WSGICallableObject",
            "WSGIChunkedRequest",
            "WSGIEnableSendfile",
            "WSGIErrorOverride",
            "WSGIIgnoreActivity",
            "WSGIMapHEADToGET",
            "WSGIOutputBuffering",
            "WSGIPassAuthorization",
            "WSGIReloadMechanism",
            "WSGIScriptReloading",
            "WSGITrustedProxies",
            "WSGITrustedProxyHeaders",
        ]
    );
    assert_eq!(
        names(Context::AuthConfig),
        [
            "WSGIAccessScript",
            "WSGIAuthGroupScript",
            "WSGIAuthUserScript",
            "WSGIGroupAuthoritative",
            "WSGIUserAuthoritative",
        ]
    );
}

/// CVE-2017-9798 (OptionsBleed): a .htaccess changed what all of the process shares.
#[test]
fn a57_a_htaccess_concerns_its_own_folder_only() {
    let server = server()
        .one_process()
        .file("htdocs/own/app.wsgi", APPLICATION)
        .file("htdocs/other/app.wsgi", APPLICATION)
        .file("htdocs/wrong/app.wsgi", APPLICATION)
        .file(
            "htdocs/own/.htaccess",
            "WSGIPassAuthorization On\nWSGIChunkedRequest On\n",
        )
        .file(
            "htdocs/wrong/.htaccess",
            "WSGIPassAuthorization On\nWSGIPassAuthorization Maybe\n",
        )
        .config(
            "AccessFileName .htaccess\n<Directory ${HTDOCS}>\nAllowOverride FileInfo\nOptions +ExecCGI\n\
             <Files *.wsgi>\nSetHandler wsgi-script\n</Files>\n</Directory>",
        )
        .allow_log("WSGIPassAuthorization|WSGI0139")
        .start();
    thread::scope(|scope| {
        for client in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..60 {
                    let folder = ["own", "wrong", "other"][(client + number) % 3];
                    let target = format!("/{folder}/app.wsgi");
                    let response = server
                        .request("GET", &target)
                        .header("Authorization", "Basic YTpi")
                        .send();
                    if folder == "wrong" {
                        assert_eq!(response.status, 500);
                        continue;
                    }
                    let seen = json(&response).get("HTTP_AUTHORIZATION").is_some();
                    assert_eq!(seen, folder == "own", "{folder}");
                    let chunked = ask(server, "digest", &target).chunks(["x"]).send();
                    assert_eq!(
                        chunked.status,
                        if folder == "own" { 200 } else { 411 },
                        "{folder}"
                    );
                }
            });
        }
    });
    server.finish();
}

/// CVE-2025-65082 and others began with settings of one site that reached another.
#[test]
fn a57_a_virtual_host_shares_no_setting_with_its_neighbour() {
    let server = builder()
        .config(
            "<VirtualHost *:${PORT}>\nServerName plain.test\n</VirtualHost>\n\
             <VirtualHost *:${PORT}>\nServerName set.test\nWSGIPassAuthorization On\nSetEnv SITE set\n</VirtualHost>",
        )
        .start();
    for _ in 0..20 {
        for (host, on) in [("plain.test", false), ("set.test", true)] {
            let response = server
                .request("GET", "/sub")
                .header("Host", host)
                .header("Authorization", "Basic YTpi")
                .send();
            let shown = json(&response);
            assert_eq!(shown.get("HTTP_AUTHORIZATION").is_some(), on, "{host}");
            assert_eq!(shown.get("SITE").is_some(), on, "{host}");
        }
    }
    server.finish();
}
