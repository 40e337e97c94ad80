//! Replies as a server writes them, for the tests of what reads them.

use super::{Reader, Reply};

/// A text.
pub(in crate::wire) fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let head = format!("${}\r\n", text.len());
    [head.as_bytes(), text, b"\r\n"].concat()
}

/// A number.
pub(in crate::wire) fn int(value: i64) -> Vec<u8> {
    format!(":{value}\r\n").into_bytes()
}

/// Nil.
pub(in crate::wire) fn nil() -> Vec<u8> {
    b"$-1\r\n".to_vec()
}

/// A list.
pub(in crate::wire) fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    headed('*', 1, items)
}

/// A map, from keys and values alternately.
pub(in crate::wire) fn map(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    headed('%', 2, items)
}

fn headed(kind: char, per_item: usize, items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<_> = items.into_iter().collect();
    let head = format!("{kind}{}\r\n", items.len() / per_item);
    [head.into_bytes(), items.concat()].concat()
}

/// What `read` makes of a reply.
pub(in crate::wire) fn read<T>(reply: &[u8], read: impl FnOnce(Reply<'_>) -> T) -> T {
    let mut reader = Reader::default();
    reader.arrived(reply);
    assert!(reader.has_reply("").expect("RESP"), "a whole reply");
    read(reader.take())
}
