use super::*;
use proptest::prelude::*;

struct Facts {
    port: u16,
    host: Option<&'static str>,
    script_name: &'static [u8],
    variables: &'static [(&'static str, &'static str)],
    case_insensitive: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            port: 80,
            host: Some("alias.example.com"),
            script_name: b"/app",
            variables: &[
                ("GROUP", "blue"),
                ("AGAIN", "%{SERVER}"),
                ("GLOBAL", "%{GLOBAL}"),
                ("LOOP", "%{ENV:GROUP}"),
                ("ODD", "%{NONE}"),
                ("EMPTY", ""),
            ],
            case_insensitive: false,
        }
    }
}

impl RequestFacts for Facts {
    fn server_name(&self) -> &str {
        "www.example.com"
    }
    fn port(&self) -> u16 {
        self.port
    }
    fn host(&self) -> Option<Cow<'_, str>> {
        self.host.map(Cow::Borrowed)
    }
    fn script_name(&self) -> &[u8] {
        self.script_name
    }
    fn lookup(&self, name: &str) -> Option<String> {
        let found = self.variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }
    fn case_insensitive(&self) -> bool {
        self.case_insensitive
    }
}

#[track_caller]
fn assert_groups(value: &str, expected: &str) {
    let facts = Facts::default();
    assert_eq!(
        process_group(Some(value), &facts),
        expected,
        "process group {value}"
    );
    assert_eq!(
        application_group(Some(value), &facts),
        expected,
        "application group {value}"
    );
}

#[test]
fn unset_means_embedded_per_resource_and_application() {
    let facts = Facts::default();
    assert_eq!(process_group(None, &facts), "");
    assert_eq!(application_group(None, &facts), "www.example.com|/app");
    assert_eq!(callable_object(None, &facts), "application");
}

#[test]
fn every_expansion_of_a_group() {
    assert_groups("%{GLOBAL}", "");
    assert_groups("%{RESOURCE}", "www.example.com|/app");
    assert_groups("%{SERVER}", "www.example.com");
    assert_groups("%{HOST}", "alias.example.com");
    assert_groups("%{ENV:GROUP}", "blue");
    assert_groups("%{ENV:EMPTY}", "");
}

#[test]
fn a_group_left_to_the_process_is_that_of_the_resource_until_it_chooses() {
    let facts = Facts::default();
    let resource = application_group(Some("%{RESOURCE}"), &facts);
    assert_eq!(application_group(Some(AUTOMATIC), &facts), resource);
    assert_eq!(influence(Some(AUTOMATIC)), Influence::Partial);
}

#[test]
fn other_text_stands_for_itself() {
    let literals = [
        "blue",
        "",
        "foo-%{HOST}",
        "%{HOST}x",
        "%",
        "%{",
        "%{host}",
        "%{NONE}",
        "%{ENV:GROUP",
        "%{ENV:}",
    ];
    for literal in literals {
        assert_groups(literal, literal);
    }
}

#[test]
fn a_variable_expands_once_more_but_not_to_a_variable() {
    assert_groups("%{ENV:AGAIN}", "www.example.com");
    assert_groups("%{ENV:GLOBAL}", "");
    assert_groups("%{ENV:LOOP}", "%{ENV:GROUP}");
    assert_groups("%{ENV:ODD}", "%{NONE}");
    assert_groups("%{ENV:UNKNOWN}", "%{ENV:UNKNOWN}");
}

#[test]
fn unusual_ports_are_part_of_the_name() {
    for (port, suffix) in [(80, ""), (443, ""), (8080, ":8080"), (0, ":0")] {
        let facts = Facts {
            port,
            ..Facts::default()
        };
        let group = |value| application_group(Some(value), &facts).into_owned();
        assert_eq!(group("%{SERVER}"), format!("www.example.com{suffix}"));
        assert_eq!(group("%{HOST}"), format!("alias.example.com{suffix}"));
        assert_eq!(group("%{RESOURCE}"), format!("www.example.com{suffix}|/app"));
    }
}

#[test]
fn without_a_host_header_the_server_name_stands_in() {
    let facts = Facts {
        host: None,
        ..Facts::default()
    };
    assert_eq!(application_group(Some("%{HOST}"), &facts), "www.example.com");
}

#[test]
fn script_names_are_brought_to_one_form() {
    let resource = |script_name, case_insensitive| {
        let facts = Facts {
            script_name,
            case_insensitive,
            ..Facts::default()
        };
        application_group(None, &facts).into_owned()
    };
    assert_eq!(resource(b"", false), "www.example.com|");
    assert_eq!(resource(b"//a///b/", false), "www.example.com|/a/b/");
    assert_eq!(resource(b"/App", false), "www.example.com|/App");
    assert_eq!(resource(b"/App", true), "www.example.com|/app");
    assert_eq!(resource("/é".as_bytes(), false), "www.example.com|/é");
    assert_eq!(resource(b"/\xe9a\xff", false), "www.example.com|/\\xe9a\\xff");
}

#[test]
fn a_callable_knows_variables_only() {
    let facts = Facts::default();
    let callable = |value| callable_object(Some(value), &facts);
    assert_eq!(callable("app"), "app");
    assert_eq!(callable("%{ENV:GROUP}"), "blue");
    for value in ["%{GLOBAL}", "%{HOST}", "%{ENV:UNKNOWN}", "%{ENV:AGAIN}", "%"] {
        assert_eq!(callable(value), "application", "{value}");
    }
    assert_eq!(callable("%{ENV:LOOP}"), "%{ENV:GROUP}");
}

#[test]
fn fixed_names_are_borrowed() {
    let facts = Facts::default();
    for value in [Some("blue"), Some("%{GLOBAL}")] {
        assert!(matches!(process_group(value, &facts), Cow::Borrowed(_)));
        assert!(matches!(application_group(value, &facts), Cow::Borrowed(_)));
    }
    assert!(matches!(process_group(None, &facts), Cow::Borrowed("")));
    assert!(matches!(callable_object(None, &facts), Cow::Borrowed(_)));
}

#[test]
fn what_a_client_can_choose() {
    for (value, expected) in [
        (Some("blue"), Influence::None),
        (Some("%{GLOBAL}"), Influence::None),
        (Some("x%{HOST}"), Influence::None),
        (None, Influence::Partial),
        (Some("%{RESOURCE}"), Influence::Partial),
        (Some("%{SERVER}"), Influence::Partial),
        (Some("%{HOST}"), Influence::Full),
        (Some("%{ENV:X}"), Influence::Full),
    ] {
        assert_eq!(influence(value), expected, "{value:?}");
    }
    assert!(Influence::None < Influence::Partial && Influence::Partial < Influence::Full);
}

fn group_path(path: &[u8], fold_case: bool) -> String {
    let mut name = String::new();
    push_group_path(&mut name, path, fold_case);
    name
}

proptest! {
    #[test]
    fn collapsed_paths_have_no_double_slash(path in "[/aA]{0,20}") {
        let collapsed = group_path(path.as_bytes(), false);
        prop_assert!(!collapsed.contains("//"));
        let letters = |text: &str| text.replace('/', "");
        prop_assert_eq!(letters(&collapsed), letters(&path));
        prop_assert_eq!(group_path(collapsed.as_bytes(), false), collapsed);
    }

    #[test]
    fn any_bytes_make_a_name(path in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = group_path(&path, true);
    }

    #[test]
    fn any_value_resolves_or_stays(value in "%?\\{?[A-Z:]{0,6}\\}?") {
        let _ = application_group(Some(&value), &Facts::default());
        let _ = callable_object(Some(&value), &Facts::default());
    }
}
