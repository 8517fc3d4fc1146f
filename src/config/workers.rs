//! Where workers are.

use std::path::{Path, PathBuf};

/// Where they are installed, if not next to a program.
const INSTALLED: [&str; 2] = ["/usr/lib/rwsgi", "/usr/local/lib/rwsgi"];

/// The folders in which workers are looked for, in order: a folder `worker` next to each of the programs or
/// libraries `parts`, then where they are installed.
pub fn worker_folders<'p>(parts: impl IntoIterator<Item = &'p Path>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in parts.into_iter().filter_map(Path::parent) {
        let folder = folder.join("worker");
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.extend(INSTALLED.map(PathBuf::from));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_next_to_the_parts_come_first_and_once() {
        let parts = ["/opt/r/rwsgi", "/opt/r/mod_rwsgi.so", "/usr/bin/rwsgi"].map(Path::new);
        let expected = [
            "/opt/r/worker",
            "/usr/bin/worker",
            "/usr/lib/rwsgi",
            "/usr/local/lib/rwsgi",
        ];
        assert_eq!(worker_folders(parts), expected.map(PathBuf::from));
    }
}
