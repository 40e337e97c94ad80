//! A browser as a process of its own, which does one order at a time.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Obedient, installed, repository};

/// How long a page may take to show what it shall show.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);
/// How long an order may take.
const DONE_WITHIN: Duration = Duration::from_mins(2);

/// A running browser with one page; both are gone when the value is.
#[derive(Debug)]
pub(crate) struct Browser(Obedient);

impl Browser {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let mut command = Command::new("node");
        command
            .env("NODE_PATH", installed("browser", "node/node_modules"))
            .arg(repository("tests/browser/driver.js"))
            .arg(chromium());
        Self(Obedient::start(&mut command, "browser"))
    }

    #[track_caller]
    fn order(&mut self, order: &Value) -> Value {
        let mut answer = self.0.ask(order, DONE_WITHIN);
        assert!(
            answer["error"].is_null(),
            "{order}: {}\n{}",
            answer["error"],
            self.shown()
        );
        answer["value"].take()
    }

    /// What the page shows, for a test that fails.
    fn shown(&mut self) -> Value {
        let order = json!({"order": "run", "js": "document.body.innerText"});
        self.0.ask(&order, DONE_WITHIN)
    }

    /// Opens the page at this address, and says with which status it came.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) -> u64 {
        let status = self.order(&json!({"order": "open", "url": url}));
        status.as_u64().unwrap()
    }

    /// The same on a screen of this width, `light` or `dark`.
    #[track_caller]
    pub(crate) fn open_as(&mut self, url: &str, width: u32, scheme: &str) {
        let order = json!({"order": "open", "url": url, "width": width, "scheme": scheme});
        self.order(&order);
    }

    #[track_caller]
    pub(crate) fn click(&mut self, what: &str) {
        self.order(&json!({"order": "click", "what": what}));
    }

    #[track_caller]
    pub(crate) fn fill(&mut self, what: &str, text: &str) {
        self.order(&json!({"order": "fill", "what": what, "text": text}));
    }

    #[track_caller]
    pub(crate) fn press(&mut self, key: &str) {
        self.order(&json!({"order": "press", "key": key}));
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn value(&mut self, js: &str) -> Value {
        self.order(&json!({"order": "run", "js": js}))
    }

    /// The text of an element.
    #[track_caller]
    pub(crate) fn text(&mut self, what: &str) -> String {
        let text = self.value(&format!(
            "document.querySelector({}).textContent",
            json!(what)
        ));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&mut self, js: &str) {
        self.until_within(SHOWN_WITHIN, js);
    }

    #[track_caller]
    pub(crate) fn until_within(&mut self, within: Duration, js: &str) {
        let within = u64::try_from(within.as_millis()).unwrap();
        self.order(&json!({"order": "wait", "js": js, "within": within}));
    }

    /// The accessibility rules that the page breaks badly.
    #[track_caller]
    pub(crate) fn inaccessible(&mut self) -> Vec<Value> {
        let found = self.order(&json!({"order": "axe"}));
        let found = found.as_array().unwrap().iter();
        let is_bad = |it: &&Value| {
            ["serious", "critical"]
                .map(Value::from)
                .contains(&it["impact"])
        };
        found.filter(is_bad).cloned().collect()
    }

    /// What the console said, and every address that was asked for.
    #[track_caller]
    pub(crate) fn said(&mut self) -> (Vec<String>, Vec<String>) {
        let mut all = self.order(&json!({"order": "said"}));
        let mut texts = |name: &str| serde_json::from_value(all[name].take()).unwrap();
        (texts("said"), texts("requests"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends, with the browser that it started, when there are no more orders.
        self.0.dismiss();
    }
}

#[track_caller]
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path)
        .flat_map(|place| ["chromium", "chromium-browser"].map(|name| place.join(name)));
    { places }
        .find(|it| it.is_file())
        .expect("there is no chromium: run `.ci/setup browser`, or `make test-browser`")
}
