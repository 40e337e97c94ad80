//! What handlers start, and how it is stopped, reaped and kept from telling secrets.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{
    Invocation, PATIENCE, Signal, TestServer, directory, is_alive, program, until,
};

/// Ways to start `WORK` so that it is in another process group, another session, or nobody's child any more.
const ESCAPES: [&str; 9] = [
    "timeout 100 WORK",
    "setsid WORK",
    "setsid -f WORK; sleep 600",
    "(nohup setsid WORK >/dev/null 2>&1 &) ; sleep 600",
    "(WORK &) ; (timeout 100 sh -c '(WORK &)' ) ; exec sleep 600",
    "trap '' TERM; setsid WORK; sleep 600; sleep 600",
    "env -i setsid WORK",
    "(env -i setsid -f WORK) ; sleep 600",
    "env -i sh -c 'setsid -f WORK; setsid -f WORK' ; timeout 100 sleep 600",
];

/// A directory with the program of [`ESCAPES`], which writes its process id to a file there and goes on for long.
fn workshop() -> tempfile::TempDir {
    let home = directory();
    let here = home.path().display().to_string();
    // In one write: several may write at a time.
    program(
        &home.path().join("work"),
        &format!("#!/bin/sh\ntrap '' HUP\necho $$ >>{here}/pids\n/bin/sleep 600 & wait\n"),
    );
    home
}

fn line(escape: &str, home: &Path) -> String {
    let work = home.join("work").display().to_string();
    format!("cat >/dev/null; {}", escape.replace("WORK", &work))
}

fn pids(home: &Path) -> Vec<i32> {
    let text = fs::read_to_string(home.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn await_work(home: &Path, count: usize) -> Vec<i32> {
    until(PATIENCE, "the work's beginning", || {
        pids(home).len() >= count
    });
    pids(home)
}

#[track_caller]
fn none_left(home: &Path, what: &str) {
    let left: Vec<i32> = pids(home)
        .into_iter()
        .filter(|pid| is_alive(*pid))
        .collect();
    assert!(left.is_empty(), "{what}: {left:?} of {:?}", pids(home));
}

/// A worker of `billing` on `orders`.
fn worker(server: &TestServer, home: &Path, flags: &[&str], handler: &[&str]) -> Invocation {
    let run = ["worker", "run", "billing", "--stream", "orders"];
    let words = [&run[..], flags, handler].concat();
    server.command(&words).in_dir(home)
}

fn publish(server: &TestServer, count: usize) {
    for n in 0..count {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
}

#[test]
fn field_r3_nothing_of_an_overdue_attempt_runs_beside_the_next_or_after_it() {
    for escape in ESCAPES {
        let (server, home) = (TestServer::start(), workshop());
        publish(&server, 1);
        // Each attempt looks first whether anything of the one before it is there.
        let look = "for pid in $(cat pids 2>/dev/null); do
              state=$(cut -d' ' -f3 /proc/$pid/stat 2>/dev/null)
              case $state in ''|Z|X) ;; *) echo $pid >>beside ;; esac
            done; echo >>attempts; ";
        let script = format!("{look}{}", line(escape, home.path()));
        let flags = ["--handler-timeout", "1s", "--max-deliveries", "2"];
        let backoff = ["--backoff-base", "100ms"];
        let handler = ["--exec", "--", "sh", "-c", &script];
        let worker = worker(
            &server,
            home.path(),
            &[flags, ["--backoff-cap", "100ms", backoff[0], backoff[1]]].concat(),
            &handler,
        )
        .spawn();
        until(PATIENCE, "a dead letter", || {
            server.redis(&["EXISTS", "{orders}:dlq"]).int() == 1
        });
        none_left(home.path(), escape);
        assert!(pids(home.path()).len() >= 2, "{escape}: it did its work");
        let beside = fs::read_to_string(home.path().join("beside")).unwrap_or_default();
        assert_eq!(beside, "", "{escape}: the attempt before it went on");
        let attempts = fs::read_to_string(home.path().join("attempts")).unwrap();
        assert_eq!(attempts.lines().count(), 2, "{escape}");
        worker
            .terminate()
            .assert_code(0)
            .stderr_lacks("cannot be stopped");
    }
}

#[test]
fn field_r3_nothing_is_left_when_the_grace_is_over() {
    for escape in ESCAPES {
        let (server, home) = (TestServer::start(), workshop());
        publish(&server, 2);
        let script = line(escape, home.path());
        let flags = ["--grace", "100ms", "--concurrency", "2"];
        let handler = ["--exec", "--", "sh", "-c", &script];
        let worker = worker(&server, home.path(), &flags, &handler).spawn();
        await_work(home.path(), 2);
        worker
            .terminate()
            .assert_code(0)
            .stderr_has("the grace period is over");
        none_left(home.path(), escape);
    }
}

#[test]
fn field_r3_nothing_is_left_of_a_program_of_pipe_that_is_overdue_or_told_to_stop() {
    for escape in [
        "timeout 100 WORK",
        "(setsid -f WORK) ; sleep 600",
        "(env -i setsid -f WORK) ; sleep 600",
    ] {
        let (server, home) = (TestServer::start(), workshop());
        publish(&server, 1);
        let work = home.path().join("work").display().to_string();
        let script = format!("read -r _; {}", escape.replace("WORK", &work));
        let flags = ["--handler-timeout", "1s", "--max-deliveries", "1"];
        let handler = ["--pipe", "--", "sh", "-c", &script];
        let overdue = worker(&server, home.path(), &flags, &handler).spawn();
        until(PATIENCE, "a dead letter", || {
            server.redis(&["EXISTS", "{orders}:dlq"]).int() == 1
        });
        assert_eq!(pids(home.path()).len(), 1, "{escape}: it did its work");
        none_left(home.path(), escape);
        publish(&server, 1);
        await_work(home.path(), 2);
        overdue.terminate().assert_code(0);
        none_left(home.path(), escape);
    }
}

#[test]
fn field_r3_a_lost_lease_stops_all_that_the_attempt_started() {
    let (server, home) = (TestServer::start(), workshop());
    publish(&server, 1);
    let script = line("(setsid -f WORK) ; timeout 100 WORK", home.path());
    let handler = ["--exec", "--", "sh", "-c", &script];
    let worker = worker(&server, home.path(), &["--claim-idle", "3s"], &handler).spawn();
    await_work(home.path(), 2);
    let pending = server.redis(&["XPENDING", "orders", "billing", "-", "+", "1"]);
    let id = pending.items()[0].items()[0].text();
    server.redis(&["XCLAIM", "orders", "billing", "another", "0", id]);
    until(PATIENCE, "the end of all", || {
        !pids(home.path()).into_iter().any(is_alive)
    });
    worker.terminate().assert_code(0).stderr_has("1 lease lost");
}

#[test]
fn field_r3_a_killed_worker_takes_all_that_its_handlers_started_with_it() {
    for escape in &ESCAPES[..7] {
        let (server, home) = (TestServer::start(), workshop());
        publish(&server, 2);
        let script = line(escape, home.path());
        let handler = ["--exec", "--", "sh", "-c", &script];
        let flags = ["--concurrency", "2"];
        let mut worker = worker(&server, home.path(), &flags, &handler).spawn();
        await_work(home.path(), 2);
        worker.signal(Signal::KILL);
        until(PATIENCE, escape, || {
            !pids(home.path()).into_iter().any(is_alive)
        });
    }
}

#[test]
fn field_r3_an_attempt_that_fails_takes_what_it_left_behind_with_it() {
    let (server, home) = (TestServer::start(), workshop());
    publish(&server, 1);
    let work = home.path().join("work").display().to_string();
    let script = format!(
        "cat >/dev/null; (setsid -f {work}); until test -e pids; do sleep 0.01; done; exit 65"
    );
    let handler = ["--exec", "--", "sh", "-c", &script];
    let worker = worker(&server, home.path(), &[], &handler).spawn();
    until(PATIENCE, "a dead letter", || {
        server.redis(&["EXISTS", "{orders}:dlq"]).int() == 1
    });
    none_left(home.path(), "a failed attempt");
    worker.terminate().assert_code(0);
}

#[test]
fn field_r3_what_a_handler_that_ended_well_left_behind_goes_on() {
    let (server, home) = (TestServer::start(), workshop());
    publish(&server, 3);
    let work = home.path().join("work").display().to_string();
    // Two leave something behind, one of them without any mark; the third one is stopped, and must not take those along.
    let script = format!(
        "cat >/dev/null; case $(cat orders 2>/dev/null) in
           '') echo 1 >orders; {work} >/dev/null 2>&1 & ;;
           1) echo 2 >orders; env -i setsid -f {work} >/dev/null 2>&1 ;;
           *) sleep 600 ;;
         esac"
    );
    let flags = ["--handler-timeout", "1s", "--max-deliveries", "1"];
    let handler = ["--exec", "--", "sh", "-c", &script];
    let worker = worker(&server, home.path(), &flags, &handler).spawn();
    until(PATIENCE, "a dead letter", || {
        server.redis(&["EXISTS", "{orders}:dlq"]).int() == 1
    });
    let left = await_work(home.path(), 2);
    let run = worker.terminate();
    run.assert_code(0).stderr_has("2 handled");
    for pid in left {
        assert!(is_alive(pid), "{pid} was stopped: {run}");
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// The state letters of the children of a process.
fn children(of: u32) -> Vec<String> {
    let mut states = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let mut fields = rest.split(' ');
        let (state, parent) = (fields.next().unwrap(), fields.next().unwrap());
        if parent == of.to_string() {
            states.push(state.to_owned());
        }
    }
    states
}

/// A handler that leaves two processes behind, which say who they are and end at once or a little later.
const LEAVES_ORPHANS: &str = "cat >/dev/null; (sh -c 'echo $$ >>orphans; exit 3') & \
     (sh -c 'echo $$ >>orphans; sleep 0.2') & exit 0";

#[test]
fn field_c3_a_worker_waits_for_what_its_handlers_leave_behind() {
    for kind in ["--exec", "--pipe"] {
        let (server, home) = (TestServer::start(), directory());
        publish(&server, 3);
        let script = match kind {
            "--exec" => LEAVES_ORPHANS.to_owned(),
            _ => r#"while read -r line; do (sh -c 'echo $$ >>orphans; sleep 0.2' &)
                id=${line#*\"id\":\"}; echo "{\"id\":\"${id%%\"*}\",\"ok\":true}"; done"#
                .to_owned(),
        };
        let handler = [kind, "--", "sh", "-c", &script];
        let worker = worker(&server, home.path(), &[], &handler).spawn();
        let orphans = || fs::read_to_string(home.path().join("orphans")).unwrap_or_default();
        until(PATIENCE, "what is left behind", || {
            orphans().lines().count() >= 3
        });
        until(PATIENCE, "no zombie", || {
            let is_gone = |pid: &str| !Path::new(&format!("/proc/{pid}")).exists();
            orphans().lines().all(is_gone) && !children(worker.pid()).contains(&"Z".to_owned())
        });
        worker
            .terminate()
            .assert_code(0)
            .stderr_has("3 handled")
            .stderr_lacks("failed");
    }
}

#[test]
fn field_c3_waiting_for_orphans_takes_no_handler_s_exit_away() {
    let (server, home) = (TestServer::start(), directory());
    publish(&server, 200);
    let script = "cat >/dev/null; (exit 3) & (sleep 0.01) & exit 0";
    let flags = ["--concurrency", "8", "--once"];
    let handler = ["--exec", "--", "sh", "-c", script];
    worker(&server, home.path(), &flags, &handler)
        .run()
        .assert_code(0)
        .stderr_has("200 handled")
        .stderr_lacks("failed attempt");
}

#[test]
fn field_c3_the_first_process_of_a_container_leaves_no_zombie() {
    let (server, home) = (TestServer::start(), directory());
    publish(&server, 3);
    let namespace = [
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ];
    let may = Command::new("unshare")
        .args(namespace)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED: no process namespace can be made here, so no worker was the first process of one"
        );
        return;
    }
    let mut container = Command::new("unshare")
        .args(namespace)
        .arg(env!("CARGO_BIN_EXE_ucp-streams"))
        .args(["worker", "run", "billing", "--stream", "orders"])
        .args(["--exec", "--", "sh", "-c"])
        .arg(format!("echo $PPID >>first; {LEAVES_ORPHANS}"))
        .current_dir(home.path())
        .env("UCP_STREAMS_URL", server.url())
        .stdin(Stdio::null())
        .stderr(fs::File::create(home.path().join("said")).unwrap())
        .spawn()
        .unwrap();
    let orphans = || fs::read_to_string(home.path().join("orphans")).unwrap_or_default();
    until(PATIENCE, "what is left behind", || {
        orphans().lines().count() == 6
    });
    let first = fs::read_to_string(home.path().join("first")).unwrap();
    assert!(first.lines().all(|pid| pid == "1"), "{first}");
    let workers: Vec<u32> =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", container.id()))
            .unwrap()
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect();
    assert_eq!(workers.len(), 1, "{workers:?}");
    until(PATIENCE, "no child but the guard", || {
        children(workers[0]) == ["S"]
    });
    let pid = rustix::process::Pid::from_raw(workers[0].cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let status = container.wait().unwrap();
    let said = fs::read_to_string(home.path().join("said")).unwrap();
    assert!(status.success(), "{status}\n{said}");
    assert!(said.contains("3 handled"), "{said}");
}
