//! Publishing and consuming in turns: who wrote an entry makes no difference to who reads it.

use std::collections::{BTreeMap, BTreeSet};

use crate::party::Party;
use crate::support::TestServer;
use crate::{Entries, described};

const STREAMS: [(&str, &str); 4] = [
    ("events.raw", "mirror"),
    ("events.normalized", "event-processors"),
    ("profiles.merge_requests", "merge-processors"),
    ("predictions.requests", "prediction-processors"),
];

/// Each round everybody publishes so many and reads so many, in an order that turns: in three rounds everybody has
/// read some of everybody's.
const EACH: usize = 2;
const ROUNDS: usize = 6;

#[test]
#[ignore = "needs redis-py and ioredis: make test-interop"]
fn everybody_reads_what_everybody_published_once() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server.redis(&["XGROUP", "CREATE", "events.raw", "mirror", "0", "MKSTREAM"]);
    let mut parties = Party::all(&server);
    for (stream, group) in STREAMS {
        take_turns(&server, &mut parties, stream, group);
    }
    // What they left is what the topology describes.
    server.ucp(&["topology", "check"]).assert_code(0);
}

fn take_turns(server: &TestServer, parties: &mut [Party<'_>; 3], stream: &str, group: &str) {
    let mut published: BTreeMap<&str, Entries> = BTreeMap::new();
    let mut consumed: BTreeMap<&str, Entries> = BTreeMap::new();
    let mut number = 0;
    for round in 0..ROUNDS {
        for party in &mut *parties {
            let name = party.name();
            let batch: Vec<_> = (0..EACH)
                .map(|_| {
                    number += 1;
                    described(stream, name, number)
                })
                .collect();
            let entries = party.publish(stream, &batch);
            published.entry(name).or_default().extend(entries);
        }
        for turn in 0..parties.len() {
            let party = &mut parties[(round + turn) % 3];
            let entries = party.consume(stream, group, EACH);
            assert_eq!(entries.len(), EACH, "{} on {stream}", party.name());
            consumed.entry(party.name()).or_default().extend(entries);
        }
    }
    adds_up(&published, &consumed);
    for (writer, written) in &published {
        for (reader, read) in &consumed {
            let met = written.keys().filter(|id| read.contains_key(*id));
            assert!(met.count() > 0, "{reader} read none of {writer}'s");
        }
    }
    let pending = server.redis(&["XPENDING", stream, group]);
    assert_eq!(pending.items()[0].int(), 0);
}

/// Every published entry was consumed by one party, with the very fields that its publisher wrote.
#[track_caller]
pub(crate) fn adds_up(published: &BTreeMap<&str, Entries>, consumed: &BTreeMap<&str, Entries>) {
    let mut seen = BTreeSet::new();
    for (reader, entries) in consumed {
        for id in entries.keys() {
            assert!(seen.insert(id), "{reader} read {id}, which another had");
        }
    }
    let all = |of: &BTreeMap<&str, Entries>| -> Entries {
        of.values()
            .flatten()
            .map(|(id, fields)| (id.clone(), fields.clone()))
            .collect()
    };
    assert_eq!(all(published), all(consumed));
}
