//! What workers hand to each other: a task that one of them claims, and that others wait for.

use super::worker::current;
use crate::spin::Spin;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::fence;
use crate::sync::futex::{Futex, WaitOutcome};
use crate::{Mutex, Private};
use std::collections::VecDeque;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// Nobody runs it yet.
const PENDING: u32 = 0;
/// Somebody has claimed it.
const RUNNING: u32 = 1;
/// It has run, and its result may be taken.
const DONE: u32 = 2;
/// The stage without the bit below.
const STAGE: u32 = 3;
/// Somebody may sleep until it is done, or until there is something below it that can be run meanwhile.
const AWAITED: u32 = 4;
/// A thread outside may sleep until it is done.
const AWAITED_OUTSIDE: u32 = 8;

/// How many tasks may wait for each other in a row: each is in the middle of a call, and stacks end before that.
const DEEPEST: usize = 1 << 16;

/// How long a thread outside of the pool looks before it sleeps: a task of nothing takes less than a microsecond.
const OUTSIDE_SPIN: Duration = Duration::from_micros(5);

/// A reference to a task; the last one frees it.
///
/// | stage | meaning | leaves by |
/// |---|---|---|
/// | 0 | pending, perhaps in several queues | claim -> 1, by exactly one thread |
/// | 1 | running | end -> 2 |
/// | 2 | done | - |
///
/// Bits beside it: 4, a worker may sleep; 8, a thread outside may. The end of the task clears both and wakes them, a new task below it
/// the first, since a thread outside could do nothing with it.
///
/// Who claims a task runs it, whatever queue it still is in: a queue gives out claimed tasks only and drops the others. That is how
/// somebody who waits for a task that nobody has begun runs it, and nothing else. The memory lives as long as a reference, so
/// the end may wake without a thought for those who have seen it.
pub struct Task(NonNull<Node>);

/// What all tasks begin with.
#[repr(C)]
pub struct Node {
    references: AtomicUsize,
    state: Futex,
    /// The task that waits for this one, and so on up.
    above: Option<Task>,
    /// The same, of a task that nobody had to wait for at first.
    late_above: Mutex<Option<Task>>,
    /// The one worker that may run it.
    only: Option<usize>,
    run: unsafe fn(NonNull<Node>),
    free: unsafe fn(NonNull<Node>),
}

#[repr(C)]
struct Full<W> {
    node: Node,
    work: W,
}

/// What a task does.
pub trait Work {
    /// Does it, and never panics. Called once at most, by whoever has claimed the task.
    fn run(&self);

    /// After the end, when others may have taken the result already.
    fn ended(&self) {}
}

// SAFETY: references are counted atomically; `Task::new` has the conditions for what is in the task.
unsafe impl Send for Task {}
// SAFETY: as above; the work is run by the one thread that claims it.
unsafe impl Sync for Task {}

impl Task {
    /// A pending task that `above` waits for.
    ///
    /// # Safety
    /// The work may be run and dropped by any thread, at any time until the task is claimed or the last reference is gone.
    pub unsafe fn new<W: Work>(work: W, above: Option<Task>, only: Option<usize>) -> Self {
        unsafe fn run<W: Work>(node: NonNull<Node>) {
            // SAFETY: `node` is the first field of a `Full<W>` that the caller has a reference to.
            let full = unsafe { node.cast::<Full<W>>().as_ref() };
            full.work.run();
            full.node.end(node);
            full.work.ended();
        }
        unsafe fn free<W>(node: NonNull<Node>) {
            // SAFETY: made from a box of this type, and the last reference is gone.
            let full = unsafe { Box::from_raw(node.cast::<Full<W>>().as_ptr()) };
            // A panic must not come out of a worker's wait, whose caller would go on before what it waits for has ended.
            match current() {
                Some(worker) => worker.registry().run_detached(|| drop(full)),
                None => drop(full),
            }
        }
        let node = Node {
            references: AtomicUsize::new(1),
            state: Futex::new(PENDING),
            above,
            late_above: Mutex::new(None),
            only,
            run: run::<W>,
            free: free::<W>,
        };
        let full = Box::into_raw(Box::new(Full { node, work }));
        Self(NonNull::new(full).expect("a box is somewhere").cast())
    }

    /// Turns the reference into a pointer, which still counts as one.
    pub fn into_raw(self) -> NonNull<Node> {
        ManuallyDrop::new(self).0
    }

    /// Turns the pointer back into a reference.
    ///
    /// # Safety
    /// It comes from `into_raw`, and is turned back once.
    pub unsafe fn from_raw(node: NonNull<Node>) -> Self {
        Self(node)
    }

    /// The work of a task made with a `W`.
    ///
    /// # Safety
    /// It was.
    pub unsafe fn work<W: Work>(&self) -> &W {
        // SAFETY: as the caller promises; the reference keeps the task alive.
        unsafe { &self.0.cast::<Full<W>>().as_ref().work }
    }

    fn node(&self) -> &Node {
        // SAFETY: the reference keeps the task alive.
        unsafe { self.0.as_ref() }
    }

    /// Whether both are references to one task.
    pub fn is(&self, other: &Task) -> bool {
        self.0 == other.0
    }

    /// Claims the task: true for one caller, who runs it or what it stands for.
    pub fn claim(&self) -> bool {
        let state = self.node().state.word();
        // ORDERING: the exchange has the last word.
        let mut seen = state.load(Ordering::Relaxed);
        while seen & STAGE == PENDING {
            // ORDERING: acquires what was written before the task went into the queue that the claimer may not have come
            // through. Failure reads nothing.
            match state.compare_exchange(seen, seen | RUNNING, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) => seen = found,
            }
        }
        false
    }

    /// Runs the task that the caller has claimed.
    pub fn run(&self) {
        // SAFETY: the function was made for this task.
        unsafe { (self.node().run)(self.0) }
    }

    /// Whether the task has run; its result is visible then.
    pub fn is_done(&self) -> bool {
        // ORDERING: acquires what the task did, released by its end.
        self.node().state.word().load(Ordering::Acquire) & STAGE == DONE
    }

    /// Whether nobody has claimed the task.
    pub fn is_pending(&self) -> bool {
        // ORDERING: a hint.
        self.node().state.word().load(Ordering::Relaxed) & STAGE == PENDING
    }

    fn is_below(&self, root: &Task) -> bool {
        self.find_above(|above| above.is(root))
    }

    /// Whether `f` says so of a task above this one; the nearest first.
    fn find_above(&self, mut f: impl FnMut(&Task) -> bool) -> bool {
        let mut next = self.node().next_above();
        // Tasks that wait for each other in a circle will never end; those who look at them shall.
        for _ in 0..DEEPEST {
            let Some(above) = next else { return false };
            if f(&above) {
                return true;
            }
            next = above.node().next_above();
        }
        false
    }

    /// Puts a task that nobody had to wait for below one that waits from now on, and lets those who wait for that run what is
    /// below this one.
    pub fn put_below(&self, above: Option<Task>) {
        if above.is_some() {
            let before = std::mem::replace(&mut *self.node().late_above.lock(), above);
            drop(before);
            self.announce();
        }
    }

    /// Tells those who wait for this task that something has changed for them.
    pub fn alert(&self) {
        self.node().alert();
    }

    /// Tells everybody who waits for what is above this task that there is something for them.
    pub fn announce(&self) {
        self.find_above(|above| {
            above.alert();
            false
        });
    }

    /// Wakes everybody who sleeps until the task is done.
    pub fn wake(&self) {
        self.node().state.wake_all();
    }

    /// Sleeps until the task is done, or [`alert`](Self::alert)ed, or for no reason; not if `look` finds something after others have been
    /// told of the sleep. False if `deadline` has passed.
    pub fn sleep<T>(&self, deadline: Option<Instant>, look: impl FnOnce() -> Option<T>) -> (Option<T>, bool) {
        self.sleep_as(AWAITED, deadline, look)
    }

    fn sleep_as<T>(
        &self,
        bit: u32,
        deadline: Option<Instant>,
        look: impl FnOnce() -> Option<T>,
    ) -> (Option<T>, bool) {
        let state = &self.node().state;
        // ORDERING: what others write before they look at the bit is found by `look` or seen after the wake, since both
        // sides go through a lock in between: the one that comes second there sees what the first one wrote before. An end
        // is a move of the word itself.
        let before = state.word().fetch_or(bit, Ordering::Relaxed);
        if before & STAGE == DONE {
            return (None, false);
        }
        if let Some(found) = look() {
            return (Some(found), false);
        }
        (None, state.wait(before | bit, deadline) == WaitOutcome::TimedOut)
    }

    /// Waits outside of any pool; false if `deadline` has passed first.
    pub fn wait_outside(&self, deadline: Option<Instant>) -> bool {
        let mut spin = Spin::exponential::<Private>(OUTSIDE_SPIN, deadline, 1, 1);
        while !self.is_done() {
            if !spin.pause() {
                let (_, timed_out) = self.sleep_as(AWAITED_OUTSIDE, deadline, || None::<()>);
                if timed_out && !self.is_done() {
                    return false;
                }
            }
        }
        true
    }
}

impl Node {
    fn next_above(&self) -> Option<Task> {
        self.above.clone().or_else(|| self.late_above.lock().clone())
    }

    /// `me` is the node's task, which whoever runs it has a reference to.
    fn end(&self, me: NonNull<Node>) {
        // ORDERING: releases what the task did to whoever finds it done.
        let before = self.state.word().swap(DONE, Ordering::Release);
        if before & AWAITED_OUTSIDE != 0
            && let Some(worker) = current()
        {
            worker.wake_outside(&ManuallyDrop::new(Task(me)));
        } else if before & (AWAITED | AWAITED_OUTSIDE) != 0 {
            self.state.wake_all();
        }
    }

    fn alert(&self) {
        let state = self.state.word();
        // ORDERING: see `Task::sleep`: where the sleeper has looked in vain, the lock lets this load see its bit.
        if state.load(Ordering::Relaxed) & AWAITED != 0 {
            // ORDERING: the woken find what they look for under its own lock.
            state.fetch_and(!AWAITED, Ordering::Relaxed);
            self.state.wake_all();
        }
    }
}

impl Clone for Task {
    fn clone(&self) -> Self {
        // ORDERING: a new reference comes from one that is alive; nothing is published.
        self.node().references.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // ORDERING: releases what this thread did with the task to whoever frees it.
        if self.node().references.fetch_sub(1, Ordering::Release) == 1 {
            // ORDERING: acquires what the others did before they dropped their references.
            fence(Ordering::Acquire);
            let free = self.node().free;
            // SAFETY: this was the last reference.
            unsafe { free(self.0) };
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("state", &self.state).finish_non_exhaustive()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("done", &self.is_done()).finish()
    }
}

/// Tasks that somebody waits for, open to all workers of a pool, and to those who wait for what is above them.
///
/// A list behind a lock: joins come here once in a heartbeat and not once a call.
#[derive(Debug, Default)]
pub struct Board {
    len: AtomicUsize,
    list: Mutex<VecDeque<Task>>,
}

impl Board {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts up a task.
    pub fn post(&self, task: Task) {
        let mut list = self.list.lock();
        // Those that were claimed by who waited for them.
        while list.front().is_some_and(|task| !task.is_pending()) {
            list.pop_front();
        }
        list.push_back(task);
        // ORDERING: a hint, made true by the lock; who sleeps on "empty" puts a fence before its look.
        self.len.store(list.len(), Ordering::Relaxed);
    }

    /// Claims the oldest task that worker `me` may run.
    pub fn take(&self, me: usize) -> Option<Task> {
        // ORDERING: a hint; see `post`.
        if self.len.load(Ordering::Relaxed) == 0 { None } else { self.claim(|task| task.is_for(me)) }
    }

    /// Claims the oldest task below `root` that worker `me` may run; looks even if the board seems empty.
    pub fn take_below(&self, me: usize, root: &Task) -> Option<Task> {
        self.claim(|task| task.is_for(me) && task.is_below(root))
    }

    /// Claims a task that is for worker `me` alone.
    pub fn take_own(&self, me: usize) -> Option<Task> {
        self.claim(|task| task.node().only == Some(me))
    }

    /// Whether a look that is not the last one would be in vain.
    pub fn seems_empty(&self) -> bool {
        // ORDERING: a hint.
        self.len.load(Ordering::Relaxed) == 0
    }

    fn claim(&self, eligible: impl Fn(&Task) -> bool) -> Option<Task> {
        let mut list = self.list.lock();
        let mut n = 0;
        let mut found = None;
        while let Some(task) = list.get(n) {
            if !task.is_pending() {
                list.remove(n);
            } else if eligible(task) {
                let task = list.remove(n).expect("it was just looked at");
                if task.claim() {
                    found = Some(task);
                    break;
                }
            } else {
                n += 1;
            }
        }
        // ORDERING: as in `post`.
        self.len.store(list.len(), Ordering::Relaxed);
        found
    }
}

impl Task {
    fn is_for(&self, me: usize) -> bool {
        self.node().only.is_none_or(|only| only == me)
    }
}
