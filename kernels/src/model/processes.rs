//! Members that are processes over the job's segment, with one thread each or several.

use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Offset, Segment, SegmentRef, ShmSafe, Ticket, Workers, worker};
use heddle_primitives::{Mutex, Shared};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::local::{self, ABORTED, Ranks};
use super::{Cpus, ThreadPool};
use crate::job::{Page, Place};
use crate::team::TeamState;
use crate::{Kernel, RunError};

/// How long the members that still live get to end after another one failed, before they are killed.
const GRACE: Duration = Duration::from_secs(1);

/// How long a failure may go unnoticed while an earlier rank is waited for.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// What a worker process is told of a run: where everything lies in the job's segment, and which members it is.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct MemberArgs {
    pub segment: SegmentRef,
    pub params: Offset<[u8]>,
    pub partials: Offset<[Page]>,
    pub data: Offset<[Page]>,
    pub state: Offset<TeamState<Shared>>,
    pub cpus: Cpus,
    pub first: u32,
    pub count: u32,
    pub size: u32,
    pub reserved: u32,
}

/// A set of worker processes that run members.
#[derive(Debug)]
pub(crate) struct Processes {
    workers: Workers,
}

impl Processes {
    /// Starts `count` processes.
    pub(crate) fn start(count: usize) -> Result<Processes, RunError> {
        Ok(Processes { workers: Workers::start(count)? })
    }

    /// Process IDs, in order of rank.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.workers.pids()
    }

    /// Runs the kernel with `args.size` members, spread evenly over the processes. If a member fails the others are
    /// released from their barriers, and killed if that does not end them; the processes are whole again afterwards.
    pub(crate) fn run<K: Kernel>(
        &mut self,
        segment: &Segment,
        args: MemberArgs,
        limit: Duration,
    ) -> Result<K::Output, RunError> {
        const { assert!(size_of::<K::Output>() > 0, "an answer has at least a byte to compare") };
        let size = args.size as usize;
        let each = size / self.workers.len();
        // SAFETY: no run is under way, so nobody uses the state.
        let state = unsafe { segment.place(args.state, TeamState::new(size)) };
        let state = state.expect("the job placed its state in this segment");
        let deadline = Instant::now() + limit;
        let mut failure: Option<RunError> = None;
        let mut tickets: Vec<(usize, Ticket<K::Output>)> = Vec::with_capacity(self.workers.len());
        for rank in 0..self.workers.len() {
            let args = MemberArgs { first: (rank * each) as u32, count: each as u32, ..args };
            match self.workers.submit(rank, run_members::<K>, args) {
                Ok(ticket) => tickets.push((rank, ticket)),
                Err(source) => {
                    failure = Some(RunError::Submit { rank, source });
                    break;
                }
            }
        }
        let mut answer: Option<K::Output> = None;
        let mut deadline = if failure.is_some() { self.release(state) } else { deadline };
        while !tickets.is_empty() {
            let (rank, ticket) = tickets.remove(self.next_ready(&tickets, deadline));
            let error = match ticket.wait(Some(deadline)) {
                Ok(output) => match &answer {
                    Some(first) if first.as_bytes() != output.as_bytes() => RunError::Disagree { rank },
                    _ => {
                        answer = Some(output);
                        continue;
                    }
                },
                Err(CallError::TimedOut { .. }) => RunError::TimedOut(limit),
                Err(source) => RunError::Call { rank, source },
            };
            if failure.is_none() {
                deadline = self.release(state);
            }
            failure = Some(match failure.take() {
                Some(earlier) if telling(&earlier) >= telling(&error) => earlier,
                _ => error,
            });
        }
        let Some(failure) = failure else {
            return Ok(answer.expect("a team has at least one member"));
        };
        for rank in 0..self.workers.len() {
            // Whatever state the process is in, it is not asked again.
            self.workers.restart(rank)?;
        }
        Err(failure)
    }

    /// Releases the members from their barriers, and returns until when they may take to come back.
    fn release(&self, state: &TeamState<Shared>) -> Instant {
        state.abort();
        Instant::now() + GRACE
    }

    /// The first task in order that has an answer or a failure by the deadline: one member may fail while those before it
    /// wait for it.
    fn next_ready<O: ShmSafe>(&self, tickets: &[(usize, Ticket<O>)], deadline: Instant) -> usize {
        loop {
            let now = Instant::now();
            if now >= deadline || tickets[0].1.wait_ready(deadline.min(now + LOOK_AROUND)) {
                return 0;
            }
            if let Some(ready) = tickets.iter().position(|(_, ticket)| ticket.is_done()) {
                return ready;
            }
        }
    }
}

/// How much an error tells about why a run failed: the failure of one member makes others fail too.
fn telling(error: &RunError) -> u32 {
    match error {
        RunError::Call { source: CallError::Died { .. }, .. } => 4,
        RunError::Call { source: CallError::Panicked { message, .. }, .. } if message.contains(ABORTED) => 0,
        RunError::TimedOut(_) => 1,
        RunError::Disagree { .. } => 2,
        _ => 3,
    }
}

/// What a worker process runs: its members of the team.
fn run_members<K: Kernel>(args: MemberArgs) -> K::Output {
    let segment = worker::attach(args.segment).unwrap_or_else(|error| panic!("the job's segment: {error}"));
    let result = members_of::<K>(&segment, args);
    // Carried over to the parent, which reports it; a panic of its own would only print it twice.
    result.unwrap_or_else(|error| std::panic::resume_unwind(Box::new(error.to_string())))
}

fn members_of<K: Kernel>(segment: &Segment, args: MemberArgs) -> Result<K::Output, RunError> {
    let params = segment.slice(args.params).unwrap_or_else(|error| panic!("parameters: {error}"));
    // SAFETY: in bounds as checked; the parent wrote the parameters before it handed the task over, and leaves them.
    let params = unsafe { params.as_ref() };
    let params =
        K::Params::read_from_bytes(params).unwrap_or_else(|_| panic!("parameters of another length"));
    // SAFETY: the state was placed for this run and stays until all members are done.
    let state = unsafe { segment.get(args.state) }.unwrap_or_else(|error| panic!("team state: {error}"));
    let layout = K::layout(&params, args.size as usize);
    // SAFETY: the parent made the segment for this job and layout, and touches neither data nor partials meanwhile.
    let place = unsafe { Place::new(segment, args.data, args.partials, &layout) };
    let place = place.unwrap_or_else(|error| panic!("data: {error}"));
    let ranks = Ranks {
        first: args.first as usize,
        count: args.count as usize,
        size: args.size as usize,
        cpus: args.cpus,
    };
    if ranks.count == 1 {
        return local::on_scoped_threads::<K, Shared>(&place, &params, state, ranks);
    }
    let mut threads = THREADS.lock();
    if threads.as_ref().is_none_or(|pool| pool.size() != ranks.count) {
        let pool =
            ThreadPool::new(ranks.count).unwrap_or_else(|error| panic!("threads of a member: {error}"));
        *threads = Some(pool);
    }
    let pool = threads.as_mut().expect("set above");
    local::on_pool::<K, Shared>(&place, &params, state, ranks, pool)
}

/// The waiting threads of a worker process of the hybrid model.
static THREADS: Mutex<Option<ThreadPool>> = Mutex::new(None);
