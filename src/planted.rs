//! Deliberate bugs for testing the tests: the chaos suite must find each of them. Without the feature `planted-bugs`
//! there are none, and this module costs nothing; with it, `$UCP_STREAMS_PLANTED` names one. Nothing else may live
//! here.

#[cfg(all(feature = "planted-bugs", not(debug_assertions)))]
compile_error!("planted bugs are for the chaos suite's own test, never for a release");

#[cfg(not(feature = "planted-bugs"))]
mod bugs {
    /// Whether this bug is wanted: never.
    pub const fn is(_bug: &str) -> bool {
        false
    }

    /// The script unchanged.
    pub const fn script(_name: &str, text: &'static str) -> &'static str {
        text
    }
}

#[cfg(feature = "planted-bugs")]
mod bugs {
    /// Whether this bug is wanted.
    pub fn is(bug: &str) -> bool {
        std::env::var("UCP_STREAMS_PLANTED").is_ok_and(|named| named == bug)
    }

    const ADD: &str = "local new = redis.call('XADD', unpack(args))\n";
    const ACKNOWLEDGE: &str = "acknowledge(s, g, id, deletes)\n";

    /// The script with the bug in it.
    pub fn script(name: &str, text: &'static str) -> &'static str {
        let planted = if is("no-owner-check") {
            // Nor how long the entry has rested: a claim of whatever was listed.
            let check = "return (wanted_owner == '' or";
            let unchecked = format!("if true then return true end {check}");
            let text = replaced(text, check, &unchecked);
            match name {
                "claim" => replaced(&text, "idle < idle_min", "false"),
                _ => text,
            }
        } else if name == "dead_letter" && is("swapped-dead-letter") {
            let right = format!("{ADD}{ACKNOWLEDGE}");
            replaced(text, &right, &format!("{ACKNOWLEDGE}{ADD}"))
        } else if name == "dead_letter" && is("multi-dead-letter") {
            // As MULTI would: the second command runs although the first one failed.
            let add = "local new = redis.pcall('XADD', unpack(args))\nif type(new) == 'table' then new = '0-0' end\n";
            replaced(text, ADD, add)
        } else if name == "dead_letter" && is("unfenced-dead-letter") {
            let look = "local owner, count = pending(s, g, id)";
            replaced(text, look, "local owner, count = ARGV[3], ARGV[5]")
        } else if name == "renew" && is("maxlen-trim") {
            let first = "local outcome = {}\n";
            replaced(
                text,
                first,
                &format!("redis.call('XTRIM', s, 'MAXLEN', 5)\n{first}"),
            )
        } else {
            return text;
        };
        planted.leak()
    }

    fn replaced(text: &str, right: &str, wrong: &str) -> String {
        let planted = text.replacen(right, wrong, 1);
        assert_ne!(planted, text, "the bug has no place in the script any more");
        planted
    }
}

pub use bugs::{is, script};
