//! Machines of a network of their own, as network namespaces: nothing of it is seen outside.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rwsgi_harness::process;

/// What all names of namespaces begin with, before the process that made them.
const PREFIX: &str = "rwsgi-test-";

/// Why there can be no such networks here.
fn obstacle() -> Option<String> {
    if !process::is_root() {
        return Some("only root can make network namespaces".to_owned());
    }
    let probe = format!("{PREFIX}{}-probe", std::process::id());
    let made = ip(&["netns", "add", &probe]).and_then(|()| {
        ip(&[
            "-n", &probe, "link", "add", "one", "type", "veth", "peer", "name", "two",
        ])
    });
    // It may not have been made.
    let _ = ip(&["netns", "del", &probe]);
    made.err()
}

/// Whether there can be such networks; prints why not.
pub(crate) fn is_possible() -> bool {
    static OBSTACLE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let obstacle = OBSTACLE.get_or_init(obstacle);
    if let Some(obstacle) = obstacle {
        eprintln!("skipped: tests with several machines: {obstacle}");
    }
    obstacle.is_none()
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|error| format!("the command ip (package iproute2): {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("ip {}: {text}", arguments.join(" ")))
}

/// A balancer, and machines that only it is connected to.
pub(crate) struct Network {
    name: String,
    machines: u8,
}

impl Network {
    /// With so many machines, numbered from 1.
    pub(crate) fn new(machines: u8) -> Network {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        remove_stale();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        // From here on it is removed, however the rest ends.
        let network = Network { name, machines };
        network.make().expect("a network");
        network
    }

    fn make(&self) -> Result<(), String> {
        let balancer = self.balancer();
        ip(&["netns", "add", &balancer])?;
        ip(&["-n", &balancer, "link", "set", "lo", "up"])?;
        for number in 1..=self.machines {
            let (machine, cable) = (self.machine(number), cable(number));
            ip(&["netns", "add", &machine])?;
            ip(&["-n", &machine, "link", "set", "lo", "up"])?;
            ip(&[
                "-n", &balancer, "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns",
                &machine,
            ])?;
            let ours = format!("10.77.{number}.1/24");
            ip(&["-n", &balancer, "addr", "add", &ours, "dev", &cable])?;
            ip(&["-n", &balancer, "link", "set", &cable, "up"])?;
            let theirs = format!("{}/24", host(number));
            ip(&["-n", &machine, "addr", "add", &theirs, "dev", "eth0"])?;
            ip(&["-n", &machine, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    fn balancer(&self) -> String {
        format!("{}-balancer", self.name)
    }

    /// The name of a machine.
    pub(crate) fn machine(&self, number: u8) -> String {
        format!("{}-{number}", self.name)
    }

    /// Pulls the cable of a machine, or puts it back.
    pub(crate) fn plug(&self, number: u8, state: &str) {
        ip(&["-n", &self.machine(number), "link", "set", "eth0", state]).expect("a cable");
    }

    /// Runs something, and all that it starts, on the balancer.
    pub(crate) fn on_balancer(&self, run: impl FnOnce() + Send) {
        let ended = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let file = PathBuf::from("/run/netns").join(self.balancer());
                process::enter_network(&file).expect("entered");
                run();
            });
            thread.join()
        });
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let machines = (1..=self.machines).map(|number| self.machine(number));
        for name in machines.chain([self.balancer()]) {
            // It may not have been made.
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

/// The address of a machine.
pub(crate) fn host(number: u8) -> String {
    format!("10.77.{number}.2")
}

/// The balancer's end of the cable to a machine.
fn cable(number: u8) -> String {
    format!("cable{number}")
}

/// Removes what test runs have left that were killed.
fn remove_stale() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).output() else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in text.lines().filter_map(|line| line.split_whitespace().next()) {
        let maker = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        if maker.is_some_and(|maker| !process::exists(maker)) {
            // Somebody else may have done so.
            let _ = ip(&["netns", "del", name]);
        }
    }
}
