//! One version, everywhere.

use super::text;

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Headings of the changes: number, and date or what else stands there.
fn headings() -> Vec<(String, String)> {
    let changes = text("CHANGELOG.md");
    let headings = changes.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .map(|heading| {
            let (number, date) = heading.split_once(", ").expect("a version, a comma, a date");
            (number.to_owned(), date.to_owned())
        })
        .collect()
}

/// Major, minor, patch.
fn numbers(version: &str) -> [u32; 3] {
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap_or_else(|_| panic!("{version} is no version")))
        .collect();
    parts
        .try_into()
        .unwrap_or_else(|_| panic!("{version} has three parts"))
}

#[test]
fn the_changes_begin_with_this_version_and_go_back_in_order() {
    let headings = headings();
    assert_eq!(
        headings[0].0,
        version(),
        "CHANGELOG.md begins with another version"
    );
    for (at, (number, date)) in headings.iter().enumerate() {
        let is_date = date.len() == 10
            && date.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        // Only what comes next has no date.
        assert!(is_date || at == 0 && date == "not released", "{number}, {date}");
    }
    for pair in headings.windows(2) {
        assert!(numbers(&pair[0].0) > numbers(&pair[1].0), "{pair:?}");
    }
}

/// Every version tells of something.
#[test]
fn no_version_is_without_a_change() {
    let changes = text("CHANGELOG.md");
    for section in changes.split("\n## ").skip(1) {
        let heading = section.lines().next().unwrap_or_default();
        assert!(section.contains("\n* "), "CHANGELOG.md: {heading} has no entry");
    }
}

#[test]
fn packages_have_the_version_of_the_crate() {
    let spec = text("packaging/rpm/rwsgi.spec");
    let told = spec.lines().find_map(|line| line.strip_prefix("Version:"));
    assert_eq!(told.map(str::trim), Some(version()), "packaging/rpm/rwsgi.spec");
    let lock: toml::Table = toml::from_str(&text("Cargo.lock")).expect("TOML");
    for package in lock["package"].as_array().expect("a list") {
        let name = package["name"].as_str().expect("a name");
        if package.get("source").is_none() {
            assert_eq!(package["version"].as_str(), Some(version()), "Cargo.lock: {name}");
        }
    }
}
