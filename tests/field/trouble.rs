//! Whose fault a failure is: the worker's own, the service's, or the message's.

use std::fs;
use std::time::Duration;

use crate::service::{Service, url};
use crate::support::scene::Scene;
use crate::support::{PATIENCE, Reply, TestServer, free_port, until};

/// Adds entries to `orders`.
fn publish(server: &TestServer, count: usize) {
    for n in 1..=count {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
}

fn dead_letters(server: &TestServer) -> i64 {
    server.redis(&["XLEN", "{orders}:dlq"]).int()
}

/// How often the one dead letter was delivered.
fn deliveries_of_dead_letter(server: &TestServer) -> String {
    let letters = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    let fields = letters.items()[0].items()[1].texts();
    let at = fields.iter().position(|it| *it == "_dlq_deliveries");
    fields[at.unwrap() + 1].to_owned()
}

const RUN: &str = "ucp-streams worker run billing --stream orders";

#[test]
fn field_c1_too_few_descriptors_for_as_many_processes_dead_letter_nothing() {
    let scene = Scene::start();
    publish(&scene.server, 24);
    let run = scene.bash(&format!(
        "ulimit -n 32; {RUN} --once --concurrency 24 --max-deliveries 1 --exec -- sh -c 'sleep 0.3'"
    ));
    run.assert_code(0)
        .stderr_has("this worker lacks resources to start an attempt")
        .stderr_has("Too many open files")
        .stderr_has("24 handled")
        .stderr_lacks("failed attempt");
    let said = run.stderr().matches("lacks resources").count();
    assert_eq!(said, 1, "it is said once\n{run}");
    assert_eq!(dead_letters(&scene.server), 0);
    assert_eq!(scene.pending("orders", "billing"), 0);
}

#[test]
fn field_c1_too_few_descriptors_for_as_many_pipes_dead_letter_nothing() {
    let scene = Scene::start();
    publish(&scene.server, 24);
    let answer = r#"while read -r line; do
sleep 0.1; id=${line#*\"id\":\"}; echo "{\"id\":\"${id%%\"*}\",\"ok\":true}"; done"#;
    scene.file("answer.sh", &format!("#!/bin/sh\n{answer}\n"));
    scene
        .bash(&format!(
            "ulimit -n 32; {RUN} --once --concurrency 24 --max-deliveries 1 --pipe -- ./answer.sh"
        ))
        .assert_code(0)
        .stderr_has("cannot start ./answer.sh: Too many open files")
        .stderr_has("24 handled")
        .stderr_lacks("failed attempt");
    assert_eq!(dead_letters(&scene.server), 0);
}

#[test]
fn field_c1_too_few_descriptors_for_as_many_requests_dead_letter_nothing() {
    let scene = Scene::start();
    publish(&scene.server, 60);
    let service = Service::start(|_| {
        std::thread::sleep(Duration::from_millis(300));
        200
    });
    // A name is looked up with descriptors, too.
    let named = service.url().replace("127.0.0.1", "localhost");
    for url in [service.url(), named] {
        scene.redis(&["DEL", "orders"]);
        publish(&scene.server, 60);
        scene
            .bash(&format!(
                "ulimit -n 32; {RUN} --once --concurrency 60 --max-deliveries 1 --http {url}"
            ))
            .assert_code(0)
            .stderr_has("this worker lacks resources to start an attempt")
            .stderr_has("60 handled")
            .stderr_lacks("failed attempt");
    }
    assert_eq!(dead_letters(&scene.server), 0);
}

#[test]
fn field_c1_a_program_that_is_being_replaced_is_awaited() {
    let scene = Scene::start();
    scene.file(
        "handle.sh",
        "#!/bin/sh\necho $UCP_DELIVERIES >>deliveries\n",
    );
    let new = scene.home().join("new.sh");
    fs::copy(scene.home().join("handle.sh"), &new).unwrap();
    let mut worker = scene
        .server
        .command(&[
            "worker",
            "run",
            "billing",
            "--stream",
            "orders",
            "--max-deliveries",
            "1",
            "--exec",
            "--",
            "./handle.sh",
        ])
        .in_dir(scene.home())
        .spawn();
    until(PATIENCE, "a consumer", || {
        let consumers = ["XINFO", "CONSUMERS", "orders", "billing"];
        !matches!(scene.server.try_redis(&consumers), Reply::Error(_))
    });
    // A copy has begun, and has brought nothing yet: an empty script would succeed at every entry.
    fs::write(scene.home().join("handle.sh"), "").unwrap();
    publish(&scene.server, 2);
    worker.await_stderr("cannot start ./handle.sh: Exec format error");
    fs::remove_file(scene.home().join("handle.sh")).unwrap();
    fs::rename(new, scene.home().join("handle.sh")).unwrap();
    worker.await_stderr("attempts can be started again");
    until(PATIENCE, "both handled", || {
        scene.pending("orders", "billing") == 0
    });
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("2 handled")
        .stderr_lacks("failed attempt");
    assert_eq!(
        fs::read_to_string(scene.home().join("deliveries")).unwrap(),
        "1\n1\n"
    );
    assert_eq!(dead_letters(&scene.server), 0);
}

#[test]
fn field_c1_once_ends_and_no_run_of_it_uses_up_a_delivery() {
    let scene = Scene::start();
    publish(&scene.server, 2);
    scene.file("handle.sh", "#!/bin/sh\nrm -- \"$0\"\n");
    let run = format!("{RUN} --timeout 1s --once --max-deliveries 1");
    scene
        .bash(&format!("{run} --exec -- ./handle.sh"))
        .assert_code(7)
        .stderr_has("cannot start ./handle.sh: No such file")
        .stderr_has("1 handled")
        .stderr_has("1 given back, 1 left pending");
    // An interpreter that is missing, as in the middle of an upgrade.
    scene.file("handle.sh", "#!/nowhere/sh\n");
    for _ in 0..2 {
        // What was given back is there for the next run at once, and was never delivered.
        let row = scene.redis(&["XPENDING", "orders", "billing", "-", "+", "9"]);
        assert_eq!(row.items()[0].items()[3].int(), 0, "{row:?}");
        let run = scene.bash(&format!("{run} --exec -- ./handle.sh"));
        run.assert_code(7)
            .stderr_has("1 taken over, 1 given back, 1 left pending");
    }
    scene
        .bash(&format!("{run} --exec true"))
        .assert_code(0)
        .stderr_has("1 handled, 1 taken over");
    assert_eq!(dead_letters(&scene.server), 0);
}

#[test]
fn field_c1_what_is_the_messages_fault_is_a_dead_letter_as_ever() {
    let server = TestServer::start();
    publish(&server, 1);
    let run = ["worker", "run", "billing", "--stream", "orders"];
    let flags = [
        "--max-deliveries",
        "2",
        "--backoff-base",
        "100ms",
        "--exec",
        "--",
    ];
    let worker = server
        .command(&[&run[..], &flags, &["sh", "-c", "exit 1"]].concat())
        .spawn();
    until(PATIENCE, "the dead letter", || dead_letters(&server) == 1);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("2 failed attempts, 1 retried, 1 dead-lettered")
        .stderr_lacks("lacks resources")
        .stderr_lacks("failed start");
    // A program that is not there when the worker starts is a mistake, and nobody waits for it.
    let nowhere = [&run[..], &flags, &["/nowhere/handler"]].concat();
    server
        .ucp(&nowhere)
        .assert_code(2)
        .stderr_has("there is no program `/nowhere/handler`");
}

#[test]
fn field_r6_a_quiet_streams_messages_outlive_the_services_outage() {
    let server = TestServer::start();
    publish(&server, 3);
    let port = free_port();
    let mut worker = server
        .command(&[
            "worker",
            "run",
            "billing",
            "--stream",
            "orders",
            "--max-deliveries",
            "3",
            "--backoff-base",
            "300ms",
            "--backoff-cap",
            "20s",
            "--http",
            &url(port),
        ])
        .spawn();
    for _ in 0..3 {
        worker.await_stderr("the entry is not dead-lettered yet");
    }
    let _service = Service::at(port, |_| 200);
    until(PATIENCE, "all handled", || {
        server.redis(&["XPENDING", "orders", "billing"]).items()[0].int() == 0
    });
    assert_eq!(dead_letters(&server), 0);
    worker.terminate().assert_code(0).stderr_has("3 handled");
}

#[test]
fn field_r6_no_answer_and_5xx_are_the_services_until_twice_the_deliveries() {
    let silent = Service::start(|_| {
        std::thread::sleep(PATIENCE);
        200
    });
    let busy = Service::start(|_| 503);
    let limited = Service::start(|_| 429);
    for service in [&silent, &busy, &limited] {
        let server = TestServer::start();
        publish(&server, 1);
        let worker = server
            .command(&[
                "worker",
                "run",
                "billing",
                "--stream",
                "orders",
                "--max-deliveries",
                "2",
                "--backoff-base",
                "50ms",
                "--handler-timeout",
                "500ms",
                "--http",
                &service.url(),
            ])
            .spawn();
        until(PATIENCE, "the dead letter", || dead_letters(&server) == 1);
        assert_eq!(deliveries_of_dead_letter(&server), "4");
        worker
            .terminate()
            .stderr_has("4 failed attempts, 3 retried");
    }
    assert_eq!(busy.requests(), 4);
}

#[test]
fn field_r6_the_prediction_service_away_costs_no_request() {
    let server = TestServer::start();
    server.redis(&[
        "XADD",
        "predictions.requests",
        "*",
        "profile_id",
        "p",
        "brand_id",
        "b",
        "request_type",
        "all",
        "timestamp",
        "2026-01-01T00:00:00.000Z",
    ]);
    // The second of three questions fails, and the first was answered.
    let service = Service::start(|body| if body.contains("ltv") { 503 } else { 200 });
    let mut worker = server
        .command(&[
            "worker",
            "run",
            "prediction-processors",
            "--max-deliveries",
            "1",
            "--backoff-base",
            "50ms",
        ])
        .env("UCP_STREAMS_ML_URL", service.url())
        .spawn();
    worker.await_stderr("the entry is not dead-lettered yet");
    until(PATIENCE, "the dead letter, at twice the deliveries", || {
        server.redis(&["XLEN", "{predictions.requests}:dlq"]).int() == 1
    });
    assert_eq!(server.redis(&["XLEN", "predictions.results"]).int(), 0);
    worker.terminate();
}

#[test]
fn field_r6_a_message_that_the_service_fails_at_while_it_serves_others_is_a_dead_letter() {
    let server = TestServer::start();
    publish(&server, 4);
    let service = Service::start(|body| {
        if body.contains(r#""n":"1""#) {
            500
        } else {
            200
        }
    });
    let refuses = Service::start(|_| 422);
    let run = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--max-deliveries",
        "2",
    ];
    let flags = ["--backoff-base", "1s", "--http"];
    let worker = server
        .command(&[&run[..], &flags, &[&service.url()]].concat())
        .spawn();
    until(PATIENCE, "the dead letter", || dead_letters(&server) == 1);
    assert_eq!(deliveries_of_dead_letter(&server), "2");
    worker
        .terminate()
        .stderr_has("3 handled, 2 failed attempts, 1 retried, 1 dead-lettered")
        .stderr_lacks("not dead-lettered yet");
    // What it refuses is the message's at once.
    publish(&server, 1);
    server
        .ucp(&[&run[..], &flags, &[&refuses.url(), "--once"]].concat())
        .stderr_has("1 failed attempt, 1 dead-lettered");
}
