//! Connections: deadlines, scripts the server forgot, both protocols, what servers have.

use std::time::{Duration, Instant};

use ucp_streams::model::EntryId;
use ucp_streams::wire::{
    Dialer, Endpoint, ErrorKind, GroupRead, PendingFilter, acknowledge, has_commands, info,
    key_type, memory_usage, ping, scan, time, xinfo_consumers, xinfo_groups, xinfo_stream,
    xpending, xpending_entries, xrange, xrevrange,
};

use crate::cases::{CASES, arrange};
use crate::fixture::{Fixture, id};
use crate::support::BUSY;

const SHORT: Duration = Duration::from_millis(100);
/// Long enough for a server that answers, on a busy machine too.
const LONG: Duration = Duration::from_secs(2);

fn dialer(fixture: &Fixture, deadline: Duration) -> Dialer {
    Dialer::new(Endpoint::parse(&fixture.server.url()).unwrap(), deadline)
}

#[test]
fn a_missed_deadline_ends_the_connection() {
    let mut fixture = Fixture::delivered(1);
    let connection = fixture.block_on(dialer(&fixture, LONG).connect()).unwrap();
    fixture.server.pause();
    let asked = Instant::now();
    let error = fixture.block_on(connection.run(ping())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(asked.elapsed() < LONG + BUSY);
    fixture.server.resume();
    let call = acknowledge(fixture.holder(), &[(id(1), 1)]);
    let refused = fixture.call_on(&connection, call).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Closed, "{refused}");
    assert!(connection.is_lost());
    assert_eq!(fixture.pending().len(), 1, "nothing more was sent on it");
}

#[test]
fn a_paused_server_that_accepts_is_a_timeout_not_a_connection() {
    let mut fixture = Fixture::new();
    let impatient = Dialer::new(
        Endpoint::parse(&format!("{}?protocol=resp3", fixture.server.url())).unwrap(),
        SHORT,
    );
    fixture.server.pause();
    let error = fixture.block_on(impatient.connect()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    // Whichever deadline comes first, that of the connection or that of its first reply.
    fixture.server.resume();
    for _ in 0..5 {
        fixture.server.pause();
        let error = fixture
            .block_on(dialer(&fixture, SHORT).named("n").connect())
            .unwrap_err();
        fixture.server.resume();
        let address = fixture.server.socket().display();
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {address}: no answer in 100ms")
        );
    }
}

#[test]
fn an_abandoned_read_is_delivered_nothing() {
    let fixture = Fixture::delivered(0);
    let dialer = dialer(&fixture, LONG);
    let names = &fixture.names;
    let read = GroupRead {
        stream: &names.stream,
        group: &names.group,
        consumer: &names.consumer,
        count_max: 1,
        block: Some(Duration::from_mins(1)),
        deleted: None,
    };
    fixture.block_on(async {
        let mut lane = dialer.lane().await.unwrap();
        let abandoned = tokio::time::timeout(SHORT, lane.read_group(read, &[])).await;
        assert!(abandoned.is_err());
    });
    let mut client = fixture.raw();
    let blocked = |client: &mut crate::support::Client| {
        let clients = client.send(&["INFO", "clients"]);
        clients.text().contains("blocked_clients:0")
    };
    crate::support::until(crate::support::PATIENCE, "the read is gone", || {
        blocked(&mut client)
    });
    client.send(&["XADD", "s", "*", "n", "1"]);
    assert!(fixture.pending().is_empty());
}

#[test]
fn a_script_the_server_forgot_is_sent_again() {
    let fixture = Fixture::new();
    for case in CASES {
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            arrange(&fixture);
            fixture.server.redis(&["SCRIPT", "FLUSH"]);
            outcomes.push((case.call)(&fixture, fixture.connection(), None).expect(case.name));
            arrange(&fixture);
            outcomes.push((case.call)(&fixture, fixture.connection(), None).expect(case.name));
        }
        assert_eq!(outcomes.len(), 4);
    }
    arrange(&fixture);
    fixture.server.redis(&["SCRIPT", "FLUSH"]);
    let calls = (1..=3).map(|ms| acknowledge(fixture.holder(), std::slice::from_ref(&(id(ms), 1))));
    let many = fixture.connection().call_all(calls.collect());
    let many: Vec<_> = fixture
        .block_on(many)
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(many, [[true], [false], [false]], "in order, each once");
}

#[test]
fn both_protocols_say_the_same() {
    let fixture = Fixture::new();
    let (two, three) = (
        fixture.connect("protocol=resp2"),
        fixture.connect("protocol=resp3"),
    );
    for case in CASES {
        let said = [&two, &three].map(|connection| {
            arrange(&fixture);
            let outcome = (case.call)(&fixture, connection, None).expect(case.name);
            // A generated id differs.
            if outcome.contains("new_id") || case.name == "ingest" {
                String::new()
            } else {
                outcome
            }
        });
        assert_eq!(said[0], said[1], "{}", case.name);
    }
    arrange(&fixture);
    let names = &fixture.names;
    macro_rules! same {
        ($($request:expr),* $(,)?) => {$(
            let said = [&two, &three].map(|connection| {
                format!("{:?}", fixture.block_on(connection.run($request)))
            });
            assert_eq!(said[0], said[1]);
            assert!(said[0].starts_with("Ok("), "{}", said[0]);
        )*};
    }
    same!(
        ping(),
        xinfo_stream(&names.stream),
        xinfo_groups(&names.stream),
        xpending(&names.stream, &names.group),
        xrange(&names.stream, EntryId::MIN, EntryId::MAX, 10),
        xrevrange(&names.stream, EntryId::MAX, EntryId::MIN, 10),
        key_type(&names.stream),
        memory_usage(&names.stream),
        memory_usage(&"none".into()),
        scan(0, b"*", None),
        scan(0, b"*", Some("stream")),
        has_commands(&["xadd", "nonesuch"]),
    );
    for connection in [&two, &three] {
        let on = |error: &str| error.to_owned();
        let rows = fixture.block_on(connection.run(xpending_entries(
            &names.stream,
            &names.group,
            &PendingFilter::default(),
        )));
        assert_eq!(rows.unwrap().len(), 1);
        let consumers =
            fixture.block_on(connection.run(xinfo_consumers(&names.stream, &names.group)));
        assert_eq!(consumers.unwrap().len(), 2);
        assert!(
            fixture.block_on(connection.run(time())).unwrap() > 1_600_000_000_000,
            "{}",
            on("time")
        );
    }
}

#[test]
fn errors_carry_the_servers_code() {
    let fixture = Fixture::new();
    let names = &fixture.names;
    let kinds = [
        (
            fixture.run(xinfo_stream(&names.stream)).unwrap_err(),
            ErrorKind::NoKey,
        ),
        (
            fixture
                .run(xpending(&names.stream, &names.group))
                .unwrap_err(),
            ErrorKind::NoGroup,
        ),
    ];
    for (error, kind) in kinds {
        assert_eq!(error.kind, kind, "{error}");
        assert!(
            error.to_string().contains(" s: "),
            "it names the stream: {error}"
        );
    }
    fixture.server.redis(&["SET", "s", "text"]);
    let error = fixture.run(xinfo_groups(&names.stream)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongType, "{error}");
}

/// What differs between servers, as the code sees it: by the commands they have, never by their version.
#[test]
fn servers_differ_only_where_it_is_asked() {
    let fixture = Fixture::new();
    let names = [
        "xautoclaim",
        "xackdel",
        "xdelex",
        "xnack",
        "xcfgset",
        "hexpire",
    ];
    let has = fixture.run(has_commands(&names)).unwrap();
    let lines = fixture.run(info("server")).unwrap();
    let said = |name: &str| {
        lines
            .iter()
            .find(|(it, _)| it == name)
            .map_or("-", |(_, value)| value)
    };
    println!(
        "redis_version {}  valkey_version {}",
        said("redis_version"),
        said("valkey_version")
    );
    for (name, has) in names.iter().zip(&has) {
        println!("{name:<12} {}", if *has { "yes" } else { "no" });
    }
    assert!(has[0], "every supported server has XAUTOCLAIM");
}
