//! What httpd tells about its own processes and threads.

/// All of httpd's processes.
#[derive(Clone, Debug, Default)]
pub struct ServerReport {
    /// Most processes there can be.
    pub server_limit: i64,
    /// Most threads a process can have.
    pub thread_limit: i64,
    /// How many restarts there have been.
    pub running_generation: i64,
    /// The last restart, in microseconds since the epoch.
    pub restart_micros: i64,
    /// The time of the report, in microseconds since the epoch.
    pub current_micros: i64,
    /// The places for processes, empty ones included.
    pub processes: Vec<ProcessReport>,
}

/// One place for a process.
#[derive(Clone, Debug, Default)]
pub struct ProcessReport {
    /// The place's number.
    pub process_num: i64,
    /// The process's number; 0 when the place is empty.
    pub pid: i64,
    /// The restart it belongs to.
    pub generation: i64,
    /// Whether it takes no new requests.
    pub quiescing: bool,
    /// Its places for threads.
    pub workers: Vec<WorkerReport>,
}

/// One place for a thread.
#[derive(Clone, Debug, Default)]
pub struct WorkerReport {
    /// The place's number.
    pub thread_num: i64,
    /// The restart it belongs to.
    pub generation: i64,
    /// What it does, in the letters of mod_status.
    pub status: char,
    /// Requests it answered.
    pub access_count: i64,
    /// Bytes it sent.
    pub bytes_served: i64,
    /// The beginning and the end of its last request, and its last use, in microseconds since the epoch.
    pub times_micros: [i64; 3],
    /// The client's address.
    pub client: Vec<u8>,
    /// The request line.
    pub request: Vec<u8>,
    /// The virtual host.
    pub vhost: Vec<u8>,
}
