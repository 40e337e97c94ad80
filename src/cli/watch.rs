//! `--watch`: a look that is repeated.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::Args;

use super::{DurationError, parse_duration};

const OPTION: &str = "--watch";
/// Options behind which a command line of another program may stand.
const OTHERS_FOLLOW: [&str; 3] = ["--", "--exec", "--pipe"];
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_hours(24);

/// The options of commands that look and can do so again and again; flatten it into their arguments.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Watched {
    /// Look again every 2 seconds, or as often as DUR says, until q or Ctrl-C ends it with the exit code of the last look.
    /// On a terminal, tables are drawn in place, with marks on new rows (+) and on what has grown (↑), fallen (↓) or changed
    /// (*); elsewhere each look is printed below the one before
    #[arg(
        long,
        value_name = "DUR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = interval,
        help_heading = "Watching"
    )]
    watch: Option<Duration>,

    /// With --watch, end after this many looks
    #[arg(long, value_name = "N", requires = Self::ID, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Watching")]
    ticks: Option<u64>,
}

impl Watched {
    /// The id of the option in clap.
    pub const ID: &'static str = "watch";

    /// How often to look; `None` for one look.
    pub const fn every(self) -> Option<Duration> {
        self.watch
    }

    /// After how many looks to end.
    pub const fn ticks(self) -> Option<u64> {
        self.ticks
    }
}

/// The time between two looks.
fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if length < SHORTEST => {
            Err(format!("`{text}` is too short: the minimum is 100ms"))
        }
        Ok(length) if length > LONGEST => Err(format!("`{text}` is too long: the maximum is 1d")),
        Ok(length) => Ok(length),
        Err(error) => Err(error.to_string()),
    }
}

/// `args` with an interval that follows `--watch` as a word of its own joined to it, as the parser wants it. Any other word is
/// the next argument, such as a group.
pub fn with_interval_joined(args: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(args.len());
    let mut is_ours = true;
    for arg in args {
        is_ours &= !OTHERS_FOLLOW.iter().any(|it| arg == *it);
        match joined.last_mut() {
            Some(last) if is_ours && last == OPTION && is_interval(&arg) => {
                last.push("=");
                last.push(arg);
            }
            _ => joined.push(arg),
        }
    }
    joined
}

/// Whether the word is meant as a duration, be it a wrong one: a number, or one with letters behind it.
fn is_interval(word: &OsStr) -> bool {
    let Some(word) = word.to_str() else {
        return false;
    };
    match parse_duration(word) {
        Ok(_) | Err(DurationError::NoUnit(_) | DurationError::TooLong(_)) => true,
        Err(DurationError::Malformed(_)) => {
            let unit = word.trim_start_matches(|it: char| it.is_ascii_digit() || it == '.');
            unit.len() < word.len() && unit.chars().all(char::is_alphabetic)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        watched: Watched,
        groups: Vec<String>,
    }

    fn parse(words: &[&str]) -> Result<(Option<u64>, Vec<String>), String> {
        let args = ["x"].iter().chain(words).map(Into::into).collect();
        let line = Line::try_parse_from(with_interval_joined(args));
        let line = line.map_err(|error| error.to_string())?;
        let ms = line.watched.every().map(crate::model::whole_ms);
        Ok((ms, line.groups))
    }

    #[test]
    fn an_interval_may_follow_and_a_name_is_never_taken_for_one() {
        for (words, ms, groups) in [
            (&[][..], None, &[][..]),
            (&["--watch"], Some(2_000), &[]),
            (&["--watch", "5s"], Some(5_000), &[]),
            (&["--watch=100ms"], Some(100), &[]),
            (&["--watch", "g"], Some(2_000), &["g"]),
            (&["g", "--watch"], Some(2_000), &["g"]),
            (&["--watch", "500ms", "g"], Some(500), &["g"]),
            (&["--watch=500ms", "1s"], Some(500), &["1s"]),
            (&["--watch", "2024-g"], Some(2_000), &["2024-g"]),
            (&["--watch", "--", "5s"], Some(2_000), &["5s"]),
        ] {
            let groups = groups.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(parse(words), Ok((ms, groups)), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_interval_is_said() {
        for (words, why) in [
            (&["--watch", "5"][..], "`5` has no unit"),
            (&["--watch", "5sec"], "`5sec` is not a duration"),
            (&["--watch", "1.5s"], "`1.5s` is not a duration"),
            (&["--watch=0s"], "`0s` is too short: the minimum is 100ms"),
            (&["--watch", "99ms"], "the minimum is 100ms"),
            (&["--watch", "2d"], "the maximum is 1d"),
            (&["--ticks", "3"], "--watch"),
            (&["--watch", "--ticks", "0"], "0 is not in"),
        ] {
            let error = parse(words).expect_err("is refused");
            assert!(error.contains(why), "{words:?}: {error}");
        }
    }

    #[test]
    fn another_program_s_words_are_left_alone() {
        let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
        for line in [
            &["x", "worker", "run", "--exec", "cmd", "--watch", "5s"][..],
            &["x", "worker", "run", "--", "cmd", "--watch", "5s"],
        ] {
            assert_eq!(with_interval_joined(words(line)), words(line));
        }
    }
}
