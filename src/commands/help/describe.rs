//! What the help of every command contains besides what its own file says, and how manual pages and `--help-json` get
//! at its parts.

use clap::Command;

use crate::cli::{Impact, ImpactWith, Prints, PrintsPlan, PrintsWith};

/// The beginning of a paragraph of examples.
pub(super) const EXAMPLES: &str = "Examples:\n";
/// The end of an example's line that continues on the next line, as in a shell.
const CONTINUED: &str = " \\";
/// The separator between two lines of an example.
const BETWEEN: &str = "\n    ";

/// An example whose lines are joined into one.
pub(in crate::commands) fn joined(example: &str) -> String {
    example.replace(&format!("{CONTINUED}{BETWEEN}"), " ")
}

/// The lines of the examples in a command's after-help, and the rest of it.
pub(super) fn examples_and_rest(help: &str) -> (String, String) {
    let (mut examples, mut rest) = (Vec::new(), Vec::new());
    for paragraph in help.split("\n\n").filter(|it| !it.trim().is_empty()) {
        match paragraph.strip_prefix(EXAMPLES) {
            Some(lines) => examples.push(lines),
            None => rest.push(paragraph),
        }
    }
    (examples.join("\n"), rest.join("\n\n"))
}

/// `command` and all its subcommands, with their impact in the help. A subcommand that declares no impact or output
/// has those of its parent.
pub(in crate::commands) fn described(command: Command) -> Command {
    below(command, Inherited::default())
}

/// What a command's help says after its options. There are no escape sequences in it, so none are looked for.
pub(super) fn after_help(command: &Command) -> String {
    let help = command.get_after_help();
    help.map(|it| it.ansi().to_string()).unwrap_or_default()
}

/// What a command declares for its subcommands too.
#[derive(Clone, Copy, Default)]
struct Inherited {
    impact: Option<Impact>,
    prints: Option<Prints>,
    plan: Option<PrintsPlan>,
}

fn below(command: Command, above: Inherited) -> Command {
    let prints = command.get::<Prints>().copied();
    let own = Inherited {
        impact: command.get::<Impact>().copied().or(above.impact),
        prints: prints.or(above.prints),
        plan: match prints {
            Some(_) => command.get::<PrintsPlan>().copied(),
            None => above.plan,
        },
    };
    let mut command = command.mut_subcommands(|inner| below(inner, own));
    if let Some(prints) = own.prints {
        command = command.add(prints);
    }
    if let Some(plan) = own.plan {
        command = command.add(plan);
    }
    let impact = own.impact;
    let Some(impact) = impact else {
        return command;
    };
    let mut help = after_help(&command);
    if !help.is_empty() {
        help.push_str("\n\n");
    }
    help.push_str("Impact: ");
    help.push_str(impact.word());
    help.push_str(" - ");
    help.push_str(impact.meaning());
    if let Some(with) = command.get::<ImpactWith>() {
        help.push_str("; ");
        help.push_str(&with_option(with));
    }
    command.after_help(help).add(impact)
}

/// What it changes with an option, in words.
pub(in crate::commands) fn with_option(with: &ImpactWith) -> String {
    let (option, impact) = (with.option.replace('_', "-"), with.impact);
    format!("with --{option}: {} - {}", impact.word(), impact.meaning())
}

/// What a command's help says after its options.
#[derive(Debug)]
pub(in crate::commands) struct Facts {
    /// Paragraphs that are neither examples nor the impact.
    pub(in crate::commands) notes: Vec<String>,
    /// Examples as they are typed, which may have several lines, and comments.
    pub(in crate::commands) examples: Vec<String>,
    /// `None` for a command that only has subcommands.
    pub(in crate::commands) impact: Option<Impact>,
    /// What it changes with one of its options, if that differs.
    pub(in crate::commands) impact_with: Option<ImpactWith>,
    /// What it prints, if it prints JSON.
    pub(in crate::commands) prints: Option<Prints>,
    /// What it prints with `--dry-run`, if that differs.
    pub(in crate::commands) plan: Option<Prints>,
    /// What it prints with one of its options, if that differs.
    pub(in crate::commands) with: Option<PrintsWith>,
}

impl Facts {
    /// What the help of `command` says, which must have been through [`described`].
    pub(in crate::commands) fn of(command: &Command) -> Self {
        let help = after_help(command);
        let impact = command.get::<Impact>().copied();
        let impact = impact.filter(|_| !command.is_subcommand_required_set());
        let mut facts = Self {
            notes: Vec::new(),
            examples: Vec::new(),
            impact,
            impact_with: impact.and_then(|_| command.get::<ImpactWith>().copied()),
            prints: impact.and_then(|_| command.get::<Prints>().copied()),
            plan: impact.and_then(|_| Some(command.get::<PrintsPlan>()?.0)),
            with: impact.and_then(|_| command.get::<PrintsWith>().copied()),
        };
        let (examples, rest) = examples_and_rest(&help);
        for line in examples.lines().map(str::trim_start) {
            match facts.examples.last_mut() {
                Some(begun) if begun.ends_with(CONTINUED) => {
                    begun.push_str(BETWEEN);
                    begun.push_str(line);
                }
                _ => facts.examples.push(line.to_owned()),
            }
        }
        let notes = rest.split("\n\n").filter(|it| !it.is_empty());
        let notes = notes.filter(|it| !it.starts_with("Impact: "));
        facts.notes.extend(notes.map(str::to_owned));
        facts
    }
}

/// Every command that is shown, from the root, each after its parent, with the words that name it.
pub(in crate::commands) fn shown(root: &Command) -> Vec<(Vec<String>, &Command)> {
    fn walk<'a>(
        command: &'a Command,
        path: &[String],
        found: &mut Vec<(Vec<String>, &'a Command)>,
    ) {
        let mut path = path.to_vec();
        path.push(command.get_name().to_owned());
        found.push((path.clone(), command));
        for inner in command.get_subcommands() {
            if !inner.is_hide_set() && inner.get_name() != "help" {
                walk(inner, &path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(root, &[], &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_impact_is_said_after_the_examples_and_read_back() {
        let command = Command::new("t").subcommand(
            Command::new("go")
                .add(Impact::Destructive)
                .after_help("A note.\n\nExamples:\n  t go\n  t go \\\n      --far"),
        );
        let tree = described(command);
        let commands = shown(&tree);
        assert_eq!(commands[1].0, ["t", "go"]);
        let facts = Facts::of(commands[1].1);
        assert_eq!(facts.notes, ["A note."]);
        assert_eq!(facts.examples, ["t go", "t go \\\n    --far"]);
        assert_eq!(joined(&facts.examples[1]), "t go --far");
        assert_eq!(facts.impact, Some(Impact::Destructive));
        let help = commands[1].1.get_after_help().expect("help").to_string();
        assert!(help.ends_with(
            "--far\n\nImpact: destructive - changes the server and asks first; --yes agrees"
        ));
    }
}
