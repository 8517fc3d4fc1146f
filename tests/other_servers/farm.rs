//! Several machines with the same application, a balancer before them, and clients.

use std::net::SocketAddr;

use rwsgi_harness::wait_until;

use super::client::Ask;
use super::fronts::Front;
use super::load::{Load, Tally};
use super::network::{Network, host};
use super::rig::{PATIENCE, Site, Standalone};

pub(crate) const MACHINES: u8 = 3;
pub(crate) const PROCESSES: usize = 2;
/// Clients that ask without a pause.
pub(crate) const CLIENTS: usize = 3;

pub(crate) const APP: &str = r#"
import os, time

MACHINE, VERSION = os.environ["MACHINE"], "one"

def note(environ):
    with open("runs", "a") as runs:
        runs.write(environ["QUERY_STRING"] + " " + MACHINE + "\n")

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        note(environ)
        time.sleep(1)
    length = len(environ["wsgi.input"].read())
    time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{MACHINE} {VERSION} {length} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}".encode()]
"#;

/// A balancer and what is behind it.
pub(crate) struct Farm<'n> {
    pub(crate) network: &'n Network,
    machines: Vec<Option<Standalone>>,
    pub(crate) front: Option<Front>,
    starts: usize,
    /// Last: it goes after what writes into it.
    pub(crate) site: Site,
}

impl Farm<'_> {
    /// All machines; still without the balancer.
    pub(crate) fn new(network: &Network) -> Farm<'_> {
        let mut farm = Farm {
            network,
            site: Site::with(APP),
            machines: (0..MACHINES).map(|_| None).collect(),
            front: None,
            starts: 0,
        };
        (1..=MACHINES).for_each(|machine| farm.start(machine));
        farm
    }

    pub(crate) fn start(&mut self, machine: u8) {
        self.starts += 1;
        let log = format!("machine{machine}-{}", self.starts);
        let environment = format!("MACHINE={}", name(machine));
        let options = [
            "--processes",
            &PROCESSES.to_string(),
            "--threads",
            "4",
            "--no-reload",
            "--env",
            &environment,
        ];
        let namespace = self.network.machine(machine);
        let listen = address_of(machine);
        let served = Standalone::spawn_on(&self.site, &namespace, &log, &listen, &options);
        served.wait_for_count("takes requests", PROCESSES);
        self.machines[usize::from(machine) - 1] = Some(served);
    }

    pub(crate) fn machine(&self, machine: u8) -> &Standalone {
        let served = self.machines[usize::from(machine) - 1].as_ref();
        served.expect("it runs")
    }

    pub(crate) fn take(&mut self, machine: u8) -> Standalone {
        let served = self.machines[usize::from(machine) - 1].take();
        served.expect("it runs")
    }

    pub(crate) fn front(&self) -> &Front {
        self.front.as_ref().expect("it runs")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.front().address()
    }

    /// Which machines have begun with a slow request, in this order.
    pub(crate) fn runs(&self, request: &str) -> Vec<String> {
        let text = self.site.read("runs");
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter(|(name, _)| *name == request)
            .map(|(_, machine)| machine.to_owned())
            .collect()
    }

    pub(crate) fn wait_for_answer_by(&self, load: &Load, machine: u8) {
        let before = load.now();
        let count = |tally: &Tally| tally.answered.get(&name(machine)).copied().unwrap_or_default();
        let back = wait_until(PATIENCE, || count(&load.now()) > count(&before));
        assert!(back, "{} gets no requests: {}", name(machine), load.now());
    }

    pub(crate) fn finish(mut self) {
        if let Some(front) = self.front.take() {
            front.finish();
        }
        for served in self.machines.iter_mut().filter_map(Option::take) {
            let log = served.finish();
            assert!(!log.contains("WSGI1191"), "health checks are no requests:\n{log}");
        }
    }
}

impl Drop for Farm<'_> {
    fn drop(&mut self) {
        if let (true, Some(front)) = (std::thread::panicking(), &self.front) {
            eprintln!("--- balancer\n{}", front.log());
        }
    }
}

pub(crate) fn name(machine: u8) -> String {
    format!("machine{machine}")
}

/// Reads and changes under way at the same time.
pub(crate) struct Traffic {
    pub(crate) reads: Load,
    changes: Load,
}

impl Traffic {
    pub(crate) fn start(farm: &Farm<'_>) -> Traffic {
        let traffic = Traffic {
            reads: Load::start(CLIENTS, &Ask::get("/read"), farm.address()),
            changes: Load::start(1, &Ask::post("/change", b"hello"), farm.address()),
        };
        (1..=MACHINES).for_each(|machine| farm.wait_for_answer_by(&traffic.reads, machine));
        traffic.take();
        traffic
    }

    /// Waits for enough further answers that what has just happened would be noticed.
    pub(crate) fn settle(&self) {
        self.reads.wait_for(150);
        self.changes.wait_for(30);
    }

    pub(crate) fn take(&self) -> (Tally, Tally) {
        (self.reads.take(), self.changes.take())
    }

    /// What has been since the last report; printed.
    fn report(&self, balancer: &str, event: &str) -> (Tally, Tally) {
        let (reads, changes) = self.take();
        tell(balancer, event, &reads, &changes);
        (reads, changes)
    }

    /// Waits for the last answers, and reports those too.
    pub(crate) fn finish(self, balancer: &str, event: &str) -> (Tally, Tally) {
        let (reads, changes) = (self.reads.finish(), self.changes.finish());
        tell(balancer, event, &reads, &changes);
        (reads, changes)
    }

    /// As [`report`](Self::report), of what no request may have noticed.
    pub(crate) fn report_unnoticed(&self, balancer: &str, event: &str) -> Tally {
        let (reads, changes) = self.report(balancer, event);
        assert!(reads.failed.is_empty() && changes.failed.is_empty(), "{event}");
        reads
    }
}

fn tell(balancer: &str, event: &str, reads: &Tally, changes: &Tally) {
    println!("{balancer}, {event}:\n  GET: {reads}\n  POST: {changes}");
}

/// Where a machine takes requests.
pub(crate) fn address_of(machine: u8) -> String {
    format!("{}:9000", host(machine))
}
