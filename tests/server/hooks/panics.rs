//! Panics at the entries of this chapter deny: they are listed in `crate::panics`.

use super::ask;
use crate::panics::{debug_module, told_by};
use crate::server;
use rwsgi_harness::{Mpm, Server};

/// What each entry's panic makes of a request by a user whom everything would let in.
pub(crate) const DENIED: [(&str, &str, u16); 3] = [
    ("check_authorization", "/basic", 403),
    ("check_password", "/basic", 500),
    ("get_realm_hash", "/digest", 500),
];

#[test]
fn panics_in_the_providers_deny() {
    let Some(module) = debug_module() else { return };
    for (point, target, status) in DENIED {
        let server = server()
            .without_module_under_test()
            .load_module("wsgi_module", &module)
            .mpm(Mpm::Event)
            .env("RWSGI_FAULT", point)
            .module("authn_core")
            .module("auth_basic")
            .module("auth_digest")
            .config(
                "WSGIScriptAlias /basic ${APPS}/hello.py\nWSGIScriptAlias /digest ${APPS}/hello.py\n\
                 WSGIScriptAlias /open ${APPS}/hello.py\n\
                 <Location /basic>\n  AuthType Basic\n  AuthName r\n  AuthBasicProvider wsgi\n</Location>\n\
                 <Location /digest>\n  AuthType Digest\n  AuthName r\n  AuthDigestProvider wsgi\n</Location>\n\
                 <LocationMatch ^/(basic|digest)>\n  WSGIAuthUserScript ${APPS}/hook_groups.py\n  \
                 WSGIAuthGroupScript ${APPS}/hook_groups.py\n  AuthzSendForbiddenOnFailure On\n  \
                 Require wsgi-group staff\n</LocationMatch>",
            )
            .allow_log("AH0163|AH017")
            .expect_log(&told_by(point))
            .start();
        let children = server.children();
        assert_eq!(answer(&server, target), status, "{point}");
        assert_eq!(server.get("/open").status, 200, "{point}");
        assert_eq!(server.children(), children, "{point}: a child died");
        server.finish();
    }
}

fn answer(server: &Server, target: &str) -> u16 {
    if target == "/basic" {
        return ask(server, target, "member").status;
    }
    let challenge = server.get(target);
    let nonce = challenge
        .header("WWW-Authenticate")
        .and_then(|text| text.split("nonce=\"").nth(1)?.split('"').next())
        .expect("a challenge");
    let credentials = format!(
        "Digest username=\"member\", realm=\"r\", nonce=\"{nonce}\", uri=\"{target}\", algorithm=MD5, \
         response=\"0123456789abcdef0123456789abcdef\", qop=auth, nc=00000001, cnonce=\"c0ffee\""
    );
    let request = server
        .request("GET", target)
        .header("Authorization", &credentials);
    request.send().status
}
