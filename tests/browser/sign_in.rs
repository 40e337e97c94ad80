//! The page where a token is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::browser::Browser;
use crate::scene::{GROUP, pipeline, publish, serve};
use crate::support::directory;

const TOKEN: &str = "0123456789abcdef-token";

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_person_signs_in_with_the_token() {
    let server = pipeline();
    publish(&server, "page_view", 3);
    let directory = directory();
    let file = directory.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let site = serve(&server, &["--token-file", file.to_str().unwrap()]);
    let mut browser = Browser::start();
    assert_eq!(browser.open(&site.url), 401);
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    browser.fill("#token", "not-the-token-at-all");
    browser.press("Enter");
    browser.until("document.querySelector('#said').textContent === 'This is not the token.'");
    browser.fill("#token", TOKEN);
    browser.press("Enter");
    let shown = format!("document.querySelector('#groups-rows')?.textContent.includes('{GROUP}')");
    browser.until(&shown);
    assert_eq!(browser.inaccessible(), Vec::<Value>::new());
    let colour =
        browser.value("getComputedStyle(document.querySelector('#verdict-word')).backgroundColor");
    assert_ne!(colour, "rgba(0, 0, 0, 0)", "the style is there");
    browser.until("document.querySelector('#lag-plot canvas') !== null");
    browser.click("#tail-start");
    browser.until("document.querySelector('#tail-state').textContent.startsWith('Following')");
    // The tab keeps it, and nothing else does.
    browser.value("location.reload()");
    browser.until(&shown);
    let kept = browser.value("[Object.keys(localStorage).length, document.cookie, location.href]");
    assert_eq!(kept, serde_json::json!([0, "", site.url]));
    // The modules are in the tab's memory.
    let (said, requests) = browser.said();
    let unexpected: Vec<_> = said.iter().filter(|it| !it.contains("401")).collect();
    assert_eq!(unexpected, Vec::<&String>::new());
    assert!(
        requests.iter().all(|it| it.starts_with(&site.url)
            || it.starts_with("data:")
            || it.starts_with("blob:"))
    );
}
