//! `--reload`: an edit is served, and one that cannot be loaded is shown.

use crate::folder::{Folder, application};
use crate::serve;

const HTML: &[&str] = &["Accept: text/html,*/*"];

#[test]
fn an_edit_is_served_without_being_asked_for() {
    let folder = Folder::with(&[
        (
            "app.py",
            "from shop.texts import TEXT\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [TEXT]\n",
        ),
        ("shop/texts.py", "TEXT = b'one'\n"),
    ]);
    let server = serve(folder.root(), &["app.py", "--reload"]);
    assert_eq!(server.text("/"), "one");
    folder.write("shop/texts.py", "TEXT = b'number two'\n");
    server.wait_until("the edit is not served", || server.text("/") == "number two");
    // A folder that came later counts, too.
    folder.write("late/words.py", "TEXT = b'three'\n");
    folder.write("app.py", "from late.words import TEXT\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [TEXT]\n");
    server.wait_until("the second edit is not served", || server.text("/") == "three");
    server.finish();
}

#[test]
fn a_broken_edit_keeps_the_version_before_and_shows_the_traceback() {
    let folder = Folder::with(&[("app.py", &application("app", "'good'"))]);
    let server = serve(folder.root(), &["app.py", "--reload"]);
    assert_eq!(server.text("/"), "good");
    folder.write("app.py", "raise RuntimeError('<broken> edit')\napp = 1\n");
    server.wait_until("no traceback is shown", || {
        server.get_with("/", HTML).status == 500
    });
    let page = server.get_with("/", HTML).text();
    assert!(page.contains("RuntimeError: &lt;broken&gt; edit"), "{page}");
    assert!(page.contains("app.py&quot;, line 1"), "{page}");
    assert_eq!(server.text("/data"), "good");
    folder.write("app.py", &application("app", "'mended'"));
    server.wait_until("the mended edit is not served", || {
        let response = server.get_with("/", HTML);
        response.status == 200 && response.text() == "mended"
    });
    server.finish();
}

#[test]
fn a_first_version_that_is_broken_is_shown_until_it_is_mended() {
    let folder = Folder::with(&[("app.py", "app = missing_name\n")]);
    let server = serve(folder.root(), &["app.py", "--reload"]);
    let page = server.get("/");
    assert_eq!(page.status, 500);
    assert!(
        page.text()
            .contains("name &#x27;missing_name&#x27; is not defined"),
        "{}",
        page.text()
    );
    folder.write("app.py", &application("app", "'mended'"));
    server.wait_until("the mended edit is not served", || server.get("/").status == 200);
    server.finish();
}

#[test]
fn tracebacks_are_for_development_only() {
    let text = "def app(environ, start_response):\n    raise ValueError('secret')\n";
    let folder = Folder::with(&[("app.py", text)]);
    for (arguments, shown) in [(&["app.py", "--reload"][..], true), (&["app.py"][..], false)] {
        let server = serve(folder.root(), arguments);
        let response = server.get("/");
        assert_eq!(response.status, 500);
        assert_eq!(response.text().contains("secret"), shown, "{}", response.text());
        assert!(server.log().contains("ValueError: secret"), "{}", server.log());
        server.finish();
    }
}
