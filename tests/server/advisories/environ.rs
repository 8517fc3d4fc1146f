//! Variables.

use super::{MOUNTS, ask, builder, json};

/// mod_wsgi 4.5.24: more than 1,024 variables hung a process.
#[test]
fn a10_any_number_of_variables_arrives() {
    let counts = [0, 99, 100, 1023, 1024, 1025, 5000];
    let mut builder = builder();
    for count in counts {
        let lines: String = (0..count)
            .map(|number| format!("SetEnv VAR_{number} \"value of VAR_{number}\"\n"))
            .collect();
        builder = builder.config(&format!(
            "<Location /app/{count}>\n{lines}</Location>\n<Location /sub/{count}>\n{lines}</Location>"
        ));
    }
    let server = builder.start();
    for count in counts {
        for mount in MOUNTS {
            let response = ask(&server, "variables", &format!("{mount}/{count}")).send();
            assert_eq!(response.text(), format!("{count} []"));
        }
    }
    server.finish();
}

/// mod_proxy_fcgi: an empty variable crashed the encoder.
#[test]
fn a30_empty_variables_and_headers_arrive() {
    let server = builder().config("SetEnv EMPTY \"\"\nSetEnv BARE").start();
    for mount in MOUNTS {
        let response = server
            .request("GET", mount)
            .header("X-Empty", "")
            .header("Content-Type", "")
            .header("User-Agent", "")
            .send();
        let shown = json(&response);
        for key in ["EMPTY", "BARE", "HTTP_X_EMPTY", "HTTP_USER_AGENT", "QUERY_STRING"] {
            assert_eq!(shown[key], "", "{key}");
        }
    }
    server.finish();
}

/// CVE-2025-65082: variables of the configuration replaced those that the server computes.
#[test]
fn a53_no_set_variable_replaces_a_computed_one() {
    let names = [
        "SCRIPT_NAME",
        "PATH_INFO",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "REQUEST_METHOD",
        "QUERY_STRING",
        "REQUEST_URI",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_ADDR",
        "SCRIPT_FILENAME",
        "DOCUMENT_ROOT",
        "wsgi.url_scheme",
        "mod_wsgi.process_group",
        "mod_wsgi.application_group",
        "mod_wsgi.script_name",
        "mod_wsgi.path_info",
        "mod_wsgi.request_handler",
        "mod_wsgi.listener_port",
        "HTTP_HOST",
        "HTTP_X_USER",
    ];
    let objects = [
        "wsgi.input",
        "wsgi.errors",
        "wsgi.version",
        "wsgi.file_wrapper",
        "wsgi.multithread",
    ];
    let set: String = names
        .iter()
        .chain(&objects)
        .map(|name| format!("SetEnv {name} evil\n"))
        .collect();
    let server = builder()
        .config(&format!("<Location /sub>\n{set}</Location>"))
        .expect_log("^WSGI1171: the variable SCRIPT_NAME ")
        .expect_log("^WSGI1171: the variable wsgi.version ")
        .allow_log("^WSGI1171: ")
        .start();
    let shown = |mount: &str| {
        let request = server
            .request("POST", &format!("{mount}/x?y=z"))
            .header("X-User", "ann")
            .header("Content-Type", "text/plain")
            .body("body");
        json(&request.send())
    };
    let (plain, overridden) = (shown("/app"), shown("/sub"));
    for name in names {
        assert_ne!(overridden[name], "evil", "{name}");
        if ![
            "SCRIPT_NAME",
            "REQUEST_URI",
            "REMOTE_PORT",
            "mod_wsgi.application_group",
            "mod_wsgi.script_name",
        ]
        .contains(&name)
        {
            assert_eq!(overridden[name], plain[name], "{name}");
        }
    }
    for name in objects {
        assert_eq!(overridden.get(name), None, "{name} is text");
    }
    let _ = shown("/sub");
    assert_eq!(
        server.logs_matching("variable SCRIPT_NAME").len(),
        1,
        "it is told once"
    );
    server.finish();
}
