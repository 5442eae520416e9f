//! The threads of a pool and what they share.

use super::join::{Link, Pending};
use super::sleep::Sleep;
use super::task::{Board, Task};
use crate::deque::{Injector, Steal, Stealer, Worker};
use crate::spin::Spin;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Arc, hint, per_thread};
use crate::{CachePadded, Private};
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::{Duration, Instant};

/// How long a worker that has lately worked looks for more before it sleeps, and how long one waits awake: as long as a round takes
/// in which both sides sleep. If it is awake when work comes, that begins 20 us earlier; and where workers have all the CPUs
/// a thread outside that is woken gets one sooner from a worker that is awake than from a CPU that sleeps.
const SEARCH: Duration = Duration::from_micros(50);

/// How long a worker looks that was woken in vain.
const SHORT_SEARCH: Duration = Duration::from_micros(10);

/// How much time lies between two times that a worker asks the others for work, so that an owner spends a small part of its time on
/// giving work away, however small that is.
const ASK_EVERY: Duration = Duration::from_micros(10);

/// After how much time a worker may ask again that was given something: it was worth the trouble. At the end of a loop, parts get smaller
/// each time, and a worker that asked every 10 us only would leave the others that much more to do alone.
const WORTH_IT: Duration = Duration::from_micros(3);

/// How many looks in vain lie between two looks at the clock.
const CLOCK_EVERY: u32 = 16;

/// How long a worker that was woken in vain sleeps before it asks again: one heartbeat. Without that, a loop of joins too small to
/// be worth a wake would pay for one each time.
const HEARTBEAT: Duration = Duration::from_micros(100);

pub type Payload = Box<dyn Any + Send>;
pub type PanicHandler = Box<dyn Fn(Payload) + Send + Sync>;
pub type IndexHandler = Box<dyn Fn(usize) + Send + Sync>;

per_thread! {
    /// The worker that the thread is.
    static CURRENT: Cell<*const WorkerThread> = Cell::new(ptr::null())
}

/// What the threads of a pool share.
pub struct Registry {
    /// Tasks that somebody waits for.
    pub board: Board,
    /// Tasks that nobody waits for, from outside; those of workers lie in their deques.
    detached: Injector<Task>,
    members: Box<[Member]>,
    sleep: Sleep,
    /// How many workers look for work.
    looking: CachePadded<AtomicUsize>,
    /// The pool is gone: workers end when they find nothing more.
    ending: AtomicBool,
    panic_handler: Option<PanicHandler>,
    start_handler: Option<IndexHandler>,
    exit_handler: Option<IndexHandler>,
}

/// What others may do to a worker.
struct Member {
    stealer: Stealer<Task>,
    /// Somebody has nothing to do: at its next join the worker gives its oldest job away.
    asked: CachePadded<AtomicBool>,
}

/// A worker: lives on its thread's stack, and is used by that thread alone.
pub struct WorkerThread {
    /// The newest private job of the task that is running, or `oldest` if there is none.
    pub newest: Cell<*const Link>,
    /// Stands before the oldest one.
    pub oldest: Link,
    /// The task that is running.
    root: Cell<*const Task>,
    asked: *const AtomicBool,
    /// When this worker last asked the others for work.
    asked_at: Cell<Option<Instant>>,
    /// Whether it has run a task since.
    worked: Cell<bool>,
    own: Worker<Task>,
    index: usize,
    registry: Arc<Registry>,
}

/// The worker that the calling thread is.
///
/// The reference is good for as long as the thread runs the task that it was asked in, since the worker outlives all of them.
#[inline(always)]
pub fn current<'a>() -> Option<&'a WorkerThread> {
    let worker = CURRENT.with(Cell::get);
    // SAFETY: set by `WorkerThread::main` to a worker on the same thread's stack, and back to null before that ends; the
    // documentation says how long callers keep it.
    unsafe { worker.as_ref() }
}

impl Registry {
    /// What `threads` workers share, and the deques that each of them shall have.
    pub fn new(
        threads: usize,
        panic_handler: Option<PanicHandler>,
        start_handler: Option<IndexHandler>,
        exit_handler: Option<IndexHandler>,
    ) -> (Arc<Self>, Vec<Worker<Task>>) {
        let deques: Vec<_> = (0..threads).map(|_| Worker::new_fifo()).collect();
        let member = |deque: &Worker<_>| Member {
            stealer: deque.stealer(),
            asked: CachePadded::new(AtomicBool::new(false)),
        };
        let registry = Self {
            board: Board::new(),
            detached: Injector::new(),
            members: deques.iter().map(member).collect(),
            sleep: Sleep::new(),
            looking: CachePadded::new(AtomicUsize::new(0)),
            ending: AtomicBool::new(false),
            panic_handler,
            start_handler,
            exit_handler,
        };
        (Arc::new(registry), deques)
    }

    pub fn num_threads(&self) -> usize {
        self.members.len()
    }

    /// Puts up a task that somebody waits for.
    pub fn post(&self, task: Task) {
        let announced = task.clone();
        self.board.post(task);
        announced.announce();
        self.sleep.wake_one();
    }

    /// Puts up tasks, each for one worker.
    pub fn post_to_all(&self, tasks: &[Task]) {
        tasks.iter().for_each(|task| self.board.post(task.clone()));
        tasks.iter().for_each(Task::announce);
        self.sleep.wake_all();
    }

    /// Takes a task that nobody waits for, or that whoever does can run itself.
    pub fn spawn(&self, task: Task) {
        match current() {
            Some(worker) if worker.is_of(self) => worker.own.push(task),
            _ => self.detached.push(task),
        }
        self.sleep.wake_one();
    }

    /// Lets the workers end when they have done what there is.
    pub fn end(&self) {
        // ORDERING: releases what was put into queues before; `wake_all` puts a fence before its look.
        self.ending.store(true, Ordering::Release);
        self.sleep.wake_all();
    }

    /// Runs what nobody waits for: a panic goes to the handler, or ends the process.
    pub fn run_detached(&self, f: impl FnOnce()) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { return };
        if let Some(handler) = &self.panic_handler
            && catch_unwind(AssertUnwindSafe(|| handler(payload))).is_ok()
        {
            return;
        }
        std::process::abort();
    }

    fn is_ending(&self) -> bool {
        // ORDERING: acquires what was put into queues before the end.
        self.ending.load(Ordering::Acquire)
    }

    /// Whether a worker looks for work, and is awake.
    pub fn is_somebody_looking(&self) -> bool {
        // ORDERING: a hint.
        self.looking.load(Ordering::Relaxed) != 0
    }

    fn ask(&self, except: usize) {
        for (n, member) in self.members.iter().enumerate() {
            // ORDERING: a request; a lost or late one delays.
            if n != except && !member.asked.load(Ordering::Relaxed) {
                // ORDERING: as above.
                member.asked.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl WorkerThread {
    /// A worker, whose list of jobs is still to be begun where it will stay.
    pub fn new(registry: Arc<Registry>, index: usize, own: Worker<Task>) -> Self {
        let asked: *const AtomicBool = &*registry.members[index].asked;
        Self {
            newest: Cell::new(ptr::null()),
            oldest: Link::new(),
            root: Cell::new(ptr::null()),
            asked,
            asked_at: Cell::new(None),
            worked: Cell::new(false),
            own,
            index,
            registry,
        }
    }

    /// What a worker's thread does.
    pub fn main(registry: Arc<Registry>, index: usize, own: Worker<Task>) {
        let worker = Self::new(registry, index, own);
        worker.newest.set(&worker.oldest);
        CURRENT.with(|current| current.set(&worker));
        if let Some(handler) = &worker.registry.start_handler {
            worker.registry.run_detached(|| handler(index));
        }
        worker.work();
        if let Some(handler) = &worker.registry.exit_handler {
            worker.registry.run_detached(|| handler(index));
        }
        CURRENT.with(|current| current.set(ptr::null()));
    }

    pub fn index(&self) -> usize {
        self.index
    }

    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub fn is_of(&self, registry: &Registry) -> bool {
        ptr::eq::<Registry>(&*self.registry, registry)
    }

    /// The task that is running, above which others wait for what it puts up.
    pub fn root(&self) -> Option<Task> {
        // SAFETY: `execute_below` set it to a task that lives until it sets it back.
        unsafe { self.root.get().as_ref() }.cloned()
    }

    /// Whether another worker has nothing to do.
    #[inline(always)]
    pub fn is_asked(&self) -> bool {
        // SAFETY: it lies in the registry that `self` has a reference to.
        let asked = unsafe { &*self.asked };
        // ORDERING: a request; nothing is read on the strength of it.
        asked.load(Ordering::Relaxed)
    }

    /// Gives the oldest private job away. If there is none the request stays, or somebody who has gone to sleep after it would
    /// never be given anything.
    #[cold]
    #[inline(never)]
    pub fn give(&self) {
        let Some(oldest) = self.take_oldest() else { return };
        // ORDERING: one request, one job: a request that comes now is for the next.
        self.registry.members[self.index].asked.store(false, Ordering::Relaxed);
        // SAFETY: the job's owner waits until it has run, or claims it itself.
        let task = unsafe { Task::new(Pending::of(oldest), self.root(), None) };
        // SAFETY: a job of this worker's list is alive.
        unsafe { &*oldest }.give(task.clone());
        self.registry.post(task);
    }

    /// Runs a task that the caller has claimed.
    pub fn execute(&self, task: &Task) {
        self.worked.set(true);
        self.execute_below(task, || task.run());
    }

    /// Runs `f`, which must not panic, as a part of `root`: whoever waits for that may run what `f` gives away.
    pub fn execute_below(&self, root: &Task, f: impl FnOnce()) {
        if self.is_asked() {
            self.give();
        }
        let root_before = self.root.replace(root);
        let before = self.begin();
        f();
        self.end(before);
        self.root.set(root_before);
    }

    /// Begins a list of jobs of its own, since those of whoever is interrupted here belong to another root; returns what
    /// [`end`](Self::end) needs to go on with that.
    pub fn begin(&self) -> (*const Link, *const Link) {
        (self.newest.replace(&self.oldest), self.oldest.next())
    }

    /// Goes on with the list that was interrupted.
    pub fn end(&self, (newest, first): (*const Link, *const Link)) {
        debug_assert!(ptr::eq(self.newest.get(), &self.oldest), "a join left a job behind");
        self.oldest.set_next(first);
        self.newest.set(newest);
    }

    /// Waits until `done` says so, which the end of `root` or an alert announces; runs what is below `root` meanwhile and, if
    /// `mine` says so, what is for this worker alone.
    pub fn wait(&self, root: &Task, mine: bool, done: impl Fn() -> bool) {
        let look = || {
            let below = self.registry.board.take_below(self.index, root);
            below.or_else(|| if mine { self.registry.board.take_own(self.index) } else { None })
        };
        let mut spin = Spin::new::<Private>(SEARCH, None);
        let mut looks = 0;
        while !done() {
            if !self.registry.board.seems_empty()
                && let Some(task) = look()
            {
                self.execute(&task);
                spin = Spin::new::<Private>(SEARCH, None);
                looks = 0;
                continue;
            }
            self.ask(looks);
            looks += 1;
            if !spin.pause() {
                let (found, _) = root.sleep(None, || if done() { Some(None) } else { look().map(Some) });
                if let Some(Some(task)) = found {
                    self.execute(&task);
                }
                spin = Spin::new::<Private>(SEARCH, None);
                looks = 0;
            }
        }
    }

    /// Asks the others for work after so many looks in vain, if it is time to.
    fn ask(&self, looks: u32) {
        if !looks.is_multiple_of(CLOCK_EVERY) {
            return;
        }
        // A checker's schedules must not depend on the clock.
        if !cfg!(any(heddle_loom, heddle_shuttle)) {
            let now = Instant::now();
            let gap = if self.worked.get() { WORTH_IT } else { ASK_EVERY };
            // If it is too early now, what it was given was not worth it.
            self.worked.set(false);
            if self.asked_at.get().is_some_and(|at| now < at + gap) {
                return;
            }
            self.asked_at.set(Some(now));
        }
        self.registry.ask(self.index);
    }

    /// Works until the pool is gone and nothing is left.
    fn work(&self) {
        // Whether something was found, or a heartbeat has passed, since this worker last asked for work.
        let mut may_ask = true;
        loop {
            let mut found = self.search(may_ask);
            let ending = found.is_none() && self.registry.is_ending();
            if ending {
                // What was put into queues before the end is seen now, even if it came after the last look.
                found = self.find();
            }
            if let Some(task) = found {
                self.execute(&task);
                may_ask = true;
                continue;
            }
            if ending {
                return;
            }
            let deadline = if may_ask { None } else { Some(Instant::now() + HEARTBEAT) };
            let (found, timed_out) = self.registry.sleep.sleep(deadline, || {
                let found = self.find();
                // To see the end is to have found something, too.
                if found.is_some() || self.registry.is_ending() { Some(found) } else { None }
            });
            may_ask = timed_out;
            if let Some(Some(task)) = found {
                self.execute(&task);
                may_ask = true;
            }
        }
    }

    /// Looks for a task, for as long as it may be worth it.
    fn search(&self, may_ask: bool) -> Option<Task> {
        self.find().or_else(|| {
            // ORDERING: a hint.
            self.registry.looking.fetch_add(1, Ordering::Relaxed);
            let found = self.keep_looking(may_ask);
            // ORDERING: as above.
            self.registry.looking.fetch_sub(1, Ordering::Relaxed);
            found
        })
    }

    fn keep_looking(&self, may_ask: bool) -> Option<Task> {
        let mut spin = Spin::new::<Private>(if may_ask { SEARCH } else { SHORT_SEARCH }, None);
        let mut looks = 0;
        loop {
            if let Some(task) = self.find() {
                return Some(task);
            }
            if self.registry.is_ending() {
                return None;
            }
            if may_ask {
                self.ask(looks);
            }
            looks += 1;
            if !spin.pause() {
                return None;
            }
        }
    }

    /// Claims a task that this worker may run when it has nothing else to do.
    fn find(&self) -> Option<Task> {
        loop {
            if let Some(task) = self.find_unclaimed()? {
                return Some(task);
            }
        }
    }

    /// `None` if there is nothing; `Some(None)` if what there was has been claimed by who waited for it.
    fn find_unclaimed(&self) -> Option<Option<Task>> {
        if let Some(task) = self.registry.board.take(self.index) {
            return Some(Some(task));
        }
        let task = self.own.pop().or_else(|| self.steal())?;
        Some(task.claim().then_some(task))
    }

    fn steal(&self) -> Option<Task> {
        let members = &self.registry.members;
        loop {
            let mut retry = false;
            let mut note = |stolen| match stolen {
                Steal::Success(task) => Some(task),
                Steal::Empty => None,
                Steal::Retry => {
                    retry = true;
                    None
                }
            };
            let injected = note(self.registry.detached.steal_batch_and_pop(&self.own));
            let stolen = injected.or_else(|| {
                let others = (1..members.len()).map(|n| &members[(self.index + n) % members.len()]);
                others.map(|member| member.stealer.steal_batch_and_pop(&self.own)).find_map(&mut note)
            });
            if stolen.is_some() && !self.own.is_empty() {
                // Others may have looked while what came along was in no queue.
                self.registry.sleep.wake_one();
            }
            if stolen.is_some() || !retry {
                return stolen;
            }
            hint::spin_loop();
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("threads", &self.members.len()).finish_non_exhaustive()
    }
}
