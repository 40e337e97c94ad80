//! Units of systemd, those on the page and the packaged one: systemd accepts them, and what they start does the work.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::page::blocks;
use crate::support::scene::{BINARY, Scene, run};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const PACKAGED: &str = include_str!("../../packaging/ucp-streams-worker@.service");
const RECORDED: &str = include_str!("../../packaging/ucp-streams-record.service");
const ARCHIVED: &str = include_str!("../../packaging/ucp-streams-archive@.service");
#[cfg(feature = "kafka")]
const TO_KAFKA: &str = include_str!("../../packaging/ucp-streams-to-kafka@.service");
#[cfg(feature = "kafka")]
const FROM_KAFKA: &str = include_str!("../../packaging/ucp-streams-from-kafka@.service");
const SERVED: &str = include_str!("../../packaging/ucp-streams-serve.service");
const ALERT: &str = include_str!("../../packaging/ucp-streams-alert@.service");

/// The values of a setting, in order.
fn values<'a>(unit: &'a str, setting: &'a str) -> Vec<&'a str> {
    unit.lines()
        .filter_map(|line| line.strip_prefix(setting)?.strip_prefix('='))
        .collect()
}

#[track_caller]
fn value<'a>(unit: &'a str, setting: &'a str) -> &'a str {
    let [value] = values(unit, setting)[..] else {
        panic!("one {setting} in\n{unit}");
    };
    value
}

/// The unit with the binary under test in place of an installed one.
fn with_binary(unit: &str) -> String {
    ["/usr/local/bin/ucp-streams", "/usr/bin/ucp-streams"]
        .iter()
        .fold(unit.to_owned(), |unit, installed| {
            unit.replace(installed, BINARY)
        })
}

/// What systemd runs, as it runs it: no shell, hardly any environment.
fn exec_start(scene: &Scene, unit: &str) -> Command {
    let line = value(unit, "ExecStart").replace("%i", GROUP);
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("UCP_STREAMS_URL", scene.server.url());
    command
}

/// Where systemd is, it finds no fault with the unit.
#[track_caller]
fn verified(file: &Path) {
    let mut command = Command::new("systemd-analyze");
    // The manual page is that of an installed package.
    let verify = command.args(["--man=no", "verify"]).arg(file);
    match verify.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        output => {
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
    }
}

/// A group with one event that waits.
fn waiting() -> Scene {
    let scene = Scene::start();
    scene.ucp(&["init"]);
    scene.ucp(&["ingest", "brandId=b", "eventType=purchase", "payload={}"]);
    scene
}

fn is_handled(scene: &Scene) -> bool {
    let counted = scene.redis(&["HGET", "{events.normalized}:features:b", "events"]);
    !counted.is_nil() && scene.pending(STREAM, GROUP) == 0
}

/// The name and the text of a section's service, which its timer starts. Both are verified, beside `others`.
#[track_caller]
fn timed(heading: &str, others: &[(&str, &str)]) -> (String, String) {
    let directory = crate::support::directory();
    let units: Vec<(String, String)> = blocks(heading, "ini")
        .iter()
        .map(|block| {
            let (first, unit) = block.split_once('\n').unwrap();
            let name = first.strip_prefix("# /etc/systemd/system/").unwrap();
            (name.to_owned(), with_binary(unit))
        })
        .collect();
    for (name, unit) in others {
        fs::write(directory.path().join(name), unit).unwrap();
    }
    for (name, unit) in &units {
        fs::write(directory.path().join(name), unit).unwrap();
    }
    for (name, _) in &units {
        verified(&directory.path().join(name));
    }
    let [(service, unit), (timer, _)] = &units[..] else {
        panic!("a service and its timer");
    };
    let stem = |name: &str| name.split_once('.').unwrap().0.to_owned();
    assert_eq!(stem(service), stem(timer), "the timer starts its namesake");
    let (variable, url) = value(unit, "Environment").split_once('=').unwrap();
    assert!(variable == "UCP_STREAMS_URL" && url.starts_with("redis://"));
    (service.clone(), unit.clone())
}

#[test]
fn the_timer_starts_the_service_that_does_the_work() {
    let (service, unit) = timed("### From a systemd timer", &[]);
    let scene = waiting();
    run(&mut exec_start(&scene, &unit), &service).assert_code(0);
    assert!(is_handled(&scene));
}

#[test]
fn a_check_that_fails_starts_what_mails_its_status() {
    let template = "ucp-streams-alert@.service";
    let (service, unit) = timed("### Alerting with systemd", &[(template, ALERT)]);
    let scene = waiting();
    let check = || run(&mut exec_start(&scene, &unit), &service);
    check().assert_code(0);
    scene.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    check()
        .assert_code(2)
        .stdout_has("next: ucp-streams init event-processors");

    // What is started then, with what systemd makes of its specifiers and doubled dollar signs.
    let alert = value(&unit, "OnFailure").replace("%n", &service);
    let instance =
        { alert.strip_prefix("ucp-streams-alert@") }.and_then(|it| it.strip_suffix(".service"));
    assert_eq!(instance, Some(service.as_str()));
    verified_instance(template, ALERT, &alert);
    let line = value(ALERT, "ExecStart")
        .replace("$$", "$")
        .replace("%i", &service);
    scene.file("systemctl", "#!/bin/sh\necho \"status: $*\"\n");
    scene.file("mail", "#!/bin/sh\necho \"to $3: $2\"; cat\n");
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", &line]);
    command.env("PATH", format!("{}:/usr/bin:/bin", scene.home().display()));
    let (name, to) = value(ALERT, "Environment").split_once('=').unwrap();
    let mailed = run(command.env(name, to), "ExecStart");
    mailed.assert_code(0).stderr_is_empty();
    let (subject, body) = mailed.stdout().split_once('\n').unwrap();
    assert!(
        subject.starts_with(&format!("to root: {service} failed on ")),
        "{subject}"
    );
    assert_eq!(
        body,
        format!("status: status --full --lines=50 -- {service}\n")
    );
}

/// Where systemd is, it finds no fault with an instance of a template.
#[track_caller]
fn verified_instance(template: &str, unit: &str, instance: &str) {
    let directory = crate::support::directory();
    fs::write(directory.path().join(template), unit).unwrap();
    let instance = directory.path().join(instance);
    std::os::unix::fs::symlink(template, &instance).unwrap();
    verified(&instance);
}

#[test]
fn the_packaged_server_serves_until_it_is_stopped() {
    let directory = crate::support::directory();
    let unit = with_binary(SERVED);
    let file = directory.path().join("ucp-streams-serve.service");
    fs::write(&file, &unit).unwrap();
    verified(&file);
    // The token, as systemd hands it over, and a port that is free.
    fs::write(directory.path().join("token"), "0123456789abcdef\n").unwrap();
    let only_me = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(directory.path().join("token"), only_me).unwrap();
    let unit = unit
        .replace(
            "${CREDENTIALS_DIRECTORY}",
            &directory.path().to_string_lossy(),
        )
        .replace("127.0.0.1:7070", "127.0.0.1:0");
    let scene = waiting();
    let log = directory.path().join("log");
    let mut command = exec_start(&scene, &unit);
    command.stderr(fs::File::create(&log).unwrap());
    let is_served = |_: &Scene| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        log.contains("at http://127.0.0.1:")
    };
    let mut child = command.spawn().unwrap();
    crate::support::until(crate::support::PATIENCE, "that it serves", || {
        is_served(&scene)
    });
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_packaged_recorder_records_until_it_is_stopped() {
    let directory = crate::support::directory();
    let unit = with_binary(RECORDED);
    let file = directory.path().join("ucp-streams-record.service");
    fs::write(&file, &unit).unwrap();
    verified(&file);
    // The directory that systemd makes.
    let state = directory.path().to_string_lossy();
    let unit = unit.replace("${STATE_DIRECTORY}", &state);
    let has_samples = |_: &Scene| {
        let listed = fs::read_dir(directory.path().join("recording"));
        let names = listed
            .into_iter()
            .flatten()
            .map(|it| it.unwrap().file_name());
        names
            .into_iter()
            .any(|it| it.to_string_lossy().starts_with("samples-"))
    };
    let scene = waiting();
    scene
        .stopped(&mut exec_start(&scene, &unit), "ExecStart", has_samples)
        .assert_code(0)
        .stderr_has("recorded ");
}

#[test]
fn the_packaged_archiver_archives_until_it_is_stopped() {
    let directory = crate::support::directory();
    let unit = with_binary(ARCHIVED);
    let instance = format!("ucp-streams-archive@{STREAM}.service");
    verified_instance("ucp-streams-archive@.service", &unit, &instance);
    let state = directory.path().to_string_lossy();
    let unit = unit
        .replace("${STATE_DIRECTORY}", &state)
        .replace("%I", STREAM);
    let folder = format!("archive/stream={STREAM}/groups");
    let is_archived = |_: &Scene| directory.path().join(&folder).exists();
    let scene = waiting();
    scene
        .stopped(&mut exec_start(&scene, &unit), "ExecStart", is_archived)
        .assert_code(0)
        .stderr_has("archived ");
}

#[test]
fn the_packaged_worker_works_until_it_is_stopped() {
    let unit = with_binary(PACKAGED);
    // An instance, as it is enabled.
    let instance = format!("ucp-streams-worker@{GROUP}.service");
    verified_instance("ucp-streams-worker@.service", &unit, &instance);
    let scene = waiting();
    scene
        .stopped(&mut exec_start(&scene, &unit), "ExecStart", is_handled)
        .assert_code(0);
    // It does not come back where coming back cannot help.
    let words = ["--no-create", "--stream", "nowhere"];
    let status = run(exec_start(&scene, &unit).args(words), "no such stream");
    let code = status.code().unwrap().to_string();
    let hopeless = value(&unit, "RestartPreventExitStatus");
    assert!(hopeless.split(' ').any(|known| known == code), "{status}");
}

#[test]
#[cfg(feature = "kafka")]
fn the_packaged_bridges_carry_until_they_are_stopped() {
    let broker = crate::support::Broker::start();
    broker.topic(STREAM, 2);
    let scene = waiting();
    let carries = |template: &str, unit: &str, is_carried: &dyn Fn(&Scene) -> bool| {
        let unit = with_binary(unit);
        let instance = template.replace('@', &format!("@{STREAM}"));
        verified_instance(template, &unit, &instance);
        let unit = unit.replace("%I", STREAM).replace("${TO}", "events.moved");
        let mut command = exec_start(&scene, &unit);
        command.env("UCP_STREAMS_KAFKA", broker.brokers());
        scene
            .stopped(&mut command, template, is_carried)
            .assert_code(0);
        // It does not come back where coming back cannot help.
        let mut command = exec_start(
            &scene,
            &unit.replace(&format!("kafka {STREAM}"), "kafka nowhere"),
        );
        command.env("UCP_STREAMS_KAFKA", broker.brokers());
        let status = run(&mut command, "nowhere");
        let code = status.code().unwrap().to_string();
        let hopeless = value(&unit, "RestartPreventExitStatus");
        assert!(hopeless.split(' ').any(|known| known == code), "{status}");
    };
    carries("ucp-streams-to-kafka@.service", TO_KAFKA, &|_| {
        !broker.records(STREAM).is_empty()
    });
    carries("ucp-streams-from-kafka@.service", FROM_KAFKA, &|scene| {
        scene.length("events.moved") == 1
    });
}
