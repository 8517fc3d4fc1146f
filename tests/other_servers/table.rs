//! The suite over every way of serving, as one table.

use std::fmt::Write;

use rwsgi_harness::{Server, httpd_module_exists, process};

use super::fronts::Front;
use super::rig::{Site, Standalone, free_address};
use super::suite::{Asked, SUITE};

/// What a web server does otherwise than the others: way of serving, request, and why. An entry that is no longer
/// true fails the test as much as one that is missing.
const GAPS: &[(&str, &str, &str)] = &[
    (
        "lighttpd mod_fastcgi",
        "underscore_header",
        "lighttpd passes X_User as it passes X-User",
    ),
    (
        "lighttpd mod_scgi",
        "underscore_header",
        "lighttpd passes X_User as it passes X-User",
    ),
    (
        "httpd mod_proxy_scgi",
        "chunked_body",
        "SCGI needs a length, and mod_proxy_scgi does not wait for it: 411",
    ),
    (
        "httpd mod_cgid",
        "late_exception",
        "CGI cannot tell that a response without Content-Length broke off",
    ),
];

/// The results of one way of serving.
struct Row {
    name: &'static str,
    failures: Vec<(&'static str, String)>,
}

fn ask(name: &'static str, site: &Site, address: std::net::SocketAddr, log: &dyn Fn() -> String) -> Row {
    let asked = Asked {
        address,
        folder: &site.path(""),
        log,
    };
    let failures = SUITE
        .iter()
        .filter_map(|(request, check)| check(&asked).err().map(|why| (*request, why)))
        .collect();
    Row { name, failures }
}

/// With our module in httpd.
fn in_httpd(name: &'static str, more: &str) -> Row {
    let site = Site::new();
    let server = Server::builder()
        .config(&format!(
            "{more}\nWSGIPassAuthorization On\nWSGIChunkedRequest On\nWSGIScriptAlias / {script}\n<Directory {folder}>\nRequire all granted\n</Directory>\n",
            script = site.path("wsgi.py").display(),
            folder = site.path("").display(),
        ))
        .allow_log(".")
        .start();
    let front = Front::Httpd(Box::new(server));
    let row = ask(name, &site, front.address(), &|| front.log());
    front.finish();
    row
}

/// With a server of ours behind `front`, at `listen`.
fn behind(
    name: &'static str,
    protocol: &str,
    site: &Site,
    listen: &str,
    start: impl FnOnce() -> Option<Front>,
) -> Option<Row> {
    let served = Standalone::start(site, protocol, listen, &["--socket-mode", "666"]);
    let Some(front) = start() else {
        served.finish();
        return None;
    };
    let row = ask(name, site, front.address(), &|| front.log() + &served.log());
    front.finish();
    served.finish();
    Some(row)
}

type Start = fn(&Site, &str, &[(&str, &str)]) -> Option<Front>;

/// Over a UNIX socket.
fn fastcgi(name: &'static str, configuration: &str, start: Start) -> Option<Row> {
    let site = Site::new();
    let socket = site.path("fastcgi.sock").display().to_string();
    behind(name, "fastcgi", &site, &format!("unix:{socket}"), || {
        start(&site, configuration, &[("/run/mysite/fastcgi.sock", &socket)])
    })
}

/// Over TCP.
fn scgi(name: &'static str, configuration: &str, start: Start) -> Option<Row> {
    let site = Site::new();
    let address = free_address();
    let port = address.port().to_string();
    behind(name, "scgi", &site, &address.to_string(), || {
        start(&site, configuration, &[("9000", &port)])
    })
}

fn httpd(_: &Site, configuration: &str, replaced: &[(&str, &str)]) -> Option<Front> {
    let modules = ["proxy", "proxy_fcgi", "proxy_scgi"];
    Some(Front::httpd(configuration, &modules, replaced))
}

fn httpd_cgi() -> Option<Row> {
    if !httpd_module_exists("cgid") {
        eprintln!("skipped: this httpd has no mod_cgid");
        return None;
    }
    let site = Site::new();
    super::cgi::make_script(&site, "mysite.cgi");
    let script = site.path("mysite.cgi").display().to_string();
    let folder = site.path("").display().to_string();
    let front = Front::httpd(
        "httpd-cgi.conf",
        &["cgid"],
        &[
            ("/srv/mysite/app/mysite.cgi", script.as_str()),
            ("/srv/mysite/app", folder.trim_end_matches('/')),
        ],
    );
    let row = ask("httpd mod_cgid", &site, front.address(), &|| front.log());
    front.finish();
    Some(row)
}

#[test]
fn the_same_requests_pass_over_every_way_of_serving() {
    let user = process::serving_account().map_or_else(String::new, |account| {
        format!(" user={} group={}", account.name, account.group)
    });
    let daemon = format!("WSGIDaemonProcess site threads=3{user}\nWSGIProcessGroup site");
    let rows: Vec<Row> = [
        Some(in_httpd("embedded", "")),
        Some(in_httpd("daemon", &daemon)),
        fastcgi("httpd mod_proxy_fcgi", "httpd-fastcgi.conf", httpd),
        fastcgi("nginx fastcgi_pass", "nginx-fastcgi.conf", Front::nginx),
        fastcgi("lighttpd mod_fastcgi", "lighttpd-fastcgi.conf", Front::lighttpd),
        scgi("httpd mod_proxy_scgi", "httpd-scgi.conf", httpd),
        scgi("nginx scgi_pass", "nginx-scgi.conf", Front::nginx),
        scgi("lighttpd mod_scgi", "lighttpd-scgi.conf", Front::lighttpd),
        httpd_cgi(),
    ]
    .into_iter()
    .flatten()
    .collect();

    let mut table = format!("{:<22} passed  failed  of {}\n", "", SUITE.len());
    let mut wrong = String::new();
    for Row { name, failures } in &rows {
        let count = failures.len();
        let names: Vec<&str> = failures.iter().map(|(request, _)| *request).collect();
        let _ = writeln!(
            table,
            "{name:<22} {:>6}  {count:>6}  {}",
            SUITE.len() - count,
            names.join(" ")
        );
        let gaps: Vec<&str> = GAPS
            .iter()
            .filter(|(way, ..)| way == name)
            .map(|(_, request, _)| *request)
            .collect();
        for (request, why) in failures.iter().filter(|(request, _)| !gaps.contains(request)) {
            let _ = writeln!(wrong, "{name}: {request}: {why}");
        }
        for gap in gaps.iter().filter(|gap| !names.contains(gap)) {
            let _ = writeln!(wrong, "{name}: {gap} passes, and is listed as a gap");
        }
    }
    println!("{table}");
    for (way, request, why) in GAPS {
        println!("{way}: {request}: {why}");
    }
    assert!(wrong.is_empty(), "{table}\n{wrong}");
}
