use super::*;
use proptest::prelude::*;

/// Finds `/u/` and one path element after it, as `^/u/([^/]+)` would; group 2 never matches.
struct UserPattern;

impl UriPattern for UserPattern {
    fn captures(&self, uri: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        let rest = uri.strip_prefix(b"/u/")?;
        let end = 3 + rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
        (end > 3).then(|| vec![Some(0..end), Some(3..end), None])
    }

    fn source(&self) -> &str {
        "^/u/([^/]+)"
    }
}

/// Answers the same, whatever is asked.
struct Always(Vec<Option<Range<usize>>>);

impl UriPattern for Always {
    fn captures(&self, _: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        Some(self.0.clone())
    }

    fn source(&self) -> &str {
        "always"
    }
}

fn alias(matcher: Matcher, target: &str) -> ScriptAlias {
    let options = AliasOptions::default();
    ScriptAlias {
        matcher,
        target: target.into(),
        options,
        source: "WSGIScriptAlias",
        place: None,
    }
}

fn prefix(prefix: &str, target: &str) -> ScriptAlias {
    alias(Matcher::Prefix(prefix.into()), target)
}

#[track_caller]
fn assert_maps(alias: &ScriptAlias, uri: &str, expected: Option<(&str, usize)>) {
    let mapped = alias.resolve(uri.as_bytes());
    let filename = |found: &Mapped| String::from_utf8([&found.target, found.rest].concat()).unwrap();
    let mapped = mapped.map(|found| (filename(&found), found.location_len));
    assert_eq!(
        mapped,
        expected.map(|(name, length)| (name.to_owned(), length)),
        "{uri}"
    );
}

#[test]
fn the_root_takes_every_path() {
    let root = prefix("/", "/srv/app.wsgi");
    assert_maps(&root, "/", Some(("/srv/app.wsgi/", 1)));
    assert_maps(&root, "/a/b", Some(("/srv/app.wsgi/a/b", 1)));
    assert_maps(&root, "//a//b", Some(("/srv/app.wsgi//a//b", 2)));
    assert_maps(&root, "*", None);
    assert_maps(&root, "", None);
}

#[test]
fn a_prefix_ends_where_a_path_element_ends() {
    let app = prefix("/app", "/srv/app.wsgi");
    assert_maps(&app, "/app", Some(("/srv/app.wsgi", 4)));
    assert_maps(&app, "/app/", Some(("/srv/app.wsgi/", 4)));
    assert_maps(&app, "/app/x", Some(("/srv/app.wsgi/x", 4)));
    assert_maps(&app, "/apple", None);
    assert_maps(&app, "/ap", None);
    assert_maps(&app, "/App", None);
}

#[test]
fn runs_of_slashes_equal_one() {
    let deep = prefix("/a/b", "/srv/app.wsgi");
    assert_maps(&deep, "//a///b/c", Some(("/srv/app.wsgi/c", 7)));
    assert_maps(&prefix("//a//b", "/x"), "/a/b", Some(("/x", 4)));
    assert_maps(&prefix("//", "/x"), "/a", Some(("/x/a", 1)));
}

#[test]
fn a_trailing_slash_is_part_of_the_alias() {
    let folder = prefix("/app/", "/srv/app/");
    assert_maps(&folder, "/app", None);
    assert_maps(&folder, "/app/x", Some(("/srv/app/x", 5)));
    assert_maps(&folder, "/app///x", Some(("/srv/app/x", 7)));
}

#[test]
fn an_empty_prefix_takes_nothing() {
    assert_maps(&prefix("", "/x"), "/a", None);
}

#[test]
fn groups_are_put_into_the_target() {
    let users = alias(Matcher::Regex(Box::new(UserPattern)), "/home/$1/web$2$9/$$1.wsgi");
    assert_maps(&users, "/u/ann/x", Some(("/home/ann/web/$ann.wsgi/x", 6)));
    assert_maps(&users, "/u/ann", Some(("/home/ann/web/$ann.wsgi", 6)));
    assert_maps(&users, "/u/", None);
}

#[test]
fn a_backslash_quotes_and_an_ampersand_is_itself() {
    let quoted = alias(Matcher::Regex(Box::new(UserPattern)), r"/s/a&b\c\$1\\$0$");
    assert_maps(&quoted, "/u/ann", Some((r"/s/a&bc$1\/u/ann$", 6)));
}

#[test]
fn a_match_of_nothing_or_outside_of_the_path_is_none() {
    for groups in [vec![], vec![None], vec![Some(0..0)], vec![Some(0..99)]] {
        assert_maps(&alias(Matcher::Regex(Box::new(Always(groups))), "/s"), "/a", None);
    }
    let outside = alias(
        Matcher::Regex(Box::new(Always(vec![Some(0..2), Some(1..99)]))),
        "/s$1",
    );
    assert_maps(&outside, "/ab", Some(("/sb", 2)));
}

#[test]
fn an_expression_for_the_root_keeps_the_slash() {
    let root = alias(Matcher::Regex(Box::new(Always(vec![Some(0..1)]))), "/s");
    assert_maps(&root, "/ab", Some(("/s/ab", 1)));
}

#[test]
fn debug_shows_the_expression() {
    let shown = format!("{:?}", Matcher::Regex(Box::new(UserPattern)));
    assert_eq!(shown, "Regex(\"^/u/([^/]+)\")");
}

proptest! {
    #[test]
    fn odd_paths_map_or_do_not(path in "[/a*é]{0,12}", wanted in "[/aé]{0,6}") {
        if let Some(mapped) = prefix(&wanted, "/s").resolve(path.as_bytes()) {
            prop_assert!(mapped.location_len > 0 && mapped.location_len <= path.len());
            prop_assert!(mapped.target.starts_with(b"/s"));
        }
    }

    #[test]
    fn doubling_a_slash_changes_no_match(path in "/[/ab]{0,8}", wanted in "/[/ab]{0,4}") {
        let alias = prefix(&wanted, "/s");
        let doubled = path.replace('/', "//");
        prop_assert_eq!(
            alias.resolve(path.as_bytes()).is_some(),
            alias.resolve(doubled.as_bytes()).is_some()
        );
    }

    #[test]
    fn what_begins_to_the_letter_matches_as_by_runs(path in "[/ab]{0,8}", wanted in "[/ab]{0,6}") {
        let (path, wanted) = (path.as_bytes(), wanted.as_bytes());
        prop_assert_eq!(matching_prefix(path, wanted), matching_runs(path, wanted));
        let below = [wanted, path].concat();
        prop_assert_eq!(matching_prefix(&below, wanted), matching_runs(&below, wanted));
    }

    #[test]
    fn odd_groups_are_no_danger(
        target in "[/$0-9\\\\a]{0,10}",
        groups in proptest::collection::vec(proptest::option::of((0..9usize, 0..9usize)), 0..4),
    ) {
        let groups = groups.into_iter().map(|group| group.map(|(start, end)| start..end)).collect();
        let _ = alias(Matcher::Regex(Box::new(Always(groups))), &target).resolve(b"/abcd");
    }
}
