//! How many entries fit into one request, learned from the replies.

use crate::wire::{Error, ErrorKind};

/// How many entries are asked of the server at a time: fewer after replies that did not come in time, since large
/// bodies over a slow link would be asked for for ever, and more again after those that did.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Portion {
    max: usize,
    now: usize,
}

impl Portion {
    pub(in crate::worker) fn new(max: usize) -> Self {
        Self { max, now: max }
    }

    /// So many entries fit into one request.
    pub(in crate::worker) fn at_a_time(self) -> usize {
        self.now
    }

    /// Notes how a request for `asked` entries ended.
    pub(in crate::worker) fn note<T>(&mut self, asked: usize, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) if asked >= self.now => self.now = (self.now * 2).min(self.max),
            Err(error) if error.kind == ErrorKind::Timeout && asked > 1 => {
                self.now = (asked.min(self.now) / 2).max(1);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_shrink_when_replies_do_not_come_in_time_and_grow_again() {
        let mut portion = Portion::new(200);
        let late: Result<(), _> = Err(Error::new(ErrorKind::Timeout, "", "no reply"));
        for expected in [100, 50, 25, 12, 6, 3, 1, 1] {
            portion.note(portion.at_a_time(), &late);
            assert_eq!(portion.at_a_time(), expected);
        }
        portion.note(1, &Ok(()));
        portion.note(1, &Ok(()));
        assert_eq!(portion.at_a_time(), 2, "one of two says little of more");
        for _ in 0..10 {
            portion.note(portion.at_a_time(), &Ok(()));
        }
        assert_eq!(portion.at_a_time(), 200);
        let other: Result<(), _> = Err(Error::new(ErrorKind::Closed, "", "closed"));
        portion.note(200, &other);
        assert_eq!(portion.at_a_time(), 200, "its size was not what failed");
    }
}
