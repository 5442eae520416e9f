//! Any number of closures that may borrow, and that have all ended when the scope returns.

use super::body::Body;
use super::task::{Task, Work};
use super::worker::{Payload, Registry, WorkerThread};
use crate::Mutex;
use crate::sync::Arc;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Where tasks may be spawned that borrow what outlives `'scope`; see [`scope`](super::scope()).
///
/// The lifetime can be neither shortened nor lengthened, or a task could borrow what is gone before the scope ends:
///
/// ```compile_fail,E0597
/// heddle_primitives::pool::scope(|s| {
///     let local = 1;
///     s.spawn(|_| println!("{}", &local));
/// });
/// ```
pub struct Scope<'scope> {
    /// What the tasks are below of; its work is [`Shared`].
    root: Task,
    registry: Arc<Registry>,
    lifetime: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// What the members of a scope share.
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// Spawned and not begun.
    bodies: VecDeque<Body>,
    /// Spawned and not ended.
    open: usize,
    /// Threads that take bodies, or have been invited to.
    members: usize,
    /// The first.
    panic: Option<Payload>,
}

impl Work for Shared {
    /// A scope is nothing that runs: it is what others are below of.
    fn run(&self) {}
}

/// Invites a worker to take bodies until there are none.
struct Invitation {
    root: Task,
    registry: Arc<Registry>,
}

impl Work for Invitation {
    fn run(&self) {
        let scope = Scope { root: self.root.clone(), registry: self.registry.clone(), lifetime: PhantomData };
        let mut ended = false;
        loop {
            let mut state = scope.shared().0.lock();
            state.open -= usize::from(ended);
            let Some(body) = state.bodies.pop_front() else {
                state.members -= 1;
                let last = state.open == 0;
                drop(state);
                if last {
                    scope.root.alert();
                }
                return;
            };
            drop(state);
            scope.run(body);
            ended = true;
        }
    }
}

impl<'scope> Scope<'scope> {
    /// Runs `body` some time before the scope ends, in any thread of the pool. It gets the scope, to spawn more.
    ///
    /// A panic in it goes on in the call of [`scope`](super::scope()) once all tasks have ended; of several the first.
    ///
    /// A closure that has captured three words at most costs no allocation of its own.
    ///
    /// ```
    /// use heddle_primitives::pool::scope;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// let sum = AtomicU32::new(0);
    /// scope(|s| {
    ///     for n in 1..=4 {
    ///         let sum = &sum;
    ///         s.spawn(move |_| _ = sum.fetch_add(n, Ordering::Relaxed));
    ///     }
    /// });
    /// assert_eq!(sum.into_inner(), 10);
    /// ```
    pub fn spawn(&self, body: impl FnOnce(&Scope<'scope>) + Send + 'scope) {
        // SAFETY: this scope alone runs it, before it returns.
        let body = unsafe { Body::new(body) };
        let invite = {
            let mut state = self.shared().0.lock();
            state.bodies.push_back(body);
            state.open += 1;
            let invite = state.members < state.bodies.len().min(self.registry.num_threads());
            state.members += usize::from(invite);
            invite
        };
        if invite {
            let work = Invitation { root: self.root.clone(), registry: self.registry.clone() };
            // SAFETY: an invitation owns what it uses; where the scope is over it finds no body.
            self.registry.post(unsafe { Task::new(work, Some(self.root.clone()), None) });
        }
    }

    fn shared(&self) -> &Shared {
        // SAFETY: the root of a scope is made with this work.
        unsafe { self.root.work() }
    }

    fn run(&self, body: Body) {
        // SAFETY: the lifetime is all that differs.
        let scope = unsafe { &*(&raw const *self).cast::<Scope<'static>>() };
        // SAFETY: a body was made for the scope that it is given.
        let run = || unsafe { body.run(scope) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            let mut state = self.shared().0.lock();
            let second = if state.panic.is_some() { Some(payload) } else { state.panic.replace(payload) };
            drop(state);
            // What a payload does when it is dropped must not end this thread.
            self.registry.run_detached(|| drop(second));
        }
    }
}

impl WorkerThread {
    /// See [`scope`](super::scope()).
    pub fn scope<'scope, R>(&self, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
        // SAFETY: it is never run.
        let root = unsafe { Task::new(Shared(Mutex::new(State::default())), self.root(), None) };
        let scope = Scope { root, registry: self.registry().clone(), lifetime: PhantomData };
        let shared = scope.shared();
        let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
        let mut ended = false;
        loop {
            let mut state = shared.0.lock();
            state.open -= usize::from(ended);
            // The newest first: what it needs is what was used last.
            let body = state.bodies.pop_back();
            let open = state.open;
            drop(state);
            ended = body.is_some();
            match body {
                Some(body) => self.execute_below(&scope.root, || scope.run(body)),
                None if open == 0 => break,
                None => self.wait(&scope.root, false, || {
                    let state = shared.0.lock();
                    state.open == 0 || !state.bodies.is_empty()
                }),
            }
        }
        let panic = shared.0.lock().panic.take();
        drop(scope);
        match (result, panic) {
            (Err(payload), _) | (Ok(_), Some(payload)) => resume_unwind(payload),
            (Ok(result), None) => result,
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
