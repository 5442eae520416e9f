//! Every death of an operation, one trial each.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::suite::operation::{Found, Operation, Path};
use crate::suite::trial::{self, Outcome, Point, Target, Walk};

/// How many deaths are tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Deaths at most for each path; with more instructions than that only every so many of them is one.
    pub most: usize,
    /// Where two deaths are needed: first ones at most that second ones are tried after at so many places.
    pub first: usize,
    /// Steps at most to find these.
    pub scan: usize,
    /// Findings at most, after which a path is left: each may take as long as somebody is stranded.
    pub findings: usize,
}

/// A path with more instructions than these is in a loop that waits for something; there only so many rounds are of interest.
const LONG: usize = 2_000;
/// Rounds of a loop on such a path.
pub const ROUNDS: usize = 3;

/// What became of one path of an operation.
#[derive(Debug)]
pub struct Sweep {
    pub path: Path,
    /// Instructions from the first to the last.
    pub instructions: usize,
    pub kills: usize,
    /// Deaths that left something which a survivor repaired.
    pub recoveries: usize,
    /// Deaths in a system call that slept.
    pub asleep: usize,
    /// The longest that a survivor took.
    pub slowest: Duration,
    pub failures: Vec<Failure>,
    /// How many of the instructions had their death.
    pub reach: Reach,
    /// Deaths that did not come where they were to be, because the victim went another way than before.
    pub astray: usize,
    /// Processes that take part.
    pub processes: usize,
    pub took: Duration,
}

/// How many of a path's instructions had their death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Every,
    /// But of loops only [`ROUNDS`] rounds.
    Rounds,
    Some,
}

/// A death that something was wrong after.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub point: String,
    /// What was wrong.
    pub message: String,
}

/// Tries all paths of an operation.
pub fn sweep(operation: &dyn Operation, effort: Effort) -> Vec<Sweep> {
    let mut known = HashSet::new();
    operation.paths().iter().map(|&path| of_path(operation, path, effort, &mut known)).collect()
}

fn of_path(operation: &dyn Operation, path: Path, effort: Effort, known: &mut HashSet<usize>) -> Sweep {
    let start = Instant::now();
    let mut sweep = Sweep {
        path,
        instructions: 0,
        kills: 0,
        recoveries: 0,
        asleep: 0,
        slowest: Duration::ZERO,
        failures: Vec::new(),
        reach: Reach::Every,
        astray: 0,
        processes: 0,
        took: Duration::ZERO,
    };
    if let Err(message) = sweep.fill(operation, effort, known) {
        sweep.failures.push(Failure { point: "without a death in between".into(), message });
    }
    if sweep.kills == 0 && sweep.failures.is_empty() {
        sweep.failures.push(Failure { point: "nowhere".into(), message: "nobody died on this path".into() });
    }
    sweep.took = start.elapsed();
    sweep
}

impl Sweep {
    fn fill(
        &mut self,
        operation: &dyn Operation,
        effort: Effort,
        known: &mut HashSet<usize>,
    ) -> Result<(), String> {
        let before = known.len();
        // The deaths before the one that is tried at every instruction.
        let mut firsts = vec![None];
        if self.path.takes_two() {
            firsts = self.firsts(operation, effort, known)?.into_iter().map(Some).collect();
        }
        for first in firsts {
            let with = |target| first.into_iter().chain([target]).collect::<Vec<Target>>();
            let walk = self.try_at(operation, &with(Target::stepping(Point::End)))?;
            self.instructions = self.instructions.max(walk.steps.len());
            known.extend(&walk.steps);
            for target in self.targets(&walk, effort.most) {
                let came = self.try_at(operation, &with(target))?;
                let (Point::After(n) | Point::Asleep(n)) = target.point else { continue };
                self.astray += usize::from(came.steps.last() != Some(&walk.steps[n]));
                if self.failures.len() >= effort.findings {
                    self.reach = Reach::Some;
                    return Ok(());
                }
            }
        }
        // A second death meets what the first one met.
        if known.len() == before && self.path != Path::SecondDeath {
            return Err(format!(
                "the path '{}' is not reached: it comes to no code but that of those before",
                self.path
            ));
        }
        Ok(())
    }

    /// First deaths after which a second victim comes by other code than after any other, new code first.
    fn firsts(
        &mut self,
        operation: &dyn Operation,
        effort: Effort,
        known: &HashSet<usize>,
    ) -> Result<Vec<Target>, String> {
        let walk = self.try_at(operation, &[Target::stepping(Point::End)])?;
        let mut ways = HashSet::new();
        let mut firsts = Vec::new();
        // Each is followed by a walk of about as many steps.
        let scanned = (effort.scan / walk.steps.len().max(1)).clamp(10, 500);
        for first in self.targets(&walk, scanned) {
            let way = self.try_at(operation, &[first, Target::stepping(Point::End)])?.steps;
            let way: BTreeSet<usize> = way.into_iter().collect();
            let familiar = way.iter().all(|at| known.contains(at));
            if ways.insert(way) {
                firsts.push((familiar, first));
            }
        }
        firsts.sort_by_key(|(familiar, _)| *familiar);
        if firsts.len() > effort.first {
            firsts.truncate(effort.first);
            self.reach = Reach::Some;
        }
        Ok(firsts.into_iter().map(|(_, first)| first).collect())
    }

    /// Has victims die at these targets, and notes what became of it.
    fn try_at(&mut self, operation: &dyn Operation, targets: &[Target]) -> Result<Walk, String> {
        let scene = operation.prepare(self.path);
        self.processes = scene.bystanders() + targets.len() + 1;
        let Outcome { walk, verdict } = trial::run(&*scene, targets)?;
        self.kills += targets.len();
        self.asleep += targets.iter().filter(|target| matches!(target.point, Point::Asleep(_))).count();
        match verdict {
            Ok((took, found)) => {
                self.slowest = self.slowest.max(took);
                self.recoveries += usize::from(found == Found::Repaired);
            }
            Err(message) => self.failures.push(Failure { point: in_words(targets, &walk), message }),
        }
        Ok(walk)
    }

    /// Where to die on this way, at so many places at most, evenly spread. Sleeps are always among them: they are few.
    fn targets(&mut self, walk: &Walk, most: usize) -> Vec<Target> {
        let mut targets = targets(walk);
        if walk.steps.len() > LONG {
            targets.retain(|(_, round)| *round <= ROUNDS);
            self.reach = self.reach.max(Reach::Rounds);
        }
        let every = targets.len().div_ceil(most.max(1));
        if every > 1 {
            self.reach = Reach::Some;
        }
        let kept = targets
            .into_iter()
            .enumerate()
            .filter(|(n, (target, _))| n % every == 0 || matches!(target.point, Point::Asleep(_)));
        kept.map(|(_, (target, _))| target).collect()
    }
}

/// Where a victim on this way can die, and how many times it has come by there, this one included. It runs by itself to the last
/// place before that was new to it, and steps from there.
fn targets(walk: &Walk) -> Vec<(Target, usize)> {
    let mut rounds = HashMap::new();
    let mut new = 0;
    let mut targets = Vec::new();
    for (n, &at) in walk.steps.iter().enumerate() {
        let round = *rounds.entry(at).and_modify(|round| *round += 1).or_insert(1);
        if round == 1 {
            new = n;
        }
        let leap = (new > 0).then(|| walk.steps[new]);
        let target = |point| (Target { point, leap, steps: n - new }, round);
        targets.push(target(Point::After(n)));
        if walk.sleeps.contains(&n) {
            targets.push(target(Point::Asleep(n)));
        }
    }
    targets
}

fn in_words(targets: &[Target], walk: &Walk) -> String {
    let word = |target: &Target| match target.point {
        Point::After(n) => format!("after {n} instructions"),
        Point::Asleep(n) => format!("asleep after {n} instructions"),
        Point::End => "at the end".to_owned(),
    };
    let places: Vec<String> = targets.iter().map(word).collect();
    let at = walk.steps.last().map(|at| format!(", at {}", place(*at))).unwrap_or_default();
    format!("{}{at}", places.join(", then "))
}

/// The address as an offset in this program's image, which `addr2line -e PROGRAM` takes.
fn place(at: usize) -> String {
    let mut base = 0;
    unsafe extern "C" fn first(
        info: *mut libc::dl_phdr_info,
        _: libc::size_t,
        base: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the C library passes a valid description.
        let address = unsafe { (*info).dlpi_addr };
        // SAFETY: what was passed below.
        unsafe { base.cast::<usize>().write(address as usize) };
        // The program is the first object.
        1
    }
    // SAFETY: the function writes to what it is given, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut base).cast()) };
    format!("{:#x}", at.wrapping_sub(base))
}
