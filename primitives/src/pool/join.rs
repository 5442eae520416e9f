//! Two closures, perhaps at the same time.

use super::task::{Node, Task, Work};
use super::worker::{Payload, Registry, WorkerThread, current};
use crate::sync::cell::UnsafeCell;
use std::cell::Cell;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

/// A place in a worker's list of private jobs; only the worker's thread touches it.
///
/// The list goes from the worker's `oldest`, which is no job, by `next` to `newest`, and back by `previous`. Beyond `newest`
/// nothing is looked at, so to take the newest job off is one write.
pub struct Link {
    previous: Cell<*const Link>,
    /// Written when the next job is put onto the list.
    next: Cell<MaybeUninit<*const Link>>,
    /// The task that stands for the job since it was given away: a reference, which the owner takes back.
    task: Cell<Option<NonNull<Node>>>,
    run: unsafe fn(*const Link),
}

impl Link {
    /// The beginning of a list.
    pub fn new() -> Self {
        fn nothing(_: *const Link) {}
        let link = Self::to(nothing);
        link.set_next(ptr::null());
        link
    }

    #[inline(always)]
    fn to(run: unsafe fn(*const Link)) -> Self {
        Self {
            previous: Cell::new(ptr::null()),
            next: Cell::new(MaybeUninit::uninit()),
            task: Cell::new(None),
            run,
        }
    }

    /// The next one of the list; of its beginning, or of a job that is not the newest.
    pub fn next(&self) -> *const Link {
        // SAFETY: written in `new`, or when the next job came.
        unsafe { self.next.get().assume_init() }
    }

    #[inline(always)]
    pub fn set_next(&self, next: *const Link) {
        self.next.set(MaybeUninit::new(next));
    }

    /// Notes the task that stands for the job from now on.
    pub fn give(&self, task: Task) {
        self.task.set(Some(task.into_raw()));
    }

    /// The task that stands for the job.
    fn task(&self) -> Option<Task> {
        // SAFETY: from `give`, and taken out here.
        self.task.take().map(|node| unsafe { Task::from_raw(node) })
    }
}

/// The second closure of a join, on the stack of the thread that called it. Nothing in it is dropped by itself.
#[repr(C)]
struct Job<B, R> {
    link: Link,
    function: UnsafeCell<ManuallyDrop<B>>,
    result: UnsafeCell<MaybeUninit<Result<R, Payload>>>,
}

impl<B: FnOnce() -> R, R> Job<B, R> {
    #[inline(always)]
    fn new(function: B) -> Self {
        Self {
            link: Link::to(Self::run),
            function: UnsafeCell::new(ManuallyDrop::new(function)),
            result: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// A pointer through which the whole job may be used.
    #[inline(always)]
    fn link(&self) -> *const Link {
        ptr::from_ref(self).cast()
    }

    /// The closure, once, for who may run or drop it: the owner while the job is private, or who has claimed its task.
    #[inline(always)]
    fn function(&self) -> B {
        take(&self.function)
    }

    /// What came out of it, once, when its task is done.
    fn result(&self) -> Result<R, Payload> {
        let pointer = self.result.get_mut();
        // SAFETY: nobody else looks at it any more.
        let result = unsafe { pointer.deref() };
        // SAFETY: who ran the job has written it, and it is taken once.
        unsafe { result.assume_init_read() }
    }

    /// Runs the job in place of its owner.
    ///
    /// # Safety
    /// `link` is that of a `Job<B, R>` which stays where it is until this has returned, and the caller has claimed its task.
    unsafe fn run(link: *const Link) {
        let job = link.cast::<Self>();
        // SAFETY: as the caller promises. Only this field and the next: the link is the owner's.
        let function = take(unsafe { &(*job).function });
        let outcome = catch_unwind(AssertUnwindSafe(function));
        // SAFETY: as above.
        let pointer = unsafe { &(*job).result }.get_mut();
        // SAFETY: the owner looks at the result once the task is done.
        unsafe { pointer.deref() }.write(outcome);
    }
}

/// See [`Job::function`].
#[inline(always)]
fn take<B>(function: &UnsafeCell<ManuallyDrop<B>>) -> B {
    let pointer = function.get_mut();
    // SAFETY: whoever may run the job has its closure for itself.
    let function = unsafe { pointer.deref() };
    // SAFETY: it was put there when the job was made, and is taken once.
    unsafe { ManuallyDrop::take(function) }
}

/// A job that was given away, as a task does it.
pub struct Pending(*const Link);

impl Pending {
    pub fn of(link: *const Link) -> Self {
        Self(link)
    }
}

impl Work for Pending {
    fn run(&self) {
        // SAFETY: the task was made from this link, whose owner waits for the task or has claimed it, in which case nobody
        // gets here.
        let run = unsafe { (*self.0).run };
        // SAFETY: as above, and the function is that of the link's job.
        unsafe { run(self.0) }
    }
}

impl WorkerThread {
    #[inline(always)]
    fn push(&self, link: *const Link) {
        let newest = self.newest.get();
        // SAFETY: the job is alive: its join is at the top of this stack.
        unsafe { &*link }.previous.set(newest);
        // SAFETY: the newest job, or the list's beginning, is alive: its join or its worker is further up on this stack.
        unsafe { &*newest }.set_next(link);
        self.newest.set(link);
    }

    #[inline(always)]
    fn pop(&self, link: &Link) {
        debug_assert!(ptr::eq(self.newest.get(), link), "joins end in the order opposite to their beginning");
        self.newest.set(link.previous.get());
    }

    /// Takes the oldest job off the list.
    pub fn take_oldest(&self) -> Option<*const Link> {
        if ptr::eq(self.newest.get(), &self.oldest) {
            return None;
        }
        let link = self.oldest.next();
        if ptr::eq(self.newest.get(), link) {
            self.newest.set(&self.oldest);
        } else {
            // SAFETY: a job on the list is alive.
            let next = unsafe { &*link }.next();
            // SAFETY: not the newest, so there is one after it.
            unsafe { &*next }.previous.set(&self.oldest);
            self.oldest.set_next(next);
        }
        Some(link)
    }

    /// See [`join`](super::join).
    #[inline(always)]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        let job = Job::new(b);
        self.push(job.link());
        if self.is_asked() {
            self.give();
        }
        let ra = match catch_unwind(AssertUnwindSafe(a)) {
            Ok(ra) => ra,
            Err(payload) => self.give_up(&job, payload),
        };
        // `take_oldest` may have given it away while `a` ran.
        match job.link.task() {
            Some(task) => (ra, self.take_back(&job, task)),
            None => {
                self.pop(&job.link);
                (ra, job.function()())
            }
        }
    }

    /// The result of a job that was given away: runs it, if nobody has begun, or waits.
    #[cold]
    #[inline(never)]
    fn take_back<B: FnOnce() -> R, R>(&self, job: &Job<B, R>, task: Task) -> R {
        // The reference goes before a panic comes out: the checkers do not follow what is dropped by one.
        if task.claim() {
            drop(task);
            return job.function()();
        }
        let result = self.result_of(&task, job);
        drop(task);
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// The first closure has panicked: the second one is not begun any more, or waited for, and then the panic goes on.
    #[cold]
    #[inline(never)]
    fn give_up<B: FnOnce() -> R, R>(&self, job: &Job<B, R>, payload: Payload) -> ! {
        match job.link.task() {
            None => {
                self.pop(&job.link);
                drop(job.function());
            }
            Some(task) if task.claim() => drop(job.function()),
            Some(task) => drop(self.result_of(&task, job)),
        }
        resume_unwind(payload)
    }

    fn result_of<B: FnOnce() -> R, R>(&self, task: &Task, job: &Job<B, R>) -> Result<R, Payload> {
        self.wait(task, false, || task.is_done());
        job.result()
    }
}

/// Runs `f` in a thread of the pool, and waits for it.
pub fn run_in<R: Send>(registry: &Registry, f: impl FnOnce() -> R + Send) -> R {
    let job = Job::new(f);
    let worker = current();
    let above = worker.and_then(WorkerThread::root);
    // SAFETY: the job stays here until the task is done.
    let task = unsafe { Task::new(Pending::of(job.link()), above, None) };
    registry.post(task.clone());
    match worker {
        Some(worker) => worker.wait(&task, false, || task.is_done()),
        None => _ = task.wait_outside(None),
    }
    drop(task);
    job.result().unwrap_or_else(|payload| resume_unwind(payload))
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// What a worker does to its list.
    #[derive(Debug, Clone)]
    enum Step {
        Push,
        Pop,
        TakeOldest,
        /// The worker begins a task in the middle of a wait.
        Begin,
        End,
    }

    proptest! {
        #[test]
        fn the_list_is_a_queue_with_two_ends(
            steps in prop::collection::vec(
                prop_oneof![
                    4 => Just(Step::Push), 3 => Just(Step::Pop), 3 => Just(Step::TakeOldest),
                    1 => Just(Step::Begin), 1 => Just(Step::End),
                ],
                0..200,
            ),
        ) {
            let (registry, mut deques) = Registry::new(1, None, None, None);
            let worker = WorkerThread::new(registry, 0, deques.remove(0));
            worker.newest.set(&worker.oldest);
            let links: Vec<Link> = steps.iter().map(|_| Link::new()).collect();
            let mut model: Vec<VecDeque<*const Link>> = vec![VecDeque::new()];
            let mut interrupted = Vec::new();
            for (step, link) in steps.into_iter().zip(&links) {
                let jobs = model.last_mut().unwrap();
                match step {
                    Step::Push => {
                        worker.push(link);
                        jobs.push_back(link);
                    }
                    // Only the newest is ever taken back, and only while it is on the list.
                    Step::Pop => if let Some(newest) = jobs.pop_back() {
                        prop_assert!(ptr::eq(worker.newest.get(), newest));
                        // SAFETY: it is one of `links`.
                        worker.pop(unsafe { &*newest });
                    },
                    Step::TakeOldest => prop_assert_eq!(worker.take_oldest(), jobs.pop_front()),
                    Step::Begin => {
                        interrupted.push(worker.begin());
                        model.push(VecDeque::new());
                    }
                    Step::End => if jobs.is_empty() && let Some(before) = interrupted.pop() {
                        worker.end(before);
                        model.pop();
                    },
                }
                let newest = model.last().unwrap().back().copied().unwrap_or(&worker.oldest);
                prop_assert!(ptr::eq(worker.newest.get(), newest));
            }
        }
    }
}
