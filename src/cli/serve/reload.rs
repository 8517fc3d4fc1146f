//! Changes of an application's files, for `--reload`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::site::Site;

/// Endings of files that an application may have read when it was loaded.
const ENDINGS: [&str; 16] = [
    "py", "wsgi", "pyx", "so", "html", "htm", "jinja", "jinja2", "j2", "mako", "po", "mo", "toml", "ini",
    "cfg", "env",
];
/// Folders of other tools.
const SKIPPED: [&str; 3] = ["__pycache__", "node_modules", "site-packages"];
/// How long nothing must change before what has changed is served: editors write in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// What has changed.
pub(super) struct Changes {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    /// Has a byte for each event.
    bell: PipeReader,
    /// When to serve again.
    due: Option<Instant>,
    last: PathBuf,
}

impl Changes {
    /// Watches the folders of the applications, and those that were named.
    pub(super) fn watch(site: &Site) -> Result<Changes, String> {
        let (bell, ring) = io::pipe().map_err(|error| format!("--reload: {error}"))?;
        let (sender, events) = channel();
        let mut changes = Changes {
            watcher: watcher(sender, ring)?,
            events,
            bell,
            due: None,
            last: PathBuf::new(),
        };
        let applications = site.applications.iter();
        let own: BTreeSet<&Path> = applications
            .flat_map(|served| [served.application.directory.as_path(), served.directory.as_path()])
            .chain(site.options.reload_folder.iter().map(PathBuf::as_path))
            .collect();
        for folder in own {
            changes.add(folder)?;
        }
        Ok(changes)
    }

    /// A folder and those below it, each for itself: a virtual environment in it would be thousands.
    fn add(&mut self, folder: &Path) -> Result<(), String> {
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(|error| format!("--reload: {} cannot be watched: {error}", folder.display()))?;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_watched(&path) {
                self.add(&path)?;
            }
        }
        Ok(())
    }

    /// How long nothing must change from now on; `None` while nothing has changed.
    pub(super) fn quiet_in(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether something has changed and all is quiet since.
    pub(super) fn take(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            let mut byte = [0];
            // Each event has rung once.
            let _ = self.bell.read(&mut byte);
            if let Ok(event) = event {
                self.note(&event);
            }
        }
        let is_due = self.due.is_some_and(|due| due <= Instant::now());
        if is_due {
            self.due = None;
        }
        is_due
    }

    fn note(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        for path in &event.paths {
            if path.is_dir() && is_watched(path) && matches!(event.kind, EventKind::Create(_)) {
                // A folder that has gone again is no trouble.
                let _ = self.add(path);
            }
            if counts(path) {
                self.last.clone_from(path);
                self.due = Some(Instant::now() + QUIET);
            }
        }
    }

    /// The file that changed last.
    pub(super) fn last(&self) -> std::path::Display<'_> {
        self.last.display()
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

fn watcher(
    sender: Sender<notify::Result<Event>>,
    mut ring: PipeWriter,
) -> Result<RecommendedWatcher, String> {
    notify::recommended_watcher(move |event| {
        // Nobody listens any more at the end.
        if sender.send(event).is_ok() {
            let _ = ring.write_all(&[0]);
        }
    })
    .map_err(|error| format!("--reload: files cannot be watched: {error}"))
}

fn is_watched(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !SKIPPED.contains(&&*name) && !folder.join("pyvenv.cfg").exists()
}

fn counts(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let ending = file.extension().unwrap_or_default().to_string_lossy();
    // `.env` is all ending, and editors' own files begin with a dot.
    name == ".env" || (!name.starts_with('.') && ENDINGS.contains(&&*ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_count_and_the_leavings_of_editors_do_not() {
        for (name, expected) in [
            ("app.py", true),
            ("page.html", true),
            (".env", true),
            (".app.py.swp", false),
            (".#app.py", false),
            ("app.py~", false),
            ("db.sqlite3", false),
            ("4913", false),
        ] {
            assert_eq!(counts(Path::new("/x").join(name).as_path()), expected, "{name}");
        }
    }

    #[test]
    fn environments_and_hidden_folders_are_not_watched() {
        let folder = tempfile::tempdir().expect("a folder");
        let with = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir(&path).expect("made");
            path
        };
        assert!(is_watched(&with("shop")));
        assert!(!is_watched(&with(".git")) && !is_watched(&with("__pycache__")));
        let environment = with("env");
        fs::write(environment.join("pyvenv.cfg"), "").expect("written");
        assert!(!is_watched(&environment));
    }
}
