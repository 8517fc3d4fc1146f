//! httpd's scoreboard: what its processes and threads do.
//!
//! It is shared memory that other processes write while it is read: every number is a snapshot, and text is
//! cut where its field ends.

use std::ffi::{c_char, c_int};
use std::ptr;

use crate::ffi;
use crate::gateway::server_report::{ProcessReport, ServerReport, WorkerReport};

/// The letters of mod_status, by the status of a worker.
const STATUS_LETTERS: &[u8] = b".S_RWKLDCGI";

/// A report on all processes; `None` when httpd keeps no scoreboard.
pub fn report() -> Option<ServerReport> {
    // SAFETY: plain queries; the global record lives as long as the process.
    let global = unsafe {
        if ffi::ap_exists_scoreboard_image() == 0 {
            return None;
        }
        ffi::ap_get_scoreboard_global().as_ref()?
    };
    let processes = (0..global.server_limit)
        .filter_map(|number| process(number, global.thread_limit))
        .collect();
    Some(ServerReport {
        server_limit: global.server_limit.into(),
        thread_limit: global.thread_limit.into(),
        running_generation: global.running_generation.into(),
        restart_micros: global.restart_time,
        // SAFETY: a plain query.
        current_micros: unsafe { ffi::apr_time_now() },
        processes,
    })
}

fn process(number: c_int, threads: c_int) -> Option<ProcessReport> {
    // SAFETY: httpd checks the number; a record is copied at once, as others write it.
    let record = unsafe {
        let record = ffi::ap_get_scoreboard_process(number);
        (!record.is_null()).then(|| ptr::read_volatile(record))?
    };
    Some(ProcessReport {
        process_num: number.into(),
        pid: record.pid.into(),
        generation: record.generation.into(),
        quiescing: record.quiescing != 0,
        workers: (0..threads).filter_map(|thread| worker(number, thread)).collect(),
    })
}

fn worker(process: c_int, thread: c_int) -> Option<WorkerReport> {
    // SAFETY: httpd checks both numbers; a record is copied at once, as others write it.
    let record = unsafe {
        let record = ffi::ap_get_scoreboard_worker_from_indexes(process, thread);
        (!record.is_null()).then(|| ptr::read_volatile(record))?
    };
    let letter = STATUS_LETTERS.get(usize::from(record.status));
    Some(WorkerReport {
        thread_num: record.thread_num.into(),
        generation: record.generation.into(),
        status: char::from(letter.copied().unwrap_or(b'?')),
        access_count: i64::try_from(record.access_count).unwrap_or(i64::MAX),
        bytes_served: record.bytes_served,
        times_micros: [record.start_time, record.stop_time, record.last_used],
        client: text(&record.client64),
        request: text(&record.request),
        vhost: text(&record.vhost),
    })
}

/// A text field, to its first NUL or its end.
fn text(field: &[c_char]) -> Vec<u8> {
    field
        .iter()
        .map(|character| character.cast_unsigned())
        .take_while(|byte| *byte != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_its_nul_or_with_its_field() {
        let field = |bytes: &[u8]| bytes.iter().map(|byte| byte.cast_signed()).collect::<Vec<_>>();
        assert_eq!(text(&field(b"ab\0cd")), b"ab");
        assert_eq!(text(&field(b"abc")), b"abc");
    }

    #[test]
    fn every_status_has_its_letter() {
        let count = usize::try_from(ffi::SERVER_NUM_STATUS).expect("small");
        assert_eq!(STATUS_LETTERS.len(), count);
        let letter = |status: c_int| STATUS_LETTERS[usize::try_from(status).expect("small")];
        assert_eq!(letter(ffi::SERVER_DEAD), b'.');
        assert_eq!(letter(ffi::SERVER_READY), b'_');
        assert_eq!(letter(ffi::SERVER_BUSY_WRITE), b'W');
        assert_eq!(letter(ffi::SERVER_GRACEFUL), b'G');
        assert_eq!(letter(ffi::SERVER_IDLE_KILL), b'I');
    }
}
