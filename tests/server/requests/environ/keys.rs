//! Single keys of the environ, and where their values come from.

use super::super::{GROUPS, mode, server};
use super::{OPTIONAL, builder, value};
use crate::modes::Mode;
use rwsgi_harness::{Mpm, httpd_module_exists};

#[test]
fn environ_head_without_a_content_filter() {
    let server = builder().start();
    for group in GROUPS {
        let response = server.request("HEAD", group).send();
        assert_eq!(
            (response.header("X-Method"), response.body.len()),
            (Some("HEAD"), 0)
        );
    }
    server.finish();
}

#[test]
fn environ_head_becomes_get_before_a_content_filter() {
    let server = server()
        .module("filter")
        .module("deflate")
        .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
        .config("SetOutputFilter DEFLATE")
        .config("<Location /off>\nWSGIMapHEADToGET Off\n</Location>")
        .start();
    let method = |target: &str| {
        let response = server
            .request("HEAD", target)
            .header("Accept-Encoding", "gzip")
            .send();
        response.header("X-Method").map(str::to_string)
    };
    assert_eq!(method("/auto").as_deref(), Some("GET"));
    assert_eq!(method("/off").as_deref(), Some("HEAD"));
    server.finish();
}

#[test]
fn environ_head_becomes_get_when_told() {
    let server = builder()
        .config("<Location /sub>\nWSGIMapHEADToGET On\n</Location>")
        .start();
    let response = server.request("HEAD", "/sub").send();
    assert_eq!(
        (response.header("X-Method"), response.body.len()),
        (Some("GET"), 0)
    );
    assert_eq!(
        server.request("HEAD", "/main").send().header("X-Method"),
        Some("HEAD")
    );
    server.finish();
}

#[test]
fn environ_variables_of_the_configuration() {
    let server = server()
        .module("setenvif")
        .config(
            "WSGIScriptAlias /main ${APPS}/environ_dump.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /sub ${APPS}/environ_dump.py\n\
             ServerAdmin admin@example.org\n\
             SetEnv my.setting 1\nSetEnv DJANGO_SETTINGS_MODULE site.settings\n\
             SetEnv PATH /evil\nSetEnv wsgi.input evil\nSetEnv wsgi.url_scheme evil\nSetEnv mod_wsgi.process_group evil\n\
             SetEnv REQUEST_METHOD EVIL\nSetEnv PATH_INFO /evil\nSetEnv REMOTE_USER evil\nSetEnv wsgi.custom 2\n\
             SetEnvIf X-Flag (.*) FLAG=$1\nSetEnvIf X-Https (.*) HTTPS=$1\nPassEnv PASSED",
        )
        .env("PASSED", "from httpd's environment")
        .expect_log("^WSGI1171: the variable REQUEST_METHOD ")
        .allow_log("^WSGI1171: ")
        .start();
    let group_name = format!("'{}'", mode().process_group());
    for group in GROUPS {
        let text = server
            .request("GET", group)
            .header("X-Flag", "up")
            .header("X-Https", "On")
            .send()
            .text();
        for (key, expected) in [
            ("my.setting", "'1'"),
            ("DJANGO_SETTINGS_MODULE", "'site.settings'"),
            ("FLAG", "'up'"),
            ("PASSED", "\"from httpd's environment\""),
            ("wsgi.custom", "'2'"),
            ("wsgi.input", "<mod_wsgi.Input>"),
            ("wsgi.url_scheme", "'https'"),
            ("mod_wsgi.process_group", group_name.as_str()),
            ("REQUEST_METHOD", "'GET'"),
            ("PATH_INFO", "''"),
            ("SERVER_ADMIN", "'admin@example.org'"),
        ] {
            assert_eq!(value(&text, key), Some(expected), "{key}");
        }
        for absent in ["PATH", "HTTPS"] {
            assert_eq!(value(&text, absent), None, "{absent}");
        }
    }
    for scheme in ["1", "ON"] {
        let text = server
            .request("GET", "/sub")
            .header("X-Https", scheme)
            .send()
            .text();
        assert_eq!(value(&text, "wsgi.url_scheme"), Some("'https'"), "HTTPS={scheme}");
    }
    for scheme in ["0", "off", "yes"] {
        let text = server
            .request("GET", "/sub")
            .header("X-Https", scheme)
            .send()
            .text();
        assert_eq!(value(&text, "wsgi.url_scheme"), Some("'http'"), "HTTPS={scheme}");
    }
    server.finish();
}

#[test]
fn environ_remote_user() {
    if !httpd_module_exists("auth_basic") || !httpd_module_exists("authn_anon") {
        println!("skipped: the installed httpd lacks mod_auth_basic or mod_authn_anon");
        return;
    }
    let server = ["auth_basic", "authn_core", "authn_anon", "authz_user"]
        .iter()
        .fold(builder(), |builder, module| builder.module(module))
        .config(
            "<Location /sub>\nAuthType Basic\nAuthName x\nAuthBasicProvider anon\nAnonymous *\n\
             Anonymous_MustGiveEmail Off\nAnonymous_LogEmail Off\nRequire valid-user\n</Location>",
        )
        .start();
    // jane:x
    let text = server
        .request("GET", "/sub")
        .header("Authorization", "Basic amFuZTp4")
        .send()
        .text();
    assert_eq!(
        (value(&text, "REMOTE_USER"), value(&text, "AUTH_TYPE")),
        (Some("'jane'"), Some("'Basic'"))
    );
    assert_eq!(value(&text, "HTTP_AUTHORIZATION"), None);
    assert_eq!(value(&server.get("/main").text(), "REMOTE_USER"), None);
    server.finish();
}

#[test]
fn environ_log_ids_when_httpd_makes_them() {
    let server = builder()
        .config("LogFormat \"%L %{c}L\" ids\nCustomLog logs/access_ids.log ids")
        .start();
    let text = server.get("/sub").text();
    server.finish();
    for key in OPTIONAL {
        let id = value(&text, key);
        assert!(
            id.is_none_or(|id| id.starts_with('\'') && id.len() > 4),
            "{key} = {id:?}"
        );
    }
}

#[test]
fn environ_is_new_for_each_request() {
    let server = server()
        .app(
            "spoil.py",
            "SEEN = []\n\
             def application(environ, start_response):\n    \
                 kept = any(environ is other for other in SEEN)\n    \
                 spoiled = 'spoiled' in environ or environ['REQUEST_METHOD'] != 'GET'\n    \
                 SEEN.append(environ)\n    \
                 environ['spoiled'] = environ['REQUEST_METHOD'] = 'yes'\n    \
                 del environ['PATH_INFO']\n    \
                 start_response('200 OK', [])\n    \
                 return [f'{kept} {spoiled}'.encode()]\n",
        )
        .config("WSGIScriptAlias /main ${APPS}/spoil.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/spoil.py")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        for _ in 0..3 {
            assert_eq!(connection.get(group).text(), "False False");
        }
    }
    server.finish();
}

/// More requests than the server has threads, on one connection, so that each thread answers several.
#[test]
fn environ_values_that_are_kept_stay_as_they_were() {
    let server = server()
        .app(
            "keep.py",
            "KEYS = ['mod_wsgi.request_start', 'mod_wsgi.application_start', 'mod_wsgi.queue_start',\n        \
                     'mod_wsgi.daemon_start', 'mod_wsgi.thread_id', 'QUERY_STRING']\n\
             VALUES, ENVIRONS = [], []\n\
             def application(environ, start_response):\n    \
                 for value, text in VALUES:\n        \
                     assert repr(value) == text, (value, text)\n    \
                 for kept in ENVIRONS:\n        \
                     assert kept['wsgi.input'] is not environ['wsgi.input']\n        \
                     assert kept['wsgi.errors'] is not environ['wsgi.errors']\n    \
                 number = int(environ['QUERY_STRING'])\n    \
                 if number % 3 == 0:\n        \
                     VALUES.extend((environ[key], repr(environ[key])) for key in KEYS)\n    \
                 if number % 5 == 0:\n        \
                     ENVIRONS.append(environ)\n    \
                 start_response('200 OK', [])\n    \
                 return [environ['QUERY_STRING'].encode()]\n",
        )
        .config("WSGIScriptAlias /main ${APPS}/keep.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/keep.py")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        for number in 0..100 {
            let response = connection.get(&format!("{group}?{number}"));
            assert_eq!((response.status, response.text()), (200, number.to_string()));
        }
    }
    server.finish();
}

#[test]
fn environ_of_a_request_does_not_show_the_one_before() {
    let server = builder().start();
    let mut connection = server.connect();
    for group in GROUPS {
        let full = server
            .request("POST", &format!("{group}/info?query"))
            .header("X-Once", "1")
            .header("Content-Type", "text/plain")
            .body("body")
            .send_on(&mut connection);
        assert_eq!(value(&full.text(), "HTTP_X_ONCE"), Some("'1'"));
        let text = connection.get(group).text();
        for absent in ["HTTP_X_ONCE", "CONTENT_TYPE", "CONTENT_LENGTH"] {
            assert_eq!(value(&text, absent), None, "{absent}");
        }
        assert_eq!(
            (value(&text, "PATH_INFO"), value(&text, "QUERY_STRING")),
            (Some("''"), Some("''"))
        );
    }
    server.finish();
}

#[test]
fn environ_versions_are_tuples_of_three_numbers() {
    let server = builder().start();
    let text = server.get("/sub").text();
    for key in ["mod_wsgi.version", "apache.version"] {
        let version = value(&text, key).expect("a version");
        let parts: Vec<&str> = version.trim_matches(['(', ')']).split(", ").collect();
        assert!(
            parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()),
            "{key} = {version}"
        );
    }
    for key in ["mod_wsgi.request_start", "mod_wsgi.application_start"] {
        let time: f64 = value(&text, key)
            .and_then(|time| time.parse().ok())
            .expect("seconds as a float");
        assert!(time > 1_700_000_000.0, "{key} = {time}");
    }
    server.finish();
}

#[test]
fn environ_tells_the_mpm() {
    let flags = |mpm| {
        let server = server()
            .mpm(mpm)
            .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
            .start();
        let text = server.get("/").text();
        server.finish();
        ["wsgi.multithread", "wsgi.multiprocess"].map(|key| value(&text, key).map(str::to_string))
    };
    let (yes, no) = (Some("True".to_string()), Some("False".to_string()));
    if mode() != Mode::Embedded {
        // A group is what it is under any of them.
        for mpm in [Mpm::Event, Mpm::Worker, Mpm::Prefork] {
            assert_eq!(flags(mpm), [yes.clone(), no.clone()], "{mpm:?}");
        }
        return;
    }
    assert_eq!(flags(Mpm::Event), [yes.clone(), yes.clone()]);
    assert_eq!(flags(Mpm::Worker), [yes.clone(), yes.clone()]);
    assert_eq!(flags(Mpm::Prefork), [no, yes]);
}
