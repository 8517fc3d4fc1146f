//! Where the instructions of a request go.

use std::collections::{BTreeMap, HashMap};

use crate::instructions::callgrind::Function;
use crate::table;

type Functions = HashMap<String, Function>;

/// Prints a request's instructions by library, beside the floor's.
pub(crate) fn print_objects(functions: &Functions, floor: &Functions) {
    let (ours, floor) = (by_object(functions), by_object(floor));
    let mut objects: Vec<(&str, u64)> = ours.iter().map(|(object, &count)| (*object, count)).collect();
    objects.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rows: Vec<Vec<String>> = objects
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(object, count)| {
            let floor = floor.get(object).copied().unwrap_or(0);
            vec![
                if object.is_empty() { "(inlined)" } else { object }.to_string(),
                table::grouped(count),
                table::grouped(floor),
                difference(count, floor),
            ]
        })
        .collect();
    print!(
        "{}",
        table::markdown(&["library", "instructions", "floor", "more"], &rows)
    );
}

fn by_object(functions: &Functions) -> BTreeMap<&str, u64> {
    let mut objects = BTreeMap::new();
    for function in functions.values() {
        *objects.entry(function.object.as_str()).or_default() += function.exclusive;
    }
    objects
}

/// Prints the functions that cost most beyond what they cost the floor.
pub(crate) fn print_functions(functions: &Functions, floor: &Functions, top: usize) {
    let of_floor = |function: &Function| floor.get(&function.name).map_or(0, |known| known.exclusive);
    let more = |function: &Function| {
        i64::try_from(function.exclusive).unwrap_or(i64::MAX)
            - i64::try_from(of_floor(function)).unwrap_or(i64::MAX)
    };
    let mut sorted: Vec<&Function> = functions.values().collect();
    sorted.sort_by(|a, b| more(b).cmp(&more(a)).then(a.name.cmp(&b.name)));
    let rows: Vec<Vec<String>> = sorted
        .into_iter()
        .take(top)
        .map(|function| {
            vec![
                function.name.clone(),
                function.object.clone(),
                table::grouped(function.exclusive),
                table::grouped(function.inclusive),
                table::grouped(of_floor(function)),
                difference(function.exclusive, of_floor(function)),
            ]
        })
        .collect();
    let head = [
        "function",
        "library",
        "alone",
        "with callees",
        "floor, alone",
        "more",
    ];
    print!("{}", table::markdown(&head, &rows));
}

fn difference(count: u64, floor: u64) -> String {
    if count >= floor {
        table::grouped(count - floor)
    } else {
        format!("-{}", table::grouped(floor - count))
    }
}
