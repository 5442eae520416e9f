//! How long to spin before sleeping.
//!
//! Measured on two cores of a virtual machine, one thread asking and the other answering after a delay, each on its core: the time
//! of a round beyond the delay, and the CPU time of the thread that asks (`benches/handover.rs`, us). Each figure is typical of a few
//! runs, between which those of 10 us and more differ by up to a third; a range is what they gave where they differed more.
//!
//! | delay | spin 15 us, then sleep | spin 1.5 us, then sleep | always spin | always sleep |
//! |---|---|---|---|---|
//! | 0 | 0.2, 0.2 | 0.3, 0.2 | 0.2, 0.2 | 50, 16 |
//! | 1 us | 0.2, 1.1 | 0.3, 1.2 | 0.2, 1.2 | 50, 16 |
//! | 10 us | 0.9, 10 | 13, 8.4 | 0.9, 11 | 50, 16 |
//! | 100 us | 36, 22 | 33, 9.2 | 1.5, 98 | 58, 16 |
//! | 1 ms | 41-85, 28 | 41, 17 | -, 1000 | 64-148, 18-20 |
//!
//! With 15 us the CPU time is nowhere more than 1.5 times that of the better extreme. The latency is that of spinning as long as a sleep
//! costs more than the delay, and less than that of sleeping beyond (the side that answers is still awake); no rule
//! that bounds the CPU time can do better there. On one CPU, where nobody spins, two yields before the sleep hand over in 0.8 us
//! one way instead of 1.1 us. Where two threads share a CPU of a process that has more, which nobody tells them, the yields find it
//! out: a wait there begins with a yield and takes 0.9 us.

use crate::scope::Scope;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use crate::sync::hint;
use std::time::{Duration, Instant};

/// How long a waiter at a lock spins by default before it sleeps.
///
/// Waking a thread on another core costs about 20 us, handing over to a spinning one 0.1 us; spinning for a fraction of the
/// former bounds what is wasted when the wait turns out long.
pub const DEFAULT_SPIN: Duration = Duration::from_nanos(1_500);

/// How long a waiter spins by default before it sleeps where one thread hands over to another: event, queue, channel, barrier.
///
/// As long as a sleep costs. Whoever spins for that long and then sleeps uses at most twice the CPU time of whoever knows beforehand
/// how long the wait will be (Karlin, Manasse, McGeoch, Owicki: Competitive randomized algorithms for nonuniform problems, 1990;
/// Karlin, Li, Manasse, Owicki: Empirical studies of competitive spinning, 1991). On two cores of a virtual machine a round in
/// which each side sleeps and wakes the other takes 51 us and 16 us of CPU time a side, so the half of it that is the wait costs
/// the waiter about 15 us. A lock is not waited for so long: its holder would have to have been preempted.
pub const HANDOVER_SPIN: Duration = Duration::from_micros(15);

/// How long a thread that was asleep may take until it arrives: twice what waking it across cores takes.
const WAKE_UP: Duration = Duration::from_micros(50);

/// How long a waiter spins before it gives its CPU to another thread for the first time; before each further time twice as long.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
const FIRST_YIELD: Duration = Duration::from_nanos(1_500);

/// How often a waiter gives its CPU to another thread before it sleeps: where threads outnumber CPUs that may be the one it waits
/// for, and a yield costs a tenth of a sleep and a wake. None under the checkers, to which a yield says nothing new.
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 2 };

/// A bounded spin: pauses, and says when it is time to sleep.
///
/// Does not spin at all where there is one CPU for all who may be waited for: they cannot run meanwhile. In the private
/// scope these are the CPUs that the process's threads may use; in the shared scope those of the machine, since processes are
/// often pinned to one each. Under the checkers it allows one round, since a longer spin shows them nothing new.
///
/// ```
/// use heddle_primitives::Private;
/// use heddle_primitives::spin::Spin;
/// use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
///
/// let ready = AtomicBool::new(false);
/// let mut spin = Spin::new::<Private>(Duration::from_micros(2), None);
/// while !ready.load(Ordering::Acquire) && spin.pause() {}
/// // Time to sleep.
/// ```
#[derive(Debug)]
pub struct Spin {
    budget: Duration,
    deadline: Option<Instant>,
    /// When to stop; known once the clock has been read.
    until: Option<Instant>,
    /// Pauses of the next round.
    pauses: u32,
    longest: u32,
    /// How often to give the CPU to another thread when the budget is used up.
    yields: u32,
    /// When to do so before, and how long after that again.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    next_yield: Option<(Instant, Duration)>,
    /// Pauses left until the next look at the clock.
    unclocked: u32,
    shared: bool,
    /// Whether to spin through the other side's waking up.
    patient: bool,
    /// Whether that is what it does now.
    extended: bool,
}

impl Spin {
    /// Pauses between two looks at the clock: 0.2 us, ten times what the look costs.
    const CLOCK_EVERY: u32 = 16;

    /// Spins for `budget`, and not beyond `deadline`, with one pause between two looks of the caller.
    #[inline]
    pub fn new<S: Scope>(budget: Duration, deadline: Option<Instant>) -> Self {
        Self { patient: true, yields: YIELDS, ..Self::exponential::<S>(budget, deadline, 1, 1) }
    }

    /// Like [`new`](Self::new), with `first` pauses between the first two looks of the caller, twice as many before each
    /// further one, and at most `longest`: the less often waiters look, the less they slow the owner down.
    #[inline]
    pub fn exponential<S: Scope>(
        budget: Duration,
        deadline: Option<Instant>,
        first: u32,
        longest: u32,
    ) -> Self {
        Self {
            budget,
            deadline,
            until: None,
            pauses: first,
            longest,
            yields: 0,
            #[cfg(not(any(heddle_loom, heddle_shuttle)))]
            next_yield: None,
            unclocked: 0,
            shared: S::SHARED,
            patient: false,
            extended: false,
        }
    }

    /// The same spin, through the other side's waking up where that is due, as in [`new`](Self::new).
    #[inline]
    pub(crate) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Pauses and returns true, or returns false at once when the budget is used up.
    #[inline]
    pub fn pause(&mut self) -> bool {
        if self.unclocked < self.pauses && !self.clock() {
            return self.give_way();
        }
        self.unclocked = self.unclocked.saturating_sub(self.pauses);
        self.relax();
        self.pauses = (self.pauses * 2).min(self.longest);
        true
    }

    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    #[inline(always)]
    fn relax(&self) {
        for _ in 0..self.pauses {
            hint::spin_loop();
        }
    }

    /// Does not yield: loom would not consider that the spin ends in vain, and no sleep would ever be tried.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn relax(&self) {}

    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    fn clock(&mut self) -> bool {
        self.unclocked = Self::CLOCK_EVERY;
        let more = match self.until {
            Some(until) => {
                let now = Instant::now();
                now < until && self.maybe_yield(now)
            }
            None => {
                if self.budget.is_zero() || alone(self.shared) {
                    return false;
                }
                self.extended = self.patient && patience::is_due();
                let budget = if self.extended { self.budget.max(WAKE_UP) } else { self.budget };
                let now = Instant::now();
                if self.patient {
                    let here = company::is_here();
                    self.next_yield =
                        Some((now + if here { Duration::ZERO } else { FIRST_YIELD }, FIRST_YIELD));
                    if here {
                        self.maybe_yield(now);
                    }
                }
                let until = now.checked_add(budget);
                self.until = match (until, self.deadline) {
                    (Some(until), Some(deadline)) => Some(until.min(deadline)),
                    (until, deadline) => until.or(deadline),
                };
                // A budget beyond the clock's range and no deadline: spin for ever, a look at the clock at a time.
                self.until.is_none_or(|until| now < until)
            }
        };
        if self.extended && !more {
            self.extended = false;
            patience::was_in_vain();
        }
        more
    }

    /// Gives the CPU to another thread, if it is time to; true.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    #[inline]
    fn maybe_yield(&mut self, now: Instant) -> bool {
        if let Some((at, gap)) = self.next_yield
            && now >= at
        {
            let gap = if company::look() { Duration::ZERO } else { gap * 2 };
            self.next_yield = Some((now + gap, gap.max(FIRST_YIELD)));
            // Look again at once: the other thread may have been the one that is waited for.
            self.unclocked = 0;
        }
        true
    }

    /// Yields, if that is still to be tried.
    #[cold]
    fn give_way(&mut self) -> bool {
        let yields = !self.budget.is_zero() && self.yields != 0;
        if yields {
            self.yields -= 1;
            company::look();
        }
        yields
    }

    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn clock(&mut self) -> bool {
        let first = self.until.is_none();
        self.until = Some(Instant::now());
        self.unclocked = 0;
        let _ = (self.deadline, self.shared, self.patient, self.extended, Self::CLOCK_EVERY, WAKE_UP);
        first && !self.budget.is_zero()
    }
}

impl Drop for Spin {
    #[inline]
    fn drop(&mut self) {
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        if self.extended {
            patience::paid_off();
        }
    }
}

/// Notes that the calling thread has slept or has woken another: its next spin lasts through the other side's waking up.
///
/// Without that, one sleep begets the next. The woken thread needs 20 us to arrive; meanwhile the waker's next wait has used up
/// its short spin and sleeps too, so that it must be woken in turn, and so on for ever, although both would soon meet in
/// a spin. Where the long spin is in vain (the wait is long by nature, or threads outnumber CPUs), it is left out ever more
/// often, up to 63 times of 64.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub(crate) mod patience {
    use std::cell::Cell;

    std::thread_local! {
        static SLEPT: Cell<bool> = const { Cell::new(false) };
        static TO_SKIP: Cell<u32> = const { Cell::new(0) };
        static LAST_SKIPPED: Cell<u32> = const { Cell::new(0) };
    }

    /// The thread has slept, or woken a sleeper.
    pub(crate) fn slept() {
        SLEPT.set(true);
    }

    pub(super) fn is_due() -> bool {
        if !SLEPT.replace(false) {
            return false;
        }
        let skip = TO_SKIP.get();
        TO_SKIP.set(skip.saturating_sub(1));
        skip == 0
    }

    pub(super) fn was_in_vain() {
        let skip = (LAST_SKIPPED.get() * 2 + 1).min(63);
        LAST_SKIPPED.set(skip);
        TO_SKIP.set(skip);
    }

    pub(super) fn paid_off() {
        LAST_SKIPPED.set(0);
    }
}

/// Who else wants the CPU of the calling thread: nobody, threads that soon give it back, or one that computes.
///
/// Where threads outnumber CPUs, the one that is waited for may want the waiter's CPU. A yield finds out. If others ran
/// meanwhile and soon gave the CPU back, they wait too, as the members of a barrier do, and the next waits of the thread begin
/// with a yield instead of a spin. If it took longer than a sleep and a wake, there is a thread that computes; the kernel takes
/// the CPU from it for a thread that wakes, not for one that has yielded. Then yielding is left out ever more often.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod company {
    use super::WAKE_UP;
    use crate::sync::thread;
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    /// A yield that takes longer has let another thread run: alone it costs 0.3 to 0.5 us.
    const SWITCH: Duration = Duration::from_nanos(700);

    std::thread_local! {
        static HERE: Cell<bool> = const { Cell::new(false) };
        static TO_SKIP: Cell<u32> = const { Cell::new(0) };
        static LAST_SKIPPED: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn is_here() -> bool {
        HERE.get()
    }

    /// Yields, unless that has lately taken too long, and returns whether others wait here too.
    #[cold]
    pub(super) fn look() -> bool {
        let skip = TO_SKIP.get();
        if skip != 0 {
            TO_SKIP.set(skip - 1);
            return false;
        }
        let start = Instant::now();
        thread::yield_now();
        let took = start.elapsed();
        if took > WAKE_UP {
            let skip = (LAST_SKIPPED.get() * 2 + 15).min(255);
            LAST_SKIPPED.set(skip);
            TO_SKIP.set(skip);
        } else {
            LAST_SKIPPED.set(0);
        }
        let here = took > SWITCH && took <= WAKE_UP;
        HERE.set(here);
        here
    }
}

/// To a checker a yield says nothing new.
#[cfg(any(heddle_loom, heddle_shuttle))]
mod company {
    pub(super) fn look() {}
}

/// Whether nobody can run while the caller spins.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn alone(shared: bool) -> bool {
    use crate::sync::atomic::{AtomicU64, Ordering};
    use std::sync::LazyLock;

    /// How long the answer "one CPU" holds: threads may still pin themselves to several.
    const TRUST: Duration = Duration::from_millis(10);
    static BORN: LazyLock<Instant> = LazyLock::new(Instant::now);
    static ONE_ONLINE: LazyLock<bool> = LazyLock::new(|| online_cpus() == 1);
    /// Until when the process is known to have one CPU, in ns after `BORN`; `u64::MAX` once it was seen to have more.
    static ALONE_UNTIL: AtomicU64 = AtomicU64::new(0);

    if shared {
        return *ONE_ONLINE;
    }
    // ORDERING: the number is all that is published; a second thread at worst finds out for itself.
    let until = ALONE_UNTIL.load(Ordering::Relaxed);
    if until == u64::MAX {
        return false;
    }
    let now = BORN.elapsed();
    if now.as_nanos() < until.into() {
        return true;
    }
    let alone = *ONE_ONLINE || cpus_of_all_threads() <= 1;
    let until = if alone { (now + TRUST).as_nanos() as u64 } else { u64::MAX };
    // ORDERING: as above.
    ALONE_UNTIL.store(until, Ordering::Relaxed);
    alone
}

/// The CPUs that at least one thread of the process may use. Not those of the calling thread: it may be pinned to one, and
/// the thread that it waits for to another.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn cpus_of_all_threads() -> usize {
    use rustix::thread::{CpuSet, Pid, sched_getaffinity};

    let mut all = CpuSet::new();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let tasks = tasks.filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?));
    for set in tasks.map(Some).chain([None]).filter_map(|task| sched_getaffinity(task).ok()) {
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).for_each(|cpu| all.set(cpu));
    }
    all.count() as usize
}

/// The CPUs of the machine; two if it does not say.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn online_cpus() -> usize {
    let Ok(ranges) = std::fs::read_to_string("/sys/devices/system/cpu/online") else { return 2 };
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<usize>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    };
    ranges.trim().split(',').map(count).sum::<Option<usize>>().unwrap_or(2)
}
