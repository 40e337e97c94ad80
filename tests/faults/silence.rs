//! A server that is there and does not answer, and a worker that is told twice to end.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::scene::{RECOVERY, Scene};
use crate::support::{BUSY, Invocation, PATIENCE, Proxy, Signal, Spawned, until};

/// Far longer than a second signal may take: what waits for a reply waits for so long.
const TIMEOUT: &str = "40s";
/// What is under way has a second to end when all is to stop, and what is to be told to the server another.
const PROMPT: Duration = Duration::from_secs(2);

/// A scene whose server is to fall silent, a proxy that shows what is asked of it, and a socket on which the worker says
/// that it heard the first signal.
struct Silent {
    scene: Scene,
    proxy: Proxy,
    heard: UnixDatagram,
}

impl Silent {
    fn new() -> Self {
        let scene = Scene::new();
        let proxy = Proxy::before(scene.server.socket());
        let heard = UnixDatagram::bind(scene.path("notify")).unwrap();
        heard.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            scene,
            proxy,
            heard,
        }
    }

    fn worker(&self, flags: &[&str], body: &str) -> Invocation {
        let flags = [&["--claim-idle", "3s"][..], flags].concat();
        self.scene
            .worker_with(&self.proxy.url(), TIMEOUT, &flags, body)
            .env("NOTIFY_SOCKET", self.scene.path("notify"))
    }

    /// The server answers nothing more, and the worker has asked something.
    fn fall_silent(&mut self) {
        self.scene.server.pause();
        let asked = self.proxy.counts().requests;
        until(RECOVERY, "a question without an answer", || {
            self.proxy.counts().requests > asked
        });
    }

    /// Sends the signal, awaits that it was heard, and sends it again; how long the end took.
    fn told_twice(&self, mut worker: Spawned, signal: Signal, code: i32) -> Duration {
        worker.signal(signal);
        let mut said = [0; 64];
        loop {
            let length = self.heard.recv(&mut said).unwrap();
            if said[..length].starts_with(b"STOPPING=1") {
                break;
            }
        }
        assert!(worker.ended().is_none(), "it awaits the server");
        worker.signal(signal);
        let told = Instant::now();
        worker.wait().assert_code(code);
        told.elapsed()
    }
}

const SIGNALS: [(Signal, i32); 2] = [(Signal::TERM, 143), (Signal::INT, 130)];

#[test]
fn row_45_second_signal_while_the_server_is_silent() {
    for (signal, code) in SIGNALS {
        let mut silent = Silent::new();
        silent.scene.publish(1, 6);
        let flags = ["--concurrency", "2", "--batch", "4"];
        let worker = silent.worker(&flags, "sleep 600").spawn();
        silent.scene.await_count("start", 2);
        silent.fall_silent();
        let took = silent.told_twice(worker, signal, code);
        println!("row 45: with handlers at work ended after {took:?}");
        assert!(took < PROMPT + BUSY, "{took:?}");
        silent.scene.server.resume();
        let account = silent.scene.closed_account("45");
        let left = account.pending.len() + account.undelivered.len();
        assert_eq!(
            (account.done.len(), left),
            (0, 6),
            "nothing is acknowledged"
        );
    }
}

#[test]
fn row_45_second_signal_to_an_idle_worker_while_the_server_is_silent() {
    for (signal, code) in SIGNALS {
        let mut silent = Silent::new();
        let worker = silent.worker(&[], "").spawn();
        silent.scene.await_reading();
        silent.fall_silent();
        let took = silent.told_twice(worker, signal, code);
        println!("row 45: idle, ended after {took:?}");
        assert!(took < PROMPT + BUSY, "{took:?}");
    }
}

#[test]
fn row_45_second_signal_to_a_worker_that_starts_while_the_server_is_silent() {
    for (signal, code) in SIGNALS {
        let mut silent = Silent::new();
        silent.scene.server.pause();
        let worker = silent.worker(&["--connect-for", "1m"], "").spawn();
        until(RECOVERY, "its first question", || {
            silent.proxy.counts().requests > 0
        });
        let took = silent.told_twice(worker, signal, code);
        println!("row 45: at its start, ended after {took:?}");
        assert!(took < PROMPT + BUSY, "{took:?}");
    }
}
