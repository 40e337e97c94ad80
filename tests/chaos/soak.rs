//! The long run: publishers, workers and every fault at once, then rest, then the equations.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use crate::faults::{Fault, Injector};
use crate::fleet::Job;
use crate::history::{Attempt, History, Outcome, Rules, Said, Work};
use crate::message::Plan;
use crate::publisher::{Order, Publisher};
use crate::rng::Rng;
use crate::support::{directory, program};
use crate::world::World;

/// How long the short run breaks things.
const SHORT: Duration = Duration::from_mins(1);
/// How long the workers may take to come to rest after a long one: a slow machine is behind by then.
const LONG_PATIENCE: Duration = Duration::from_mins(5);
/// Messages of a minute.
const HANDLED_A_MINUTE: f64 = 3600.0;
const COPIED_A_MINUTE: f64 = 17_400.0;
const DECIDED_A_MINUTE: f64 = 300.0;
const NOTED_A_MINUTE: f64 = 90.0;

fn jobs() -> Vec<Job> {
    vec![
        Job::new("jobs", "handle", Work::Handler, 3),
        Job::new("jobs", "mirror", Work::Copies, 1),
        Job::new("jobs", "pipe", Work::Copies, 2).piped(),
        Job::new("events", "copy", Work::Copies, 2),
        Job::new("events", "count", Work::Counts, 1),
        Job::new("merges", "decide", Work::Handler, 2).one_active(),
    ]
}

/// A seed from the environment, or of this moment.
pub fn seed() -> u64 {
    match env::var("CHAOS_SEED") {
        Ok(text) if !text.is_empty() => text.parse().expect("CHAOS_SEED is a number"),
        _ => crate::ledger::now_ms(),
    }
}

#[test]
fn nothing_is_lost_invented_or_repeated_in_a_minute_of_faults() {
    soak(jobs(), SHORT, seed(), 30, 2);
}

/// The programs of the manual's page on handlers, in the same faults: those of `--pipe` copy, and die with their workers
/// and their answers with connections; those of `--exec` are started for each of some messages, and write down what they did.
#[test]
#[ignore = "a soak: a minute of faults for the programs of the manual"]
fn the_programs_of_the_manual_survive_a_minute_of_faults() {
    let home = directory();
    let mut jobs = jobs();
    let mut logs = Vec::new();
    let languages = [
        ("Python", "python", "python-exec"),
        ("Node", "node", "node-exec"),
        ("Shell", "shell", "shell-exec"),
    ];
    for (language, piped, started) in languages {
        let path = home.path().join(piped);
        program(&path, &on_page(&format!("{language}, --pipe")));
        let job = Job::new("jobs", piped, Work::Copies, 1);
        let words = vec![path.to_str().unwrap().to_owned(), job.output()];
        jobs.push(job.piped_by(words));

        let path = home.path().join(started);
        let log = path.with_extension("log");
        let code = on_page(&format!("{language}, --exec"));
        program(&path, &code.replace("handled.log", log.to_str().unwrap()));
        let job = Job::new("notes", started, Work::Handler, 1);
        jobs.push(job.handled_by(path.to_str().unwrap().to_owned()));
        logs.push((started, log));
    }
    let history = soak(jobs, SHORT, seed(), 30, 2);
    for (group, log) in logs {
        let text = fs::read_to_string(&log).unwrap();
        let ids = text.lines().map(|line| line.split(' ').next().unwrap());
        let written: BTreeSet<&str> = ids.collect();
        let of_group = history.attempts.iter().filter(|it| it.group == group);
        let (started, done): (Vec<_>, Vec<_>) = of_group.partition(|it| it.said == Said::Start);
        let ids = |of: &[&Attempt]| of.iter().map(|it| it.id.clone()).collect::<BTreeSet<_>>();
        let (started, done) = (ids(&started), ids(&done));
        println!("{group}: {} written, {} done", written.len(), done.len());
        assert!(done.len() >= 50, "{group} handled {} messages", done.len());
        let missing = done.iter().find(|id| !written.contains(id.as_str()));
        assert_eq!(missing, None, "{group} says so, and it is not written");
        let invented = written.iter().find(|id| !started.contains(**id));
        assert_eq!(invented, None, "{group} wrote what it was never given");
    }
}

/// The program below a heading of the page. What these messages have is a key.
fn on_page(heading: &str) -> String {
    const PAGE: &str = include_str!("../../src/commands/man/handlers.md");
    let (_, section) = PAGE.split_once(&format!("## {heading}\n")).unwrap();
    let code = section.split("```").nth(1).unwrap();
    let (_, code) = code.split_once('\n').unwrap();
    code.replace("event_type", "key")
}

#[test]
#[ignore = "the long run: make chaos"]
fn long_run() {
    let seconds = env::var("CHAOS_SECONDS").map_or(1800, |text| text.parse::<u32>().unwrap());
    let least = seconds / 120;
    soak(
        jobs(),
        Duration::from_secs(seconds.into()),
        seed(),
        seconds as usize / 2,
        least as usize,
    );
}

fn soak(
    jobs: Vec<Job>,
    duration: Duration,
    seed: u64,
    faults_min: usize,
    each_min: usize,
) -> History {
    println!("chaos: seed {seed}, {duration:?} (CHAOS_SEED={seed} plans it again)");
    let rng = Rng::new(seed);
    let mut world = World::new(jobs);
    world.log.note(&format!("seed {seed}"));
    world.start_fleet();
    let started = Instant::now();
    let publishers = publishers(&world, duration, &rng);
    let mut injector = Injector::new(rng.fork("faults"));
    if duration > SHORT {
        injector = injector.with_long_absences();
        world.patience = LONG_PATIENCE;
    }
    let is_over = |publishers: &[Publisher]| {
        started.elapsed() >= duration
            && (publishers.iter().all(Publisher::is_finished)
                || started.elapsed() > duration * 3 / 2)
    };
    while !is_over(&publishers) {
        let pause = injector.draw_pause(200, 1000);
        injector.pause(&mut world, pause);
        injector.strike(&mut world);
    }
    injector.heal_all(&mut world);
    let stored: usize = publishers.into_iter().map(Publisher::stop).sum();
    world.log.note("all is well");
    let healed = Instant::now();
    let (history, verdict) = world.judge(Rules::default());
    let rest = healed.elapsed();
    println!("{}", figures(&world, &history, &verdict.duplicates, rest));
    world.demand_good(&verdict);
    let wanted = if duration == SHORT { 20_000 } else { 0 };
    assert!(stored >= wanted, "only {stored} messages");
    demand_faults(&mut world, &history, faults_min, each_min);
    history
}

fn publishers(world: &World, duration: Duration, rng: &Rng) -> Vec<Publisher> {
    let minutes = duration.as_secs_f64() / 60.0;
    [
        ("jobs", HANDLED_A_MINUTE, true),
        ("events", COPIED_A_MINUTE, false),
        ("merges", DECIDED_A_MINUTE, true),
        ("notes", NOTED_A_MINUTE, false),
    ]
    .into_iter()
    .filter(|(stream, ..)| world.streams().contains(stream))
    .map(|(stream, a_minute, is_mixed)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of messages"
        )]
        let order = Order {
            stream: stream.to_owned(),
            count: (a_minute * minutes) as usize,
            per_second: a_minute / 60.0,
            is_mixed,
        };
        Publisher::start(world.path(), world.server.socket(), order, rng.fork(stream))
    })
    .collect()
}

/// Faults of the messages themselves that came to pass: attempts of each plan.
fn attempts_by_plan(history: &History) -> BTreeMap<String, usize> {
    let plans: BTreeMap<_, _> = history
        .published
        .iter()
        .map(|it| (it.key.as_str(), it.plan))
        .collect();
    let mut counts = BTreeMap::new();
    for attempt in history.attempts.iter().filter(|it| it.said == Said::Start) {
        if let Some(plan) = plans
            .get(attempt.key.as_str())
            .filter(|it| **it != Plan::Plain)
        {
            *counts.entry(plan.to_string()).or_default() += 1;
        }
    }
    counts
}

fn figures(
    world: &World,
    history: &History,
    duplicates: &BTreeMap<String, usize>,
    rest: Duration,
) -> String {
    let of = |outcome: fn(&Outcome) -> bool| {
        history
            .published
            .iter()
            .filter(|it| outcome(&it.outcome))
            .count()
    };
    let said = |said: Said| history.attempts.iter().filter(|it| it.said == said).count();
    let faults = world.log.effective();
    let mut text = format!(
        "published: {} stored, {} unknown, {} refused; {} faults took effect; at rest {rest:?} after the last\n",
        of(|it| matches!(it, Outcome::Stored(_))),
        of(|it| *it == Outcome::Unknown),
        of(|it| *it == Outcome::Refused),
        faults.values().sum::<usize>(),
    );
    let _ = writeln!(
        text,
        "handlers: {} started, {} done, {} failed; duplicates by what explains them: {duplicates:?}",
        said(Said::Start),
        said(Said::Done),
        said(Said::Fail)
    );
    for group in &history.groups {
        let _ = writeln!(
            text,
            "{}/{}: {} entries, {} copies, {} counted, {} dead letters, {} pending, {} undelivered",
            group.stream,
            group.group,
            history.streams[&group.stream].entries_added,
            group.copies.len(),
            group.counted,
            group.dead.len(),
            group.pending.len(),
            group.undelivered
        );
    }
    let _ = write!(
        text,
        "faults: {faults:?}; attempts by plan: {:?}",
        attempts_by_plan(history)
    );
    text
}

fn demand_faults(world: &mut World, history: &History, faults_min: usize, each_min: usize) {
    let effective = world.log.effective();
    let total: usize = effective.values().sum();
    let mut missing: Vec<String> = Fault::ALL
        .iter()
        .map(|fault| fault.name())
        .filter(|name| effective.get(name).copied().unwrap_or_default() < each_min)
        .map(str::to_owned)
        .collect();
    let plans = attempts_by_plan(history);
    for plan in ["poison", "permanent", "slow", "crash", "kills-worker"] {
        // A run too short for two of each fault need not have drawn every plan.
        if each_min > 0 && plans.get(plan).copied().unwrap_or_default() == 0 {
            missing.push(plan.to_owned());
        }
    }
    if total < faults_min || !missing.is_empty() {
        let kept = world.keep();
        panic!(
            "{total} faults took effect, {faults_min} wanted; too few of {missing:?}; see {}",
            kept.display()
        );
    }
}
