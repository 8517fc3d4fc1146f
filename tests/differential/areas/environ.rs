//! Keys and values of the environ, and the directives that change them.

use super::{gets, server};
use crate::case::{Area, Case, get, post};

const CONFIG: &str = "
ServerAdmin admin@example.com
WSGIScriptAlias /main ${APPS}/environ_dump.py application-group=%{GLOBAL}
WSGIScriptAlias /sub/path ${APPS}/environ_dump.py
WSGIScriptAlias /sub ${APPS}/environ_dump.py
WSGIScriptAlias /slash/ ${APPS}/environ_dump.py/
WSGIScriptAlias /auth ${APPS}/environ_dump.py pass-authorization=On
WSGIScriptAlias /named ${APPS}/environ_dump.py application-group=one
WSGIScriptAlias /server ${APPS}/environ_dump.py application-group=%{SERVER}
WSGIScriptAlias /host ${APPS}/environ_dump.py application-group=%{HOST}
WSGIScriptAlias /resource ${APPS}/environ_dump.py application-group=%{RESOURCE}
WSGIScriptAlias /env ${APPS}/environ_dump.py application-group=%{ENV:GROUP}
WSGIScriptAlias /unset-env ${APPS}/environ_dump.py application-group=%{ENV:NO_SUCH}
WSGIScriptAlias /callable ${APPS}/environ_dump.py callable-object=application
WSGIScriptAlias /missing-callable ${APPS}/environ_dump.py callable-object=absent
WSGIScriptAliasMatch ^/match/([a-z]+) ${APPS}/environ_dump.py
WSGIScriptAlias / ${APPS}/environ_dump.py
SetEnvIf Request_URI /env GROUP=two
<Location /set>
  SetEnv PLAIN value
  SetEnv EMPTY \"\"
  SetEnv dotted.name value
  SetEnv LATIN caf\u{e9}
  SetEnv PATH /leaked
  SetEnv wsgi.version overridden
  SetEnv wsgi.custom value
  SetEnv mod_wsgi.custom value
  SetEnv mod_wsgi.process_group overridden
  SetEnv mod_wsgi.x-private value
  SetEnv SCRIPT_NAME /overridden
  SetEnv REQUEST_METHOD OVERRIDDEN
  SetEnv HTTP_X_MADE_UP value
</Location>
<Location /https-on>
  SetEnv HTTPS on
</Location>
<Location /https-one>
  SetEnv HTTPS 1
</Location>
<Location /https-off>
  SetEnv HTTPS off
</Location>
<Location /canonical>
  UseCanonicalName On
</Location>
<Location /passes>
  WSGIPassAuthorization On
</Location>
<Location /cgi-passes>
  CGIPassAuth On
</Location>
<Location /directive>
  WSGIApplicationGroup three
  WSGICallableObject application
</Location>
<Location /%{odd}>
  WSGIApplicationGroup %{ODD}
</Location>
<LocationMatch ^/odd>
  WSGIApplicationGroup %{ODD}
</LocationMatch>
";

pub(super) fn area() -> Area {
    let mut cases = gets(
        "",
        "/ /?a=1&b=%20c /? /main /main/ /main/rest /sub /sub/ /sub/rest /sub/path /sub/path/deep /slash/ /slash/x /slash \
         /subway /named /server /host /resource /env /unset-env /callable /missing-callable /match/abc /match/abc/def \
         /match/ /set /set/below /https-on /https-one /https-off /canonical /directive /odd /a?q=%E2%82%AC&raw=\u{7e}",
    );
    for path in ["/", "/auth", "/passes", "/cgi-passes"] {
        cases.push(
            get(path)
                .header("Authorization", "Basic dXNlcjpzZWNyZXQ=")
                .header("Proxy-Authorization", "Basic cHJveHk6c2VjcmV0")
                .named(format!("authorization {path}")),
        );
    }
    for host in [
        "www.example.com",
        "www.example.com:8080",
        "LOCALHOST",
        "127.0.0.1",
        "[::1]:81",
        "a_b",
    ] {
        cases.push(get("/host").header("Host", host).named(format!("host {host}")));
        cases.push(
            get("/canonical")
                .header("Host", host)
                .named(format!("canonical {host}")),
        );
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "BREW", "get"] {
        cases.push(Case::new(method, "/method"));
    }
    cases.push(Case::new("TRACE", "/method"));
    cases.push(post("/", "a=1&b=2").header("Content-Type", "application/x-www-form-urlencoded"));
    cases.push(post("/main/x", "").named("POST with an empty body"));
    cases.push(
        get("/")
            .version("HTTP/1.0")
            .without_host()
            .named("HTTP/1.0 without Host"),
    );
    cases.push(get("http://other.example/absolute?x").named("absolute target"));
    cases.push(get("http://other.example:8042/absolute").named("absolute target with port"));
    Area::embedded("environ", server().module("setenvif").config(CONFIG), cases)
}
