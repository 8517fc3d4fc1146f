//! What `mod_wsgi.server_metrics()` tells in a process of a daemon group: the processes and slots of the group.
//!
//! httpd's own scoreboard is not in a worker's memory, and would tell the group of requests that are not its own.

use crate::gateway::server_report::{ProcessReport, ServerReport, WorkerReport};
use crate::scoreboard::{Millis, Position, PositionState, Scoreboard, Slot, SlotState, since};
use crate::sys::clock;
use crate::wsgi::metrics::{now_micros, process_start_micros};

/// A report on the group of the process `own`, by the number of its position.
pub(super) fn report(board: &Scoreboard<'_>, own: u32) -> ServerReport {
    let now = Now {
        millis: clock::millis(),
        micros: i64::try_from(now_micros()).unwrap_or(i64::MAX),
    };
    let position = board.position(own);
    ServerReport {
        server_limit: board.layout().positions.into(),
        thread_limit: position.map_or(0, |position| position.threads()).into(),
        running_generation: position.map_or(0, |position| position.instance()).into(),
        restart_micros: i64::try_from(process_start_micros()).unwrap_or(i64::MAX),
        current_micros: now.micros,
        processes: board
            .positions()
            .map(|(number, position)| process(board, number, &position, now))
            .collect(),
    }
}

/// One moment by two clocks.
#[derive(Clone, Copy)]
struct Now {
    millis: Millis,
    micros: i64,
}

impl Now {
    /// Microseconds since the epoch at `then`.
    fn micros_of(self, then: Millis) -> i64 {
        self.micros - i64::from(since(self.millis, then)) * 1000
    }
}

fn process(board: &Scoreboard<'_>, number: u32, position: &Position<'_>, now: Now) -> ProcessReport {
    let state = position.state();
    if state == PositionState::Empty {
        return ProcessReport {
            process_num: number.into(),
            ..ProcessReport::default()
        };
    }
    let generation = position.instance().into();
    ProcessReport {
        process_num: number.into(),
        pid: position.pid().into(),
        generation,
        quiescing: state == PositionState::Draining,
        workers: board
            .slots(number)
            .map(|(slot, words)| worker(slot, generation, state, &words, now))
            .collect(),
    }
}

/// A slot in the letters of mod_status.
fn worker(number: u32, generation: i64, process: PositionState, slot: &Slot<'_>, now: Now) -> WorkerReport {
    let status = match (slot.state(), process) {
        (SlotState::Running, _) => 'W',
        (SlotState::Reserved | SlotState::Done, _) => 'R',
        (SlotState::Free, PositionState::Starting) => 'S',
        (SlotState::Free, PositionState::Draining) => 'G',
        (SlotState::Free, _) => '_',
    };
    let is_busy = slot.state() != SlotState::Free;
    let begun = if slot.since() == 0 {
        0
    } else {
        now.micros_of(slot.since())
    };
    WorkerReport {
        thread_num: number.into(),
        generation,
        status,
        times_micros: [begun, 0, begun],
        request: if is_busy { slot.description() } else { Vec::new() },
        ..WorkerReport::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::Layout;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn processes_and_slots_are_told_as_they_are() {
        let layout = Layout::for_group(1, 2, 4);
        let words: Vec<AtomicU32> = std::iter::repeat_with(AtomicU32::default)
            .take(layout.words())
            .collect();
        let board = Scoreboard::over(&words, layout).expect("large enough");
        let position = board.position(1).expect("there");
        position.begin(7, 4711, 2, clock::millis());
        position.set_state(PositionState::Ready);
        let grant = board.reserve(99, clock::millis()).expect("a slot");
        let slot = board.slot(grant.position, grant.slot).expect("there");
        slot.describe(b"GET / HTTP/1.1");
        slot.start(1, clock::millis());
        let told = report(&board, 1);
        assert_eq!((told.thread_limit, told.running_generation), (2, 7));
        assert_eq!(
            told.processes.len(),
            usize::try_from(told.server_limit).expect("small")
        );
        assert_eq!((told.processes[0].pid, told.processes[1].pid), (0, 4711));
        let letters: String = told.processes[1]
            .workers
            .iter()
            .map(|worker| worker.status)
            .collect();
        assert_eq!(letters, "W_");
        let running = &told.processes[1].workers[0];
        assert_eq!(running.request, b"GET / HTTP/1.1");
        let age = told.current_micros - running.times_micros[0];
        assert!((0..60_000_000).contains(&age), "{age}");
        position.set_state(PositionState::Draining);
        assert!(report(&board, 1).processes[1].quiescing);
    }
}
