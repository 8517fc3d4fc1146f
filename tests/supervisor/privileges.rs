//! What a process is, has and can do.

use std::fs;
use std::os::unix::fs::MetadataExt;

use mod_rwsgi::config::plan::socket_path;
use mod_rwsgi::scoreboard::PositionState;

use crate::driver::{Httpd, OTHER_USER, exists, is_root, wait_until};

/// Whether the test can run; says why not.
fn needs_root() -> bool {
    if !is_root() {
        eprintln!("skipped: only root can start processes of another user");
    }
    is_root()
}

/// A line of `/proc/PID/status`, without its name.
fn status(pid: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("readable");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("known")
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_process_is_its_user_and_nothing_more() {
    if !needs_root() {
        return;
    }
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.identity.groups = vec![OTHER_USER, 1234, 7, OTHER_USER];
    group.options.umask = Some(0o027);
    group.options.cpu_priority = 5;
    group.options.no_new_privs = true;
    group.identity.working_directory = Some("/usr".into());
    httpd.serve(vec![group]);
    let pid = httpd.ready()[0];
    let user = OTHER_USER.to_string();
    assert_eq!(status(pid, "Uid"), [&*user, &user, &user, &user]);
    assert_eq!(status(pid, "Gid"), [&*user, &user, &user, &user]);
    let mut groups = status(pid, "Groups");
    groups.sort();
    assert_eq!(groups, ["1234", &user, "7"]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status(pid, "NoNewPrivs"), ["1"]);
    assert_eq!(status(pid, "Umask"), ["0027"]);
    assert_eq!(status(pid, "SigBlk"), ["0000000000000000"]);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("readable");
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .expect("a name")
        .1
        .split_whitespace()
        .collect();
    assert_eq!(fields[3], pid.to_string(), "a session of its own");
    assert_eq!(fields[16], "5", "its priority");
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).expect("readable");
    assert_eq!(link("cwd").to_str(), Some("/usr"));
}

#[test]
fn a_process_has_the_descriptors_meant_for_it_only() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let pid = httpd.ready()[0];
    let mut open: Vec<(u32, String)> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("readable")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let target = fs::read_link(entry.path()).expect("a link");
            let number = entry.file_name().to_string_lossy().parse().expect("a number");
            (number, target.to_string_lossy().into_owned())
        })
        .filter(|(_, target)| !target.ends_with("stub_worker.py"))
        .collect();
    open.sort();
    let log = httpd.path("log").display().to_string();
    let expected = [
        "/dev/null",
        &log,
        &log,
        "socket:",
        "/memfd:rwsgi scoreboard",
        "socket:",
        "pipe:",
        "/memfd:rwsgi crash",
    ];
    // The mapping of the scoreboard that the stub makes keeps a descriptor of its own.
    let open: Vec<_> = open
        .into_iter()
        .filter(|(number, target)| *number < 8 || !target.starts_with("/memfd:rwsgi scoreboard"))
        .collect();
    assert_eq!(open.len(), expected.len(), "{open:?}");
    for ((number, target), (place, wanted)) in open.iter().zip((0..).zip(expected)) {
        assert!(*number == place && target.starts_with(wanted), "{open:?}");
    }
}

#[test]
fn sockets_belong_to_httpds_user_in_directories_that_it_can_only_pass_through() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let directory = httpd.plan(vec![]).directory;
    let (_, instance, _) = httpd.board().in_state(PositionState::Ready)[0];
    let socket = socket_path(&directory, httpd.board().number, instance);
    let facts = |path: &std::path::Path| {
        let facts = fs::symlink_metadata(path).expect("there");
        (facts.mode() & 0o7777, facts.uid(), facts.gid())
    };
    let group_directory = socket.parent().expect("a directory");
    assert_eq!(facts(&socket).0, 0o600);
    if is_root() {
        assert_eq!(facts(&socket).1, OTHER_USER);
        assert_eq!(facts(group_directory), (0o750, 0, OTHER_USER));
        let (mode, owner, _) = facts(&directory);
        assert_eq!((mode, owner), (0o711, 0));
    } else {
        assert_eq!(facts(group_directory).0, 0o700);
        assert_eq!(facts(&directory).0, 0o700);
    }
}

#[test]
fn a_process_leaves_no_core_file_unless_httpd_may() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", httpd.ready()[0])).expect("readable");
    let line = limits.lines().find(|line| line.starts_with("Max core file size"));
    let numbers: Vec<&str> = line.expect("told").split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"]);
}

#[test]
fn limits_and_environment_are_the_groups() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.memory_limit = Some(1 << 31);
    group.options.cpu_time_limit = Some(std::time::Duration::from_secs(100));
    group.options.env_file = Some(httpd.path("env").display().to_string());
    fs::write(httpd.path("env"), "FROM_FILE='yes'\n").expect("written");
    httpd.serve(vec![group]);
    let pid = httpd.ready()[0];
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("readable");
    let has = |name: &str, numbers: [&str; 2]| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let found: Vec<&str> = line.expect("told").split_whitespace().take(2).collect();
        assert_eq!(found, numbers, "{name}");
    };
    has("Max data size", ["2147483648", "2147483648"]);
    has("Max cpu time", ["100", "104"]);
    let environment = fs::read(format!("/proc/{pid}/environ")).expect("readable");
    assert!(String::from_utf8_lossy(&environment).contains("\0FROM_FILE=yes\0"));
}

/// CVE-2014-0240 and CVE-2014-8583: a process that cannot become its user serves nobody.
#[test]
fn a_process_that_cannot_become_its_user_never_serves() {
    if !needs_root() {
        return;
    }
    for (wrapper, words) in [
        ("--bounding-set=-setgid", "cannot take on its groups"),
        ("--bounding-set=-setuid", "cannot take on its user"),
    ] {
        let mut httpd = Httpd::start_as(&["setpriv", wrapper]);
        let plan = httpd.plan(vec![httpd.group()]);
        httpd.configure(plan).expect("accepted");
        let line = httpd.wait_for_line(&["[wsgi:error]", "WSGI1102", words]);
        assert!(line.contains("Operation not permitted"), "{line}");
        wait_until("the group is shut", || httpd.board().view().shut_for().is_some());
        assert!(httpd.ready().is_empty() && httpd.read("trace").is_empty());
    }
}

#[test]
fn a_user_with_too_many_processes_gets_none_more() {
    if !needs_root() {
        return;
    }
    let mut httpd = Httpd::start_as(&["prlimit", "--nproc=0"]);
    let plan = httpd.plan(vec![httpd.group()]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["[wsgi:error]", "Resource temporarily unavailable"]);
    assert!(httpd.ready().is_empty() && httpd.read("trace").is_empty());
}

#[test]
fn root_is_refused_as_user() {
    if !needs_root() {
        return;
    }
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.identity.uid = 0;
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["WSGI1102", "its user is root"]);
    assert!(httpd.read("trace").is_empty());
}

#[test]
fn a_home_that_is_set_must_be_usable_and_one_that_is_not_need_not_be() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.identity.working_directory = Some("/no/such/home".into());
    httpd.serve(vec![group.clone()]);
    httpd.wait_for_line(&["[wsgi:warn]", "WSGI1112", "/no/such/home"]);
    let cwd = fs::read_link(format!("/proc/{}/cwd", httpd.ready()[0])).expect("readable");
    assert_eq!(cwd.to_str(), Some("/"));
    group.name = "other".to_owned();
    group.options.home = Some("/no/such/home".to_owned());
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["[wsgi:error]", "WSGI1102", "/no/such/home"]);
}

#[test]
fn without_root_everything_runs_as_one_user() {
    if !needs_root() {
        return;
    }
    let mut httpd = Httpd::start_as(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    httpd.serve(vec![httpd.group()]);
    let pid = httpd.ready()[0];
    assert_eq!(status(pid, "Uid")[0], OTHER_USER.to_string());
    let directory = fs::symlink_metadata(httpd.plan(vec![]).directory).expect("there");
    assert_eq!((directory.mode() & 0o7777, directory.uid()), (0o700, OTHER_USER));
    httpd.stop();
    assert!(!exists(pid));
}
