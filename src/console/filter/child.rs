//! The process of a filter: it reads documents, and returns the result for each. It limits its own memory, so that a
//! filter that grows ends only this process.

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;
use std::thread;

use super::frame;
use crate::model::Problem;
use crate::view::{JqFilter, Reshape, Template};

/// The argument with which this program starts itself as a filter.
pub(super) const WORD: &str = "__filter";
/// The stack size of a filter, which limits its recursion.
const STACK: usize = 96 << 20;
/// The memory that a filter may use in addition to that for a document, in bytes.
pub(super) const MEMORY: u64 = 256 << 20;
/// How many bytes of memory a document needs at most for each byte of its text.
const PER_DOCUMENT_BYTE: u64 = 48;

/// Which language a filter is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jq,
    Template,
}

/// The description of a filter.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Whether its output is read by a person.
    pub(super) terminal: bool,
}

impl Order {
    /// Encoded for one frame.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Jq => b'j',
            Kind::Template => b't',
        };
        let mut bytes = vec![kind, u8::from(self.terminal)];
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[kind, terminal], text) = bytes.split_first_chunk::<2>()?;
        Some(Self {
            kind: if kind == b'j' {
                Kind::Jq
            } else {
                Kind::Template
            },
            text: String::from_utf8(text.to_vec()).ok()?,
            terminal: terminal != 0,
        })
    }

    fn compile(&self) -> Result<Reshape, Problem> {
        Ok(match self.kind {
            Kind::Jq => Reshape::Filter(JqFilter::compile(&self.text)?),
            Kind::Template => Reshape::Template(Template::compile(&self.text, self.terminal)?),
        })
    }

    /// The error that the filter's process ended over a document, with the reason `why`.
    pub(super) fn problem(&self, why: &str) -> Problem {
        let flag = match self.kind {
            Kind::Jq => "--jq",
            Kind::Template => "--template",
        };
        Problem::usage(format!("{flag}: {why}"))
            .hint("the filter may loop or nest without end, or the document may be very large")
    }
}

/// Whether `args` start this program as a filter.
pub fn asked(args: &[OsString]) -> bool {
    args.len() == 2 && args[1] == WORD
}

/// Filters the documents on standard input until it ends.
pub fn serve() -> ExitCode {
    limits::begin();
    // The main thread's stack is as large as the user's limit says.
    let served = thread::Builder::new()
        .stack_size(STACK)
        .spawn(|| answer_all(io::stdin().lock(), io::stdout().lock()));
    match served.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn answer_all(input: impl Read, output: impl Write) -> io::Result<()> {
    let (mut input, mut output) = (BufReader::new(input), BufWriter::new(output));
    let mut bytes = Vec::new();
    frame::read(&mut input, &mut bytes)?;
    let Some(order) = Order::of_bytes(&bytes) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let filter = match order.compile() {
        Ok(filter) => filter,
        Err(problem) => {
            frame::write(&mut output, frame::FAILED, &told(&problem))?;
            return output.flush();
        }
    };
    frame::write(&mut output, frame::END, b"")?;
    output.flush()?;
    let base = limits::used();
    let (mut documents, mut text) = (Vec::new(), Vec::new());
    while let Some(tag) = frame::read(&mut input, &mut bytes)? {
        if tag == frame::DOCUMENT {
            documents.push(std::mem::take(&mut bytes));
            continue;
        }
        // All were read before the first is answered: neither side ever waits for the other to read.
        for document in documents.drain(..) {
            limits::set(base + MEMORY + document.len() as u64 * PER_DOCUMENT_BYTE);
            text.clear();
            match filter.apply(&mut text, &document, order.terminal) {
                Ok(()) => frame::write(&mut output, frame::SHOWN, &text)?,
                Err(problem) => frame::write(&mut output, frame::FAILED, &told(&problem))?,
            }
        }
        frame::write(&mut output, frame::END, b"")?;
        output.flush()?;
    }
    Ok(())
}

fn told(problem: &Problem) -> Vec<u8> {
    let hint = problem.hint.as_deref().unwrap_or_default();
    format!("{}\0{hint}", problem.message).into_bytes()
}

/// Decodes the error that [`told`] encodes.
pub(super) fn problem_of(bytes: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(bytes);
    match text.split_once('\0') {
        Some((message, "")) => Problem::usage(message),
        Some((message, hint)) => Problem::usage(message).hint(hint),
        None => Problem::usage(text),
    }
}

#[cfg(unix)]
mod limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Makes sure that a process that ends over a document leaves no core file, and that it does not outlive the
    /// process that started it.
    pub(super) fn begin() {
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = setrlimit(Resource::Core, none);
        #[cfg(target_os = "linux")]
        let _ =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }

    /// How many bytes of address space are in use; 0 when the system does not say.
    pub(super) fn used() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
        let kib = size.and_then(|it| it.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }

    /// Limits the address space to this many bytes, as far as the user may set that.
    pub(super) fn set(bytes: u64) {
        let limit = getrlimit(Resource::As);
        let current = limit.maximum.map_or(bytes, |most| most.min(bytes));
        let _ = setrlimit(
            Resource::As,
            Rlimit {
                current: Some(current),
                ..limit
            },
        );
    }
}

#[cfg(not(unix))]
mod limits {
    pub(super) fn begin() {}

    pub(super) fn used() -> u64 {
        0
    }

    pub(super) fn set(_: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_and_a_problem_arrive_as_they_are() {
        let order = Order {
            kind: Kind::Template,
            text: "{{ é }}".to_owned(),
            terminal: true,
        };
        let again = Order::of_bytes(&order.bytes()).expect("an order");
        assert_eq!(again.text, order.text);
        assert!(again.kind == Kind::Template && again.terminal);
        for problem in [Problem::usage("a"), Problem::usage("a").hint("b")] {
            let again = problem_of(&told(&problem));
            assert_eq!((again.message, again.hint), (problem.message, problem.hint));
        }
    }

    #[test]
    fn documents_are_answered_in_order() {
        let mut asked = Vec::new();
        let order = Order {
            kind: Kind::Jq,
            text: ".a + 1".to_owned(),
            terminal: false,
        };
        frame::write(&mut asked, frame::DOCUMENT, &order.bytes()).expect("written");
        for document in ["{\"a\":1}", "{\"a\":[]}", "{\"a\":3}"] {
            frame::write(&mut asked, frame::DOCUMENT, document.as_bytes()).expect("written");
        }
        frame::write(&mut asked, frame::END, b"").expect("written");
        let mut answers = Vec::new();
        answer_all(asked.as_slice(), &mut answers).expect("answered");
        let (mut answers, mut bytes, mut seen) = (answers.as_slice(), Vec::new(), Vec::new());
        while let Some(tag) = frame::read(&mut answers, &mut bytes).expect("a frame") {
            seen.push((tag, bytes.clone()));
        }
        let tags: Vec<u8> = seen.iter().map(|(tag, _)| *tag).collect();
        assert_eq!(
            tags,
            [
                frame::END,
                frame::SHOWN,
                frame::FAILED,
                frame::SHOWN,
                frame::END
            ]
        );
        assert_eq!((&*seen[1].1, &*seen[3].1), (&b"2\n"[..], &b"4\n"[..]));
    }
}
