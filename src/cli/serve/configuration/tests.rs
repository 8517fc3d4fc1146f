//! What httpd is told.

use std::path::Path;

use super::*;
use crate::cli::application::Application;
use crate::cli::installation::{Httpd, Parts};
use crate::cli::serve::options::Options;

/// A site with one application, and these options.
fn site(options: Options) -> Result<Site, String> {
    let httpd = Httpd::find(None, None)?;
    let served = Served {
        mount: "/".to_owned(),
        group: "app".to_owned(),
        application: Application::recognise("shop:create_app()", Path::new("/srv"))
            .map_err(|problem| problem.to_string())?,
        directory: "/srv/work here".into(),
        venv: Some("/srv/venv".into()),
        options: options.clone(),
    };
    Ok(Site {
        parts: Parts {
            module: "/x/mod_rwsgi.so".into(),
            command: "/x/rwsgi".into(),
            worker: None,
        },
        options,
        httpd,
        account: None,
        host: "::1".to_owned(),
        port: 8000,
        https_port: None,
        applications: vec![served],
    })
}

fn written(options: Options) -> Result<String, String> {
    let places = Places {
        root: "/root".into(),
        run: "/root/run".into(),
        log: "/dev/stderr".to_owned(),
        terminal: "/dev/stdout".to_owned(),
        command: "/x/rwsgi".into(),
    };
    write(&site(options)?, &places)
}

#[test]
fn the_application_gets_its_group_and_its_place() {
    let text = written(Options {
        processes: Some(2),
        threads: Some(20),
        env: vec!["A=b \"c".parse().expect("a pair")],
        ..Options::default()
    })
    .expect("written");
    for line in [
        "Listen \"[::1]:8000\"\n",
        "WSGIDaemonProcess \"app\" \\\n    processes=\"2\" \\\n    threads=\"20\"",
        "home=\"/srv/work here\"",
        "python-home=\"/srv/venv\"",
        "env=\"A=b \\\"c\"",
        "WSGIRestrictEmbedded \"On\"\n",
        "WSGIScriptAlias \"/\" \"/root/apps/app.wsgi\" process-group=app application-group=%{GLOBAL} callable-object=application\n",
        // 40 threads, as many again by half, and some that wait: whole processes.
        "MaxRequestWorkers 100\n",
        "<Files \"app.wsgi\">",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let with = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        written(options).expect_err("refused")
    };
    let found = with(|options| options.server_name = Some("a\nInclude /etc/passwd".to_owned()));
    assert!(found.contains("cannot stand in"), "{found}");
    let found = with(|options| options.log_level = Some("warn\nInclude x".to_owned()));
    assert!(found.contains("no level"), "{found}");
    let found = with(|options| options.error_page = vec!["4x4=/x".parse().expect("a pair")]);
    assert!(found.contains("three digits"), "{found}");
    let found = with(|options| options.static_files = vec!["/s=/no/such".parse().expect("a pair")]);
    assert!(found.contains("does not exist"), "{found}");
}

#[test]
fn embedded_applications_have_no_group_of_processes() {
    let text = written(Options {
        embedded: true,
        ..Options::default()
    })
    .expect("written");
    assert!(!text.contains("WSGIDaemonProcess") && !text.contains("WSGIRestrictEmbedded"));
    assert!(text.contains("WSGIPythonHome \"/srv/venv\"") && text.contains("process-group=%{GLOBAL}"));
}

#[test]
fn httpd_has_threads_for_all_that_the_group_is_told() {
    let with = |pair: &str| {
        let options = Options {
            processes: Some(2),
            daemon_option: vec![pair.parse().expect("a pair")],
            ..Options::default()
        };
        written(options)
    };
    let text = with("threads=100").expect("written");
    // Half as many again wait, in whole processes.
    assert!(text.contains("MaxRequestWorkers 325\n"), "{text}");
    assert!(with("threads=0").expect_err("refused").contains("needs a thread"));
    // httpd tells that.
    assert!(with("treads=1").expect("written").contains("treads=\"1\""));
}
