use super::*;

/// httpd is `www` (33, group 33); `alice` is 1000 and also in group 44; there is a group `media` (44).
struct Database;

impl Accounts for Database {
    fn user_named(&self, name: &str) -> Option<Account> {
        [("root", 0), ("www", 33), ("alice", 1000)]
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(name, uid)| Account {
                name: name.to_owned(),
                uid,
                home: format!("/home/{name}").into(),
            })
    }

    fn user_numbered(&self, uid: u32) -> Option<Account> {
        ["root", "www", "alice"]
            .into_iter()
            .filter_map(|name| self.user_named(name))
            .find(|account| account.uid == uid)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        match name {
            "www" => Some(33),
            "media" => Some(44),
            _ => None,
        }
    }

    fn groups_of(&self, user: &str, gid: u32) -> Vec<u32> {
        if user == "alice" { vec![gid, 44] } else { vec![gid] }
    }

    fn most_groups(&self) -> usize {
        3
    }
}

const ROOT: HttpdAccount = HttpdAccount {
    root: true,
    uid: 33,
    gid: 33,
};
const PLAIN: HttpdAccount = HttpdAccount {
    root: false,
    uid: 1000,
    gid: 1000,
};

fn options(change: impl FnOnce(&mut DaemonOptions)) -> DaemonOptions {
    let mut options = DaemonOptions::default();
    change(&mut options);
    options
}

fn named(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn without_options_processes_run_as_httpds_children_where_httpd_was_started() {
    let resolved = resolve(&DaemonOptions::default(), ROOT, &Database).expect("resolved");
    assert_eq!(
        resolved.identity,
        Identity {
            change: true,
            uid: 33,
            gid: 33,
            groups: vec![33],
            user: named("www"),
            home: Some("/home/www".into()),
            working_directory: None,
        }
    );
    assert_eq!((resolved.socket_uid, resolved.script_owner), (33, None));
    assert!(resolved.ignored.is_empty());
}

#[test]
fn the_group_does_not_follow_the_user_but_groups_and_home_do() {
    let options = options(|options| options.user = named("alice"));
    let identity = resolve(&options, ROOT, &Database).expect("resolved").identity;
    assert_eq!((identity.uid, identity.gid), (1000, 33));
    assert_eq!(identity.groups, [33, 44]);
    assert_eq!(identity.working_directory, Some("/home/alice".into()));
    assert_eq!(identity.user, named("alice"));
}

#[test]
fn home_and_supplementary_groups_replace_those_of_the_user() {
    let options = options(|options| {
        options.user = named("#1000");
        options.group = named("media");
        options.home = named("/srv");
        options.supplementary_groups = Some(vec!["#7".to_owned()]);
        options.socket_user = named("#12");
        options.script_group = named("media");
    });
    let resolved = resolve(&options, ROOT, &Database).expect("resolved");
    assert_eq!(
        (resolved.identity.gid, &*resolved.identity.groups),
        (44, &[44, 7][..])
    );
    assert_eq!(resolved.identity.working_directory, Some("/srv".into()));
    assert_eq!(resolved.identity.home, Some("/home/alice".into()));
    assert_eq!(resolved.socket_uid, 12);
    assert_eq!(resolved.script_owner, Some(ScriptOwner::Group(44)));
}

#[test]
fn a_number_needs_no_entry_in_the_database() {
    let options = options(|options| options.user = named("#4242"));
    let identity = resolve(&options, ROOT, &Database).expect("resolved").identity;
    assert_eq!(
        (identity.uid, identity.groups, identity.user),
        (4242, vec![33], None)
    );
    assert_eq!(identity.working_directory, None);
}

#[test]
fn unknown_names_are_refused_with_the_option_and_the_name() {
    type Set = fn(&mut DaemonOptions, Option<String>);
    let cases: [(Set, &str); 6] = [
        (|options, name| options.user = name, "user"),
        (|options, name| options.group = name, "group"),
        (
            |options, name| options.supplementary_groups = name.map(|name| vec![name]),
            "supplementary-groups",
        ),
        (|options, name| options.socket_user = name, "socket-user"),
        (|options, name| options.script_user = name, "script-user"),
        (|options, name| options.script_group = name, "script-group"),
    ];
    for httpd in [ROOT, PLAIN] {
        for (set, option) in cases {
            for value in ["nosuch", "#x", "#"] {
                let options = options(|options| set(options, named(value)));
                let problem = resolve(&options, httpd, &Database).expect_err(option).to_string();
                assert!(
                    problem.starts_with(&format!("{option}={value:?}: there is no such")),
                    "{problem}"
                );
            }
        }
    }
}

#[test]
fn root_is_refused_by_name_by_number_and_as_httpds_user() {
    for value in [named("root"), named("#0"), named("#00"), None] {
        let httpd = HttpdAccount { uid: 0, ..ROOT };
        let options = options(|options| options.user = value);
        assert_eq!(resolve(&options, httpd, &Database), Err(IdentityProblem::Root));
    }
}

#[test]
fn one_group_more_than_a_process_can_have_is_refused() {
    let with = |count: usize| {
        let names = (0..count).map(|number| format!("#{number}")).collect();
        resolve(
            &options(|options| options.supplementary_groups = Some(names)),
            ROOT,
            &Database,
        )
    };
    assert_eq!(with(2).expect("fits").identity.groups.len(), 3);
    assert_eq!(with(3), Err(IdentityProblem::TooManyGroups { count: 4, most: 3 }));
}

#[test]
fn httpd_of_another_user_starts_processes_as_itself_and_says_what_it_ignores() {
    let options = options(|options| {
        options.user = named("www");
        options.group = named("media");
        options.supplementary_groups = Some(vec!["media".to_owned()]);
        options.socket_user = named("www");
        options.home = named("/srv");
    });
    let resolved = resolve(&options, PLAIN, &Database).expect("resolved");
    assert_eq!(
        (
            resolved.identity.change,
            resolved.identity.uid,
            resolved.identity.gid
        ),
        (false, 1000, 1000)
    );
    assert_eq!(resolved.identity.working_directory, Some("/srv".into()));
    assert_eq!(resolved.socket_uid, 1000);
    assert_eq!(
        resolved.ignored,
        ["user", "group", "supplementary-groups", "socket-user"]
    );
    let own = self::options(|options| options.user = named("alice"));
    assert!(
        resolve(&own, PLAIN, &Database)
            .expect("resolved")
            .ignored
            .is_empty()
    );
}

#[test]
fn a_new_root_directory_needs_root() {
    let options = options(|options| options.chroot = named("/jail"));
    assert!(resolve(&options, ROOT, &Database).is_ok());
    assert_eq!(
        resolve(&options, PLAIN, &Database),
        Err(IdentityProblem::ChrootWithoutRoot)
    );
}

#[test]
fn files_are_read_with_all_groups_of_a_user() {
    let gids = |httpd: HttpdAccount, user: Option<&str>| {
        let wanted = options(|options| options.user = user.map(str::to_owned));
        let resolved = resolve(&wanted, httpd, &Database).expect("resolved");
        let mut gids = resolved.identity.serving_user(&Database).gids;
        gids.sort_unstable();
        gids.dedup();
        gids
    };
    assert_eq!(gids(ROOT, Some("alice")), [33, 44]);
    assert_eq!(gids(ROOT, None), [33]);
    // Nobody changes its groups.
    assert_eq!(gids(PLAIN, None), [44, 1000]);
    assert_eq!(PLAIN.serving_user(&Database).gids, [1000, 44]);
    let unknown = HttpdAccount { uid: 7, ..PLAIN };
    assert_eq!(unknown.serving_user(&Database).gids, [1000]);
}
