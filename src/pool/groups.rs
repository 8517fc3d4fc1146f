//! The daemon groups that a child of httpd can reach.
//!
//! httpd's parent puts them together when the supervisor has told it of all scoreboards, and
//! [installs](Groups::parent_install) them; children get them by being forked. A restart installs others, and
//! children that were forked before keep what they have.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::kept::KeptConnections;
use crate::config::daemon_group::DaemonOptions;
use crate::scoreboard::{Layout, Scoreboard};
use crate::sys::memory::SharedWords;

/// What httpd's parent knows of a group.
#[derive(Debug)]
pub struct GroupFacts {
    /// Its name.
    pub name: String,
    /// Its number, which the supervisor gave it with its scoreboard.
    pub number: u32,
    /// How the scoreboard is laid out.
    pub layout: Layout,
    /// The scoreboard's memory, mapped by the parent; of no more than the layout's words.
    pub board: Arc<SharedWords>,
    /// What `WSGIDaemonProcess` says.
    pub options: DaemonOptions,
    /// Whom scripts must belong to (`script-user=`, `script-group=`), looked up.
    pub script_owner: Option<ScriptOwner>,
}

/// Whom scripts must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptOwner {
    /// The user of this number.
    User(u32),
    /// The group of this number.
    Group(u32),
}

/// A group as a child of httpd uses it.
#[derive(Debug)]
pub struct Group {
    name: String,
    number: u32,
    layout: Layout,
    board: Arc<SharedWords>,
    options: DaemonOptions,
    script_owner: Option<ScriptOwner>,
    kept: KeptConnections,
    /// Whether descriptors of its processes' files could not be taken.
    has_lost_files: AtomicBool,
}

/// All groups, with what is the same for each.
#[derive(Debug)]
pub struct Groups {
    directory: PathBuf,
    supervisor_uid: u32,
    timeout: Duration,
    groups: HashMap<String, Group>,
}

/// What the parent installed last.
static INSTALLED: Mutex<Option<Arc<Groups>>> = Mutex::new(None);
/// What this child took over.
static TAKEN: OnceLock<Option<Arc<Groups>>> = OnceLock::new();

impl Groups {
    /// No groups yet. `directory` is that of the plan, `supervisor_uid` the user that the supervisor runs as,
    /// who alone makes sockets there, and `timeout` httpd's `Timeout`.
    #[must_use]
    pub fn new(directory: PathBuf, supervisor_uid: u32, timeout: Duration) -> Self {
        Groups {
            directory,
            supervisor_uid,
            timeout,
            groups: HashMap::new(),
        }
    }

    /// Adds a group. The error is of memory that is smaller than the layout says.
    pub fn add(&mut self, facts: GroupFacts) -> io::Result<()> {
        if Scoreboard::over(facts.board.words(), facts.layout).is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the scoreboard is smaller than its layout",
            ));
        }
        let group = Group {
            name: facts.name.clone(),
            number: facts.number,
            layout: facts.layout,
            board: facts.board,
            options: facts.options,
            script_owner: facts.script_owner,
            kept: KeptConnections::new(facts.layout.positions),
            has_lost_files: AtomicBool::new(false),
        };
        self.groups.insert(facts.name, group);
        Ok(())
    }

    /// For httpd's parent: what children that are forked from now on use.
    pub fn parent_install(self) {
        *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(self));
    }

    /// For httpd's parent: children that are forked from now on reach no group.
    pub fn parent_uninstall() {
        *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// For a child that starts: takes over what the parent has. Before it there are no groups.
    pub fn child_take_over() {
        let installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A process starts once.
        let _ = TAKEN.set(installed);
    }

    /// What this child took over.
    pub fn taken() -> Option<&'static Groups> {
        TAKEN.get()?.as_deref()
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Directory of the sockets.
    pub(super) fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Who makes sockets in it.
    pub(super) fn supervisor_uid(&self) -> u32 {
        self.supervisor_uid
    }

    /// httpd's `Timeout`.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long a worker may be silent (`socket-timeout=`, or httpd's `Timeout`).
    pub(super) fn socket_timeout(&self, group: &Group) -> Duration {
        group.options.socket_timeout.unwrap_or(self.timeout)
    }
}

impl Group {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `WSGIDaemonProcess` says.
    pub fn options(&self) -> &DaemonOptions {
        &self.options
    }

    /// Whom scripts must belong to.
    pub fn script_owner(&self) -> Option<ScriptOwner> {
        self.script_owner
    }

    /// How long a write to a client may wait, if that is not httpd's `Timeout`.
    pub(super) fn client_patience(&self) -> Option<Duration> {
        self.options
            .response_socket_timeout
            .or(self.options.socket_timeout)
    }

    /// Whether processes are asked to hand files over instead of copying them.
    pub(super) fn takes_files(&self) -> bool {
        !self.has_lost_files.load(Ordering::Relaxed)
    }

    /// Has files copied from now on: this process cannot take them.
    pub(super) fn take_no_files(&self) {
        self.has_lost_files.store(true, Ordering::Relaxed);
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn kept(&self) -> &KeptConnections {
        &self.kept
    }

    /// Its scoreboard; `None` never, as [`Groups::add`] has looked.
    pub(super) fn board(&self) -> Option<Scoreboard<'_>> {
        Scoreboard::over(self.board.words(), self.layout)
    }
}
