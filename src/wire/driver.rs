//! What moves bytes between a [`super::Connection`] and its stream: it sends requests in the order in which they are
//! handed over, as many as there are in one write, and hands each reply to whoever asked, in place.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedReceiver;

use super::error::{Error, ErrorKind};
use super::resp::{CLOSED, Reader, Reply};
use super::socket::Socket;

/// How many bytes of requests are held for one write; what is handed over beyond that waits in the queue.
const OUT_BYTES: usize = 256 << 10;

/// Takes the replies to one or more requests.
pub(super) trait Answer: Send {
    /// Takes the next reply, and says whether it was the last one.
    fn take(&mut self, reply: Reply<'_>) -> bool;
    /// No more replies follow.
    fn lose(self: Box<Self>, lost: &Lost);
}

/// One or more requests, and what takes their replies.
pub(super) struct Call {
    /// The requests as they are sent.
    pub(super) bytes: Vec<u8>,
    /// What takes the replies.
    pub(super) answer: Box<dyn Answer>,
}

/// Why a stream can no longer be used.
#[derive(Clone, Debug)]
pub(super) struct Lost(Error);

impl Lost {
    /// The error for a request that was not answered.
    pub(super) fn about(&self, command: &str) -> Error {
        self.0.clone().of_command(command)
    }
}

/// A stream with the requests that wait for their replies.
pub(super) struct Driver {
    stream: Box<dyn Socket>,
    queue: UnboundedReceiver<Call>,
    reader: Reader,
    waiting: VecDeque<Box<dyn Answer>>,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    is_flushed: bool,
}

impl Driver {
    pub(super) fn new(stream: Box<dyn Socket>, queue: UnboundedReceiver<Call>) -> Self {
        Self {
            stream,
            queue,
            reader: Reader::default(),
            waiting: VecDeque::new(),
            out: Vec::new(),
            written: 0,
            is_flushed: true,
        }
    }

    /// Runs until the stream ends. Everything that was not answered by then is told why.
    pub(super) async fn run(mut self) {
        let lost = Lost(poll_fn(|context| self.poll(context)).await);
        self.queue.close();
        for answer in self.waiting {
            answer.lose(&lost);
        }
        while let Some(call) = self.queue.recv().await {
            call.answer.lose(&lost);
        }
    }

    /// Sends and receives what can be; ready when the stream has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            let is_awaited = self.take_calls(context);
            // What the server said before it closed may be there to read although nothing can be written.
            let written = self.poll_write(context);
            if let Poll::Ready(error) = self.poll_read(context) {
                return Poll::Ready(error);
            }
            match written {
                Poll::Ready(Err(error)) => return Poll::Ready(Error::from_io("", &error)),
                // There is room again, so that the queue is asked: whoever hands over the next call wakes nobody else.
                Poll::Ready(Ok(())) if !is_awaited => {}
                _ => return Poll::Pending,
            }
        }
    }

    /// Takes what waits in the queue, as far as there is room. Whether the queue is empty, and the next call awaited.
    fn take_calls(&mut self, context: &mut Context<'_>) -> bool {
        while self.out.len() < OUT_BYTES {
            let Poll::Ready(Some(call)) = self.queue.poll_recv(context) else {
                return true;
            };
            self.out.extend_from_slice(&call.bytes);
            self.waiting.push_back(call.answer);
        }
        false
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
            self.is_flushed = false;
        }
        if !self.is_flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_flushed = true;
        }
        if self.out.capacity() > OUT_BYTES * 2 {
            self.out = Vec::new();
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Hands over the replies that have arrived; ready when none can follow.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            match ready!(self.reader.poll_arrival(&mut self.stream, context)) {
                Ok(0) => return Poll::Ready(Error::new(ErrorKind::Closed, "", CLOSED)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Error::from_io("", &error)),
            }
            loop {
                match self.reader.has_reply("") {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => return Poll::Ready(error),
                }
                let Some(answer) = self.waiting.front_mut() else {
                    let unasked = Error::shape("", "no reply to what was not asked");
                    return Poll::Ready(unasked);
                };
                if answer.take(self.reader.take()) {
                    self.waiting.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::{mpsc, oneshot};
    use tokio::time::timeout;

    use super::*;

    /// Tells that its reply came.
    struct Told(Option<oneshot::Sender<()>>);

    impl Answer for Told {
        fn take(&mut self, _: Reply<'_>) -> bool {
            let _ = self.0.take().map(|it| it.send(()));
            true
        }

        fn lose(self: Box<Self>, _: &Lost) {}
    }

    fn call(bytes: usize) -> (Call, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let call = Call {
            bytes: vec![b'x'; bytes],
            answer: Box::new(Told(Some(sender))),
        };
        (call, receiver)
    }

    /// The reply to a large request is there when the last of it is written: the next request is sent all the same.
    #[tokio::test]
    async fn a_call_after_one_that_filled_the_buffer_is_sent() {
        const HELD: usize = 64 << 10;
        let (ours, mut server) = duplex(HELD);
        let (queue, calls) = mpsc::unbounded_channel();
        tokio::spawn(Driver::new(Box::new(ours), calls).run());
        let large = OUT_BYTES + HELD / 2;
        let (first, mut answered) = call(large);
        let _ = queue.send(first);
        let mut read = vec![0; HELD];
        let mut left = large;
        while left > HELD + HELD / 2 {
            left -= server.read(&mut read).await.unwrap();
        }
        // Without a pause between them, so that the driver finds both at once.
        tokio::task::yield_now().await;
        server.write_all(b"+OK\r\n").await.unwrap();
        left -= server.read(&mut read).await.unwrap();
        assert!((1..=HELD).contains(&left), "{left} are left");
        tokio::task::yield_now().await;
        assert!(answered.try_recv().is_ok(), "the first is answered");
        server.read_exact(&mut read[..left]).await.unwrap();
        let (second, _) = call(9);
        let _ = queue.send(second);
        let sent = timeout(Duration::from_secs(5), server.read(&mut read)).await;
        assert_eq!(sent.expect("the second is sent").unwrap(), 9);
    }
}
