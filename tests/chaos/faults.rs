//! The faults: each is tried in turn in an order drawn from the seed, healed when its time is over, and logged with
//! whether it took effect.

use std::thread;
use std::time::{Duration, Instant};

use crate::events::now;
use crate::history::{Cause, Event};
use crate::ledger::now_ms;
use crate::rng::Rng;
use crate::support::{Client, End, Mode, Reply};
use crate::world::World;

/// How long a worker may take to find out that a connection is dead and to make another: its reply deadline and wait,
/// and the longest pause between tries.
const RECOVERY_MS: u64 = 8000;
/// The same, where the server itself was away: everybody has noticed when it is back.
const NOTICED_MS: u64 = 2000;
/// How soon a worker says something to the server or hears something from it: one that waits for its lease has nothing
/// else to do.
const SWALLOWED_WITHIN: Duration = Duration::from_millis(2500);
/// How many absences of a worker there are to one that costs it the lease of a group with one active worker.
const ABSENCES_TO_A_LONG_ONE: u64 = 6;

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KillWorker,
    StopWorker,
    TermWorker,
    KillServer,
    StopServer,
    DropReplies,
    BlackHole,
    Hold,
    Reset,
    ClientKill,
    ClientPause,
    OutOfMemory,
    Trim,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::KillWorker,
        Self::StopWorker,
        Self::TermWorker,
        Self::KillServer,
        Self::StopServer,
        Self::DropReplies,
        Self::BlackHole,
        Self::Hold,
        Self::Reset,
        Self::ClientKill,
        Self::ClientPause,
        Self::OutOfMemory,
        Self::Trim,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::KillWorker => "kill -9 of a worker",
            Self::StopWorker => "SIGSTOP of a worker",
            Self::TermWorker => "SIGTERM of a worker",
            Self::KillServer => "kill -9 of the server",
            Self::StopServer => "SIGSTOP of the server",
            Self::DropReplies => "replies dropped",
            Self::BlackHole => "black hole",
            Self::Hold => "network held",
            Self::Reset => "connections reset",
            Self::ClientKill => "CLIENT KILL",
            Self::ClientPause => "CLIENT PAUSE",
            Self::OutOfMemory => "out of memory",
            Self::Trim => "trim of what is handled",
        }
    }
}

/// What must be undone, and when.
#[derive(Debug)]
struct Healing {
    due: Instant,
    what: Heal,
}

#[derive(Debug)]
enum Heal {
    /// The worker of this slot goes on.
    Continue(usize),
    /// The network of this slot passes again.
    Release { slot: usize, from_ms: u64 },
}

/// Breaks a world, as drawn from its numbers.
pub struct Injector {
    rng: Rng,
    deck: Vec<Fault>,
    healings: Vec<Healing>,
    /// Whether some absences last longer than the lease of a group with one active worker.
    has_long_ones: bool,
}

impl Injector {
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            deck: Vec::new(),
            healings: Vec::new(),
            has_long_ones: false,
        }
    }

    /// The same, with absences that outlast every lease among them: a run of a minute has no time for those.
    pub fn with_long_absences(mut self) -> Self {
        self.has_long_ones = true;
        self
    }

    /// The next fault.
    pub fn strike(&mut self, world: &mut World) {
        if self.deck.is_empty() {
            self.deck = Fault::ALL.to_vec();
            self.rng.shuffle(&mut self.deck);
        }
        let Some(fault) = self.deck.pop() else { return };
        let (took_effect, detail) = self.inject(fault, world);
        world.log.fault(fault.name(), took_effect, &detail);
    }

    /// Waits for `pause`, healing what is due and replacing workers that ended.
    pub fn pause(&mut self, world: &mut World, pause: Duration) {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            self.heal(world, Instant::now());
            world.fleet().tend();
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A pause of so many milliseconds.
    pub fn draw_pause(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.rng.between(from_ms, to_ms))
    }

    /// How long a worker is away.
    fn draw_absence(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        if self.has_long_ones && self.rng.between(0, ABSENCES_TO_A_LONG_ONE) == 0 {
            return self.draw_pause(16_000, 25_000);
        }
        self.draw_pause(from_ms, to_ms)
    }

    /// Undoes everything.
    pub fn heal_all(&mut self, world: &mut World) {
        let far = Instant::now() + Duration::from_hours(1);
        self.heal(world, far);
    }

    fn heal(&mut self, world: &mut World, now_is: Instant) {
        let due: Vec<Healing> = self
            .healings
            .extract_if(.., |it| it.due <= now_is)
            .collect();
        for healing in due {
            match healing.what {
                Heal::Continue(slot) => world.fleet().go_on(slot),
                Heal::Release { slot, from_ms } => {
                    world.fleet().slots[slot].proxy.set(Mode::Pass);
                    absence(world, "network held", Some(slot), from_ms, 500);
                }
            }
        }
    }

    fn inject(&mut self, fault: Fault, world: &mut World) -> (bool, String) {
        match fault {
            Fault::KillWorker => self.on_slot(world, |world, slot| world.fleet().kill(slot)),
            Fault::TermWorker => self.on_slot(world, |world, slot| world.fleet().term(slot)),
            Fault::StopWorker => self.stop_worker(world),
            Fault::KillServer => self.kill_server(world),
            Fault::StopServer => self.stop_server(world),
            Fault::DropReplies => self.swallow(world, Mode::DropReplies),
            Fault::BlackHole => self.swallow(world, Mode::BlackHole),
            Fault::Hold => self.hold(world),
            Fault::Reset => self.on_slot(world, |world, slot| {
                let pid = world.fleet().slots[slot].pid();
                world.log.event(now("connections reset", Cause::Blip, pid));
                world.fleet().slots[slot].proxy.end_all(End::Reset) > 0
            }),
            Fault::ClientKill => {
                world.log.event(now("CLIENT KILL", Cause::Blip, None));
                let killed = world
                    .server
                    .redis(&["CLIENT", "KILL", "TYPE", "normal"])
                    .int();
                (killed > 0, format!("{killed} connections"))
            }
            Fault::ClientPause => self.client_pause(world),
            Fault::OutOfMemory => self.out_of_memory(world),
            Fault::Trim => trim(world),
        }
    }

    /// Does something to a worker that is neither stopped nor held.
    fn on_slot(
        &mut self,
        world: &mut World,
        act: impl FnOnce(&mut World, usize) -> bool,
    ) -> (bool, String) {
        let Some(slot) = self.slot(world) else {
            return (false, "nobody is well".to_owned());
        };
        let pid = world.fleet().slots[slot].pid();
        (act(world, slot), format!("slot {slot}, worker {pid:?}"))
    }

    fn slot(&mut self, world: &mut World) -> Option<usize> {
        let is_held = |slot: &usize| {
            self.healings
                .iter()
                .any(|it| matches!(&it.what, Heal::Release { slot: held, .. } if held == slot))
        };
        let slots = &world.fleet().slots;
        let well: Vec<usize> = (0..slots.len())
            .filter(|slot| !slots[*slot].is_stopped() && !is_held(slot))
            .collect();
        self.rng.pick(&well).copied()
    }

    fn stop_worker(&mut self, world: &mut World) -> (bool, String) {
        let Some(slot) = self.slot(world) else {
            return (false, "nobody is well".to_owned());
        };
        let stopped = world.fleet().stop(slot);
        // Half of them for longer than the claim idle time.
        let pause = self.draw_absence(1000, 5500);
        self.healings.push(Healing {
            due: Instant::now() + pause,
            what: Heal::Continue(slot),
        });
        (stopped, format!("slot {slot} for {pause:?}"))
    }

    fn kill_server(&mut self, world: &mut World) -> (bool, String) {
        let (from_ms, pid) = (now_ms(), world.server.inner().pid());
        world.server.kill();
        let pause = self.draw_pause(0, 800);
        self.pause(world, pause);
        world.server.restart();
        absence(world, "kill -9 of the server", None, from_ms, NOTICED_MS);
        let is_another = world.server.inner().pid() != pid;
        (is_another, format!("gone for {pause:?}"))
    }

    fn stop_server(&mut self, world: &mut World) -> (bool, String) {
        let from_ms = now_ms();
        let pause = self.draw_pause(300, 2500);
        world.server.pause();
        let is_silent = Client::try_connect(world.server.socket()).is_ok_and(|mut client| {
            client.try_write(&[["PING"]]).is_ok() && {
                self.pause(world, pause);
                client.set_patience(Duration::from_millis(1));
                client.try_reply().is_err()
            }
        });
        world.server.resume();
        absence(world, "SIGSTOP of the server", None, from_ms, NOTICED_MS);
        (is_silent, format!("for {pause:?}"))
    }

    /// The connections of a worker lead nowhere from now on; it has to find out.
    fn swallow(&mut self, world: &mut World, mode: Mode) -> (bool, String) {
        let Some(slot) = self.slot(world) else {
            return (false, "nobody is well".to_owned());
        };
        let from_ms = now_ms();
        let before = world.fleet().slots[slot].proxy.counts().swallowed;
        world.fleet().slots[slot].proxy.set_present(mode);
        absence(
            world,
            &format!("{mode:?}"),
            Some(slot),
            from_ms,
            RECOVERY_MS,
        );
        let deadline = Instant::now() + SWALLOWED_WITHIN;
        let mut swallowed = 0;
        while swallowed == 0 && Instant::now() < deadline {
            self.pause(world, Duration::from_millis(100));
            swallowed = world.fleet().slots[slot].proxy.counts().swallowed - before;
        }
        (swallowed > 0, format!("slot {slot}, {swallowed} bytes"))
    }

    /// Nothing moves for a while, and then all of it does.
    fn hold(&mut self, world: &mut World) -> (bool, String) {
        let Some(slot) = self.slot(world) else {
            return (false, "nobody is well".to_owned());
        };
        let pause = self.draw_absence(500, 5000);
        let from_ms = now_ms();
        world.fleet().slots[slot].proxy.set(Mode::Hold);
        let before = world.fleet().slots[slot].proxy.counts().replies;
        self.pause(world, Duration::from_millis(400));
        let after = world.fleet().slots[slot].proxy.counts().replies;
        self.healings.push(Healing {
            due: Instant::now() + pause,
            what: Heal::Release { slot, from_ms },
        });
        (before == after, format!("slot {slot} for {pause:?}"))
    }

    fn client_pause(&mut self, world: &mut World) -> (bool, String) {
        let ms = self.rng.between(300, 1800);
        let from_ms = now_ms();
        world
            .server
            .redis(&["CLIENT", "PAUSE", &ms.to_string(), "ALL"]);
        let asked = Instant::now();
        world.server.redis(&["GET", "nothing"]);
        let waited = asked.elapsed();
        absence(world, "CLIENT PAUSE", None, from_ms, NOTICED_MS);
        let took_effect = waited >= Duration::from_millis(ms / 2);
        (took_effect, format!("{ms} ms, waited {waited:?}"))
    }

    fn out_of_memory(&mut self, world: &mut World) -> (bool, String) {
        let from_ms = now_ms();
        world.server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
        let refused = world.server.try_redis(&["SET", "nothing", "x"]);
        let took_effect = matches!(&refused, Reply::Error(text) if text.starts_with("OOM"));
        let pause = self.draw_pause(500, 2500);
        self.pause(world, pause);
        world.server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
        // Nothing that a handler's worker does needs memory.
        world.log.event(Event {
            from_ms,
            ..now("out of memory", Cause::Blip, None)
        });
        (took_effect, format!("for {pause:?}"))
    }
}

/// An absence of one worker, or of all, from then until now and what recovery may take.
fn absence(world: &mut World, name: &str, slot: Option<usize>, from_ms: u64, recovery_ms: u64) {
    let worker = slot.and_then(|slot| world.fleet().slots[slot].pid());
    world.log.event(Event {
        name: name.to_owned(),
        cause: Cause::Absence,
        from_ms,
        until_ms: now_ms() + recovery_ms,
        worker,
    });
}

/// Trims every stream up to the first entry that any group has not read, or has not acknowledged.
fn trim(world: &World) -> (bool, String) {
    let mut client = world.server.client();
    let mut trimmed = 0;
    for stream in world.streams() {
        let mut bounds = Vec::new();
        for job in world.jobs.iter().filter(|job| job.stream == stream) {
            let replies = client.pipeline(&[
                vec!["MULTI"],
                vec!["XPENDING", stream, job.group],
                vec!["XINFO", "GROUPS", stream],
                vec!["EXEC"],
            ]);
            let [pending, groups] = replies[3].items() else {
                panic!("{replies:?}")
            };
            let group = groups
                .items()
                .iter()
                .find(|it| it.field("name").text() == job.group);
            let read = group.map_or("0-0", |it| it.field("last-delivered-id").text());
            let first = match &pending.items()[1] {
                Reply::Nil => read,
                first => first.text(),
            };
            bounds.push(numbers(first));
        }
        if let Some((ms, seq)) = bounds.into_iter().min() {
            let bound = format!("{ms}-{seq}");
            trimmed += client.send(&["XTRIM", stream, "MINID", "=", &bound]).int();
        }
    }
    (trimmed > 0, format!("{trimmed} entries"))
}

fn numbers(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').expect("an entry id");
    (ms.parse().unwrap(), seq.parse().unwrap())
}
