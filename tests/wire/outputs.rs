//! Writes that belong together: a handler's output with the acknowledgement of its input, feature counts, ingest.

use ucp_streams::wire::{
    Effect, FeatureUpdate, Output, ScriptCall, add_together, count_and_acknowledge,
    publish_and_acknowledge,
};

use crate::fixture::{Fixture, GROUP, STREAM, id, only_entry, take_over};
use crate::support::Reply;

pub fn output(stream: &str, maxlen: Option<u64>, fields: &[(&[u8], &[u8])]) -> Output {
    let owned = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
    Output {
        stream: stream.into(),
        maxlen,
        fields: fields.iter().map(owned).collect(),
    }
}

pub fn update(profile: bool, total: Option<&str>, time: &str) -> FeatureUpdate {
    let mut hashes = vec!["{s}:features:b".into()];
    hashes.extend(profile.then(|| "{s}:features:b:p".into()));
    FeatureUpdate {
        hashes,
        event_type: "purchase".to_owned(),
        purchase_total: total.map(str::to_owned),
        time: time.to_owned(),
    }
}

fn publish(fixture: &Fixture, ms: u64, outputs: &[Output]) -> ScriptCall<Effect> {
    publish_and_acknowledge(fixture.holder(), (id(ms), 1), outputs)
}

fn hash(fixture: &Fixture, key: &str) -> Vec<(String, String)> {
    let reply = fixture.server.redis(&["HGETALL", key]);
    let texts = reply.texts();
    let mut pairs: Vec<_> = texts
        .chunks_exact(2)
        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn output_and_acknowledgement_happen_together_and_once() {
    let fixture = Fixture::delivered(1);
    let bytes: [(&[u8], &[u8]); 3] = [(b"b", b"\0\xff"), (b"a", b""), (b"b", b"2")];
    let outputs = [
        output("{s}:one", None, &bytes),
        output("{s}:two", Some(1000), &[(b"k", b"v")]),
    ];
    assert_eq!(
        fixture.call(publish(&fixture, 1, &outputs)).unwrap(),
        Effect::Done
    );
    assert!(fixture.pending().is_empty());
    let mut client = fixture.raw();
    let entry = client.send(&["XRANGE", "{s}:one", "-", "+"]).items()[0].clone();
    let parts: Vec<&[u8]> = entry.items()[1].items().iter().map(Reply::bytes).collect();
    assert_eq!(parts, [&b"b"[..], b"\0\xff", b"a", b"", b"b", b"2"]);
    assert_eq!(only_entry(&mut client, "{s}:two"), ["k", "v"]);
    let before = fixture.state();
    assert_eq!(
        fixture.call(publish(&fixture, 1, &outputs)).unwrap(),
        Effect::Gone
    );
    assert_eq!(fixture.state(), before, "sent again, it did nothing");
}

#[test]
fn an_effect_without_output_is_an_acknowledgement() {
    let fixture = Fixture::delivered(1);
    assert_eq!(
        fixture.call(publish(&fixture, 1, &[])).unwrap(),
        Effect::Done
    );
    assert!(fixture.pending().is_empty());
}

#[test]
fn an_output_stream_is_cut_to_about_its_length() {
    let fixture = Fixture::delivered(1);
    let mut client = fixture.raw();
    for _ in 0..1000 {
        client.send(&["XADD", "{s}:out", "*", "k", "v"]);
    }
    let outputs = [output("{s}:out", Some(100), &[(b"k", b"v")])];
    fixture.call(publish(&fixture, 1, &outputs)).unwrap();
    let length = client.send(&["XLEN", "{s}:out"]).int();
    assert!((100..300).contains(&length), "{length} entries");
}

#[test]
fn the_loser_of_a_lease_writes_nothing() {
    let fixture = Fixture::delivered(2);
    let mut client = fixture.raw();
    take_over(&mut client, 1);
    client.send(&["XACK", STREAM, GROUP, "2-1"]);
    let before = fixture.state();
    let outputs = [output("{s}:out", None, &[(b"k", b"v")])];
    let features = update(true, None, "2025-01-01T00:00:00.000Z");
    let moved = Effect::Moved {
        owner: "bob".into(),
        deliveries: 2,
    };
    for (ms, expected) in [(1, moved), (2, Effect::Gone), (9, Effect::Gone)] {
        let published = fixture.call(publish(&fixture, ms, &outputs)).unwrap();
        let count = count_and_acknowledge(fixture.holder(), (id(ms), 1), &features);
        let counted = fixture.call(count).unwrap();
        assert_eq!((&published, &counted), (&expected, &expected));
    }
    assert_eq!(fixture.state(), before);
}

#[test]
fn a_trimmed_input_still_has_its_effect() {
    let fixture = Fixture::delivered(1);
    fixture.server.redis(&["XDEL", STREAM, "1-1"]);
    let outputs = [output("{s}:out", None, &[(b"k", b"v")])];
    assert_eq!(
        fixture.call(publish(&fixture, 1, &outputs)).unwrap(),
        Effect::Done
    );
}

#[test]
fn an_output_stream_without_an_id_left_leaves_no_output_half_written() {
    const MAX: u64 = u64::MAX;
    let to = |stream| output(stream, None, &[(b"k", b"v")]);
    let fixture = Fixture::delivered(1);
    let mut client = fixture.raw();
    let mut two_stands_at = |seq: u64| {
        client.send(&["DEL", "{s}:one", "{s}:two"]);
        client.send(&["XADD", "{s}:two", &format!("{MAX}-{seq}"), "k", "v"]);
    };
    for (seq, outputs) in [
        (MAX, ["{s}:one", "{s}:two"]),
        (MAX, ["{s}:two", "{s}:one"]),
        // Room for one, and the first takes it.
        (MAX - 1, ["{s}:two", "{s}:two"]),
    ] {
        two_stands_at(seq);
        let before = fixture.state();
        let call = publish(&fixture, 1, &outputs.map(to));
        fixture.call(call).expect_err("no id is left");
        assert_eq!(fixture.state(), before, "{outputs:?}");
    }
    for (seq, outputs) in [
        (MAX - 2, ["{s}:two", "{s}:two"]),
        (MAX - 1, ["{s}:one", "{s}:two"]),
    ] {
        fixture.again(1);
        two_stands_at(seq);
        let call = publish(&fixture, 1, &outputs.map(to));
        assert_eq!(fixture.call(call).unwrap(), Effect::Done, "{outputs:?}");
    }
}

#[test]
fn features_add_up_and_see_first_and_last() {
    let fixture = Fixture::delivered(3);
    let events = [
        (1, update(true, Some("10.25"), "2025-02-02T00:00:00.000Z")),
        (2, update(false, Some("-0.25"), "2025-01-01T00:00:00.000Z")),
        (3, update(true, None, "2025-03-03T00:00:00.000Z")),
    ];
    for (ms, event) in &events {
        let call = || count_and_acknowledge(fixture.holder(), (id(*ms), 1), event);
        assert_eq!(fixture.call(call()).unwrap(), Effect::Done);
        assert_eq!(fixture.call(call()).unwrap(), Effect::Gone, "once only");
    }
    let pairs = |list: [(&str, &str); 5]| {
        list.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    };
    let brand = pairs([
        ("events", "3"),
        ("events:purchase", "3"),
        ("first_seen", "2025-01-01T00:00:00.000Z"),
        ("last_seen", "2025-03-03T00:00:00.000Z"),
        ("purchase_total", "10"),
    ]);
    let profile = pairs([
        ("events", "2"),
        ("events:purchase", "2"),
        ("first_seen", "2025-02-02T00:00:00.000Z"),
        ("last_seen", "2025-03-03T00:00:00.000Z"),
        ("purchase_total", "10.25"),
    ]);
    assert_eq!(hash(&fixture, "{s}:features:b"), brand);
    assert_eq!(hash(&fixture, "{s}:features:b:p"), profile);
    assert!(fixture.pending().is_empty());
}

#[test]
fn a_counter_that_cannot_be_counted_up_is_left_as_it_is_and_all_else_counts() {
    let fixture = Fixture::delivered(1);
    let max = i64::MAX.to_string();
    for (field, bad) in [
        ("events", "many"),
        ("events", max.as_str()),
        ("events:purchase", "1.5"),
        ("purchase_total", "1,50"),
        ("purchase_total", "1.5.1"),
    ] {
        fixture.again(1);
        let hash = "{s}:features:b:p";
        fixture.server.redis(&["DEL", hash]);
        fixture.server.redis(&["HSET", hash, field, bad]);
        let event = update(true, Some("1"), "2025-01-01T00:00:00.000Z");
        let call = count_and_acknowledge(fixture.holder(), (id(1), 1), &event);
        let left_out = format!("{field} of {hash}");
        let outcome = fixture.call(call).unwrap();
        assert_eq!(outcome, Effect::PartlyCounted(vec![left_out]), "{bad}");
        for (figure, counted) in [
            ("events", "1"),
            ("events:purchase", "1"),
            ("purchase_total", "1"),
            ("first_seen", "2025-01-01T00:00:00.000Z"),
        ] {
            let expected = if figure == field { bad } else { counted };
            let value = fixture.server.redis(&["HGET", hash, figure]);
            assert_eq!(value.text(), expected, "{field}={bad}: {figure}");
        }
    }
}

#[test]
fn an_event_enters_all_its_streams_or_none() {
    let fixture = Fixture::new();
    let outputs = [
        output("{p}:raw", Some(1000), &[(b"a", b"1"), (b"a", b"\0\xff")]),
        output("{p}:normal", None, &[(b"b", b"2")]),
    ];
    let ids = fixture.call(add_together(&outputs)).unwrap().unwrap();
    let mut client = fixture.raw();
    for (stream, id) in [("{p}:raw", ids[0]), ("{p}:normal", ids[1])] {
        let entries = client.send(&["XRANGE", stream, "-", "+"]);
        assert_eq!(entries.items()[0].items()[0].text(), id.to_string());
    }
    client.send(&["DEL", "{p}:normal"]);
    client.send(&["SET", "{p}:normal", "x"]);
    let before = fixture.state();
    fixture.call(add_together(&outputs)).unwrap_err();
    assert_eq!(fixture.state(), before);
}
