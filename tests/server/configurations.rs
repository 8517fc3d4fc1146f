//! Shapes that real configurations have, unchanged, and the ways a URL becomes an application.

use crate::server;
use rwsgi_harness::{Builder, Server};

/// An application that tells which file, interpreter, mount and path answered.
const WHERE: &str = "\
import os
def answer(name):
    def application(environ, start_response):
        start_response('200 OK', [('Content-Type', 'text/plain')])
        seen = [name, environ['mod_wsgi.application_group'], environ['SCRIPT_NAME'], environ['PATH_INFO']]
        return [('|'.join([os.path.basename(__file__), *seen])).encode()]
    return application
application = answer('application')
other = answer('other')
";

fn builder() -> Builder {
    server()
        .app("one.py", WHERE)
        .app("two.py", WHERE)
        .file("htdocs/static/site.css", "body {}\n")
}

/// Asserts `FILE|CALLABLE|GROUP|SCRIPT_NAME|PATH_INFO`, the port in the group shown as PORT.
#[track_caller]
fn answers(server: &Server, target: &str, expected: &str) {
    let response = server.get(target);
    assert_eq!(response.status, 200, "{target}: {response:?}");
    assert_eq!(
        response.text().replace(&server.port().to_string(), "PORT"),
        expected,
        "{target}"
    );
}

#[test]
fn configuration_django_docs_embedded() {
    let server = server()
        .file("site/mysite/__init__.py", "")
        .file("site/mysite/settings.py", "NAME = 'mysite'\n")
        .file(
            "site/mysite/wsgi.py",
            "from mysite import settings\n\
             def application(environ, start_response):\n    \
                 start_response('200 OK', [])\n    \
                 return [settings.NAME.encode()]\n",
        )
        .config(
            "WSGIScriptAlias / ${ROOT}/site/mysite/wsgi.py\n\
             WSGIPythonHome /usr\n\
             WSGIPythonPath ${ROOT}/site\n\n\
             <Directory ${ROOT}/site/mysite>\n<Files wsgi.py>\nRequire all granted\n</Files>\n</Directory>",
        )
        .start();
    assert_eq!(server.get("/").text(), "mysite");
    server.finish();
}

#[test]
fn configuration_two_hosts_with_modules_of_the_same_name() {
    let site = |name: &str| {
        format!(
            "<VirtualHost *:${{PORT}}>\nServerName {name}.test\nWSGIScriptAlias / ${{ROOT}}/{name}/wsgi.py\n</VirtualHost>\n"
        )
    };
    let wsgi = "import os, sys\n\
         sys.path.insert(0, os.path.dirname(__file__))\n\
         import settings\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [settings.NAME.encode()]\n";
    let server = server()
        .file("one/wsgi.py", wsgi)
        .file("one/settings.py", "NAME = 'first'\n")
        .file("two/wsgi.py", wsgi)
        .file("two/settings.py", "NAME = 'second'\n")
        .config(&(site("one") + &site("two")))
        .start();
    for _ in 0..3 {
        for (host, expected) in [("one.test", "first"), ("two.test", "second")] {
            assert_eq!(
                server.request("GET", "/").header("Host", host).send().text(),
                expected
            );
        }
    }
    server.finish();
}

#[test]
fn configuration_static_alias_beats_the_root_in_either_order() {
    let alias = "Alias /static ${HTDOCS}/static\n";
    let script = "WSGIScriptAlias / ${APPS}/one.py\n";
    for text in [format!("{alias}{script}"), format!("{script}{alias}")] {
        let server = builder().config(&text).start();
        assert_eq!(server.get("/static/site.css").text(), "body {}\n");
        answers(
            &server,
            "/statics",
            "one.py|application|localhost:PORT|||/statics",
        );
        server.finish();
    }
}

#[test]
fn configuration_htaccess() {
    let server = server()
        .file(
            "htdocs/site/.htaccess",
            "Options +ExecCGI\nSetHandler wsgi-script\nWSGICallableObject other\n",
        )
        .file("htdocs/site/app", WHERE)
        .config("<Directory ${HTDOCS}/site>\nAllowOverride All\n</Directory>")
        .start();
    answers(
        &server,
        "/site/app/x",
        "app|other|localhost:PORT|/site/app|/site/app|/x",
    );
    server.finish();
}

#[test]
fn configuration_inside_ifmodule() {
    let server = builder()
        .config(
            "<IfModule mod_wsgi.c>\n# comments only\n</IfModule>\n\
             <IfModule wsgi_module>\nWSGIScriptAlias /a ${APPS}/one.py\n</IfModule>\n\
             <IfModule mod_wsgi.c>\nWSGIScriptAlias /b ${APPS}/two.py\n</IfModule>\n\
             <IfModule !mod_wsgi.c>\nNoSuchDirective\n</IfModule>\nLogLevel wsgi:info",
        )
        .start();
    answers(&server, "/a", "one.py|application|localhost:PORT|/a|/a|");
    answers(&server, "/b", "two.py|application|localhost:PORT|/b|/b|");
    server.finish();
}

#[test]
fn configuration_syntax_oddities() {
    let server = builder()
        .config(
            "wsgiscriptalias\t/a\t\"${APPS}/one.py\"\n\
             WSGIScriptAlias /b \\\n    ${APPS}/two.py \\\n    application-group=%{GLOBAL} \\\n    callable-object=other\n\
             WSGIScriptAlias '/c' '${APPS}/one.py' application-group=\"a group\"\n\
             WSGIScriptAlias /slash/ ${APPS}/one.py/\n\
             WSGIPassAuthorization on\nWSGIScriptReloading OFF\n",
        )
        .allow_log("AH")
        .start();
    answers(&server, "/a", "one.py|application|localhost:PORT|/a|/a|");
    answers(&server, "/b", "two.py|other||/b|");
    answers(&server, "/c/d", "one.py|application|a group|/c|/d");
    assert_eq!(
        server.get("/slash").status,
        404,
        "a mount with a slash does not match without"
    );
    server.finish();
}

#[test]
fn configuration_openstack() {
    let server = server()
        .file("bin/keystone-wsgi-public", WHERE)
        .listen("API")
        .config(
            "<VirtualHost *:${PORT_API}>\n\
             WSGIScriptAlias / ${ROOT}/bin/keystone-wsgi-public\n\
             WSGIApplicationGroup %{GLOBAL}\nWSGIPassAuthorization On\nLimitRequestBody 114688\n\
             <IfVersion >= 2.4>\nErrorLogFormat \"%{cu}t %M\"\n</IfVersion>\n\
             ErrorLog logs/keystone.txt\n</VirtualHost>\n\
             Alias /identity ${ROOT}/bin/keystone-wsgi-public\n\
             <Location /identity>\nSetHandler wsgi-script\nOptions +ExecCGI\n\
             WSGIApplicationGroup %{GLOBAL}\nWSGIPassAuthorization On\n</Location>",
        )
        .start();
    let text = server.connect_to(server.port_of("API")).get("/v3").text();
    assert_eq!(text, "keystone-wsgi-public|application|||/v3");
    answers(
        &server,
        "/identity/v3",
        "keystone-wsgi-public|application||/identity|/v3",
    );
    server.finish();
}

#[test]
fn configuration_groups_in_the_directory_of_the_script() {
    let server = builder()
        .config(
            "WSGIScriptAlias /site ${APPS}/one.py\n\
             <Directory ${APPS}>\nWSGIProcessGroup %{GLOBAL}\nWSGIApplicationGroup %{SERVER}\n</Directory>",
        )
        .start();
    answers(&server, "/site", "one.py|application|localhost:PORT|/site|");
    server.finish();
}

#[test]
fn mapping_first_match_wins() {
    let server = builder()
        .config("WSGIScriptAlias /a/b ${APPS}/two.py\nWSGIScriptAlias /a ${APPS}/one.py")
        .start();
    answers(
        &server,
        "/a/b/c",
        "two.py|application|localhost:PORT|/a/b|/a/b|/c",
    );
    answers(&server, "/a/bc", "one.py|application|localhost:PORT|/a|/a|/bc");
    assert_eq!(server.get("/ab").status, 404);
    server.finish();
}

#[test]
fn mapping_directory_target() {
    let server = builder().config("WSGIScriptAlias /run ${APPS}").start();
    answers(
        &server,
        "/run/one.py/x",
        "one.py|application|localhost:PORT|/run/one.py|/run/one.py|/x",
    );
    answers(
        &server,
        "/run/two.py",
        "two.py|application|localhost:PORT|/run/two.py|/run/two.py|",
    );
    server.finish();
}

#[test]
fn mapping_by_expression() {
    let server = builder()
        .config("WSGIScriptAliasMatch ^/site-([a-z]+) ${APPS}/$1.py application-group=%{GLOBAL} callable-object=other")
        .allow_log("WSGI0135|AH")
        .start();
    answers(&server, "/site-one/x", "one.py|other||/site-one|/x");
    answers(&server, "/site-two", "two.py|other||/site-two|");
    assert_eq!(server.get("/site-none").status, 404);
    server.finish();
}

#[test]
fn mapping_alias_options_beat_directives() {
    let server = builder()
        .config(
            "WSGIApplicationGroup directive\nWSGICallableObject missing\n\
             WSGIScriptAlias /option ${APPS}/one.py application-group=option callable-object=other\n\
             WSGIScriptAlias /directive ${APPS}/one.py callable-object=application",
        )
        .start();
    answers(&server, "/option", "one.py|other|option|/option|");
    answers(&server, "/directive", "one.py|application|directive|/directive|");
    server.finish();
}

#[test]
fn mapping_expansions_of_the_application_group() {
    let server = builder()
        .module("setenvif")
        .config(
            "SetEnvIf Request_URI ^ GROUP=from-env NAME=other\n\
             WSGIScriptAlias /env ${APPS}/one.py application-group=%{ENV:GROUP} callable-object=%{ENV:NAME}\n\
             WSGIScriptAlias /server ${APPS}/one.py application-group=%{SERVER}\n\
             WSGIScriptAlias /resource ${APPS}/one.py application-group=%{RESOURCE}\n\
             WSGIScriptAlias /global ${APPS}/one.py application-group=%{GLOBAL}",
        )
        .start();
    answers(&server, "/env", "one.py|other|from-env|/env|");
    answers(&server, "/server", "one.py|application|localhost:PORT|/server|");
    answers(
        &server,
        "/resource",
        "one.py|application|localhost:PORT|/resource|/resource|",
    );
    answers(&server, "/global", "one.py|application||/global|");
    server.finish();
}

#[test]
fn interpreters_keep_their_modules_apart() {
    let counter = "import sys\n\
         sys.modules.setdefault('shared', type(sys)('shared')).__dict__.setdefault('seen', [])\n\
         def application(environ, start_response):\n    \
             import shared\n    \
             shared.seen.append(environ['SCRIPT_NAME'])\n    \
             start_response('200 OK', [])\n    \
             return [','.join(shared.seen).encode()]\n";
    let server = server()
        .one_process()
        .app("counter.py", counter)
        .config(
            "WSGIScriptAlias /a ${APPS}/counter.py application-group=first\n\
             WSGIScriptAlias /b ${APPS}/counter.py application-group=second\n\
             WSGIScriptAlias /c ${APPS}/counter.py application-group=first",
        )
        .start();
    for (target, expected) in [("/a", "/a"), ("/b", "/b"), ("/c", "/a,/c"), ("/b", "/b,/b")] {
        assert_eq!(server.get(target).text(), expected, "{target}");
    }
    server.finish();
}

#[test]
fn script_module_has_a_hashed_name_and_is_reloaded_when_it_changes() {
    let source = "def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [(__name__ + '|' + __file__ + '|' + type(__mtime__).__name__ + '|version VERSION').encode()]\n";
    let server = server()
        .one_process()
        .app("script.py", &source.replace("VERSION", "1"))
        .config("WSGIScriptAlias /main ${APPS}/script.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/script.py")
        .config("WSGIScriptAlias /kept ${APPS}/script.py application-group=kept")
        .config("<Location /kept>\nWSGIScriptReloading Off\n</Location>")
        .start();
    let file = server.path("apps/script.py");
    for target in ["/main", "/sub", "/kept"] {
        let text = server.get(target).text();
        let parts: Vec<&str> = text.split('|').collect();
        let digest = parts[0]
            .strip_prefix("_mod_wsgi_")
            .expect("the prefix of script modules");
        assert!(
            digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{text}"
        );
        assert_eq!(parts[1..], [file.to_str().expect("a path"), "int", "version 1"]);
    }
    let older = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::write(&file, source.replace("VERSION", "2")).expect("the script is replaced");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .and_then(|open| open.set_modified(older))
        .expect("an older time counts as a change, too");
    for (target, expected) in [
        ("/main", "version 2"),
        ("/sub", "version 2"),
        ("/kept", "version 1"),
    ] {
        assert!(server.get(target).text().ends_with(expected), "{target}");
    }
    assert!(!server.path("apps/__pycache__").exists(), "scripts leave no .pyc");
    server.finish();
}

#[test]
fn threads_keep_their_locals_from_request_to_request() {
    let source = "import threading\n\
         LOCAL = threading.local()\n\
         def application(environ, start_response):\n    \
             LOCAL.count = getattr(LOCAL, 'count', 0) + 1\n    \
             start_response('200 OK', [])\n    \
             return [str(LOCAL.count).encode()]\n";
    let server = server()
        .app("local.py", source)
        .one_process()
        .mpm_limits(
            "StartServers 1\nServerLimit 1\nThreadsPerChild 1\nThreadLimit 1\nMaxRequestWorkers 1\n\
             MinSpareThreads 1\nMaxSpareThreads 2",
        )
        .config("WSGIScriptAlias /main ${APPS}/local.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/local.py")
        .allow_log("AH")
        .start();
    for group in crate::GROUPS {
        for expected in 1..=3 {
            assert_eq!(server.get(group).text(), expected.to_string());
        }
    }
    server.finish();
}
