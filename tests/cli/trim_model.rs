//! `trim` against a model: whatever groups have read and acknowledged, nothing goes that one of them needs, nothing stays
//! with holes, and what goes is what was said.

use proptest::prelude::*;

use crate::support::TestServer;
use crate::trim::{STREAM, fill, first, length, trim};

/// Entries of a node, so that a small stream has many.
const NODE: u64 = 10;

/// A group: how far it has read, and which share of that it has not acknowledged.
#[derive(Clone, Debug)]
struct Group {
    delivered: u64,
    unacknowledged: Vec<u64>,
    is_temporary: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Read,
    Keep(u64),
    Before(u64),
}

impl Wish {
    fn flags(self) -> Vec<String> {
        match self {
            Self::Read => vec!["--read".to_owned()],
            Self::Keep(newest) => vec!["--keep".to_owned(), newest.to_string()],
            Self::Before(id) => vec!["--before".to_owned(), format!("{id}-0")],
        }
    }

    /// The first entry that it keeps of so many.
    fn kept_from(self, count: u64) -> u64 {
        match self {
            Self::Read => count + 1,
            Self::Keep(newest) => count.saturating_sub(newest) + 1,
            Self::Before(id) => id.clamp(1, count + 1),
        }
    }
}

impl Group {
    fn name(&self, place: usize) -> String {
        let prefix = if self.is_temporary {
            "_ucp_replay:"
        } else {
            "g"
        };
        format!("{prefix}{place}")
    }

    fn stage(&self, server: &TestServer, place: usize) {
        let name = self.name(place);
        server.redis(&["XGROUP", "CREATE", STREAM, &name, "0"]);
        // One that has joined has not been forgotten.
        server.redis(&["XGROUP", "CREATECONSUMER", STREAM, &name, "c"]);
        if self.delivered == 0 {
            return;
        }
        let count = self.delivered.to_string();
        let read = [
            "XREADGROUP",
            "GROUP",
            &name,
            "c",
            "COUNT",
            &count,
            "STREAMS",
        ];
        server.redis(&[&read[..], &[STREAM, ">"]].concat());
        let acknowledged = (1..=self.delivered).filter(|it| !self.unacknowledged.contains(it));
        let ids: Vec<String> = acknowledged.map(|it| format!("{it}-0")).collect();
        if !ids.is_empty() {
            let mut ack = vec!["XACK", STREAM, &name];
            ack.extend(ids.iter().map(String::as_str));
            server.redis(&ack);
        }
    }

    /// The first entry that it needs.
    fn needs(&self) -> u64 {
        let pending = self
            .unacknowledged
            .iter()
            .filter(|it| **it <= self.delivered);
        pending.min().copied().unwrap_or(self.delivered + 1)
    }
}

fn group(count: u64) -> impl Strategy<Value = Group> {
    let unacknowledged = prop::collection::vec(1..=count, 0..4);
    (0..=count, unacknowledged, prop::bool::weighted(0.15)).prop_map(
        |(delivered, unacknowledged, is_temporary)| Group {
            delivered,
            unacknowledged,
            is_temporary,
        },
    )
}

fn wish(count: u64) -> impl Strategy<Value = Wish> {
    prop_oneof![
        Just(Wish::Read),
        (0..=count).prop_map(Wish::Keep),
        (0..=count + 2).prop_map(Wish::Before),
    ]
}

fn case() -> impl Strategy<Value = (u64, Vec<Group>, Wish, bool)> {
    (1_u64..400).prop_flat_map(|count| {
        let groups = prop::collection::vec(group(count), 0..4);
        (Just(count), groups, wish(count), any::<bool>())
    })
}

fn play(server: &TestServer, count: u64, groups: &[Group], wish: Wish, is_forced: bool) {
    server.redis(&["DEL", STREAM]);
    fill(server, count);
    for (place, group) in groups.iter().enumerate() {
        group.stage(server, place);
    }
    let lasting = groups.iter().enumerate().filter(|(_, it)| !it.is_temporary);
    let lasting: Vec<(usize, &Group)> = lasting.collect();
    let forced = lasting.first().filter(|_| is_forced).map(|it| it.0);
    let counting = lasting.iter().filter(|(place, _)| Some(*place) != forced);
    let floor = counting.clone().map(|(_, it)| it.needs()).min();
    let mut flags = wish.flags();
    if let Some(forced) = forced {
        flags.extend(["--force-past".to_owned(), groups[forced].name(forced)]);
    }
    flags.extend(["--yes", "-o", "json"].map(str::to_owned));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let dry: Vec<&str> = flags.iter().copied().filter(|it| *it != "--yes").collect();
    let planned = trim(server, &[&dry[..], &["--dry-run"]].concat());
    let done = trim(server, &flags);
    let code = done.code();
    let left = length(server);
    let removed = count - left;
    let wanted = wish.kept_from(count);
    let cut = floor.map_or(wanted, |floor| floor.min(wanted));
    if matches!(wish, Wish::Read) && floor.is_none() {
        assert_eq!((code, removed), (Some(6), 0), "{done}");
        return;
    }
    assert!(removed < cut, "{removed} of {cut}: {done}");
    // A node that ends before the cut is removed, and so are all when nothing is kept.
    let expected = if cut > count {
        count
    } else {
        (cut - 1) / NODE * NODE
    };
    assert_eq!(removed, expected, "{done}");
    if left > 0 {
        assert_eq!(first(server), format!("{}-0", removed + 1));
    }
    assert!(matches!(code, Some(0 | 6 | 7)), "{done}");
    let is_held = floor.is_some_and(|it| it < wanted) && !matches!(wish, Wish::Read);
    // Where it is not certain before that nothing goes, it is tried.
    let code = code.map(|it| if it == 7 && removed == 0 { 6 } else { it });
    assert_eq!(
        code,
        Some(match (is_held, removed) {
            (false, _) => 0,
            (true, 0) => 6,
            (true, _) => 7,
        }),
        "{done}"
    );
    let plan = planned.stdout_json();
    let said = plan["rows"][0]["freed"].as_u64().unwrap();
    assert!(
        said.abs_diff(removed) * 10 <= removed,
        "{said} said, {removed} removed: {planned}"
    );
}

#[test]
fn nothing_goes_that_a_group_needs_and_what_goes_was_said() {
    let server = TestServer::start();
    server.redis(&[
        "CONFIG",
        "SET",
        "stream-node-max-entries",
        &NODE.to_string(),
    ]);
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |((count, groups, wish, is_forced) in case())| {
        play(&server, count, &groups, wish, is_forced);
    });
}
