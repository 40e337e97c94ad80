//! What differs from run to run and from server to server is made the same: times are moved to a fixed moment (so that
//! they keep their widths and their distances), the rest is replaced.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use regex::{Captures, Regex};

use crate::scene::Clock;

/// 2024-01-31T09:00:00Z: what the scene's moment is shown as.
const EPOCH_MS: u64 = 1_706_691_600_000;
/// What is older than this before the scene is no time of the scene.
const OLDEST_MS: u64 = 10 * 86_400_000;
const YOUNGEST_MS: u64 = 3_600_000;
/// What is younger than this was made by the test, and not by the scene.
const NOW_MS: u64 = 4 * 60_000;

/// Keys of durations that go on while a command runs.
const AGES: &str =
    "idle_ms|idle_min_ms|age_ms|inactive_ms|[a-z_]+_age_ms|[a-z_]+_idle_ms|uptime_ms";
/// Keys of what a server decides, or the moment.
const WORDS: &str = "bytes|took_ms|against_took_ms|frees_bytes|freed_bytes|used_bytes|pid|server|version|features|rate_per_minute|headroom_ms|round_trip_ms";

/// The masks of one run.
#[derive(Debug)]
pub(crate) struct Mask {
    clock: Clock,
    literals: Vec<(String, &'static str)>,
}

impl Mask {
    pub(crate) fn new(clock: Clock, literals: Vec<(String, &'static str)>) -> Self {
        Self { clock, literals }
    }

    /// `text` as if it had been printed at the fixed moment, where all is called as its reader is to see it.
    pub(crate) fn moved_to_moment(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (literal, word) in &self.literals {
            text = text.replace(literal, word);
        }
        let text = replaced(&text, r"\b(\d{13})(?:-(\d+))?\b", |it| self.id(it));
        replaced(&text, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", |it| {
            self.time(it)
        })
    }

    /// The reverse, for ids and literals.
    pub(crate) fn moved_back(&self, text: &str) -> String {
        let (moment, base) = (EPOCH_MS, self.clock.base_ms);
        let mut text = replaced(text, r"\b(\d{13})-", |it| {
            let ms: u64 = it[1].parse().unwrap();
            let is_of_scene = ms <= moment && ms + OLDEST_MS >= moment;
            let ms = if is_of_scene { ms + base - moment } else { ms };
            format!("{ms}-")
        });
        for (literal, word) in &self.literals {
            text = text.replace(word, literal);
        }
        text
    }

    /// `text` of the format that was meant.
    pub(crate) fn apply(&self, text: &str, form: &str) -> String {
        let text = replaced(text, "\u{1b}\\[([0-9;]*)m", |it| format!("‹{}›", &it[1]));
        let text = self.moved_to_moment(&text);
        // The time of an entry's id, in its line.
        let of_line = r"(?m)^((?:‹\d+›)?\d{13}-\d+(?:‹0›)?  (?:‹2›)?)\d\d:\d\d:\d\d";
        let text = replaced(&text, of_line, |it| format!("{}##:##:##", &it[1]));
        // Where a long name is cut depends on how wide the server's figures beside it are.
        let text = replaced(&text, r"\$'(\S{6})\S*…", |it| format!("$'{}…", &it[1]));
        // The age in a monitoring plugin's line.
        let text = replaced(&text, r"age'=\d+\.\d+s", |_| "age'=#s".to_owned());
        // What the demo says of its workers: a busy machine lets a lease run out, and its message be taken over.
        let attempts = r"\((?:\d+ taken over, )?(?:\d+ tried again, )?(\d+ dead)\)";
        let text = replaced(&text, attempts, |it| format!("(#, {})", &it[1]));
        let version_7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";
        let text = replaced(&text, r"127\.0\.0\.1:\d{5}\b", |_| "127.0.0.1:#".to_owned());
        let text = replaced(&text, version_7, |_| {
            "00000000-0000-7000-8000-000000000000".to_owned()
        });
        let text = replaced(&text, r"was called \d+ times?", |_| {
            "was called # times".to_owned()
        });
        // What the server has used, and what the machine has.
        let text = replaced(&text, r"\d+(?:\.\d)? [KMG]?i?B of its memory", |_| {
            "# of its memory".to_owned()
        });
        let text = replaced(&text, r"\d+\.\d [KMG]iB are used", |_| {
            "# MiB are used".to_owned()
        });
        let text = replaced(&text, r"maxmemory \d+mb", |_| "maxmemory #mb".to_owned());
        let figures = r#"("figure": ?"(?:used_memory|uptime_in_seconds|cmdstat_flushall)",\s*"value": ?")\d+"#;
        let text = replaced(&text, figures, |it| format!("{}#", &it[1]));
        let text = replaced(&text, r"(the server started,?) (?:\d+\w+ ?)+ago", |it| {
            format!("{} # ago", &it[1])
        });
        // The line about the server: which one it is, and where that line is broken.
        let software = r"(?:redis|valkey) \d+\.\d+\.\d+((?:‹0›)?(?:‹2›)? ·)";
        let text = replaced(&text, software, |it| format!("redis #{}", &it[1]));
        let text = replaced(&text, r"( ·(?:‹0›)?)\n  ", |it| format!("{} ", &it[1]));
        match form {
            "json" | "ndjson" => json(&text),
            "csv" => lines(&text, ','),
            "plain" => lines(&text, '\t'),
            _ => people(&text),
        }
    }

    /// The fixed moment for one of the scene, and none for a number that is none.
    fn moved(&self, ms: u64) -> Option<u64> {
        let base = self.clock.base_ms;
        match ms {
            _ if ms >= base + YOUNGEST_MS || ms + OLDEST_MS < base => None,
            _ if ms + NOW_MS >= base => Some(EPOCH_MS),
            _ => Some(EPOCH_MS - (base - ms)),
        }
    }

    fn id(&self, found: &Captures<'_>) -> String {
        let Some(ms) = self.moved(found[1].parse().unwrap()) else {
            return found[0].to_owned();
        };
        match found.get(2) {
            Some(_) if ms == EPOCH_MS => format!("{ms}-0"),
            Some(sequence) => format!("{ms}-{}", sequence.as_str()),
            None => ms.to_string(),
        }
    }

    fn time(&self, found: &Captures<'_>) -> String {
        let time: Timestamp = found[0].parse().unwrap();
        let ms = u64::try_from(time.as_millisecond()).unwrap();
        let Some(ms) = self.moved(ms) else {
            return found[0].to_owned();
        };
        let time = Timestamp::from_millisecond(ms.cast_signed()).unwrap();
        let digits = found.get(1).map_or(0, |it| it.len() - 1);
        format!("{time:.digits$}")
    }
}

fn replaced(text: &str, pattern: &str, with: impl Fn(&Captures<'_>) -> String) -> String {
    regex(pattern).replace_all(text, with).into_owned()
}

thread_local! {
    /// Every pattern is used on every run, and compiling one takes longer than the run.
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// `pattern`, compiled once.
pub(crate) fn regex(pattern: &str) -> Regex {
    COMPILED.with_borrow_mut(|compiled| {
        let known = compiled.get(pattern).cloned();
        known.unwrap_or_else(|| {
            let regex = Regex::new(pattern).unwrap();
            compiled.insert(pattern.to_owned(), regex.clone());
            regex
        })
    })
}

/// A duration to the minute: what goes on while a command runs does not show.
fn whole_minutes(ms: &str) -> String {
    let minutes = ms.parse::<f64>().unwrap() / 60_000.0;
    if minutes < 1.0 {
        return "#".to_owned();
    }
    format!("{}", minutes.floor() * 60_000.0)
}

fn json(text: &str) -> String {
    let ages = format!("\"({AGES})\":( ?)([0-9.]+)");
    let text = replaced(text, &ages, |it| {
        format!("\"{}\":{}{}", &it[1], &it[2], whole_minutes(&it[3]))
    });
    let words = format!("\"({WORDS})\":( ?)([0-9.]+|\"[^\"]*\"|\\[[^\\]]*\\])");
    let text = replaced(&text, &words, |it| format!("\"{}\":{}#", &it[1], &it[2]));
    replaced(&text, "\"inactive_ms\":( ?)null", |it| {
        format!("\"inactive_ms\":{}#", &it[1])
    })
}

/// Columns of lines under a header, which a blank line ends.
fn lines(text: &str, between: char) -> String {
    let (ages, words) = (whole(AGES), whole(WORDS));
    let mut header: Vec<String> = Vec::new();
    let mut masked = String::new();
    let mut is_quoted = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        let (cells, goes_on) = cells(bare, between, is_quoted);
        if std::mem::replace(&mut is_quoted, goes_on) || goes_on {
            // A record of several lines has no cells that could be told.
            masked.push_str(line);
            continue;
        }
        let is_header = header.is_empty();
        if bare.is_empty() {
            header.clear();
        } else if is_header {
            header = cells.iter().map(ToString::to_string).collect();
        }
        let cells: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(place, cell)| {
                let key = header.get(place).map_or("", String::as_str);
                match cell {
                    _ if !is_header && matches!(key, "features" | "inactive_ms") => "#".to_owned(),
                    cell if is_header || cell.is_empty() => (*cell).to_owned(),
                    _ if words.is_match(key) => "#".to_owned(),
                    cell if ages.is_match(key) && cell.parse::<f64>().is_ok() => {
                        whole_minutes(cell)
                    }
                    cell => (*cell).to_owned(),
                }
            })
            .collect();
        masked.push_str(&cells.join(&between.to_string()));
        if line.ends_with('\n') {
            masked.push('\n');
        }
    }
    masked
}

/// The cells of a line, and whether the last one goes on in the next line; `is_quoted` says that the first one began
/// before.
fn cells(line: &str, between: char, mut is_quoted: bool) -> (Vec<&str>, bool) {
    let (mut cells, mut begin) = (Vec::new(), 0);
    for (at, character) in line.char_indices() {
        match character {
            '"' if between == ',' => is_quoted = !is_quoted,
            it if it == between && !is_quoted => {
                cells.push(&line[begin..at]);
                begin = at + it.len_utf8();
            }
            _ => {}
        }
    }
    cells.push(&line[begin..]);
    (cells, is_quoted)
}

fn whole(keys: &str) -> Regex {
    regex(&format!("^({keys})$"))
}

/// For a person: lines of one object whose value a server decides, then what [`varying`] knows.
fn people(text: &str) -> String {
    let words = WORDS.replace('_', " ") + "|per min|room for|for";
    let line = format!(r"(?m)^((?:‹2›)?(?:{words})\s*(?:‹0›)?\s+)[^-‹\s].*$");
    let text = replaced(text, &line, |it| format!("{}#", &it[1]));
    // Not every server tells these.
    let features = r"(?m)^((?:‹2›)?(?:features|inactive)\s*(?:‹0›)?\s+).*$";
    let text = replaced(&text, features, |it| format!("{}#", &it[1]));
    let paragraphs: Vec<String> = text.split("\n\n").map(varying).collect();
    paragraphs.join("\n\n")
}

/// Short durations and sizes of a table. Their widths differ, and so do those of their columns: spaces are drawn together
/// in the tables that have any.
fn varying(paragraph: &str) -> String {
    // Ranges of a histogram are no durations.
    if paragraph.contains("under 1s") {
        return paragraph.to_owned();
    }
    let mut text = paragraph.to_owned();
    // Not every server tells it.
    if text.contains("INACTIVE") {
        text = text.replace("‹2›?‹0›", "1s").replace('?', "1s");
    }
    // At the rate of the moment.
    let is_rated = regex(r"(?m)FOR(‹0›)?( +(‹\d›)?(ALERTS|BREAKER)(‹0›)?){0,2}$");
    if is_rated.is_match(&text) {
        text = replaced(&text, r"\b\d+\.\d  ", |_| "1s  ".to_owned());
        text = replaced(
            &text,
            r"(?m)\d+[dhm](?: \d+[hms])?((?: {2,}\S+(?: \S+)*){0,2})$",
            |it| format!("1s{}", &it[1]),
        );
    }
    let some = regex(r"\b\d+(\.\d+)?( B| KiB| MiB|ms|s)\b");
    if !some.is_match(&text) {
        return text;
    }
    let text = some.replace_all(&text, "#");
    let text = replaced(&text, " {2,}", |_| "  ".to_owned());
    // A table has this column where the server tells it.
    let header = r"(?m)(IDLE(?:‹0›)?)  (?:‹1›)?INACTIVE(?:‹0›)?$";
    if !regex(header).is_match(&text) {
        return text;
    }
    let text = replaced(&text, header, |it| it[1].to_owned());
    replaced(&text, "(?m)  #  #$", |_| "  #".to_owned())
}
