//! From one plan to the next.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use super::Supervisor;
use super::backoff::Backoff;
use super::failure::Told;
use super::group::{Board, Group};
use super::log::Log;
use super::setting::{self, Setting};
use crate::config::plan::{Control, ControlAnswer, GroupPlan, Plan};
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::{Layout, PositionState};
use crate::sys::channel::Message;
use crate::sys::detach;

/// What has come of a plan before the plan itself.
#[derive(Debug, Default)]
pub(super) struct Announced {
    pub(super) kept: HashMap<String, Kept>,
    pub(super) logs: Vec<Rc<File>>,
    pub(super) generation: Option<OwnedFd>,
    /// What web servers connect to, where the processes share that.
    pub(super) listener: Option<Rc<OwnedFd>>,
}

/// A scoreboard that an earlier supervisor made.
#[derive(Debug)]
pub(super) struct Kept {
    number: u32,
    layout: Layout,
    file: OwnedFd,
}

impl Supervisor {
    /// Does what httpd's parent says. An error is one of the channel.
    pub(super) fn obey(&mut self, message: Message) -> Result<(), String> {
        let control = serde_json::from_slice(&message.bytes)
            .map_err(|error| format!("httpd sent what this version does not understand: {error}"))?;
        let mut descriptors = message.descriptors.into_iter();
        match control {
            Control::Keep {
                group,
                number,
                layout,
            } => {
                if let Some(file) = descriptors.next() {
                    let kept = Kept { number, layout, file };
                    self.announced.kept.insert(group, kept);
                }
            }
            Control::Log => {
                if let Some(file) = descriptors.next() {
                    self.announced.logs.push(Rc::new(File::from(file)));
                }
            }
            Control::Generation => self.announced.generation = descriptors.next(),
            Control::Configure(plan) => {
                let announced = std::mem::take(&mut self.announced);
                return self.configure(*plan, announced);
            }
            Control::Stop => self.stop(),
        }
        Ok(())
    }

    pub(super) fn configure(&mut self, plan: Plan, announced: Announced) -> Result<(), String> {
        if let Some(main) = announced.logs.first() {
            detach::redirect_output(main.as_fd());
        }
        self.log.level = plan.httpd.log_level;
        if self.setting.is_none() && announced.kept.is_empty() {
            setting::remove_stale(&plan.directory);
        }
        let setting = match Setting::prepare(&plan, self.umask, Rc::clone(&self.life), announced.listener) {
            Ok(setting) => Rc::new(setting),
            Err(reason) => return self.refuse(reason),
        };
        if self.setting.is_none() {
            self.next_number = setting.first_free_number();
        }
        let last_generation = self.generation;
        self.generation += 1;
        if let Some(pipe) = announced.generation {
            self.generations.push((self.generation, pipe));
        }
        let mut before: Vec<Group> = std::mem::take(&mut self.groups);
        let mut kept = announced.kept;
        let mut problems = Vec::new();
        for group_plan in plan.groups {
            let log = Log {
                file: announced.logs.get(group_plan.log).cloned(),
                level: group_plan.log_level,
            };
            let current = before
                .iter()
                .position(|group| group.retired.is_none() && group.plan.name == group_plan.name)
                .map(|index| before.swap_remove(index));
            let made = match current {
                Some(group) if group.can_become(&group_plan, &setting) => {
                    Ok(group.become_next(group_plan, &setting, log))
                }
                other => {
                    before.extend(other);
                    let kept = kept.remove(&group_plan.name);
                    self.make_group(group_plan, &setting, log, kept, &mut before)
                }
            };
            match made {
                Ok(group) => self.groups.push(group),
                Err(problem) => problems.push(problem),
            }
        }
        for kept in kept.into_values() {
            end_unknown(kept);
        }
        for mut group in before {
            group.retired.get_or_insert(last_generation);
            group.board.view().retire();
            self.groups.push(group);
        }
        let replaced = self.setting.replace(setting);
        self.outdated
            .extend(replaced.filter(|old| old.directory != plan.directory));
        match problems.into_iter().next() {
            Some(problem) => self.refuse(problem),
            None => self.answer_configured(),
        }
    }

    fn make_group(
        &mut self,
        mut plan: GroupPlan,
        setting: &Rc<Setting>,
        log: Log,
        kept: Option<Kept>,
        before: &mut Vec<Group>,
    ) -> Result<Group, String> {
        let options = &plan.options;
        let needed = Layout::for_group(options.processes(), options.threads, options.backlog());
        let words = |error: std::io::Error| format!("daemon group '{}': {error}", plan.name);
        let kept = match kept {
            Some(Kept { number, layout, file }) => {
                self.next_number = self.next_number.max(number.saturating_add(1));
                let board = Board::kept(file, layout).map_err(words)?;
                Some((number, board))
            }
            None => None,
        };
        let (fitting, outgrown) = match kept {
            Some((number, board)) if board.layout().holds(needed) => (Some((number, board)), None),
            other => (None, other),
        };
        if let Some((number, board)) = outgrown {
            let mut old = plan.clone();
            old.number = number;
            let mut group = Group::new(Rc::new(old), Rc::clone(setting), log.clone(), board);
            group.adopt();
            before.push(group);
        }
        let adopts = fitting.is_some();
        let (number, board) = match fitting {
            Some(kept) => kept,
            None => (self.next_number, Board::new(needed).map_err(words)?),
        };
        self.next_number = self.next_number.max(number.saturating_add(1));
        setting.make_group_directory(number).map_err(words)?;
        plan.number = number;
        let mut group = Group::new(Rc::new(plan), Rc::clone(setting), log, board);
        if adopts {
            group.adopt();
        }
        Ok(group)
    }

    fn answer_configured(&mut self) -> Result<(), String> {
        for group in self.groups.iter().filter(|group| group.retired.is_none()) {
            let answer = ControlAnswer::Scoreboard {
                group: group.plan.name.clone(),
                number: group.plan.number,
                layout: group.board.layout(),
            };
            self.answer(&answer, Some(group.board.words.as_fd()))?;
        }
        self.tick();
        self.answer(&ControlAnswer::Configured, None)
    }

    fn refuse(&mut self, reason: String) -> Result<(), String> {
        if self.control.is_none() {
            return Err(reason);
        }
        self.log
            .write(Level::Error, Some(Code::DIRECTORY_REFUSED), &reason);
        self.answer(&ControlAnswer::Refused { reason }, None)
    }
}

/// Lets the processes end of a group that the plan does not have, and that nobody watches.
fn end_unknown(kept: Kept) {
    // Without its memory they end when httpd does.
    let Ok(board) = Board::kept(kept.file, kept.layout) else {
        return;
    };
    for (_, position) in board.view().positions() {
        if position.state() != PositionState::Empty {
            position.set_state(PositionState::Draining);
        }
    }
}

impl Group {
    /// Whether its processes can be replaced by those of `plan` without httpd's children noticing.
    fn can_become(&self, plan: &GroupPlan, setting: &Setting) -> bool {
        let options = &plan.options;
        let needed = Layout::for_group(options.processes(), options.threads, options.backlog());
        let whom = |plan: &GroupPlan| {
            let identity = &plan.identity;
            (
                identity.change,
                identity.uid,
                identity.gid,
                identity.groups.clone(),
            )
        };
        self.board.layout().holds(needed)
            && whom(&self.plan) == whom(plan)
            && self.plan.options.chroot == plan.options.chroot
            && self.setting.directory == setting.directory
    }

    fn become_next(mut self, mut plan: GroupPlan, setting: &Rc<Setting>, log: Log) -> Group {
        plan.number = self.plan.number;
        self.plan = Rc::new(plan);
        self.setting = Rc::clone(setting);
        // Where that fails, no process can be started, which is told then.
        let _ = setting.make_group_directory(self.plan.number);
        self.log = log;
        self.edition += 1;
        self.backoff = Backoff::default();
        self.told = Told::by_httpd(self.plan.told.as_ref());
        self.mistaken = None;
        self.site_told = false;
        self.refusal = None;
        self.board.view().open();
        self
    }
}
