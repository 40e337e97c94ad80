//! The frames of a segment: one sample each, with its time, its length and a checksum, so that a torn or damaged one is
//! noticed and the next one is found.

use std::ops::Range;

use crc32fast::Hasher;

use crate::model::Time;

/// The greatest size of a sample before it is compressed.
pub(super) const SAMPLE_BYTES_MAX: usize = 64 << 20;

/// What a frame begins with.
const MARK: [u8; 4] = [0xf5, b'u', b's', b'r'];
/// Mark, kind, time, length of the sample, length of the payload, checksum.
const HEAD: usize = 4 + 1 + 8 + 4 + 4 + 4;
const CHECKSUM: usize = HEAD - 4;

/// How the sample of a frame is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// By itself. It is the dictionary of the others.
    Key = 0,
    /// With the first frame of the segment as its dictionary.
    After = 1,
}

/// Where a frame is in its segment, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) at: Time,
    /// The size of the sample before it was compressed.
    pub(super) sample_bytes: usize,
    /// The compressed sample.
    pub(super) payload: Range<usize>,
}

/// What a segment has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) list: Vec<Frame>,
    /// Places in the middle of the segment that are damaged.
    pub(super) damaged: u64,
    /// Where the last whole frame ends. What follows is torn.
    pub(super) end: usize,
}

/// The bytes of a frame with this `payload`; `None` when it is too large.
pub(super) fn framed(
    kind: FrameKind,
    at: Time,
    sample_bytes: usize,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    frame.extend_from_slice(&MARK);
    frame.push(kind as u8);
    frame.extend_from_slice(&at.ms.to_le_bytes());
    frame.extend_from_slice(&u32::try_from(sample_bytes).ok()?.to_le_bytes());
    frame.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    let checksum = checksum(&frame[MARK.len()..], payload);
    frame.extend_from_slice(&checksum.to_le_bytes());
    frame.extend_from_slice(payload);
    Some(frame)
}

/// The frames in the `bytes` of a segment, whose header ends at `start`.
pub(super) fn frames(bytes: &[u8], start: usize) -> Frames {
    let mut found = Frames {
        end: start,
        ..Frames::default()
    };
    let mut place = start;
    while place < bytes.len() {
        if let Some(frame) = frame_at(bytes, place) {
            if found.end < place {
                found.damaged += 1;
            }
            place = frame.payload.end;
            found.end = place;
            found.list.push(frame);
        } else {
            let next = memchr::memmem::find(&bytes[place + 1..], &MARK);
            place = next.map_or(bytes.len(), |next| place + 1 + next);
        }
    }
    found
}

/// The whole frame at `place`; `None` when there is none, it is torn or damaged.
fn frame_at(bytes: &[u8], place: usize) -> Option<Frame> {
    let head = bytes.get(place..place + HEAD)?;
    if head[..4] != MARK {
        return None;
    }
    let kind = match head[4] {
        0 => FrameKind::Key,
        1 => FrameKind::After,
        _ => return None,
    };
    let ms = u64::from_le_bytes(head[5..13].try_into().ok()?);
    let number = |from: usize| {
        let bytes = head[from..from + 4].try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let (sample_bytes, length) = (number(13)?, number(17)?);
    let payload = place + HEAD..place.checked_add(HEAD)?.checked_add(length)?;
    let sum = checksum(&head[MARK.len()..CHECKSUM], bytes.get(payload.clone())?);
    let is_whole = number(CHECKSUM) == usize::try_from(sum).ok();
    (is_whole && sample_bytes <= SAMPLE_BYTES_MAX).then_some(Frame {
        kind,
        at: Time::from_ms(ms),
        sample_bytes,
        payload,
    })
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(payloads: &[Vec<u8>]) -> Vec<u8> {
        let frames = payloads.iter().zip(0..).map(|(payload, ms)| {
            framed(FrameKind::After, Time::from_ms(ms), 7, payload).expect("fits")
        });
        [b"head".to_vec(), frames.collect::<Vec<_>>().concat()].concat()
    }

    /// The times of the frames.
    fn times(found: &Frames) -> Vec<u64> {
        found.list.iter().map(|it| it.at.ms).collect()
    }

    proptest! {
        #[test]
        fn a_torn_tail_costs_the_frames_that_are_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = segment(&payloads);
            let ends: Vec<usize> = frames(&whole, 4).list.iter().map(|it| it.payload.end).collect();
            prop_assert_eq!(ends.len(), payloads.len());
            let length = 4 + cut.index(whole.len() - 3);
            let found = frames(&whole[..length], 4);
            let left = ends.iter().filter(|end| **end <= length).count();
            prop_assert_eq!(times(&found), (0..left as u64).collect::<Vec<_>>());
            prop_assert_eq!(found.damaged, 0);
            prop_assert_eq!(found.end, ends[..left].last().copied().unwrap_or(4));
        }

        #[test]
        fn a_changed_byte_costs_one_frame(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 2..6),
            at in any::<prop::sample::Index>(),
            change in 1..=255_u8,
        ) {
            let mut bytes = segment(&payloads);
            let place = 4 + at.index(bytes.len() - 4);
            let whole = frames(&bytes, 4).list;
            let hit = whole.iter().position(|it| place < it.payload.end).expect("in a frame");
            bytes[place] ^= change;
            let found = frames(&bytes, 4);
            let expected: Vec<u64> = (0..payloads.len() as u64).filter(|it| *it != hit as u64).collect();
            prop_assert_eq!(times(&found), expected);
            // The last one is as good as torn.
            prop_assert_eq!(found.damaged, u64::from(hit + 1 < payloads.len()));
        }
    }

    #[test]
    fn a_frame_that_claims_to_be_huge_is_none() {
        let huge = framed(FrameKind::Key, Time::from_ms(1), SAMPLE_BYTES_MAX + 1, b"x");
        assert_eq!(frames(&huge.expect("fits"), 0).list, []);
    }
}
