//! The processes of a system.

use std::fs;

/// These processes and all that descend from them.
pub(super) fn with_descendants(roots: &[u32]) -> Vec<u32> {
    let (mut found, mut waiting) = (Vec::new(), roots.to_vec());
    while let Some(process) = waiting.pop() {
        found.push(process);
        waiting.extend(children(process));
    }
    found
}

/// Processes that this one has started, by whichever of its threads.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_belongs_to_its_parent() {
        let mut child = Command::new("sleep").arg("10").spawn().expect("sleep runs");
        let found = with_descendants(&[std::process::id()]);
        let _ = child.kill();
        let _ = child.wait();
        assert!(found.contains(&child.id()), "{found:?}");
    }
}
