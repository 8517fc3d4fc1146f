//! What the application says on wsgi.errors, sys.stderr and sys.stdout.

use super::{GROUPS, mounted, server};
use rwsgi_harness::{Level, Server};

/// An empty line of an application is a record with nothing but the script's name.
const EMPTY_LINE: &str = r"^\[script [^\]]+\] ?$";

fn start() -> Server {
    mounted("errors_cases.py")
        .allow_log("marker")
        .allow_log(EMPTY_LINE)
        .start()
}

/// The texts of the lines a case logs; each is one record of level error of this module, belongs to the
/// request, and names the script.
#[track_caller]
fn logged(case: &str, expected: &[&str]) {
    for group in GROUPS {
        let server = start();
        let response = server.get(&format!("{group}/{case}"));
        assert_eq!((response.status, response.text().as_str()), (200, "None"));
        if let Some(last) = expected.last() {
            server.wait_for_log(&last.replace(['?', '\\'], "."));
        }
        let lines = server.logs_matching("marker");
        let script = format!("[script {}] ", server.path("apps/errors_cases.py").display());
        let texts: Vec<&str> = lines
            .iter()
            .map(|line| {
                assert_eq!(
                    (line.module.as_str(), line.level, line.client),
                    ("wsgi", Level::Error, true),
                    "{}",
                    line.text
                );
                line.message
                    .strip_prefix(&script)
                    .unwrap_or_else(|| panic!("no script named: {}", line.text))
            })
            .collect();
        assert_eq!(texts, expected);
        server.finish();
    }
}

#[test]
fn errors_one_line() {
    logged("one_line", &["first marker"]);
}

#[test]
fn errors_each_line_is_one_record() {
    logged("several_lines", &["marker one", "marker two", "marker three"]);
}

#[test]
fn errors_writelines() {
    logged("writelines", &["marker one", "marker two"]);
}

#[test]
fn errors_print() {
    logged("printed", &["marker by print"]);
}

#[test]
fn errors_pieces_are_one_line() {
    logged("pieces", &["marker in pieces"]);
}

#[test]
fn errors_incomplete_line_ends_with_the_request() {
    logged("incomplete_line", &["marker without end"]);
}

#[test]
fn errors_flush_ends_a_line() {
    logged("flushed_line", &["marker before flush", "marker after flush"]);
}

#[test]
fn errors_text_is_utf8() {
    // httpd writes bytes above 127 as escapes.
    logged("unicode_text", &[r"marker caf\xc3\xa9 \xe2\x82\xac"]);
}

#[test]
fn errors_what_utf8_cannot_say_is_replaced() {
    let server = start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/surrogate")).text(), "None");
    }
    server.wait_for_log(r"marker lone (\?|\\+udce9) end$");
    server.finish();
}

#[test]
fn errors_control_characters_cannot_forge_a_line() {
    let server = start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/controls")).text(), "None");
    }
    let line = server.wait_for_log("marker");
    assert!(!line.text.contains(['\x1b', '\x07', '\r']), "{:?}", line.text);
    assert_eq!(server.logs_matching("marker").len(), 2);
    server.finish();
}

#[test]
fn errors_a_long_line_is_not_lost() {
    let server = start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/long_line")).text(), "None");
    }
    let line = server.wait_for_log("marker start");
    assert!(
        line.message.contains(&"x".repeat(7000)),
        "cut too early: {}",
        line.message.len()
    );
    server.allow_log("x{100}");
    server.finish();
}

#[test]
fn errors_nul_does_not_hide_the_rest() {
    let server = start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/nul")).text(), "None");
    }
    server.wait_for_log("marker before");
    server.wait_for_log("marker after");
    server.finish();
}

#[test]
fn errors_write_takes_text_only() {
    let server = start();
    for group in GROUPS {
        let text = server.get(&format!("{group}/bytes_text")).text();
        assert!(text.contains("TypeError: "), "{text}");
    }
    assert!(server.logs_matching("marker").is_empty());
    server.finish();
}

#[test]
fn errors_buffer_takes_bytes() {
    logged("buffer", &["marker buffer"]);
}

#[test]
fn errors_attributes() {
    let server = start();
    for group in GROUPS {
        let text = server.get(&format!("{group}/attributes")).text();
        assert_eq!(text, "[False, '<wsgi.errors>', True, 'utf-8', False, 'OSError']");
    }
    server.finish();
}

#[test]
fn errors_after_the_request() {
    let server = mounted("errors_cases.py").one_process().start();
    for group in GROUPS {
        server.get(&format!("{group}/keep"));
        assert_eq!(server.get(&format!("{group}/use_kept")).text(), "'RuntimeError'");
    }
    assert!(server.logs_matching("marker late").is_empty());
    server.finish();
}

#[test]
fn errors_stderr() {
    logged("stderr", &["marker stderr"]);
}

#[test]
fn errors_stdout() {
    logged("stdout", &["marker stdout"]);
}

#[test]
fn errors_go_to_the_log_of_their_virtual_host() {
    let vhost = |name: &str, group: &str| {
        format!(
            "<VirtualHost *:${{PORT}}>\nServerName {name}\nErrorLog logs/{name}.log\n\
             WSGIScriptAlias / ${{APPS}}/errors_cases.py {group}\n</VirtualHost>"
        )
    };
    let server = server()
        .config(&vhost("one.test", ""))
        .config(&vhost("two.test", "application-group=%{GLOBAL}"))
        .config(&vhost("three.test", "application-group=%{GLOBAL}"))
        .allow_log("marker")
        .start();
    for name in ["one.test", "two.test", "three.test"] {
        for case in ["one_line", "stderr", "stdout"] {
            assert_eq!(
                server
                    .request("GET", &format!("/{case}"))
                    .header("Host", name)
                    .send()
                    .status,
                200
            );
            let marker = if case == "one_line" {
                "first marker".to_string()
            } else {
                format!("marker {case}")
            };
            let found = rwsgi_harness::wait_until(std::time::Duration::from_secs(5), || {
                server.log(name).iter().any(|line| line.message.contains(&marker))
            });
            assert!(found, "{marker} is not in the log of {name}");
        }
        assert_eq!(
            server
                .log(name)
                .iter()
                .filter(|line| line.message.contains("marker"))
                .count(),
            3
        );
    }
    assert!(
        !server
            .log("error")
            .iter()
            .any(|line| line.message.contains("marker"))
    );
    server.finish();
}
