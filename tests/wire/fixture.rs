//! A server with one stream and one group, a connection of the code under test, and the server's whole state as
//! text, so that "nothing was changed" is one comparison.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use ucp_streams::model::{EntryId, Name};
use ucp_streams::wire::{
    Connection, Dialer, Endpoint, ExpectedPending, Fence, GroupSeen, Holder, Lane, Request, Result,
    ScriptCall,
};

use crate::support::{Client, Reply, TestServer};

pub const STREAM: &str = "s";
pub const GROUP: &str = "g";
pub const ALICE: &str = "alice";
pub const DEAD: &str = "{s}:dlq";

/// Names that live as long as a borrowed [`Holder`] needs.
pub struct Names {
    pub stream: Name,
    pub group: Name,
    pub consumer: Name,
    pub dead: Name,
}

pub struct Fixture {
    pub server: TestServer,
    pub names: Names,
    runtime: Runtime,
    connection: Connection,
}

impl Fixture {
    pub fn new() -> Self {
        Self::on(TestServer::start())
    }

    pub fn on(server: TestServer) -> Self {
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(dialer(&server.url()).connect()).unwrap();
        Self {
            server,
            names: Names {
                stream: STREAM.into(),
                group: GROUP.into(),
                consumer: ALICE.into(),
                dead: DEAD.into(),
            },
            runtime,
            connection,
        }
    }

    /// Stream `s` with entries 1-1 to `count`-1, all delivered once to alice in group `g`.
    pub fn delivered(count: u64) -> Self {
        let fixture = Self::new();
        fixture.deliver(count);
        fixture
    }

    pub fn deliver(&self, count: u64) {
        let mut client = self.raw();
        for ms in 1..=count {
            client.send(&["XADD", STREAM, &format!("{ms}-1"), "n", &ms.to_string()]);
        }
        client.send(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
        let read = ["XREADGROUP", "GROUP", GROUP, ALICE, "STREAMS", STREAM, ">"];
        client.send(&read);
    }

    /// Empties the server and starts over.
    pub fn again(&self, count: u64) {
        self.server.redis(&["FLUSHALL"]);
        self.deliver(count);
    }

    pub fn raw(&self) -> Client {
        self.server.client()
    }

    pub fn run<T: Send + 'static>(&self, request: Request<T>) -> Result<T> {
        self.runtime.block_on(self.connection.run(request))
    }

    pub fn call<T: Send + 'static>(&self, call: ScriptCall<T>) -> Result<T> {
        self.call_on(&self.connection, call)
    }

    pub fn call_on<T: Send + 'static>(
        &self,
        connection: &Connection,
        call: ScriptCall<T>,
    ) -> Result<T> {
        self.runtime.block_on(connection.call(call))
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A second connection, as this user (created with these rules) or over this protocol.
    pub fn connect(&self, query: &str) -> Connection {
        let url = format!("{}?{query}", self.server.url());
        self.block_on(dialer(&url).connect()).unwrap()
    }

    pub fn lane(&self, query: &str) -> Lane {
        let url = format!("{}?{query}", self.server.url());
        self.block_on(dialer(&url).lane()).unwrap()
    }

    pub fn holder(&self) -> Holder<'_> {
        self.fenced(None)
    }

    pub fn fenced<'a>(&'a self, fence: Option<&'a Fence>) -> Holder<'a> {
        Holder {
            stream: &self.names.stream,
            group: &self.names.group,
            consumer: &self.names.consumer,
            fence,
            home: None,
        }
    }

    /// The group after `ms`-1 was delivered to it, with so many entries pending.
    pub fn group_seen(&self, ms: u64, pending: u64) -> GroupSeen<'_> {
        GroupSeen {
            stream: &self.names.stream,
            group: &self.names.group,
            last_delivered_id: id(ms),
            pending,
        }
    }

    /// `id consumer deliveries` of everything pending in the group.
    pub fn pending(&self) -> Vec<String> {
        pending(&mut self.raw(), STREAM, GROUP)
    }

    /// Every key with its value; idle times left out.
    pub fn state(&self) -> String {
        let mut client = self.raw();
        let mut keys: Vec<Vec<u8>> = client
            .send(&["KEYS", "*"])
            .items()
            .iter()
            .map(|key| key.bytes().to_vec())
            .collect();
        keys.sort();
        let mut text = String::new();
        for key in keys {
            let name = String::from_utf8_lossy(&key).into_owned();
            let value = match client.send(&["TYPE", &name]).text() {
                "stream" => stream_state(&mut client, &name),
                "hash" => format!("{:?}", client.send(&["HGETALL", &name])),
                "string" => format!("{:?}", client.send(&["GET", &name])),
                other => other.to_owned(),
            };
            writeln!(text, "{name}: {value}").unwrap();
        }
        text
    }
}

pub fn dialer(url: &str) -> Dialer {
    Dialer::new(Endpoint::parse(url).unwrap(), Duration::from_secs(5))
}

fn stream_state(client: &mut Client, stream: &str) -> String {
    let mut text = format!("{:?}", client.send(&["XRANGE", stream, "-", "+"]));
    for group in client.send(&["XINFO", "GROUPS", stream]).items() {
        let name = group.field("name").text();
        let consumers: Vec<String> = client
            .send(&["XINFO", "CONSUMERS", stream, name])
            .items()
            .iter()
            .map(|consumer| consumer.field("name").text().to_owned())
            .collect();
        let pending = pending(client, stream, name);
        let last = group.field("last-delivered-id").text();
        write!(text, " {name} at {last} of {consumers:?}: {pending:?}").unwrap();
    }
    text
}

fn pending(client: &mut Client, stream: &str, group: &str) -> Vec<String> {
    client
        .send(&["XPENDING", stream, group, "-", "+", "1000"])
        .items()
        .iter()
        .map(|row| match row.items() {
            [id, consumer, _, count] => {
                format!("{} {} {}", id.text(), consumer.text(), count.int())
            }
            other => panic!("not a row: {other:?}"),
        })
        .collect()
}

/// `ms-1`.
pub fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 1)
}

/// Entry `ms`-1 as alice holds it after its first delivery.
pub fn seen(ms: u64) -> ExpectedPending {
    ExpectedPending {
        id: id(ms),
        owner: Some(ALICE.into()),
        deliveries: Some(1),
    }
}

/// The fields of the only entry of a stream, as texts in turn.
#[track_caller]
pub fn only_entry(client: &mut Client, stream: &str) -> Vec<String> {
    let reply = client.send(&["XRANGE", stream, "-", "+"]);
    let [entry] = reply.items() else {
        panic!("not one entry in {stream}: {reply:?}");
    };
    entry.items()[1]
        .items()
        .iter()
        .map(|part| String::from_utf8_lossy(part.bytes()).into_owned())
        .collect()
}

/// The value after `name`.
#[track_caller]
pub fn value<'a>(fields: &'a [String], name: &str) -> &'a str {
    let at = fields.chunks_exact(2).find(|pair| pair[0] == name);
    &at.unwrap_or_else(|| panic!("no {name} in {fields:?}"))[1]
}

/// Another consumer takes `ms`-1 over, as a worker would: the count goes up.
pub fn take_over(client: &mut Client, ms: u64) {
    let id = format!("{ms}-1");
    let reply = client.send(&["XCLAIM", STREAM, GROUP, "bob", "0", &id]);
    assert!(matches!(reply, Reply::Array(_)), "{reply:?}");
}
