//! A warm set of worker processes.

use core::any::type_name;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_primitives::spin::DEFAULT_SPIN;

use crate::control::{ControlRef, Terms};
use crate::entry::{self, Role};
use crate::error::{CallError, SubmitError};
use crate::exit::Exit;
use crate::image::{Identity, Image};
use crate::lane::{CAPACITY, Status};
use crate::link::{Link, NoReply, SharedLink};
use crate::os;
use crate::process::StartMethod;
use crate::process::launch::{self, Given, OWN, Started};
use crate::shm_safe::ShmSafe;
use crate::start_error::StartError;
use crate::supervisor::{OnDeath, Supervisor};
use crate::task::{Call, MAX_INLINE};
use crate::ticket::Ticket;

/// How long a waiter spins before it sleeps where there is a CPU for each: long enough for work that follows at once.
const SPIN_ON_OWN_CPU: Duration = Duration::from_micros(50);

/// How often [`Workers::wait_all`] looks at the tickets that it does not wait for right now.
const LOOK_AROUND: Duration = Duration::from_millis(5);

/// The most workers of a set: each has a control segment, a pidfd and a process.
pub(crate) const MAX_WORKERS: usize = 1 << 12;

/// Worker processes that stay, and run one plain function after the other.
///
/// A worker is this executable, started again, which serves tasks instead of running `main`. It runs any function of the
/// executable that captures nothing, on an argument that is plain data; large data goes through a
/// [`Segment`](crate::Segment), whose [`SegmentRef`](crate::SegmentRef) and [`Offset`](crate::Offset)s are such data.
///
/// Each worker takes its tasks in the order in which they were submitted. Methods may be called by several threads at once.
/// Dropping the set ends it: workers finish the task they are at, those that take longer than
/// [`Builder::grace`] are killed, and all are reaped. They also end when this process does, however it ends.
///
/// ```
/// use heddle_ipc::Workers;
///
/// let workers = Workers::start(2)?;
/// let tickets = [workers.submit(0, u64::isqrt, 49)?, workers.submit(1, u64::isqrt, 64)?];
/// let answers = tickets.map(|ticket| workers.wait(ticket, None));
/// assert_eq!(answers, [Ok(7), Ok(8)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Workers {
    links: Vec<SharedLink>,
    generations: Vec<u64>,
    config: Builder,
    spin: Duration,
    // Dropped last: its drop waits until every worker has ended. `None` until the first are started.
    supervisor: Option<Supervisor>,
}

/// How to start [`Workers`].
#[derive(Clone, Debug)]
pub struct Builder {
    count: usize,
    spin: Option<Duration>,
    start_timeout: Duration,
    grace: Duration,
    program: PathBuf,
    on_death: Option<OnDeath>,
    method: StartMethod,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            count: 1,
            spin: None,
            start_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(1),
            program: PathBuf::from(OWN),
            on_death: None,
            method: StartMethod::Spawn,
        }
    }
}

impl Builder {
    /// The number of workers; 1 unless set.
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// How long an idle worker, and whoever waits for one, spins before sleeping. Unless set 50 us if this process may use
    /// more CPUs than there are workers, else 1.5 us.
    ///
    /// A worker inherits the CPUs that the starting thread may use, and does not spin at all if that is a single one: start
    /// workers before pinning the thread, and have a task pin each.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.spin = Some(spin);
        self
    }

    /// How long all workers together may take until they are ready; 10 s unless set.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = limit;
        self
    }

    /// How long dropping the set waits for tasks that still run before it kills their workers; 1 s unless set.
    pub fn grace(mut self, limit: Duration) -> Self {
        self.grace = limit;
        self
    }

    /// The executable to start; unless set this process's own. Any other is refused unless it is of the same build.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = path.into();
        self
    }

    /// What to call after each death was noted.
    pub(crate) fn on_death(mut self, tell: OnDeath) -> Self {
        self.on_death = Some(tell);
        self
    }

    /// How the processes come into being; [`StartMethod::Spawn`] unless set. Another [`program`](Builder::program) is always spawned.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// Starts the workers, all at once, and waits until each is ready.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(self) -> Result<Workers, StartError> {
        if !(1..=MAX_WORKERS).contains(&self.count) {
            return Err(StartError::Count { count: self.count, max: MAX_WORKERS });
        }
        if !entry::ran() {
            return Err(StartError::NoEntry);
        }
        let deadline = Instant::now().checked_add(self.start_timeout);
        let spin = self.spin.unwrap_or_else(|| default_spin(self.count));
        let count = self.count;
        let mut workers = Workers {
            links: Vec::with_capacity(count),
            generations: vec![0; count],
            config: self,
            spin,
            supervisor: None,
        };
        let started = (0..count)
            .try_for_each(|rank| {
                let link = workers.spawn(rank)?;
                workers.links.push(link);
                Ok(())
            })
            .and_then(|()| {
                // Meanwhile the processes get ready.
                let on_death = workers.config.on_death.clone();
                let supervisor =
                    Supervisor::start(on_death).map_err(|source| StartError::Supervisor { source })?;
                supervisor.watch(workers.links.iter().map(Arc::clone));
                workers.supervisor = Some(supervisor);
                workers.links.iter().try_for_each(|link| workers.greet(link, deadline))
            });
        match started {
            Ok(()) => Ok(workers),
            Err(error) => {
                // Nothing is running that deserves a wait.
                workers.config.grace = Duration::ZERO;
                Err(error)
            }
        }
    }
}

impl Workers {
    /// Starts `count` workers with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(count: usize) -> Result<Workers, StartError> {
        Workers::builder().count(count).start()
    }

    /// Sets out to start workers otherwise than by default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The present process of a rank.
    pub(crate) fn link(&self, rank: usize) -> &SharedLink {
        &self.links[rank]
    }

    /// How long whoever waits spins.
    pub(crate) fn spin(&self) -> Duration {
        self.spin
    }

    /// The number of workers, dead ones included.
    #[allow(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// How many tasks of one worker may be unanswered.
    pub const fn window() -> usize {
        CAPACITY
    }

    /// The process id of each worker, by rank. That of a worker that has ended may be another process's by now.
    pub fn pids(&self) -> Vec<u32> {
        self.links.iter().map(|link| link.pid).collect()
    }

    /// How a worker ended; `None` while it lives, and for a little longer.
    ///
    /// # Panics
    ///
    /// There is no such worker.
    pub fn exit(&self, rank: usize) -> Option<Exit> {
        self.links[rank].death()
    }

    /// How many times a worker was [restarted](Workers::restart).
    ///
    /// # Panics
    ///
    /// There is no such worker.
    pub fn generation(&self, rank: usize) -> u64 {
        self.generations[rank]
    }

    /// Has a worker run `f(argument)` and returns at once with the claim to the answer.
    ///
    /// `f` is a function, a closure that captures nothing, or a function pointer.
    ///
    /// ```compile_fail
    /// # let workers = heddle_ipc::Workers::start(1).unwrap();
    /// let captured = [1_u64; 4];
    /// let ticket = workers.submit(0, move |x: u64| x + captured[0], 1);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`SubmitError`]; the task was not sent then.
    #[inline]
    pub fn submit<F, A, R>(&self, rank: usize, f: F, argument: A) -> Result<Ticket<R>, SubmitError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: ShmSafe,
        R: ShmSafe,
    {
        let Some(link) = self.links.get(rank) else {
            return Err(SubmitError::NoSuchWorker { rank, count: self.links.len() });
        };
        let task = type_name::<F>();
        let Some(call) = Call::new(f) else { return Err(SubmitError::NotPlain { function: task }) };
        let call = call.into();
        let seq = link.submit(call, task, argument.as_bytes(), size_of::<R>())?;
        Ok(Ticket::new(Arc::clone(link), seq, call, task))
    }

    /// Waits for an answer; the same as [`Ticket::wait`].
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[inline]
    pub fn wait<R: ShmSafe>(&self, ticket: Ticket<R>, deadline: Option<Instant>) -> Result<R, CallError> {
        ticket.wait(deadline)
    }

    /// Waits for the answers to tasks that depend on each other, in the order of the tickets, at most until the deadline.
    ///
    /// Tasks that meet at a barrier in a segment never end once one of them has panicked or died, so waiting for one ticket after the
    /// other may never end either. This looks at all of them, and gives up as soon as one has failed.
    ///
    /// # Errors
    ///
    /// The first failure that was seen, up to 5 ms after it could be. The other tasks may still run, and may wait for ever for the one
    /// that failed: [`restart`](Workers::restart) their workers.
    pub fn wait_all<R: ShmSafe>(
        &self,
        mut tickets: Vec<Ticket<R>>,
        deadline: Option<Instant>,
    ) -> Result<Vec<R>, CallError> {
        let mut answers: Vec<Option<R>> = vec![None; tickets.len()];
        for at in 0..tickets.len() {
            // Spinning again after each look around would take a CPU from workers that have long tasks.
            let mut spin = self.spin;
            while answers[at].is_none() {
                let slice = Instant::now() + LOOK_AROUND;
                let last = deadline.is_some_and(|deadline| deadline <= slice);
                match tickets[at].settle(if last { deadline } else { Some(slice) }, spin) {
                    Ok(answer) => answers[at] = Some(answer),
                    Err(CallError::TimedOut { .. }) if !last => {}
                    Err(error) => return Err(error),
                }
                spin = Duration::ZERO;
                if answers[at].is_none() {
                    for (other, answer) in tickets.iter_mut().zip(&mut answers) {
                        if answer.is_none() && other.is_done() {
                            *answer = Some(other.settle(deadline, spin)?);
                        }
                    }
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Has a worker run `f(argument)` and waits for the answer, however long it takes.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[inline]
    pub fn call<F, A, R>(&self, rank: usize, f: F, argument: A) -> Result<R, CallError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: ShmSafe,
        R: ShmSafe,
    {
        self.submit(rank, f, argument)?.wait(None)
    }

    /// Kills a worker. Its unanswered tasks end in [`CallError::Died`] as soon as the kernel has taken it down. One that has ended
    /// already is no error.
    ///
    /// # Errors
    ///
    /// The system refused, which it does for a worker that has taken on another user's rights.
    ///
    /// # Panics
    ///
    /// There is no such worker.
    pub fn kill(&self, rank: usize) -> std::io::Result<()> {
        os::kill(self.links[rank].pidfd())
    }

    /// Replaces a worker, dead or alive, by a new process of the same rank. Tickets of the old one end in [`CallError::Died`].
    ///
    /// # Errors
    ///
    /// See [`StartError`]; the old worker has ended nevertheless, and it can be tried again.
    ///
    /// # Panics
    ///
    /// There is no such worker.
    pub fn restart(&mut self, rank: usize) -> Result<(), StartError> {
        let deadline = Instant::now().checked_add(self.config.start_timeout);
        self.kill(rank).map_err(|source| StartError::Spawn { rank, source })?;
        let old = &self.links[rank];
        // Until it has ended it may still write to segments that the new one is about to use.
        if !os::wait_for_end(old.pidfd(), deadline) {
            return Err(StartError::TimedOut { rank, pid: old.pid, limit: self.config.start_timeout });
        }
        let link = self.spawn(rank)?;
        self.supervisor.as_ref().expect("only drop takes it").watch([Arc::clone(&link)]);
        self.links[rank] = Arc::clone(&link);
        self.generations[rank] += 1;
        self.greet(&link, deadline).inspect_err(|_| {
            // Without a handshake it may not be given a task.
            let _ = os::kill(link.pidfd());
        })
    }

    /// Starts the process of a worker, which is not ready yet, and which nobody watches.
    fn spawn(&self, rank: usize) -> Result<SharedLink, StartError> {
        let terms = Terms {
            identity: Image::current().identity(),
            spin: self.spin,
            rank: rank as u32,
            count: self.config.count as u32,
        };
        let control = ControlRef::create(&terms).map_err(|source| StartError::Control { rank, source })?;
        let (role, name) = (Role::Worker(control.share()), format!("heddle-worker-{rank}"));
        let started = match self.config.program.as_os_str() == OWN {
            true => launch::start(self.config.method, &role, &name, Given::SAME),
            false => launch::spawn(&self.config.program, &role, &name, Given::SAME),
        };
        let Started { pid, pidfd } = started.map_err(|source| StartError::Spawn { rank, source })?;
        Ok(Arc::new(Link::new(rank, pid, pidfd, control, self.spin)))
    }

    /// Waits for the handshake.
    fn greet(&self, link: &Link, deadline: Option<Instant>) -> Result<(), StartError> {
        let (rank, pid) = (link.rank, link.pid);
        // Starting takes about a millisecond, so spinning would only keep a CPU from the new process.
        let reply = link.wait(0, deadline, Duration::ZERO, |head, bytes| {
            let word = |i: usize| u64::from_le_bytes(bytes.0[8 * i..8 * i + 8].try_into().expect("8 bytes"));
            (head.status, Identity::from_words(core::array::from_fn(word)))
        });
        match reply {
            Ok((status, worker)) => {
                let parent = Image::current().identity();
                match Status::from_number(status) {
                    Some(Status::Ok) if worker == parent => Ok(()),
                    Some(Status::Ok | Status::Refused) => Err(StartError::Refused { rank, worker, parent }),
                    _ => Err(StartError::Garbage { rank, pid, what: format!("status {status}") }),
                }
            }
            Err(NoReply::Died { exit, .. }) => Err(StartError::Died { rank, pid, exit }),
            Err(NoReply::TimedOut) => {
                Err(StartError::TimedOut { rank, pid, limit: self.config.start_timeout })
            }
            Err(NoReply::Garbage(what)) => Err(StartError::Garbage { rank, pid, what }),
        }
    }
}

const _: () = assert!(8 * Identity::WORDS <= MAX_INLINE);

impl Drop for Workers {
    fn drop(&mut self) {
        self.links.iter().for_each(|link| link.close());
        let deadline = Instant::now().checked_add(self.config.grace);
        for link in &self.links {
            if !os::wait_for_end(link.pidfd(), deadline) {
                let _ = os::kill(link.pidfd());
            }
        }
        match self.supervisor.take() {
            // Waits for the supervisor, and so until all are reaped.
            Some(supervisor) => drop(supervisor),
            None => {
                for link in &self.links {
                    os::wait_for_end(link.pidfd(), None);
                    os::reap(link.pidfd());
                }
            }
        }
    }
}

fn default_spin(workers: usize) -> Duration {
    // The waiting parent spins too. Not `available_parallelism`, which reads quotas from files: they say nothing about spinning.
    match rustix::thread::sched_getaffinity(None) {
        Ok(cpus) if workers < cpus.count() as usize => SPIN_ON_OWN_CPU,
        _ => DEFAULT_SPIN,
    }
}
