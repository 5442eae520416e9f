//! How to start a pool.

use core::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use heddle_primitives::Mutex;
use heddle_primitives::sync::thread;

use super::base::Base;
use super::core::{Core, order};
use super::desk::Desk;
use super::error::{StartError, SubmitError};
use super::handler::Handler;
use super::job::{self, One, Sendable, Sink};
use super::memory::Floor;
use super::state::{FirstTask, Phase, State};
use super::station::ROOM;
use super::{Options, Owner, Pool};
use crate::process::StartMethod;
use crate::supervisor::OnDeath;
use crate::workers::{self, Workers};

/// How often a task that may be repeated is run again, unless it is said otherwise: a task that kills its worker must not do so for ever.
pub(crate) const RERUNS: u32 = 10;

/// How to start a [`Pool`].
#[derive(Debug)]
pub struct Builder {
    processes: Option<usize>,
    workers: workers::Builder,
    max_tasks: Option<u64>,
    options: Options,
    initializer: Result<Option<FirstTask>, SubmitError>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            processes: None,
            workers: Workers::builder(),
            max_tasks: None,
            options: Options { reruns: 0, kill: false },
            initializer: Ok(None),
        }
    }
}

impl Builder {
    /// The number of processes; unless set as many as this process may use CPUs.
    pub fn processes(mut self, count: usize) -> Self {
        self.processes = Some(count);
        self
    }

    /// What each process does before its first task: `f(argument)`. If it panics, the pool cannot be started; if it does so in a process that takes
    /// another's place, the pool is broken, and all its tasks end in errors. It is not tried again and again.
    pub fn initializer<F, A>(mut self, f: F, argument: A) -> Self
    where
        F: Fn(A) + Copy + 'static,
        A: Sendable,
    {
        self.initializer = first_task(f, &argument).map(Some);
        self
    }

    /// After how many tasks a process is replaced by a new one, so that what tasks leave behind does not pile up. A chunk is one task.
    /// Never unless set. At least 1.
    pub fn max_tasks_per_child(mut self, tasks: u64) -> Self {
        self.max_tasks = Some(tasks.max(1));
        self
    }

    /// All tasks may be run again if their process dies: see [`Pool::idempotent`].
    pub fn idempotent(mut self) -> Self {
        self.options.reruns = RERUNS;
        self
    }

    /// How long an idle worker, and whoever waits for one, spins before sleeping: as [`Workers`]' own.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.workers = self.workers.spin(spin);
        self
    }

    /// How the processes come into being: as [`Workers`]' own.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.workers = self.workers.start_method(method);
        self
    }

    /// How long all processes together may take to start; 10 s unless set.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.workers = self.workers.start_timeout(limit);
        self
    }

    /// How long a closed pool waits for processes to end by themselves, once all tasks are done, before it kills them; 1 s unless set.
    pub fn grace(mut self, limit: Duration) -> Self {
        self.workers = self.workers.grace(limit);
        self
    }

    /// Starts the processes, and waits until each has run the initializer.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(self) -> Result<Pool, StartError> {
        let initializer = self.initializer?;
        let count = match self.processes {
            Some(count) => count,
            None => thread::available_parallelism().map_or(1, core::num::NonZero::get),
        };
        // Before there is memory for them.
        if count == 0 || count > workers::MAX_WORKERS {
            return Err(crate::StartError::Count { count, max: workers::MAX_WORKERS }.into());
        }
        let base = Arc::new(Base::new(Floor::create(count)?, count));
        let alarmed = Arc::clone(&base);
        let workers =
            self.workers.count(count).on_death(OnDeath(Arc::new(move || alarmed.alarm()))).start()?;
        let desks = (0..count).map(|rank| Desk::new(Arc::clone(workers.link(rank)))).collect();
        let spin = workers.spin();
        let state = State::new(Arc::clone(&base), desks, initializer, self.max_tasks);
        let core = Arc::new(Core { base, state: Mutex::new(state), spin });
        let handler = Handler::start(Arc::clone(&core), workers);
        let handler = handler.map_err(|source| StartError::Handler { source })?;
        let owner = Owner { core, handler: Mutex::new(Some(handler)), processes: count };
        let pool = Pool { owner: Arc::new(owner), options: self.options };
        pool.wait_until_ready()?;
        Ok(pool)
    }
}

impl Pool {
    fn wait_until_ready(&self) -> Result<(), StartError> {
        let ready = |state: &mut State| match &state.phase {
            Phase::Broken(reason) => Some(Err(StartError::Initializer { reason: reason.to_string() })),
            _ => state.desks.iter().all(|desk| desk.is_idle()).then_some(Ok(())),
        };
        self.owner.core.wait(None, |state, _| ready(state)).expect("without a deadline")
    }
}

fn first_task<F, A>(f: F, argument: &A) -> Result<FirstTask, SubmitError>
where
    F: Fn(A) + Copy + 'static,
    A: Sendable,
{
    let name = type_name::<F>();
    let call = job::call::<One<F>, A>(One(f)).ok_or(SubmitError::NotPlain { function: name })?;
    let mut room = [0; ROOM];
    let mut spill = Vec::new();
    let mut sink = Sink::new(&mut room, &mut spill);
    sink.put(argument).map_err(|source| SubmitError::Encode { function: name, source })?;
    let bytes = match sink.small() {
        Some(len) => room[..len].into(),
        None => spill.into(),
    };
    Ok((order(call, name, None, 0), bytes))
}
