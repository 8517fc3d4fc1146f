//! What `import mod_wsgi` gives an application: in the main interpreter and in sub-interpreters.

mod attributes;
mod events;
mod log_handler;
mod metrics;
mod package;
mod stop;

use rwsgi_harness::{Builder, Response, Server};
use serde_json::Value;

use super::{GROUPS, mounted, server};

/// A server whose one process answers for [`GROUPS`] with a file of `tests/apps`.
fn start(app: &str) -> Server {
    mounted(app).one_process().start()
}

/// The same, for an application written in the test.
fn with_source(source: &str) -> Builder {
    let mut builder = server().one_process().app("own.py", source);
    for (group, name) in GROUPS.into_iter().zip(["%{GLOBAL}", "sub"]) {
        builder = builder.config(&format!(
            "WSGIScriptAlias {group} ${{APPS}}/own.py application-group={name}"
        ));
    }
    builder
}

/// The JSON of a successful response.
#[track_caller]
fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_str(&response.text()).expect("JSON")
}

/// What a case of `python_module_cases.py` answers, the same in both interpreters.
#[track_caller]
fn answer(server: &Server, case: &str) -> Value {
    let [main, sub] = GROUPS.map(|group| json(&server.get(&format!("{group}/{case}"))));
    assert_eq!(main, sub);
    main
}
