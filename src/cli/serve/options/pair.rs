//! `NAME=VALUE`: on the command line one argument, in the file an entry of a table.

use std::str::FromStr;

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What stands before the first equals sign.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Pair, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Pair {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("write two values with an equals sign between them".to_owned()),
        }
    }
}

/// A list of pairs as a table.
pub(super) mod table {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Pair;

    /// A value as people write it into a table.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Number(i64),
        Switch(bool),
    }

    pub(in super::super) fn serialize<S: Serializer>(pairs: &[Pair], to: S) -> Result<S::Ok, S::Error> {
        let table: BTreeMap<&str, &str> = pairs
            .iter()
            .map(|pair| (pair.name.as_str(), pair.value.as_str()))
            .collect();
        table.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
        let table = BTreeMap::<String, Value>::deserialize(from)?;
        let pair = |(name, value)| Pair {
            name,
            value: match value {
                Value::Text(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Switch(on) => if on { "On" } else { "Off" }.to_owned(),
            },
        };
        Ok(table.into_iter().map(pair).collect())
    }
}
