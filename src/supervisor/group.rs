//! A group of processes.

use std::rc::Rc;
use std::time::Instant;
use std::{ffi::CStr, io};

use super::backoff::Backoff;
use super::failure::Told;
use super::log::Log;
use super::orphan::Orphan;
use super::setting::Setting;
use super::stamp::{Refusal, Stamps};
use super::worker::Worker;
use crate::config::plan::{GroupPlan, Import};
use crate::config::python_home::HomeProblem;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::{Layout, Position, Scoreboard};
use crate::sys::memory::SharedWords;
use crate::sys::{clock, futex};

/// Most scripts that a process is told to load because its predecessors had: names of application groups may
/// come from clients.
const MOST_LOADED: usize = 100;

/// A scoreboard with its memory.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) words: SharedWords,
    layout: Layout,
}

impl Board {
    /// A new one.
    pub(super) fn new(layout: Layout) -> io::Result<Board> {
        const NAME: &CStr = c"rwsgi scoreboard";
        Ok(Board {
            words: SharedWords::new(NAME, layout.words())?,
            layout,
        })
    }

    /// One that an earlier supervisor made.
    pub(super) fn kept(file: std::os::fd::OwnedFd, layout: Layout) -> io::Result<Board> {
        Ok(Board {
            words: SharedWords::map(file, layout.words())?,
            layout,
        })
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Its slots and positions.
    pub(super) fn view(&self) -> Scoreboard<'_> {
        // As many words as the layout needs were mapped.
        Scoreboard::over(self.words.words(), self.layout).unwrap_or_else(Scoreboard::empty)
    }

    pub(super) fn position(&self, index: u32) -> Option<Position<'_>> {
        self.view().position(index)
    }

    /// Gives free slots to those who wait.
    pub(super) fn hand_over(&self) {
        self.view()
            .hand_over(std::process::id(), clock::millis(), futex::wake);
    }
}

/// One group, from its first plan until its last process has ended.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) plan: Rc<GroupPlan>,
    pub(super) setting: Rc<Setting>,
    pub(super) log: Log,
    pub(super) board: Board,
    /// Counts its plans.
    pub(super) edition: u64,
    pub(super) workers: Vec<Worker>,
    pub(super) orphans: Vec<Orphan>,
    pub(super) last_instance: u32,
    pub(super) backoff: Backoff,
    /// The last process that failed.
    pub(super) failed: u32,
    /// What has been said of failures in a row.
    pub(super) told: Told,
    /// What was wrong with its Python when a process failed last.
    pub(super) mistaken: Option<HomeProblem>,
    /// Whether it was said that its Python runs without `site`.
    pub(super) site_told: bool,
    pub(super) refusal: Option<Refusal>,
    /// What its processes have loaded, and what another must not fail to.
    pub(super) loaded: Vec<Import>,
    /// What the failure of a process may hang on.
    pub(super) suspects: Stamps,
    /// The last generation of httpd's children that know it, once the plan does not.
    pub(super) retired: Option<u64>,
    /// Whether all its processes are to end soon, and say so to whoever asks.
    pub(super) leaving: bool,
    /// Whether all its processes are to end.
    pub(super) ending: bool,
    /// When files and holders of slots were last looked at.
    pub(super) looked: Option<Instant>,
}

impl Group {
    /// A group without processes.
    pub(super) fn new(plan: Rc<GroupPlan>, setting: Rc<Setting>, log: Log, board: Board) -> Group {
        Group {
            told: Told::by_httpd(plan.told.as_ref()),
            failed: 0,
            mistaken: None,
            site_told: false,
            plan,
            setting,
            log,
            board,
            edition: 0,
            workers: Vec::new(),
            orphans: Vec::new(),
            last_instance: 0,
            backoff: Backoff::default(),
            refusal: None,
            loaded: Vec::new(),
            suspects: Stamps::default(),
            retired: None,
            leaving: false,
            ending: false,
            looked: None,
        }
    }

    /// Writes a line about the group into its log.
    pub(super) fn say(&self, level: Level, code: Option<Code>, text: &str) {
        self.log.write(level, code, text);
    }

    /// How a process is called in logs.
    pub(super) fn name_of(&self, worker: &Worker) -> String {
        format!(
            "process {} of daemon group '{}'",
            worker.child.pid(),
            self.plan.name
        )
    }

    /// Whether a process takes requests.
    pub(super) fn serves(&self) -> bool {
        self.ready_count() > 0
    }

    /// How many processes take requests.
    pub(super) fn ready_count(&self) -> usize {
        let workers = self.workers.iter().filter(|worker| worker.is_ready()).count();
        workers + self.orphans.iter().filter(|orphan| orphan.is_ready()).count()
    }

    /// How many take requests or are about to.
    pub(super) fn live_count(&self) -> usize {
        let workers = self.workers.iter().filter(|worker| worker.is_live()).count();
        workers + self.orphans.iter().filter(|orphan| orphan.is_ready()).count()
    }

    /// A position that no process has.
    pub(super) fn free_position(&self) -> Option<u32> {
        (0..self.board.layout().positions).find(|index| {
            self.workers.iter().all(|worker| worker.position != *index)
                && self.orphans.iter().all(|orphan| orphan.position != *index)
        })
    }

    /// A number that no process of the group has had.
    pub(super) fn next_instance(&mut self) -> u32 {
        self.last_instance = self.last_instance.wrapping_add(1).max(1);
        self.last_instance
    }

    /// Notes that a process has loaded a script.
    pub(super) fn note_loaded(&mut self, import: &Import) {
        self.loaded.retain(|known| known != import);
        self.loaded.push(import.clone());
        if self.loaded.len() > MOST_LOADED {
            self.loaded.remove(0);
        }
    }

    /// Whether nothing of it is left.
    pub(super) fn is_over(&self) -> bool {
        self.ending && self.workers.is_empty() && self.orphans.is_empty()
    }
}
