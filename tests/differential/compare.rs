//! Two observations side by side.

use std::collections::BTreeSet;
use std::fmt;

use crate::observe::Observation;

/// One field that is not the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) field: String,
    /// mod_wsgi's value; absent when the field is.
    pub(crate) peer: Option<String>,
    /// Our value, likewise.
    pub(crate) ours: Option<String>,
}

/// Fields that a release of mod_wsgi before 6 is compared by.
const FRAMING: [&str; 5] = ["response", "status", "reason", "complete", "then"];

/// What is not the same; against an old release only in what a client sees of the framing.
pub(crate) fn differences(peer: &Observation, ours: &Observation, peer_is_current: bool) -> Vec<Difference> {
    let fields: BTreeSet<&String> = peer.keys().chain(ours.keys()).collect();
    fields
        .into_iter()
        .filter(|field| peer_is_current || FRAMING.contains(&field.as_str()))
        .filter(|field| peer.get(*field) != ours.get(*field))
        .map(|field| Difference {
            field: field.clone(),
            peer: peer.get(field).cloned(),
            ours: ours.get(field).cloned(),
        })
        .collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { field, peer, ours } = self;
        write!(
            f,
            "  {field}\n    mod_wsgi: {}\n    rwsgi:    {}",
            shown(peer),
            shown(ours)
        )
    }
}

/// A value in one line of bearable length, cut around nothing: the beginning tells most.
fn shown(value: &Option<String>) -> String {
    const LONGEST: usize = 300;
    match value {
        None => "(absent)".to_string(),
        Some(value) if value.chars().count() > LONGEST => {
            let start: String = value.chars().take(LONGEST).collect();
            format!("{start:?}... ({} characters)", value.chars().count())
        }
        Some(value) => format!("{value:?}"),
    }
}

#[test]
fn a_changed_a_missing_and_an_additional_field_are_differences() {
    let observation = |pairs: &[(&str, &str)]| -> Observation {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_string(), (*value).to_string()))
            .collect()
    };
    let peer = observation(&[("status", "200"), ("body", "a"), ("log", ""), ("header x", "1")]);
    let ours = observation(&[("status", "500"), ("body", "a"), ("log", ""), ("header y", "1")]);
    let found: Vec<String> = differences(&peer, &ours, true)
        .into_iter()
        .map(|difference| difference.field)
        .collect();
    assert_eq!(found, ["header x", "header y", "status"]);
    assert_eq!(differences(&peer, &ours, false).len(), 1);
}
