//! The README, read: its sections, the fenced blocks and the tables in them.

const README: &str = include_str!("../../README.md");

/// The sections with examples, all of which are run.
const RUN: [&str; 12] = [
    "## Ten minutes",
    "## In scripts",
    "### A shell loop",
    "### Publish once",
    "### Copy entries",
    "### A gate in CI",
    "### Monitoring",
    // By tests/serve/prometheus.rs.
    "### Alerting with Prometheus",
    "### Alerting with cron",
    "### Alerting with systemd",
    "### From cron",
    "### From a systemd timer",
];

/// The lines from a heading to the next one, fenced lines included.
#[track_caller]
fn section(heading: &str) -> Vec<&'static str> {
    let mut lines = README.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "README.md has no {heading:?}");
    let mut fenced = false;
    lines
        .take_while(|line| {
            fenced ^= line.starts_with("```");
            fenced || !line.starts_with("##")
        })
        .collect()
}

fn fenced<'a>(lines: impl IntoIterator<Item = &'a str>, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    let opening = format!("```{language}");
    for line in lines {
        match &mut open {
            None if line == opening => open = Some(String::new()),
            Some(_) if line == "```" => found.extend(open.take()),
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    found
}

/// The blocks of a section that are fenced as `language`.
#[track_caller]
pub(crate) fn blocks(heading: &str, language: &str) -> Vec<String> {
    let found = fenced(section(heading), language);
    assert!(!found.is_empty(), "no {language} under {heading:?}");
    found
}

/// The cells of the first table of a section, without its header.
#[track_caller]
pub(crate) fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let rows = section(heading)
        .into_iter()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn no_example_is_left_out() {
    for language in ["sh", "crontab", "ini", "cfg", "yaml"] {
        let run = RUN.map(|heading| fenced(section(heading), language));
        assert_eq!(
            fenced(README.lines(), language).len(),
            run.iter().map(Vec::len).sum::<usize>(),
            "a block of {language} is in no section of which the examples are run"
        );
    }
}
