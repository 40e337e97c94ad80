//! What a command did, as it says so behind the lines of its snapshot: a frame for each batch, so that it is known
//! wherever it ends. They are in the order of the lines. A frame that was torn is left out.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Serialize};

use super::file::{ENTRIES_MAX, damaged};
use crate::model::EntryId;

/// The greatest size of the receipts of one batch.
const RECEIPTS_MAX: u64 = 1 << 20;

/// An entry or dead letter that the change was made to, and the id of its copy, if it was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry.
    pub id: EntryId,
    /// Its copy.
    pub new_id: Option<EntryId>,
}

/// The receipts of one batch.
#[derive(Default, Serialize, Deserialize)]
struct Batch {
    done: Vec<(EntryId, Option<EntryId>)>,
    /// Whether the command ended after it by itself.
    is_last: bool,
}

/// The receipts of a batch as they are appended; `is_last` says that the command ends by itself.
pub(super) fn batch(receipts: &[Receipt], is_last: bool) -> io::Result<Vec<u8>> {
    let batch = Batch {
        done: receipts.iter().map(|it| (it.id, it.new_id)).collect(),
        is_last,
    };
    let mut frame = zstd::Encoder::new(Vec::new(), 1)?;
    frame.include_checksum(true)?;
    serde_json::to_writer(&mut frame, &batch)?;
    frame.finish()
}

/// Reads receipts beside the lines that they are of.
pub(super) struct Reading<R: BufRead> {
    rest: R,
    /// Receipts of lines that were not read yet.
    ahead: VecDeque<Receipt>,
    last: Option<EntryId>,
    /// How many were read.
    pub(super) count: u64,
    /// Whether the command ended by itself after those that were read.
    pub(super) is_ended: bool,
    /// The greatest id of a copy that was read.
    pub(super) last_copy: Option<EntryId>,
}

impl<R: BufRead> Reading<R> {
    pub(super) const fn begin(rest: R) -> Self {
        Self {
            rest,
            ahead: VecDeque::new(),
            last: None,
            count: 0,
            is_ended: false,
            last_copy: None,
        }
    }

    /// Reads all of them, without keeping any.
    ///
    /// # Errors
    /// What is wrong with them, in words, or an error of the system.
    pub(super) fn check(mut self) -> io::Result<Self> {
        while self.frame()? {
            self.ahead.clear();
        }
        Ok(self)
    }

    /// The receipts of these lines, which follow those that were asked for before.
    ///
    /// # Errors
    /// As [`Reading::check`].
    pub(super) fn of(&mut self, ids: &[EntryId]) -> io::Result<HashMap<EntryId, Receipt>> {
        let mut found = HashMap::new();
        let Some(last) = ids.iter().max() else {
            return Ok(found);
        };
        while self.ahead.back().is_none_or(|it| it.id < *last) && self.frame()? {}
        let count = self.ahead.iter().take_while(|it| it.id <= *last).count();
        found.extend(self.ahead.drain(..count).map(|it| (it.id, it)));
        Ok(found)
    }

    /// Reads the next frame; false after the last one.
    fn frame(&mut self) -> io::Result<bool> {
        if self.is_ended || self.rest.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let frame = zstd::Decoder::with_buffer(&mut self.rest)?.single_frame();
        let read = frame.take(RECEIPTS_MAX).read_to_end(&mut bytes);
        let batch = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
        let Some(Batch { done, is_last }) = batch else {
            // It was torn when the command was killed: none follows it.
            self.is_ended = false;
            return Ok(false);
        };
        self.is_ended = is_last;
        self.count += done.len() as u64;
        if self.count > ENTRIES_MAX {
            return Err(damaged("it has more receipts than a snapshot can have"));
        }
        for (id, new_id) in done {
            if self.last.is_some_and(|last| last >= id) {
                return Err(damaged("its receipts are not in the order of its entries"));
            }
            self.last = Some(id);
            self.last_copy = self.last_copy.max(new_id);
            self.ahead.push_back(Receipt { id, new_id });
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(n: u64, new_id: Option<EntryId>) -> Receipt {
        Receipt {
            id: EntryId::new(n, 0),
            new_id,
        }
    }

    #[test]
    fn receipts_are_read_up_to_the_one_that_was_torn() {
        let mut file = batch(
            &[receipt(1, None), receipt(2, Some(EntryId::new(9, 9)))],
            false,
        )
        .unwrap();
        let whole = file.len();
        file.extend(batch(&[receipt(3, None)], true).unwrap());
        let read = |file: &[u8]| {
            let all = Reading::begin(file).check().unwrap();
            (all.count, all.is_ended, all.last_copy)
        };
        let copy = Some(EntryId::new(9, 9));
        assert_eq!(read(&file), (3, true, copy));
        for length in whole..file.len() {
            assert_eq!(read(&file[..length]), (2, false, copy), "{length}");
        }
    }

    #[test]
    fn each_line_gets_its_receipt_wherever_batches_end() {
        let mut file = Vec::new();
        let done: Vec<Receipt> = (0..1000)
            .filter(|n| n % 3 > 0)
            .map(|n| receipt(n, None))
            .collect();
        for some in done.chunks(7) {
            file.extend(batch(some, false).unwrap());
        }
        let ids: Vec<EntryId> = (0..1000).map(|n| EntryId::new(n, 0)).collect();
        for size in [1, 5, 100, 1000] {
            let mut reading = Reading::begin(&file[..]);
            let mut found = 0;
            for lines in ids.chunks(size) {
                let of = reading.of(lines).unwrap();
                assert!(of.keys().all(|id| lines.contains(id)));
                found += of.len();
            }
            assert_eq!(found, done.len(), "{size}");
        }
    }

    #[test]
    fn receipts_out_of_order_are_refused() {
        let mut file = batch(&[receipt(2, None)], false).unwrap();
        file.extend(batch(&[receipt(2, None)], true).unwrap());
        assert!(Reading::begin(&file[..]).check().is_err());
    }
}
