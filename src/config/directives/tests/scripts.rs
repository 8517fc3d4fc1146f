//! Hook, handler and import scripts; lists.

use std::net::IpAddr;

use super::super::super::target::AUTOMATIC;
use super::*;

type Hook = fn(&DirSettings) -> &Option<std::sync::Arc<super::super::super::scripts::HookScript>>;

const HOOKS: [(&str, Hook); 4] = [
    ("WSGIDispatchScript", |dir| &dir.dispatch_script),
    ("WSGIAccessScript", |dir| &dir.access_script),
    ("WSGIAuthUserScript", |dir| &dir.auth_user_script),
    ("WSGIAuthGroupScript", |dir| &dir.auth_group_script),
];

#[test]
fn hooks_have_a_path_and_one_option() {
    for (name, field) in HOOKS {
        let site = Site::accepts(&format!("{name} \"/srv/a b.py\" application-group='%{{SERVER}}'"));
        let script = field(&site.dir).as_ref().unwrap();
        assert_eq!(&*script.path, "/srv/a b.py", "{name}");
        assert_eq!(script.application_group.as_deref(), Some("%{SERVER}"), "{name}");
        assert!(site.needs_python, "{name}");
        let plain = Site::accepts(&format!("{name} /a"));
        assert_eq!(field(&plain.dir).as_ref().unwrap().application_group, None);
        assert!(refused(&format!("{name} /a process-group=b")).contains("Invalid option to WSGI"));
        assert!(refused(&format!("{name} /a b")).contains("Invalid option to WSGI"));
        assert!(refused(&format!("{name} /a application-group=")).contains("Invalid name"));
        Site::warns(&format!("{name} a.py"));
    }
}

#[test]
fn handlers_are_kept_by_name() {
    let mut site = Site::default();
    for line in [
        "WSGIHandlerScript one /srv/1.py process-group=p application-group=auto pass-authorization=On",
        "WSGIHandlerScript two /srv/2.py",
        "WSGIHandlerScript two /srv/3.py",
    ] {
        site.line(line).unwrap();
    }
    let one = site.dir.handler_script("one").unwrap();
    assert_eq!(&*one.path, "/srv/1.py");
    assert_eq!(one.process_group.as_deref(), Some("p"));
    assert_eq!(one.application_group.as_deref(), Some(AUTOMATIC));
    assert_eq!(one.pass_authorization, Some(true));
    assert_eq!(&*site.dir.handler_script("two").unwrap().path, "/srv/3.py");
    assert!(!site.needs_python);
    assert!(refused("WSGIHandlerScript one").contains("handler path"));
    assert!(
        refused("WSGIHandlerScript one /a callable-object=b")
            .contains("Invalid option to WSGI handler script definition")
    );
}

#[test]
fn imports_need_both_groups() {
    let site = Site::accepts("WSGIImportScript /a application-group=%{RESOURCE} process-group=%{GLOBAL}");
    let import = &site.server.imports[0];
    assert_eq!(
        (&*import.process_group, &*import.application_group),
        ("", "%{RESOURCE}")
    );
    assert_eq!(import.place.as_ref().unwrap().to_string(), "httpd.conf:7");
    assert!(
        refused("WSGIImportScript /a application-group=b").contains("Name of WSGI process group required")
    );
    assert!(
        refused("WSGIImportScript /a process-group=b").contains("Name of WSGI application group required")
    );
    assert!(refused("WSGIImportScript /a threads=5").contains("import script definition"));
}

#[test]
fn a_group_can_be_left_to_the_process() {
    let dir = |line: &str| Site::accepts(line).dir.application_group;
    assert_eq!(dir("RWSGIApplicationGroup auto").as_deref(), Some(AUTOMATIC));
    assert_eq!(
        dir("RWSGIApplicationGroup %{GLOBAL}").as_deref(),
        Some("%{GLOBAL}")
    );
    // A group of this name may have been in use for years.
    assert_eq!(dir("WSGIApplicationGroup auto").as_deref(), Some("auto"));
    let site = Site::accepts("WSGIScriptAlias / /a application-group=auto");
    let options = &site.server.aliases[0].options;
    assert_eq!(options.application_group.as_deref(), Some(AUTOMATIC));
}

#[test]
fn aliases_that_leave_nothing_to_the_request_are_loaded_in_advance() {
    let preload = |line: &str| Site::accepts(line).server.aliases[0].preload();
    let import = preload("WSGIScriptAlias / /a process-group=p application-group=%{GLOBAL}").unwrap();
    assert_eq!(
        (&*import.path, &*import.process_group, &*import.application_group),
        ("/a", "p", "")
    );
    assert!(preload("WSGIScriptAliasMatch ^/x /a process-group=p application-group=b").is_some());
    for line in [
        "WSGIScriptAlias / /a process-group=p",
        "WSGIScriptAlias / /a application-group=p",
        "WSGIScriptAlias / /a process-group=p application-group=%{SERVER}",
        "WSGIScriptAlias / /a process-group=%{ENV:x} application-group=b",
        "WSGIScriptAlias / /a process-group=p application-group=auto",
        "WSGIScriptAliasMatch ^/(x) /$1 process-group=p application-group=b",
    ] {
        assert_eq!(preload(line), None, "{line}");
    }
}

#[test]
fn proxies_are_addresses_and_lines_add_up() {
    let mut site = Site::default();
    site.line("WSGITrustedProxies 10.0.0.0/8 ::1").unwrap();
    site.line("WSGITrustedProxies 192.168.1.1").unwrap();
    let networks = site.dir.trusted_proxies.as_deref().unwrap();
    assert_eq!(networks.len(), 3);
    let trusts = |text: &str| {
        let address: IpAddr = text.parse().unwrap();
        networks.iter().any(|network| network.contains(address))
    };
    assert!(trusts("10.9.9.9") && trusts("::1") && trusts("192.168.1.1"));
    assert!(!trusts("192.168.1.2"));
    for word in ["proxy.example.com", "10.0.0.0/64", "*", "10.0.0.1,10.0.0.2"] {
        let error = refused(&format!("WSGITrustedProxies 127.0.0.1 {word}"));
        assert!(error.contains(word) && error.contains("no host names"), "{error}");
    }
}

#[test]
fn headers_become_environ_keys_in_order() {
    let mut site = Site::default();
    site.line("WSGITrustedProxyHeaders X-Forwarded-For x-real-ip")
        .unwrap();
    site.line("WSGITrustedProxyHeaders X-Forwarded-Proto").unwrap();
    let keys: Vec<&str> = site
        .dir
        .trusted_proxy_headers()
        .iter()
        .map(|key| &**key)
        .collect();
    assert_eq!(
        keys,
        ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_PROTO"]
    );
}

#[test]
fn restricted_groups_are_names() {
    let site = Site::accepts("WSGIRestrictProcess one 'two 2' %{GLOBAL}");
    for group in ["one", "two 2", ""] {
        assert!(site.dir.allows_process_group(group), "{group}");
    }
    assert!(!site.dir.allows_process_group("three"));
}
