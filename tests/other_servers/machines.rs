//! A balancer over several machines, while these fail, leave and come back: what docs/scaling.md says.

use rwsgi_harness::{process, wait_for, wait_until};

use super::client::Ask;
use super::farm::{APP, CLIENTS, Farm, MACHINES, PROCESSES, Traffic, address_of, name};
use super::fronts::Front;
use super::load::{self, Load};
use super::network::{self, Network};
use super::rig::PATIENCE;

/// A way to take a machine out of the balancer without stopping it, and back in.
type Take = fn(&Farm<'_>, machine: u8, out: bool);

/// What becomes of the requests that a cable is pulled under.
#[derive(Clone, Copy, PartialEq)]
enum Hanging {
    /// The client is told that nobody answered.
    TimedOut,
    /// Another machine answers.
    Repeated,
}

fn a_machine_fails(farm: &mut Farm<'_>, balancer: &str) {
    let traffic = Traffic::start(farm);
    farm.take(2).kill();
    traffic.settle();
    let (reads, changes) = traffic.finish(balancer, "machine 2 is killed");
    assert!(reads.failed.is_empty());
    assert!(changes.failed.len() <= 1, "only what ran there can fail");
    farm.start(2);
    let traffic = Traffic::start(farm);
    traffic.settle();
    traffic.report_unnoticed(balancer, "machine 2 is back");
}

fn a_machine_is_cut_off(farm: &Farm<'_>, balancer: &str, hanging: Hanging) {
    let traffic = Traffic::start(farm);
    farm.network.plug(3, "down");
    traffic.reads.wait_for(300);
    let (reads, _) = traffic.finish(balancer, "machine 3 is cut off");
    match hanging {
        Hanging::Repeated => assert!(reads.failed.is_empty()),
        Hanging::TimedOut => {
            assert!(reads.failed.len() <= CLIENTS, "only what waited for it can fail");
            assert!(reads.failed.iter().all(|problem| problem.starts_with("504 ")));
        }
    }
    farm.network.plug(3, "up");
    let traffic = Traffic::start(farm);
    traffic.settle();
    traffic.report_unnoticed(balancer, "machine 3 is back");
}

fn a_machine_is_stopped(farm: &mut Farm<'_>, balancer: &str) {
    let traffic = Traffic::start(farm);
    farm.take(1).finish();
    traffic.settle();
    traffic.report_unnoticed(balancer, "machine 1 ends by SIGTERM");
    farm.start(1);
    farm.wait_for_answer_by(&traffic.reads, 1);
    traffic.report_unnoticed(balancer, "machine 1 is back");
}

fn a_machine_is_taken_out(farm: &mut Farm<'_>, balancer: &str, take: Take) {
    let traffic = Traffic::start(farm);
    take(farm, 2, true);
    traffic.settle();
    traffic.report_unnoticed(balancer, "machine 2 is taken out");
    traffic.settle();
    farm.take(2).finish();
    let reads = traffic.report_unnoticed(balancer, "machine 2 ends, long without requests");
    assert!(!reads.answered.contains_key(&name(2)), "it was not taken out");
    farm.start(2);
    take(farm, 2, false);
    farm.wait_for_answer_by(&traffic.reads, 2);
    traffic.report_unnoticed(balancer, "machine 2 is taken in again");
}

fn a_new_version_is_deployed(farm: &Farm<'_>, balancer: &str) {
    let traffic = Traffic::start(farm);
    farm.site.write("wsgi.py", &APP.replace("\"one\"", "\"two\""));
    for machine in 1..=MACHINES {
        let served = farm.machine(machine);
        served.signal(libc::SIGHUP);
        served.wait_for_count("has ended: graceful_signal", PROCESSES);
    }
    traffic.settle();
    traffic.report_unnoticed(balancer, "a new version on one machine after the other");
    for _ in 0..20 {
        let text = load::answer(&Ask::get("/read"), farm.address()).expect("an answer");
        assert!(text.contains(" two ") && text.ends_with(" /read"), "{text}");
    }
}

/// What happens to the machine that a request runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Killed,
    CutOff,
}

/// What the client gets, and how often the application has begun with it.
type Outcome = (Result<String, String>, usize);

/// What becomes of a request that runs on a machine that fails. `request` is its name among all of them.
fn run_on_failing(farm: &mut Farm<'_>, balancer: &str, fault: Fault, request: &str, ask: Ask) -> Outcome {
    let ask = Ask {
        target: format!("/slow?{request}"),
        ..ask
    };
    let address = farm.address();
    let client = std::thread::spawn(move || load::answer(&ask, address));
    let first = wait_for(PATIENCE, || farm.runs(request).first().cloned()).expect("it runs");
    let machine = (1..=MACHINES)
        .find(|machine| name(*machine) == first)
        .expect("one of them");
    match fault {
        Fault::Killed => farm.take(machine).kill(),
        Fault::CutOff => farm.network.plug(machine, "down"),
    }
    let outcome = client.join().expect("joined");
    let runs = farm.runs(request);
    println!("{balancer}, {request}, {fault:?}: {outcome:?}, run by {runs:?}");
    match fault {
        Fault::Killed => farm.start(machine),
        Fault::CutOff => farm.network.plug(machine, "up"),
    }
    // The balancer has to find that out, or the next request has fewer to go to.
    let load = Load::start(1, &Ask::get("/read"), address);
    farm.wait_for_answer_by(&load, machine);
    (outcome, runs.len())
}

fn is_status((outcome, runs): &Outcome, status: &str, expected: usize) -> bool {
    *runs == expected && outcome.as_ref().is_err_and(|problem| problem == status)
}

#[test]
fn httpd_over_machines() {
    const MODULES: [&str; 8] = [
        "authz_host",
        "proxy",
        "proxy_fcgi",
        "proxy_balancer",
        "lbmethod_bybusyness",
        "slotmem_shm",
        "watchdog",
        "proxy_hcheck",
    ];
    if !network::is_possible() {
        return;
    }
    let network = Network::new(MACHINES);
    network.on_balancer(|| {
        let mut farm = Farm::new(&network);
        let addresses = addresses();
        let times = [(" timeout=60", " timeout=3"), ("retry=5", "retry=1")];
        let replaced = replaced(&addresses, &times);
        farm.front = Some(Front::httpd("httpd-balancer.conf", &MODULES, &replaced));
        a_machine_fails(&mut farm, "httpd");
        a_machine_is_cut_off(&farm, "httpd", Hanging::TimedOut);
        a_machine_is_stopped(&mut farm, "httpd");
        a_machine_is_taken_out(&mut farm, "httpd", take_by_manager);
        a_new_version_is_deployed(&farm, "httpd");
        let mut meet = |fault, request, ask| run_on_failing(&mut farm, "httpd", fault, request, ask);
        let (get, runs) = meet(Fault::Killed, "GET", Ask::get(""));
        assert!(get.is_ok() && runs == 2);
        let post = meet(Fault::Killed, "POST-with-a-body", Ask::post("", b"hello"));
        assert!(is_status(&post, "400", 2), "its body is gone");
        let (post, runs) = meet(Fault::Killed, "POST-without-a-body", Ask::post("", b""));
        assert!(post.is_ok() && runs == 2, "it is run twice");
        let get = meet(Fault::CutOff, "GET-that-hangs", Ask::get(""));
        assert!(is_status(&get, "504", 1));
        let post = meet(Fault::CutOff, "POST-that-hangs", Ask::post("", b"hello"));
        assert!(is_status(&post, "504", 1));
        farm.finish();
    });
}

#[test]
fn nginx_over_machines() {
    if !network::is_possible() {
        return;
    }
    let network = Network::new(MACHINES);
    network.on_balancer(|| {
        let mut farm = Farm::new(&network);
        let addresses = addresses();
        let times = [
            ("read_timeout 60s", "read_timeout 3s"),
            ("fail_timeout=5s", "fail_timeout=1s"),
        ];
        let replaced = replaced(&addresses, &times);
        farm.front = Front::nginx_with_master(&farm.site, "nginx-upstream.conf", &replaced);
        if farm.front.is_none() {
            return;
        }
        a_machine_fails(&mut farm, "nginx");
        a_machine_is_cut_off(&farm, "nginx", Hanging::Repeated);
        a_machine_is_stopped(&mut farm, "nginx");
        a_machine_is_taken_out(&mut farm, "nginx", take_by_reload);
        a_new_version_is_deployed(&farm, "nginx");
        let mut meet = |fault, request, ask| run_on_failing(&mut farm, "nginx", fault, request, ask);
        let (get, runs) = meet(Fault::Killed, "GET", Ask::get(""));
        assert!(get.is_ok() && runs == 2);
        let post = meet(Fault::Killed, "POST-with-a-body", Ask::post("", b"hello"));
        assert!(is_status(&post, "502", 1));
        let post = meet(Fault::Killed, "POST-without-a-body", Ask::post("", b""));
        assert!(is_status(&post, "502", 1));
        let (get, runs) = meet(Fault::CutOff, "GET-that-hangs", Ask::get(""));
        assert!(get.is_ok() && runs == 2);
        let post = meet(Fault::CutOff, "POST-that-hangs", Ask::post("", b"hello"));
        assert!(is_status(&post, "504", 1));
        farm.finish();
    });
}

/// Addresses of the published configurations, and those of this network.
fn addresses() -> Vec<(String, String)> {
    (1..=MACHINES)
        .map(|machine| (format!("10.0.0.1{machine}:9000"), address_of(machine)))
        .collect()
}

fn replaced<'a>(addresses: &'a [(String, String)], times: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let addresses = addresses.iter().map(|(from, to)| (from.as_str(), to.as_str()));
    addresses.chain(times.iter().copied()).collect()
}

/// As an administrator does with a browser.
fn take_by_manager(farm: &Farm<'_>, machine: u8, out: bool) {
    let page = load::answer(&Ask::get("/balancer-manager"), farm.address()).expect("the manager");
    let nonce = page
        .split("nonce=")
        .nth(1)
        .and_then(|rest| rest.split(['"', '&']).next())
        .expect("a nonce");
    let form = format!(
        "b=mysite&w=fcgi://{}&nonce={nonce}&w_status_D={}",
        address_of(machine),
        u8::from(out)
    );
    let own = format!(
        "http://www.example.com:{}/balancer-manager",
        farm.address().port()
    );
    let ask = Ask::post("/balancer-manager", form.as_bytes())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Referer", &own);
    load::answer(&ask, farm.address()).expect("accepted");
}

/// As an administrator does with an editor.
fn take_by_reload(farm: &Farm<'_>, machine: u8, out: bool) {
    let (taken_in, taken_out) = (
        format!("server {} max_fails", address_of(machine)),
        format!("server {} down max_fails", address_of(machine)),
    );
    let (from, to) = if out {
        (taken_in, taken_out)
    } else {
        (taken_out, taken_in)
    };
    let text = farm.site.read("nginx/nginx.conf");
    assert!(text.contains(&from), "{text}");
    farm.site.write("nginx/nginx.conf", &text.replace(&from, &to));
    let Front::Other { child, .. } = farm.front() else {
        panic!("it is no nginx");
    };
    let before = process::children_of(child.id());
    process::signal(child.id(), libc::SIGHUP).expect("sent");
    let is_reloaded = wait_until(PATIENCE, || {
        let now = process::children_of(child.id());
        !now.is_empty() && before.iter().all(|worker| !now.contains(worker))
    });
    assert!(is_reloaded, "{}", farm.front().log());
}
