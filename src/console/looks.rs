//! What a command writes and says when it looks again and again: kept for a screen, or printed look by look.

use std::io::{self, Write as _};

use memchr::memchr_iter;

/// How much of a look is kept for a screen, in bytes; no screen shows more.
const KEPT_MAX: usize = 1 << 20;
/// How many messages of a look are remembered.
const SAID_MAX: usize = 200;

/// What is written and said in looks.
#[derive(Debug)]
pub(super) struct Looks {
    shape: Shape,
    /// Whether messages are shown with what is written, instead of at once.
    holds_said: bool,
    said: Vec<String>,
    said_before: Vec<String>,
    has_ended: bool,
}

#[derive(Debug)]
enum Shape {
    Screen { kept: Vec<u8>, beyond: usize },
    Blocks(Blocks),
}

/// Looks that are printed one below the other.
#[derive(Debug)]
pub(super) struct Blocks {
    /// What stands between two looks.
    pub(super) between: &'static [u8],
    /// Whether a look is a document that is written in one line.
    pub(super) is_one_line: bool,
    has_written: bool,
    is_begun: bool,
}

impl Blocks {
    pub(super) const fn new(between: &'static [u8], is_one_line: bool) -> Self {
        Self {
            between,
            is_one_line,
            has_written: false,
            is_begun: false,
        }
    }

    /// The bytes as they are printed. No end of a line is within a string of JSON.
    fn shaped(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shaped = Vec::with_capacity(bytes.len() + self.between.len());
        if !self.is_begun && self.has_written {
            shaped.extend_from_slice(self.between);
        }
        self.is_begun = true;
        self.has_written = true;
        if self.is_one_line {
            shaped.extend(bytes.iter().filter(|byte| **byte != b'\n'));
        } else {
            shaped.extend_from_slice(bytes);
        }
        shaped
    }
}

/// What one look wrote and said.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) text: Vec<u8>,
    pub(super) beyond: usize,
    pub(super) said: Vec<String>,
}

impl Looks {
    /// For a screen, which shows what is said, too, unless `holds_said` is false.
    pub(super) const fn on_screen(holds_said: bool) -> Self {
        Self {
            shape: Shape::Screen {
                kept: Vec::new(),
                beyond: 0,
            },
            holds_said,
            said: Vec::new(),
            said_before: Vec::new(),
            has_ended: false,
        }
    }

    pub(super) const fn in_blocks(blocks: Blocks) -> Self {
        Self {
            shape: Shape::Blocks(blocks),
            holds_said: false,
            said: Vec::new(),
            said_before: Vec::new(),
            has_ended: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.shape {
            Shape::Blocks(blocks) => io::stdout().write_all(&blocks.shaped(bytes)),
            Shape::Screen { kept, beyond } => {
                let room = KEPT_MAX.saturating_sub(kept.len());
                let (keep, drop) = bytes.split_at(room.min(bytes.len()));
                kept.extend_from_slice(keep);
                *beyond += memchr_iter(b'\n', drop).count();
                Ok(())
            }
        }
    }

    /// Takes a message; whether it must not be printed now, because it is shown later or was said before.
    pub(super) fn hear(&mut self, text: &str) -> bool {
        let is_known = self.said_before.iter().any(|it| it == text);
        if self.said.len() < SAID_MAX {
            self.said.push(text.to_owned());
        }
        self.holds_said || is_known
    }

    /// What is held back of what was said in the look that is under way.
    pub(super) fn unsaid(&mut self) -> Vec<String> {
        let said = std::mem::take(&mut self.said);
        if self.holds_said { said } else { Vec::new() }
    }

    /// Forgets what was said since the last look ended.
    pub(super) fn forget(&mut self) {
        self.said.clear();
    }

    /// Whether a look has ended already.
    pub(super) const fn is_later(&self) -> bool {
        self.has_ended
    }

    /// How many lines the messages of the look before take.
    pub(super) fn rows_said(&self) -> usize {
        let held = self.said_before.iter().filter(|_| self.holds_said);
        held.map(|it| it.lines().count()).sum()
    }

    /// Ends a look: what is to be shown of it. What `failed` is forgotten.
    pub(super) fn end(&mut self, failed: bool) -> io::Result<Look> {
        self.has_ended = true;
        let said = std::mem::take(&mut self.said);
        let mut look = Look::default();
        match &mut self.shape {
            Shape::Screen { kept, beyond } => {
                look.text = std::mem::take(kept);
                look.beyond = std::mem::take(beyond);
            }
            Shape::Blocks(blocks) => {
                if std::mem::take(&mut blocks.is_begun) && blocks.is_one_line {
                    io::stdout().write_all(b"\n")?;
                }
                io::stdout().flush()?;
            }
        }
        if !failed {
            if self.holds_said {
                look.said.clone_from(&said);
            }
            self.said_before = said;
        }
        Ok(look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_parted_and_documents_take_a_line() {
        let mut blocks = Blocks::new(b"\n", false);
        assert_eq!(blocks.shaped(b"a\n"), b"a\n");
        assert_eq!(blocks.shaped(b"b\n"), b"b\n");
        blocks.is_begun = false;
        assert_eq!(blocks.shaped(b"c\n"), b"\nc\n");
        let mut documents = Blocks::new(b"", true);
        assert_eq!(
            documents.shaped(b"[\n{\"a\":1},\n{\"a\":\"\\n\"}\n]\n"),
            b"[{\"a\":1},{\"a\":\"\\n\"}]"
        );
    }

    #[test]
    fn what_is_said_again_is_not_printed_again() {
        let mut looks = Looks::in_blocks(Blocks::new(b"\n", false));
        assert!(!looks.hear("a"));
        looks.end(false).expect("ends");
        assert!(looks.hear("a") && !looks.hear("b"));
        // A look that failed did not come to say all that it had to.
        looks.end(true).expect("ends");
        assert!(looks.hear("a"));
        looks.end(false).expect("ends");
        looks.end(false).expect("ends");
        assert!(!looks.hear("a"), "it was not so meanwhile");
    }

    #[test]
    fn a_screen_keeps_what_it_may_show() {
        let mut looks = Looks::on_screen(true);
        assert!(looks.hear("warning: a\n  b"));
        let line = [b'x'; 1023];
        for _ in 0..1030 {
            looks.write(&line).expect("is kept");
            looks.write(b"\n").expect("is kept");
        }
        let look = looks.end(false).expect("ends");
        assert_eq!((look.text.len(), look.beyond), (KEPT_MAX, 6));
        assert_eq!((look.said.len(), looks.rows_said()), (1, 2));
    }
}
