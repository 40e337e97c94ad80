//! Replies: a page of a stream to entries, which is what every read is made of.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use redis::Value;
use ucp_streams::wire::read_page;

const ENTRIES: usize = 1000;

/// The reply to `XRANGE … COUNT 1000`: entries of five fields.
fn page() -> Vec<u8> {
    let mut page = format!("*{ENTRIES}\r\n").into_bytes();
    for at in 0..ENTRIES {
        let id = format!("1782900000000-{at}");
        page.extend(format!("*2\r\n${}\r\n{id}\r\n*10\r\n", id.len()).into_bytes());
        for (name, value) in [
            ("event_id", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("source", "web"),
            ("event_type", "purchase"),
            ("timestamp", "2026-07-01T10:00:00.000Z"),
            (
                "payload",
                r#"{"total":12.50,"currency":"EUR","items":[{"sku":"a"}]}"#,
            ),
        ] {
            for text in [name, value] {
                page.extend(format!("${}\r\n{text}\r\n", text.len()).into_bytes());
            }
        }
    }
    page
}

/// How many bytes of fields `page` has.
fn by_hand(page: &[u8]) -> usize {
    let mut bytes = 0;
    read_page(page, |_, fields| {
        bytes += fields.map_or(0, |it| it.iter().map(|(n, v)| n.len() + v.len()).sum());
        Ok(())
    })
    .expect("a page");
    bytes
}

/// As [`by_hand`], through the crate's owned values.
fn by_crate(page: &[u8]) -> usize {
    let reply = redis::parse_redis_value(page).expect("a reply");
    let entries = children(&reply).iter();
    let fields = entries.flat_map(|entry| children(&children(entry)[1]));
    fields
        .map(|text| match text {
            Value::BulkString(bytes) => bytes.len(),
            other => panic!("{other:?} is not a text"),
        })
        .sum()
}

fn children(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        other => panic!("{other:?} is not a list"),
    }
}

/// A page of a stream.
pub(crate) fn entries(c: &mut Criterion) {
    let page = page();
    assert_eq!(by_hand(&page), by_crate(&page));
    let mut group = c.benchmark_group("resp page of 1000 entries");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.bench_function("by hand", |b| b.iter(|| by_hand(black_box(&page))));
    group.bench_function("redis", |b| b.iter(|| by_crate(black_box(&page))));
    group.finish();
}
