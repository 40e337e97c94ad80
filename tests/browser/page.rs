//! What the page shows, and what it does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::scene::{GROUP, STREAM, pipeline, publish, serve, worker};
use crate::support::{Signal, TestServer, until};

/// A worker counts as live for so long after its last sign of life.
const LIVE_FOR: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(10);

/// The text, or the class, of a cell in the row of a group or stream.
fn cell(row: &str, label: &str, what: &str) -> String {
    format!(
        "[...document.querySelectorAll('tbody tr')].find((it) => it.cells[0].querySelector('a').textContent === {row})\
         ?.querySelector({label})?.{what}",
        row = json!(row),
        label = json!(format!("td[data-label='{label}']")),
    )
}

fn shows(row: &str, label: &str, text: &str) -> String {
    format!("{} === {}", cell(row, label, "textContent"), json!(text))
}

/// Whether a finding of this rank is shown whose text and command are these.
fn finds(severity: &str, text: &str, command: &str) -> String {
    format!(
        "[...document.querySelectorAll('#findings-list > li')].some((it) => it.dataset.severity === {severity} \
         && it.textContent.includes({text}) && it.querySelector('code').textContent === {command})",
        severity = json!(severity),
        text = json!(text),
        command = json!(command),
    )
}

/// That the page said nothing on the console, asked nobody but its server, and can be used by everybody.
#[track_caller]
fn is_clean(browser: &mut Browser, url: &str) {
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    let (said, requests) = browser.said();
    assert_eq!(said, Vec::<String>::new());
    let strange: Vec<_> = requests
        .iter()
        .filter(|it| !it.starts_with(url) && !it.starts_with("data:"))
        .collect();
    assert_eq!(strange, Vec::<&String>::new());
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn its_numbers_are_those_of_the_command_line() {
    let server = pipeline();
    let worker = worker(&server, "busy");
    publish(&server, "page_view", 7);
    until(SOON, "an idle worker", || {
        let lag = server.ucp(&["lag", GROUP, "-o", "json"]).stdout_json();
        (lag[0]["lag"]["entries"].clone(), lag[0]["pending"].clone()) == (json!(0), json!(0))
    });
    let fields = [
        "profile_id",
        "p",
        "brand_id",
        "b",
        "request_type",
        "churn",
        "timestamp",
        "2026-01-01T00:00:00Z",
    ];
    for _ in 0..5 {
        server.redis(&[&["XADD", "predictions.requests", "*"][..], &fields].concat());
    }
    let words = [
        "consume",
        "prediction-processors",
        "--count",
        "2",
        "--consumer",
        "by-hand",
    ];
    server.ucp(&words).assert_code(0);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    assert_eq!(browser.open(&site.url), 200);
    let groups = server.ucp(&["lag", "-o", "json"]).stdout_json();
    for group in groups.as_array().unwrap() {
        let name = group["group"].as_str().unwrap();
        browser.until(&shows(name, "Lag", &group["lag"]["entries"].to_string()));
        browser.until(&shows(name, "Pending", &group["pending"].to_string()));
        let live = format!("{}/{}", group["live"], group["consumers"]);
        browser.until(&shows(name, "Live", &live));
        // Half a minute of figures is needed.
        browser.until(&shows(name, "Out/min", "-"));
    }
    let streams = server.ucp(&["info", "-o", "json"]).stdout_json();
    for stream in streams
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["state"] == "ready")
    {
        let name = stream["stream"].as_str().unwrap();
        browser.until(&shows(name, "Length", &stream["length"].to_string()));
        browser.until(&shows(
            name,
            "Dead letters",
            &stream["dead_letters"].to_string(),
        ));
    }
    let verdict = server.ucp(&["doctor", "-o", "json"]).stdout_json();
    let verdict = verdict["verdict"].as_str().unwrap();
    browser.until(&format!(
        "document.querySelector('#verdict').dataset.verdict === {}",
        json!(verdict)
    ));
    assert_eq!(browser.text("#verdict-word"), verdict.to_uppercase());
    for (width, scheme) in [
        (380, "light"),
        (380, "dark"),
        (1600, "light"),
        (1600, "dark"),
    ] {
        browser.open_as(&site.url, width, scheme);
        browser.until(&shows(GROUP, "Lag", "0"));
        let wider = browser.value("document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64().unwrap() <= 0, "{width}: {wider}");
        is_clean(&mut browser, &site.url);
    }
    drop(worker);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_killed_worker_turns_red_with_what_to_type() {
    let server = pipeline();
    let mut worker = worker(&server, "doomed");
    publish(&server, "page_view", 3);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until(&shows(GROUP, "Live", "1/1"));
    worker.signal(Signal::KILL);
    publish(&server, "page_view", 1_100);
    let command = format!("ucp-streams consumers {GROUP}");
    browser.until_within(SOON, &finds("critical", "over max_lag", &command));
    browser.until_within(
        SOON,
        &format!("{}.includes('bad')", cell(GROUP, "Lag", "className")),
    );
    assert_eq!(browser.text("#verdict-word"), "CRITICAL");
    browser.until_within(LIVE_FOR + SOON, &shows(GROUP, "Live", "0/1"));
    browser.until(&format!(
        "{}.includes('bad')",
        cell(GROUP, "Live", "className")
    ));
    let command = format!("ucp-streams worker run {GROUP}");
    browser.until_within(SOON, &finds("critical", "consumers are live", &command));
    // By now there are figures enough: nothing was read for a minute.
    browser.until(&shows(GROUP, "Caught up in", "never"));
    // One figure, wherever it is shown.
    let coming = |row| cell(row, "In/min", "textContent");
    browser.until(&format!(
        "{} !== '-' && {} === {}",
        coming(GROUP),
        coming(GROUP),
        coming(STREAM)
    ));
    is_clean(&mut browser, &site.url);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn it_follows_a_stream_with_a_filter() {
    let server = pipeline();
    publish(&server, "before", 1);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until(&format!(
        "document.querySelector('#tail-stream').value === {}",
        json!(STREAM)
    ));
    browser.fill("#tail-where", "event_type=purchase");
    browser.click("#tail-start");
    browser.until("document.querySelector('#tail-state').textContent.startsWith('Following')");
    publish(&server, "page_view", 20);
    publish(&server, "purchase", 2);
    let entries = "document.querySelectorAll('#tail-list > li').length";
    browser.until(&format!("{entries} === 2"));
    assert!(browser.text("#tail-list").contains("event_type=purchase"));
    browser.click("#tail-pause");
    publish(&server, "purchase", 3);
    browser.until("document.querySelector('#tail-state').textContent.includes('3 wait')");
    assert_eq!(browser.value(entries), 2);
    browser.click("#tail-pause");
    browser.until(&format!("{entries} === 5"));
    publish(&server, "purchase", 300);
    browser.until(&format!("{entries} === 200"));
    browser.fill("#tail-where", "");
    browser.fill("#tail-grep", "(");
    browser.press("Tab");
    browser
        .until("document.querySelector('#tail-state').textContent.startsWith('Not following: ')");
    is_clean_but_for_one_refusal(&mut browser);
}

/// The browser itself reports the refused pattern.
#[track_caller]
fn is_clean_but_for_one_refusal(browser: &mut Browser) {
    let (said, _) = browser.said();
    assert!(said.len() == 1 && said[0].contains("400"), "{said:?}");
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn it_leads_from_a_group_to_the_body_of_a_pending_entry() {
    let server = pipeline();
    publish(&server, "page_view", 3);
    let words = ["consume", GROUP, "--count", "2", "--consumer", "by-hand"];
    server.ucp(&words).assert_code(0);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.click(&format!("#groups-rows a:text-is('{GROUP}')"));
    browser.until("document.querySelectorAll('#drill-body [aria-label=\"Pending entries\"] tbody tr').length === 2");
    assert!(browser.text("#drill-body").contains("by-hand"));
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    browser.click("#drill-body [aria-label='Pending entries'] tbody tr:first-child a");
    browser.until("document.querySelector('#drill-fields') !== null");
    // As it was written: as a number of JavaScript it would have lost its last digits.
    let fields = browser.text("#drill-fields");
    assert!(
        fields.contains("{\n  \"number\": 0,\n  \"total\": 12345678901234567890\n}"),
        "{fields}"
    );
    is_clean(&mut browser, &site.url);
    browser.press("Escape");
    browser.until("!document.querySelector('#drill').open && location.hash === ''");
    // By the keyboard alone.
    browser.value(&format!(
        "document.querySelector('#streams-rows a[href*=\"{STREAM}\"]').focus()"
    ));
    browser.press("Enter");
    browser.until("document.querySelectorAll('#drill-entries > li').length === 3");
    browser.press("Escape");
    browser.press("?");
    browser.until("document.querySelector('#keys').open");
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    browser.press("Escape");
    browser.until("!document.querySelector('#keys').open");
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn it_leads_from_a_group_and_a_stream_to_dead_letters() {
    let server = pipeline();
    publish(&server, "page_view", 3);
    server.deliver((STREAM, GROUP), "by-hand", 2);
    let pending = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "1"]);
    let id = pending.items()[0].items()[0].text();
    let reason = "Traceback\n  File \"handler.py\"\nKeyError: 'brand'";
    let words = ["dlq", "add", GROUP, id, "--reason", reason, "--yes"];
    server.ucp(&words).assert_code(0);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until(&shows(GROUP, "Dead", "1"));
    browser.click("#groups-rows td[data-label='Dead'] a");
    let row = "#drill-body [aria-label='Dead letters'] tbody tr";
    browser.until(&format!(
        "document.querySelectorAll({}).length === 1",
        json!(row)
    ));
    for (label, text) in [
        ("Was", id),
        ("Group", GROUP),
        ("Reason", "KeyError: 'brand'"),
    ] {
        let cell = browser.text(&format!("{row} td[data-label='{label}']"));
        assert_eq!(cell, text, "{label}");
    }
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    browser.click(&format!("{row} a"));
    browser.until("document.querySelector('#drill-fields') !== null");
    assert!(browser.text("#drill-fields").contains("Traceback"));
    browser.press("Escape");
    browser.until("!document.querySelector('#drill').open");
    browser.click(&format!("#streams-rows a:text-is('{STREAM}')"));
    browser.click("#drill-body .facts a");
    browser.until(&format!(
        "document.querySelectorAll({}).length === 1",
        json!(row)
    ));
    is_clean(&mut browser, &site.url);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_pause_keeps_the_figures_and_says_so() {
    let server = pipeline();
    publish(&server, "page_view", 3);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until(&shows(STREAM, "Length", "3"));
    browser.press("p");
    browser.until("document.querySelector('#paused').textContent.startsWith('Paused since')");
    publish(&server, "page_view", 1_100);
    // The verdict goes on.
    browser.until("document.querySelector('#verdict').dataset.verdict === 'critical'");
    assert_eq!(browser.value(&cell(STREAM, "Length", "textContent")), "3");
    browser.click("#pause");
    browser.until(&shows(STREAM, "Length", "1,103"));
    assert_eq!(
        browser.value("document.querySelector('#paused').hidden"),
        true
    );
    is_clean(&mut browser, &site.url);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn what_is_gone_is_told_and_comes_back() {
    let mut server = pipeline();
    publish(&server, "page_view", 3);
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until(&shows(STREAM, "Length", "3"));
    let says = |text: &str| {
        format!(
            "document.querySelector('#verdict-text').textContent.includes({}) && document.body.classList.contains('old') \
             && document.querySelector('#verdict').dataset.verdict === 'unknown'",
            json!(text)
        )
    };
    server.kill();
    browser.until(&says("Redis cannot be asked since"));
    assert_eq!(browser.value(&cell(STREAM, "Length", "textContent")), "3");
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    server.restart();
    browser.until("!document.body.classList.contains('old')");
    let address = address_of(&site.url);
    site.process.terminate();
    browser.until(&says("ucp-streams serve does not answer since"));
    assert_eq!(browser.value(&cell(STREAM, "Length", "textContent")), "3");
    publish(&server, "page_view", 1);
    let _again = serve_at(&server, &address);
    browser.until("!document.body.classList.contains('old')");
    browser.until(&shows(STREAM, "Length", "4"));
}

fn address_of(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    rest.trim_end_matches('/').to_owned()
}

fn serve_at(server: &TestServer, address: &str) -> crate::support::Spawned {
    let mut process = server
        .command(&["serve", "--listen", address, "--every", "500ms"])
        .spawn();
    process.await_stderr(" at http://127.0.0.1:");
    process
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn its_charts_begin_with_what_was_recorded() {
    let server = pipeline();
    publish(&server, "page_view", 3);
    let home = crate::support::directory();
    let recording = home.path().join("recording");
    let words = [
        "--record",
        recording.to_str().unwrap(),
        "--record-every",
        "500ms",
    ];
    let site = serve(&server, &words);
    std::thread::sleep(Duration::from_secs(2));
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until("document.querySelector('#lag-since').textContent === 'in the last hour'");
    browser.until("document.querySelector('#lag-legend').textContent.includes('event-processors')");
    let since = "document.querySelector('#findings-list').textContent.includes('At least since')";
    browser.until(since);
    assert_eq!(
        browser.value("document.querySelector('#recorded').hidden"),
        true
    );
    is_clean(&mut browser, &site.url);
}
