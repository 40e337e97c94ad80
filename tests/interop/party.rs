//! The three who take turns: redis-py, ioredis and this tool, with one set of verbs.

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::support::TestServer;
use crate::{Entries, Fields};

/// Who publishes and consumes.
pub(crate) enum Party<'a> {
    Peer(&'static str, Peer),
    Ours(&'a TestServer),
}

impl<'a> Party<'a> {
    /// All three, each connected to `server`.
    #[track_caller]
    pub(crate) fn all(server: &'a TestServer) -> [Self; 3] {
        [Self::python(server), Self::node(server), Self::Ours(server)]
    }

    #[track_caller]
    pub(crate) fn python(server: &TestServer) -> Self {
        Self::Peer("redis-py", Peer::python(server))
    }

    #[track_caller]
    pub(crate) fn node(server: &TestServer) -> Self {
        Self::Peer("ioredis", Peer::node(server))
    }

    /// Its name, which is that of its consumer too.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Peer(name, _) => name,
            Self::Ours(_) => "ucp-streams",
        }
    }

    /// Publishes `entries` one after the other and returns them by their new ids.
    #[track_caller]
    pub(crate) fn publish(&mut self, stream: &str, entries: &[Fields]) -> Entries {
        let ids: Vec<String> = match self {
            Self::Peer(_, peer) => {
                let order = json!({"do": "publish", "stream": stream, "entries": entries});
                serde_json::from_value(peer.ask(&order)).unwrap()
            }
            Self::Ours(server) => entries
                .iter()
                .map(|fields| publish_ours(server, stream, fields))
                .collect(),
        };
        assert_eq!(ids.len(), entries.len());
        ids.into_iter().zip(entries.iter().cloned()).collect()
    }

    /// Reads and acknowledges up to `count` new entries as a member of `group`.
    #[track_caller]
    pub(crate) fn consume(&mut self, stream: &str, group: &str, count: usize) -> Entries {
        self.read(stream, group, count, true)
    }

    /// Reads up to `count` new entries as a member of `group`, and leaves them pending.
    #[track_caller]
    pub(crate) fn hold(&mut self, stream: &str, group: &str, count: usize) -> Entries {
        self.read(stream, group, count, false)
    }

    fn read(&mut self, stream: &str, group: &str, count: usize, ack: bool) -> Entries {
        let name = self.name();
        match self {
            Self::Peer(_, peer) => pairs(peer.ask(&json!({
                "do": "consume", "stream": stream, "group": group, "consumer": name,
                "count": count, "ack": ack,
            }))),
            Self::Ours(server) => {
                let count = count.to_string();
                let mut words = vec!["consume", group, "--stream", stream, "--count", &count];
                words.extend(["--consumer", name, "-o", "json"]);
                words.extend(ack.then_some("--ack"));
                let run = server.ucp(&words);
                run.assert_code(0);
                objects(&run.stdout_json())
            }
        }
    }

    /// Takes up to `count` entries that others hold, however fresh, and acknowledges them.
    #[track_caller]
    pub(crate) fn take_over(&mut self, stream: &str, group: &str, count: usize) -> Entries {
        let Self::Peer(name, peer) = self else {
            panic!("ours takes over by a worker");
        };
        pairs(peer.ask(&json!({
            "do": "take_over", "stream": stream, "group": group, "consumer": name, "count": count,
        })))
    }
}

#[track_caller]
fn publish_ours(server: &TestServer, stream: &str, fields: &Fields) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={value}"));
    let pairs: Vec<String> = pairs.collect();
    let mut words = vec!["publish", stream, "--strict", "-o", "json"];
    words.extend(pairs.iter().map(String::as_str));
    let run = server.ucp(&words);
    run.assert_code(0);
    run.stdout_json()[0]["id"].as_str().unwrap().to_owned()
}

/// What a peer answered: an array of `[id, [[name, value], …]]`.
fn pairs(answer: Value) -> Entries {
    serde_json::from_value::<Vec<(String, Fields)>>(answer)
        .unwrap()
        .into_iter()
        .collect()
}

/// What the tool printed: an array of entries.
fn objects(entries: &Value) -> Entries {
    entries.as_array().unwrap().iter().map(object).collect()
}

/// One entry as the tool prints it and gives it to a handler.
pub(crate) fn object(entry: &Value) -> (String, Fields) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = entry["fields"].as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| (name.clone(), text(value)));
    (text(&entry["id"]), fields.collect())
}
