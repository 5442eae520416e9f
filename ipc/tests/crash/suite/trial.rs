//! One death and what comes of it.

use std::time::{Duration, Instant};

use libc::pid_t;

use crate::suite::operation::{Death, Found, Scene};
use crate::suite::process;
use crate::suite::slate::{BYSTANDERS, Cue, Slate};
use crate::suite::tracer::{Stop, Victim};

/// More instructions than any operation has: what runs longer is in a loop.
pub const MOST: usize = 100_000;
/// No process takes so long to come to where it ought to be.
const PLACES: Duration = Duration::from_secs(10);

/// Where a victim is to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// After so many instructions, before the next one.
    After(usize),
    /// Asleep in the system call that follows so many instructions.
    Asleep(usize),
    /// When the operation is over.
    End,
}

/// The way that a victim came.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The addresses of its instructions; the last was not run unless the operation is complete.
    pub steps: Vec<usize>,
    /// After how many instructions it slept.
    pub sleeps: Vec<usize>,
    /// Whether it came to the end.
    pub complete: bool,
}

/// How a victim comes to a point.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub point: Point,
    /// A place that it runs to by itself, when it comes there first; none if it is where it begins.
    pub leap: Option<usize>,
    /// Steps from there.
    pub steps: usize,
}

impl Target {
    /// Step by step from the first instruction.
    pub fn stepping(point: Point) -> Target {
        let steps = match point {
            Point::After(n) | Point::Asleep(n) => n,
            Point::End => usize::MAX,
        };
        Target { point, leap: None, steps }
    }
}

/// What came of a death.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The way that the last victim came, from where it was first made to step.
    pub walk: Walk,
    /// How long the survivor took, and what it met; or what went wrong.
    pub verdict: Result<(Duration, Found), String>,
}

/// Has victims die in `scene`, one after another, each at its target, and a survivor look at what is left.
///
/// # Errors
///
/// The victim itself, or a bystander, did not do as it was told.
pub fn run(scene: &dyn Scene, targets: &[Target]) -> Result<Outcome, String> {
    let slate = Slate::get();
    slate.clear();
    let mut others = Others { pids: Vec::new() };
    for n in 0..scene.bystanders() {
        assert!(n < BYSTANDERS, "so many bystanders are not provided for");
        others.start(scene, n)?;
    }
    let mut walk = Walk::default();
    for target in targets {
        walk = die(scene, *target, &others)?;
    }
    scene.after();
    slate.give_cue();
    let verdict = others.end(scene.limit()).and_then(|()| survive(scene, walk.complete));
    Ok(Outcome { walk, verdict })
}

/// Walks a victim to its target, and kills it there.
fn die(scene: &dyn Scene, target: Target, others: &Others) -> Result<Walk, String> {
    let found = scene.found();
    let started = match found {
        Some(pid) => Victim::seize(pid, || scene.go(), PLACES),
        None => Victim::start(|| scene.victim(), PLACES),
    };
    let (victim, stop) = started.map_err(|error| error.to_string())?;
    let Stop::Before(start) = stop else { return Err(blame("before its operation", stop)) };
    // Whatever it did before may have set them going.
    others.settle()?;
    let mut walker =
        Walker { victim, limit: scene.limit(), ends_asleep: found.is_some(), walk: Walk::default() };
    walker.walk(start, target)?;
    walker.victim.kill();
    Ok(walker.walk)
}

struct Walker {
    victim: Victim,
    /// How long it may sleep.
    limit: Duration,
    /// Whether a sleep is its operation's end.
    ends_asleep: bool,
    walk: Walk,
}

impl Walker {
    fn walk(&mut self, start: usize, target: Target) -> Result<(), String> {
        let mut at = start;
        if let Some(place) = target.leap {
            let stop = self.victim.leap(place).map_err(|error| error.to_string())?;
            let Some(next) = self.awake(stop)? else { return Ok(()) };
            at = next;
        }
        for done in 0.. {
            self.walk.steps.push(at);
            let there = done == target.steps;
            if there && !matches!(target.point, Point::Asleep(_)) {
                break;
            }
            if done == MOST {
                return Err(format!("no end within {MOST} instructions"));
            }
            let stop = self.victim.step(at).map_err(|error| error.to_string())?;
            if there && stop != Stop::Asleep {
                // This time it did not sleep.
                break;
            }
            if stop == Stop::Asleep {
                self.walk.sleeps.push(done);
            }
            if there {
                break;
            }
            let Some(next) = self.awake(stop)? else { break };
            at = next;
        }
        Ok(())
    }

    /// The next instruction, once it does not sleep any more; `None` if the operation is complete.
    fn awake(&mut self, mut stop: Stop) -> Result<Option<usize>, String> {
        let place = format!("after {} instructions", self.walk.steps.len());
        if stop == Stop::Asleep && self.ends_asleep {
            stop = Stop::Complete;
        }
        if stop == Stop::Asleep {
            Slate::get().give_cue();
            let woken = self.victim.resume(self.limit).map_err(|error| error.to_string())?;
            stop = woken.ok_or_else(|| format!("it sleeps for ever {place}"))?;
        }
        match stop {
            Stop::Before(next) => Ok(Some(next)),
            Stop::Complete => {
                self.walk.complete = true;
                Ok(None)
            }
            stop => Err(blame(&place, stop)),
        }
    }
}

/// What to say of a victim that came to an end by itself.
fn blame(place: &str, stop: Stop) -> String {
    let said = Slate::get().said();
    match stop {
        Stop::Exited(process::EXIT_PANICKED) => format!("the victim panicked {place}: {said}"),
        Stop::Exited(code) => format!("the victim exited with {code} {place}"),
        Stop::Signalled(signal) => format!("the victim got signal {signal} {place}"),
        Stop::Asleep => format!("the victim sleeps {place}"),
        Stop::Before(_) | Stop::Complete => format!("the victim stopped {place}"),
    }
}

/// Has a survivor look.
fn survive(scene: &dyn Scene, complete: bool) -> Result<(Duration, Found), String> {
    let slate = Slate::get();
    let survivor = process::fork(|| {
        let start = Instant::now();
        let found = scene.check(Death { complete });
        slate.conclude(found == Found::Repaired, start.elapsed());
    });
    let survivor = survivor.map_err(|error| error.to_string())?;
    await_end(survivor, "the survivor", scene.limit())?;
    let found = if slate.recovered() { Found::Repaired } else { Found::Whole };
    Ok((slate.took(), found))
}

/// Waits until a process ends well.
fn await_end(pid: pid_t, who: &str, limit: Duration) -> Result<(), String> {
    let status = process::patiently(limit, |look| process::wait(pid, Some(look)).transpose())
        .transpose()
        .map_err(|error| error.to_string())?;
    match status {
        Some(status) if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 => Ok(()),
        Some(status) if libc::WIFEXITED(status) => Err(format!("{who}: {}", Slate::get().said())),
        Some(status) => Err(format!("{who} got signal {}", libc::WTERMSIG(status))),
        None => {
            process::kill(pid);
            process::reap(pid);
            Err(format!("{who} is stranded"))
        }
    }
}

/// The bystanders of a trial. Dropping them kills those that are left.
struct Others {
    pids: Vec<pid_t>,
}

impl Others {
    /// Starts one, and waits until it sleeps where it ought to be.
    fn start(&mut self, scene: &dyn Scene, n: usize) -> Result<(), String> {
        let pid = process::fork(|| scene.bystander(n, &Cue::new(n))).map_err(|error| error.to_string())?;
        self.pids.push(pid);
        eventually(|| Slate::get().is_ready(n) && process::is_asleep(pid))
            .ok_or_else(|| format!("bystander {n} is not ready: {}", Slate::get().said()))
    }

    /// Waits until all sleep.
    fn settle(&self) -> Result<(), String> {
        let asleep = || self.pids.iter().all(|&pid| process::is_asleep(pid) || process::has_ended(pid));
        eventually(asleep).ok_or_else(|| "the bystanders do not come to rest".to_owned())
    }

    fn end(&mut self, limit: Duration) -> Result<(), String> {
        let mut ended = Ok(());
        for (n, pid) in self.pids.drain(..).enumerate() {
            ended = ended.and(await_end(pid, &format!("bystander {n}"), limit));
        }
        ended
    }
}

/// Waits until `holds` does; none if it takes too long.
fn eventually(holds: impl Fn() -> bool) -> Option<()> {
    process::patiently(PLACES, |look| {
        while Instant::now() < look {
            if holds() {
                return Some(());
            }
            process::nap();
        }
        None
    })
}

impl Drop for Others {
    fn drop(&mut self) {
        for pid in self.pids.drain(..) {
            process::kill(pid);
            process::reap(pid);
        }
    }
}
