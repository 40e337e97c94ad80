//! Entries that nobody expects, and that every path must keep to the byte.

use super::TestServer;

/// Entries of every kind: binary, with repeated and empty names, large, and of several hours.
pub fn odd_entries(server: &TestServer, stream: &str) {
    let large = vec![b'x'; 1 << 20];
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
        .collect();
    let all: [(&str, &[&[u8]]); 7] = [
        ("1-1", &[b"a", b"1", b"a", b"2"]),
        ("1700000000000-0", &[b"", b"", b"\xff\xfe", b"\x00\x01"]),
        (
            "1700000000000-7",
            &[b"json", br#"{"a":"b"}"#, b"esc", b"\x1b[2J"],
        ),
        ("1700000000001-0", &[b"large", &large]),
        ("1700000000002-0", &[b"noise", &noise]),
        ("1700003600000-0", &[b"hour", b"next"]),
        ("1700090000000-18446744073709551615", &[b"day", b"next"]),
    ];
    for (id, fields) in all {
        let head: [&[u8]; 3] = [b"XADD", stream.as_bytes(), id.as_bytes()];
        server.redis(&[&head[..], fields].concat());
    }
}
