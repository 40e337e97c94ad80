//! The flags that every command has. Only flags that have an effect everywhere are here; `settings` resolves them
//! together with the environment and defaults.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{ArgAction, Args, ValueEnum, ValueHint};

use super::{Names, names, positive_duration};
use crate::model::{Format, Limit, LogFormat};

/// Flags that may stand before or after the command.
#[expect(clippy::doc_markdown, reason = "the field docs are the help text")]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Server to connect to: redis://, rediss://, unix:// or redis+unix://; `ephemeral:` starts a private server for
    /// this command [env: UCP_STREAMS_URL, REDIS_URL]
    #[arg(short, long, global = true, value_name = "URL", value_hint = ValueHint::Url, conflicts_with_all = ["host", "port", "db"])]
    pub url: Option<String>,

    /// Server's host name or address, instead of a URL
    #[arg(long, global = true, value_hint = ValueHint::Hostname)]
    pub host: Option<String>,

    /// Server's port, instead of a URL
    #[arg(long, global = true)]
    pub port: Option<u16>,

    /// Database number, instead of the one in the server's URL
    #[arg(long, global = true, value_name = "N")]
    pub db: Option<u32>,

    /// Named connection to use (see `ucp-streams context`)
    #[arg(long, global = true, value_name = "CONTEXT", conflicts_with_all = ["url", "host", "port", "db"])]
    pub context: Option<String>,

    /// User to authenticate as
    #[arg(long, global = true)]
    pub user: Option<String>,

    /// Read the password from a file [env: UCP_STREAMS_PASSWORD, REDISCLI_AUTH]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,

    /// Read the password from standard input
    #[arg(long, global = true)]
    pub password_stdin: bool,

    /// Trust the certificate authorities in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_ca: Option<PathBuf>,

    /// Client certificate (PEM) to present to the server
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,

    /// Key of the client certificate (PEM)
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,

    /// Name that the server's certificate must contain, when it differs from the host's name
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,

    /// Output format; table on a terminal, plain (tab-separated) when piped
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// With -o csv, put a ' in front of values that a spreadsheet would take for a formula (those that begin with =,
    /// +, - or @ and are not numbers)
    #[arg(long, global = true)]
    pub csv_safe: bool,

    /// Show only these columns, in this order
    #[arg(
        long,
        global = true,
        value_name = "A,B",
        value_parser = names(),
        conflicts_with = "names"
    )]
    pub columns: Vec<Names>,

    /// Leave out the header line of table, plain and csv
    #[arg(long, global = true)]
    pub no_headers: bool,

    /// Print only the first column, one name or id per line
    #[arg(long, global = true)]
    pub names: bool,

    /// Do not use a pager when the output is longer than the screen [env: UCP_STREAMS_PAGER, PAGER]
    #[arg(long, global = true)]
    pub no_pager: bool,

    /// Filter the JSON output with a jq expression: the whole array with -o json (the default when --jq is given),
    /// each entry with -o ndjson
    #[arg(long, global = true, value_name = "EXPR")]
    pub jq: Option<String>,

    /// Print each entry, row or object with a template in Jinja's language: '{{ id }} {{ fields.brand_id }}'
    ///
    /// The template can use the keys that -o ndjson prints. In addition to Jinja's own filters there are `json` and
    /// `fromjson`: {{ (fields.payload | fromjson).total }}. On a terminal, control characters in values are escaped.
    #[arg(
        long,
        global = true,
        value_name = "TEMPLATE",
        conflicts_with_all = ["jq", "output", "columns", "names", "no_headers"]
    )]
    pub template: Option<String>,

    /// Print the help of the command and of its subcommands as JSON: options, examples, impact, exit codes, output
    #[arg(long, global = true)]
    pub help_json: bool,

    /// When to use colour [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// How long to wait for a connection or a reply, such as 5s or 500ms [default: 5s]
    #[arg(long, global = true, value_name = "DUR", value_parser = positive_duration)]
    pub timeout: Option<Duration>,

    /// Topology file [env: UCP_STREAMS_TOPOLOGY] [default: ./ucp-streams.toml when there is one]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub topology: Option<PathBuf>,

    /// Answer yes to every confirmation
    #[arg(short, long, global = true)]
    pub yes: bool,

    /// Leave out notes and progress; warnings and errors are still printed
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more: which server is used, and where each setting came from
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The flag of commands that change something; flatten it into their arguments. It is also a flag before the command,
/// so its value can be read only through a method that considers both places.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DryRun {
    /// Show what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
}

impl DryRun {
    /// Its id in clap.
    pub const ID: &'static str = "dry_run";

    /// Whether it was given in either place.
    pub const fn or(self, other: Self) -> bool {
        self.dry_run || other.dry_run
    }
}

/// The flag of commands that print entries; flatten it into their arguments.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Pairs {
    /// In JSON, print fields as [[name, value], …], in the order of the entry, without grouping repeated names
    #[arg(long)]
    pub pairs: bool,
}

/// The flag of commands that print one entry per line; flatten it into their arguments.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Long {
    /// Print each field on a line of its own, with JSON indented on a terminal, instead of one line per entry
    #[arg(long)]
    pub long: bool,
}

/// The option of commands that print a list; flatten it into their arguments.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Limited {
    /// Show at most this many rows; 0 shows all [default: 10 on a terminal, else all]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

impl Limited {
    /// Its id in clap.
    pub const ID: &'static str = "limit";

    /// How many rows to show.
    pub const fn rows(self) -> Limit {
        Limit::of(self.limit)
    }
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment turns colour off.
    #[default]
    Auto,
    /// Also into a file or pipe.
    Always,
    /// Never.
    Never,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()).help(match self {
            Self::Table => "aligned columns, cut to the terminal's width",
            Self::Wide => "all columns, nothing cut",
            Self::Json => "one JSON array or object",
            Self::Ndjson => "one JSON object per line",
            Self::Csv => "comma-separated with a header (RFC 4180)",
            Self::Plain => "tab-separated with a header, raw numbers",
        }))
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("time, level, message and fields"),
            Self::Json => PossibleValue::new("json").help("one JSON object per line"),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    #[command(name = "t")]
    struct Tool {
        #[command(flatten)]
        globals: Globals,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(clap::Subcommand)]
    enum Command {
        Go {
            #[command(flatten)]
            dry_run: DryRun,
        },
    }

    fn parse(args: &[&str]) -> Result<Tool, clap::Error> {
        Tool::try_parse_from([&["t"], args].concat())
    }

    #[test]
    fn the_flag_table_is_sound() {
        Tool::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_on_either_side_of_the_command() {
        let before = parse(&["-u", "redis://a", "-o", "ndjson", "go"]).expect("parses");
        let after = parse(&["go", "-u", "redis://a", "-o", "ndjson", "--dry-run"]).expect("parses");
        assert_eq!(before.globals.url, after.globals.url);
        assert_eq!(after.globals.output, Some(Format::Ndjson));
        let Command::Go { dry_run } = after.command;
        assert!(dry_run.dry_run);
    }

    #[test]
    fn values_are_checked() {
        let ok = parse(&["go", "--timeout", "500ms", "--columns", "a,b", "-vv"]).expect("parses");
        assert_eq!(ok.globals.timeout, Some(Duration::from_millis(500)));
        assert_eq!(Names::all(ok.globals.columns), ["a", "b"]);
        assert_eq!(ok.globals.verbose, 2);
        for bad in [
            &["go", "--timeout", "5"][..],
            &["go", "--timeout", "0s"],
            &["go", "-u", "redis://a", "--port", "1"],
            &["go", "--names", "--columns", "a"],
            &["go", "-q", "-v"],
            &["go", "-o", "xml"],
            &["go", "--password-file", "f", "--password-stdin"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
