//! Writes requests into a buffer: the RESP encoding of arguments, numbers and ids, without copies.

use crate::model::EntryId;

pub(super) fn push_header(out: &mut Vec<u8>, count: usize) {
    out.push(b'*');
    push_digits(out, count as u64);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn push_arg(out: &mut Vec<u8>, arg: &[u8]) {
    out.push(b'$');
    push_digits(out, arg.len() as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(arg);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0u8; 20];
    push_arg(out, decimal(value, &mut digits));
}

pub(super) fn push_id(out: &mut Vec<u8>, id: EntryId) {
    let (mut ms, mut seq) = ([0u8; 20], [0u8; 20]);
    let (ms, seq) = (decimal(id.ms, &mut ms), decimal(id.seq, &mut seq));
    out.push(b'$');
    push_digits(out, (ms.len() + 1 + seq.len()) as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(ms);
    out.push(b'-');
    out.extend_from_slice(seq);
    out.extend_from_slice(b"\r\n");
}

fn push_digits(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0u8; 20];
    out.extend_from_slice(decimal(value, &mut digits));
}

/// `value` in decimal, at the end of `digits`.
fn decimal(mut value: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &digits[at..];
        }
    }
}
