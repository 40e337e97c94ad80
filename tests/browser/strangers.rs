//! Names and values that others chose, which would do something if the page took them for anything but text.

use serde_json::json;

use crate::browser::Browser;
use crate::scene::{STREAM, pipeline, serve};

const STRANGE: [&str; 5] = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "it's \"quoted\" | `id` $(id) \\",
    "two\nlines\tand \u{1b}[31mred",
    "../../%2e%2e/?a=b#c&d",
];

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn names_and_values_are_text() {
    let server = pipeline();
    for name in STRANGE {
        server.redis(&["XGROUP", "CREATE", STREAM, name, "0"]);
        server.redis(&["XADD", STREAM, "*", name, name]);
    }
    for name in STRANGE {
        server.deliver((STREAM, name), name, 1);
    }
    let site = serve(&server, &[]);
    let mut browser = Browser::start();
    browser.open(&site.url);
    browser.until("document.querySelectorAll('#groups-rows tr').length >= 8");
    browser.click("#tail-start");
    browser.until("document.querySelector('#tail-state').textContent.startsWith('Following')");
    for name in STRANGE {
        server.redis(&["XADD", STREAM, "*", name, name]);
        let named = format!(
            "[...document.querySelectorAll('#groups-rows a')].find((it) => it.textContent === {})",
            json!(name)
        );
        browser.until(&format!("Boolean({named})"));
        browser.value(&format!("{named}.click()"));
        let consumer = "document.querySelector('#drill-body [aria-label=\"Consumers\"] tbody th')?.textContent";
        browser.until(&format!("{consumer} === {}", json!(name)));
        browser.click("#drill-body [aria-label='Pending entries'] tbody a");
        browser.until("document.querySelector('#drill-fields dt') !== null");
        browser.press("Escape");
        browser.until("!document.querySelector('#drill').open");
    }
    // By now the tail certainly follows: what was added right after it was asked for may be before its begin.
    for name in STRANGE {
        server.redis(&["XADD", STREAM, "*", name, name]);
    }
    browser.until("document.querySelectorAll('#tail-list > li').length >= 5");
    // No element came from them, and nothing ran.
    assert_eq!(
        browser.value("document.querySelectorAll('img, main script').length"),
        0
    );
    let (said, requests) = browser.said();
    assert_eq!(said, Vec::<String>::new());
    assert!(
        requests
            .iter()
            .all(|it| it.starts_with(&site.url) || it.starts_with("data:"))
    );
}
