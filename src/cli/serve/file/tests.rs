//! The file, and the command line over it.

use super::*;
use crate::cli::serve::options::Pair;

fn from_file(text: &str) -> Result<Wanted, String> {
    read(&Options::default(), Some((text, Path::new("/srv"))))
}

#[test]
fn the_file_says_what_the_command_line_can_and_the_command_line_wins() {
    let text = "app = 'shop:app'\nport = 80\nthreads = 4\npython-path = ['lib', '/opt/lib']\nvenv = 'venv'\n\
                [env]\nA = 'file'\nB = 2\n[static]\n'/static' = 'files'\n";
    let said = Options {
        port: Some(81),
        env: vec!["A=here".parse::<Pair>().expect("a pair")],
        ..Options::default()
    };
    let wanted = read(&said, Some((text, Path::new("/srv")))).expect("read");
    let server = &wanted.server;
    assert_eq!((server.port, server.threads), (Some(81), Some(4)));
    assert_eq!(
        server.python_path,
        ["/srv/lib", "/opt/lib"].map(std::path::PathBuf::from)
    );
    assert_eq!(server.venv.as_deref(), Some(Path::new("/srv/venv")));
    let pairs = |pairs: &[Pair]| {
        let shown = pairs.iter().map(|pair| format!("{}={}", pair.name, pair.value));
        shown.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pairs(&server.env), "A=here B=2");
    assert_eq!(pairs(&server.static_files), "/static=/srv/files");
    assert_eq!(wanted.applications, std::slice::from_ref(server));
}

#[test]
fn applications_have_options_of_their_own() {
    let text = "threads = 4\n[env]\nA = 'all'\n[[apps]]\napp = 'shop'\n[[apps]]\napp = 'api:app'\n\
                mount-point = '/api'\nthreads = 8\n[apps.env]\nB = 'api'\n";
    let wanted = from_file(text).expect("read");
    let [shop, api] = &wanted.applications[..] else {
        panic!("{wanted:?}")
    };
    assert_eq!((shop.threads, api.threads), (Some(4), Some(8)));
    assert_eq!((shop.env.len(), api.env.len()), (1, 2));
    assert_eq!(api.mount_point.as_deref(), Some("/api"));
    let said = Options {
        app: Some("other".to_owned()),
        mount: vec!["/x=y".parse().expect("a pair")],
        ..Options::default()
    };
    let wanted = read(&said, Some((text, Path::new("/srv")))).expect("read");
    let names: Vec<_> = wanted.applications.iter().map(|one| one.app.as_deref()).collect();
    assert_eq!(names, [Some("other"), Some("y")]);
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (text, expected) in [
        ("port = 'x'\n", "line 1"),
        ("threads = 1\nprot = 80\n", "line 2"),
        ("[[apps]]\nmount-point = '/'\n", "no app"),
        ("[[apps]]\napp = 'x'\nport = 80\n", "does not take port"),
        ("app = \n", "line 1"),
    ] {
        let problem = from_file(text).expect_err(text);
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}

#[test]
fn every_option_of_an_application_is_an_option() {
    let names: Vec<String> = Table::try_from(full())
        .expect("a table")
        .keys()
        .cloned()
        .collect();
    for name in PER_APPLICATION.iter().chain(&PATHS) {
        assert!(names.contains(&(*name).to_owned()), "{name}");
    }
}

/// Options that are all set.
fn full() -> Options {
    use clap::{CommandFactory, FromArgMatches, Parser};
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }
    let mut words = vec!["rwsgi".to_owned(), "app".to_owned()];
    for argument in Command::command()
        .get_arguments()
        .filter(|one| !one.is_hide_set())
    {
        let Some(name) = argument.get_long() else { continue };
        words.push(format!("--{name}"));
        let takes_value = argument.get_action().takes_values();
        if takes_value && name != "access-log" {
            words.push(
                if argument
                    .get_value_names()
                    .is_some_and(|names| names[0].contains('='))
                {
                    "a=b".to_owned()
                } else {
                    "1".to_owned()
                },
            );
        }
    }
    let matches = Command::command().get_matches_from(words);
    Command::from_arg_matches(&matches).expect("all options").options
}
