//! Tests of the harness itself, with victims that do not do as they should.

use std::time::Duration;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::{Futex, Shared};

use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::sweep::{Effort, Reach, sweep};
use crate::suite::tracer::traced;
use crate::suite::trial::{Outcome, Point, Target, run};

pub const ALL: &[(&str, fn())] = &[
    ("kill_harness::every_instruction_has_its_death", every_instruction_has_its_death),
    ("kill_harness::beyond_the_end_is_the_end", beyond_the_end_is_the_end),
    ("kill_harness::a_leap_comes_where_steps_come", a_leap_comes_where_steps_come),
    ("kill_harness::a_loop_is_left", a_loop_is_left),
    ("kill_harness::a_sleep_without_end_is_left", a_sleep_without_end_is_left),
    ("kill_harness::a_sleeper_can_be_killed_and_woken", a_sleeper_can_be_killed_and_woken),
    ("kill_harness::a_victim_that_ends_by_itself_is_told_of", a_victim_that_ends_by_itself_is_told_of),
    ("kill_harness::a_survivor_that_waits_for_ever_is_stranded", a_survivor_that_waits_for_ever_is_stranded),
    ("kill_harness::a_path_that_is_not_reached_is_wrong", a_path_that_is_not_reached_is_wrong),
];

/// A word, and what is done with it.
struct Script {
    word: InSegment<AtomicU64>,
    victim: fn(&AtomicU64),
    check: fn(&AtomicU64, Death),
}

impl Script {
    fn new(victim: fn(&AtomicU64), check: fn(&AtomicU64, Death)) -> Script {
        Script { word: InSegment::new(AtomicU64::new(0)), victim, check }
    }

    fn killed(&self, point: Point) -> Result<Outcome, String> {
        run(self, &[Target::stepping(point)])
    }
}

impl Scene for Script {
    fn victim(&self) {
        (self.victim)(self.word.get());
    }

    fn check(&self, death: Death) -> Found {
        (self.check)(self.word.get(), death);
        Found::Whole
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(300)
    }
}

fn count(word: &AtomicU64) {
    // ORDERING: Relaxed, here and below: the kernel orders a death and whoever looks at it.
    traced(|| (0..3).for_each(|_| _ = word.fetch_add(1, Ordering::Relaxed)));
}

fn anything(_: &AtomicU64, _: Death) {}

/// What the word holds after each death: it never goes back, starts with nothing done and ends with all.
fn every_instruction_has_its_death() {
    let whole = Script::new(count, anything).killed(Point::End).unwrap().walk;
    assert!(whole.complete && whole.steps.len() >= 3, "{whole:?}");
    let mut before = 0;
    for n in 0..whole.steps.len() {
        let script = Script::new(count, |_, death| assert!(!death.complete));
        let died = script.killed(Point::After(n)).unwrap();
        assert_eq!((&died.walk.steps[..], died.walk.complete), (&whole.steps[..=n], false));
        died.verdict.unwrap();
        let now = script.word.get().load(Ordering::Relaxed);
        assert!((before..=before + 1).contains(&now), "{before} and then {now} after {n}");
        assert!(n > 0 || now == 0);
        before = now;
    }
    assert!(before >= 2, "{before}");
}

fn beyond_the_end_is_the_end() {
    let script =
        Script::new(count, |word, death| assert!(death.complete && word.load(Ordering::Relaxed) == 3));
    let died = script.killed(Point::After(10_000)).unwrap();
    assert!(died.walk.complete);
    died.verdict.unwrap();
}

/// Running to a place by itself, and stepping the rest, leaves the same as stepping all the way.
fn a_leap_comes_where_steps_come() {
    let whole = Script::new(count, anything).killed(Point::End).unwrap().walk;
    for n in 2..whole.steps.len() {
        let by_steps = Script::new(count, anything);
        by_steps.killed(Point::After(n)).unwrap();
        let Some(new) = (1..=n).rev().find(|&new| !whole.steps[..new].contains(&whole.steps[new])) else {
            continue;
        };
        let by_leap = Script::new(count, anything);
        let target = Target { point: Point::After(n), leap: Some(whole.steps[new]), steps: n - new };
        let died = run(&by_leap, &[target]).unwrap();
        assert_eq!(died.walk.steps.last(), Some(&whole.steps[n]));
        let of = |script: &Script| script.word.get().load(Ordering::Relaxed);
        assert_eq!(of(&by_leap), of(&by_steps), "after {n}");
    }
}

fn a_loop_is_left() {
    let script = Script::new(|word| traced(|| while word.load(Ordering::Relaxed) == 0 {}), anything);
    let error = script.killed(Point::End).unwrap_err();
    assert!(error.contains("no end within"), "{error}");
}

fn a_sleep_without_end_is_left() {
    let script = Script::new(|_| traced(|| drop(std::io::Read::read(&mut silence(), &mut [0]))), anything);
    let error = script.killed(Point::End).unwrap_err();
    assert!(error.contains("sleeps for ever"), "{error}");
}

/// A pipe that nobody writes to, and nobody closes.
fn silence() -> std::io::PipeReader {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    core::mem::forget(writer);
    reader
}

/// Sleeps until the cue; a death in the sleep comes before it.
struct Sleeping(InSegment<Futex<Shared>>);

impl Scene for Sleeping {
    fn bystanders(&self) -> usize {
        1
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        cue.ready();
        cue.wait();
        self.0.get().word().store(1, Ordering::Release);
        self.0.get().wake_all();
    }

    fn victim(&self) {
        traced(|| {
            while self.0.get().word().load(Ordering::Acquire) == 0 {
                self.0.get().wait(0, None);
            }
        });
    }

    fn check(&self, _: Death) -> Found {
        assert_eq!(self.0.get().word().load(Ordering::Acquire), 1, "the bystander has come to its end");
        Found::Repaired
    }
}

fn a_sleeper_can_be_killed_and_woken() {
    let scene = || Sleeping(InSegment::new(Futex::new_in(0)));
    let whole = run(&scene(), &[Target::stepping(Point::End)]).unwrap().walk;
    assert!(whole.complete && !whole.sleeps.is_empty(), "{whole:?}");
    let died = run(&scene(), &[Target::stepping(Point::Asleep(whole.sleeps[0]))]).unwrap();
    assert!(!died.walk.complete);
    assert_eq!(died.verdict.unwrap().1, Found::Repaired);
}

fn a_victim_that_ends_by_itself_is_told_of() {
    let ends = |victim: fn(&AtomicU64), words: &str| {
        let error = Script::new(victim, anything).killed(Point::End).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    ends(|_| traced(|| panic!("on purpose")), "panicked after");
    ends(|_| traced(|| std::process::exit(7)), "exited with 7");
    ends(|_| traced(|| std::process::abort()), "signal 6");
    ends(|_| panic!("too early"), "panicked before its operation: ");
    let died = Script::new(count, |_, _| panic!("as expected")).killed(Point::End).unwrap();
    assert!(died.verdict.unwrap_err().contains("as expected"));
}

fn a_survivor_that_waits_for_ever_is_stranded() {
    let waits = |word: &AtomicU64, _| while word.load(Ordering::Relaxed) == 3 {};
    let died = Script::new(count, waits).killed(Point::End).unwrap();
    assert_eq!(died.verdict.unwrap_err(), "the survivor is stranded");
}

/// Says that it is contended, and is not.
struct Boaster;

impl Operation for Boaster {
    fn name(&self) -> &'static str {
        "kill_harness::boaster"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        Box::new(Script::new(count, anything))
    }
}

fn a_path_that_is_not_reached_is_wrong() {
    let sweeps = sweep(&Boaster, Effort { most: usize::MAX, first: 1, scan: 1, findings: 1 });
    assert!(sweeps[0].failures.is_empty() && sweeps[0].reach == Reach::Every && sweeps[0].astray == 0);
    assert_eq!(sweeps[0].kills, sweeps[0].instructions + 1);
    assert!(sweeps[1].failures[0].message.contains("is not reached"), "{:?}", sweeps[1]);
}
