//! Configurations as people have them, each a file in `tests/conf`, unchanged but for the places of files.
//!
//! Lines that begin with `#:` tell what a file needs and what must come of it:
//! `modules a b`, `listen NAME` (one more port), `warns CODE` (warnings of this number are right),
//! `get /path` (the application answers there), `loads` (the server starts; there is no application),
//! `log-format` (the log has a format of its own, which the harness cannot read).

use std::fs;
use std::path::{Path, PathBuf};

use rwsgi_harness::{Builder, Server};

/// Where the files expect scripts.
const SCRIPTS: [&str; 9] = [
    "srv/mysite/mysite/wsgi.py",
    "srv/yourapplication/yourapplication.wsgi",
    "usr/bin/keystone-wsgi-public",
    "srv/ipa/wsgi.py",
    "srv/copr/application",
    "srv/trac/trac.wsgi",
    "srv/pgadmin4/pgAdmin4.wsgi",
    "srv/site/wsgi.py",
    "htdocs/shared/app.py",
];

const SCRIPT: &str = "\
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'Hello world!\\n']

handle_request = application
";

const HTACCESS: &str = "\
SetHandler wsgi-script
WSGICallableObject application
WSGIPassAuthorization on
DirectoryIndex app.py
";

struct Corpus {
    name: String,
    text: String,
}

impl Corpus {
    fn read(name: &str) -> Corpus {
        let path = folder().join(name).with_extension("conf");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Corpus {
            name: name.to_string(),
            text,
        }
    }

    /// The values of `#: KEY value` lines.
    fn notes<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("#: "))
            .filter_map(move |note| note.strip_prefix(key))
            .map(str::trim)
    }

    fn builder(&self) -> Builder {
        let mut builder = Server::builder()
            .module("version")
            .module("access_compat")
            .file("htdocs/static/site.css", "body {}\n")
            .file("htdocs/shared/.htaccess", HTACCESS)
            .file("srv/trac/htpasswd", "");
        for script in SCRIPTS {
            builder = builder.file(script, SCRIPT);
        }
        for module in self.notes("modules").flat_map(str::split_whitespace) {
            builder = builder.module(module);
        }
        for name in self.notes("listen") {
            builder = builder.listen(name);
        }
        for code in self.notes("warns") {
            builder = builder.expect_log(&format!("^{code}: "));
        }
        if self.notes("log-format").next().is_some() {
            builder = builder.allow_log("");
        }
        builder.config(&self.text)
    }

    fn is_accepted(&self) {
        let check = self.builder().check_config();
        assert!(check.accepted, "{}: {}", self.name, check.output);
        for code in self.notes("warns") {
            assert!(check.output.contains(code), "{}: {}", self.name, check.output);
        }
        let lines = check.output.lines().filter(|line| line.contains("WSGI"));
        for line in lines.filter(|line| !line.contains(":info]")) {
            let known = self.notes("warns").any(|code| line.contains(code));
            assert!(known, "{}: {line}", self.name);
        }
    }

    fn serves(&self) {
        let server = self.builder().start();
        for path in self.notes("get") {
            let response = server.get(path);
            assert_eq!(response.status, 200, "{} {path}: {response:?}", self.name);
            assert_eq!(response.text(), "Hello world!\n", "{} {path}", self.name);
        }
        server.finish();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conf")
}

fn check(name: &str) {
    let corpus = Corpus::read(name);
    corpus.is_accepted();
    let (answers, loads) = (corpus.notes("get").count(), corpus.notes("loads").count());
    assert_eq!(
        usize::from(answers > 0) + loads,
        1,
        "{name} says what must come of it"
    );
    corpus.serves();
}

macro_rules! files {
    ($($name:ident)*) => {
        const FILES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check(stringify!($name)); })*
    };
}

files! {
    copr debian_package django_daemon django_embedded flask_classic flask_embedded freeipa
    generated_by_express hooks_and_interpreters hosting_panel htaccess odd_daemon odd_embedded older_release
    openstack_keystone openstack_location pgadmin static_files trac twins_copied twins_reversed
    twins_shared_group web_application_in_subdirectories
}

#[test]
fn every_file_of_the_corpus_has_its_test() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, FILES);
}
