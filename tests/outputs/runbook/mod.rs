//! The runbook: each of its commands is typed at a terminal of a server that is in the situation, one after the other, and
//! shows what stands under it. `UPDATE_SNAPSHOTS=1` renews what is shown; `make generate` then makes the page of it.

mod page;
mod situations;

use std::fmt::Write as _;
use std::path::Path;

use crate::mask::{Mask, regex};
use crate::scene::Clock;
use page::Part;
use situations::{SITUATIONS, Stage};

/// The page is set in by seven columns, on a terminal of 80.
const COLUMNS: u16 = 72;

#[test]
fn every_command_shows_what_stands_under_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/man/runbook.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let sections = page::sections(&text);
    let headings: Vec<&str> = sections.iter().skip(1).map(|it| it.heading).collect();
    let known: Vec<&str> = SITUATIONS.iter().map(|(heading, _)| *heading).collect();
    assert_eq!(headings, known, "each heading has its situation");
    let mut fresh = sections[0].text();
    let mut wrong = Vec::new();
    for (section, (heading, make)) in sections[1..].iter().zip(SITUATIONS) {
        let stage = make();
        let mask = mask_of(&stage);
        let _ = writeln!(fresh, "## {heading}");
        for part in &section.parts {
            match part {
                Part::Text(line) => {
                    let _ = writeln!(fresh, "{line}");
                }
                Part::Step { command, shown } => {
                    let real = mask.moved_back(command);
                    let port = stage.port;
                    let url = format!("export USER=ana UCP_STREAMS_URL=redis://127.0.0.1:{port}");
                    let run = stage.site.types(&format!("{url}; {real}"), COLUMNS, None);
                    // The page shows commands that are obeyed, or give a verdict.
                    let code = run.code();
                    assert!(matches!(code, Some(0..=2)), "$ {real}\n{run}");
                    let now = mask.moved_to_moment(run.stdout());
                    let is_same = comparable(&mask, &now) == comparable(&mask, shown);
                    let kept = if is_same { shown } else { &now };
                    let _ = write!(fresh, "$ {command}\n{kept}");
                    if !is_same {
                        wrong.push(format!("$ {command}\n--- shown\n{shown}--- now\n{now}"));
                    }
                }
            }
        }
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|it| it == "1") {
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    assert!(
        wrong.is_empty(),
        "the runbook shows something else; UPDATE_SNAPSHOTS=1 cargo test --test outputs renews it\n{}",
        wrong.join("\n")
    );
    assert_eq!(text, fresh, "the page is read whole");
}

/// The server is called by an address that is as long as that of every other run, so that lines break where they do.
fn mask_of(stage: &Stage) -> Mask {
    let Stage { base_ms, port, .. } = *stage;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let literals = vec![
        (format!("127.0.0.1:{port}"), "127.0.0.1:16379"),
        (format!("-p {port}"), "-p 16379"),
        (format!("{}:", host.trim()), "ops-1:"),
    ];
    Mask::new(Clock { base_ms }, literals)
}

/// What differs from run to run is made the same.
fn comparable(mask: &Mask, text: &str) -> String {
    let text = mask.apply(text, "table");
    [
        // Seconds beside minutes, shares of memory, how fast it was.
        (r"\b(\d+m) ?\d+s\b", "$1"),
        (r"\b\d+ %", "# %"),
        (r"\b\d+(\.\d+)?/s\b", "#/s"),
        // What a server takes for the same depends on its version.
        (r"\b\d+(\.\d+)? ([KMG]i)?B\b", "# B"),
        // How much of a name is left depends on how wide the figures beside it are.
        (r"\b([a-z]{5})[a-z_.]*…", "$1…"),
        // The consumer of a worker: host, process, chance.
        (r"\b[\w.-]+-\d+-[0-9a-z]{4,}\b", "worker-#"),
        // Where a line breaks that names the machine.
        (r"\n {2,}", " "),
        (r"\b[\d.]+m?s ago, by (\S+) on ", "# ago, by $1 on "),
        (r"[ \t]+", " "),
    ]
    .iter()
    .fold(text, |text, (pattern, with)| {
        regex(pattern).replace_all(&text, *with).into_owned()
    })
}
