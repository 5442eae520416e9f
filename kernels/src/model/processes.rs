//! Members that are processes over the job's segment, with one thread each or several.

use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Offset, Segment, SegmentRef, Ticket, Workers, worker};
use heddle_primitives::{Mutex, Shared};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::ThreadPool;
use super::local::{self, Ranks};
use crate::job::{Page, Place};
use crate::team::TeamState;
use crate::{Kernel, RunError};

/// How long the members that still live get to end after another one failed, before they are killed.
const GRACE: Duration = Duration::from_secs(1);

/// What a worker process is told of a run: where everything lies in the job's segment, and which members it is.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct MemberArgs {
    pub segment: SegmentRef,
    pub params: Offset<[u8]>,
    pub partials: Offset<[Page]>,
    pub data: Offset<[Page]>,
    pub state: Offset<TeamState<Shared>>,
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
        let mut failure = None;
        let mut tickets: Vec<Option<Ticket<K::Output>>> = Vec::with_capacity(self.workers.len());
        for rank in 0..self.workers.len() {
            let args = MemberArgs { first: (rank * each) as u32, count: each as u32, ..args };
            match self.workers.submit(rank, run_members::<K>, args) {
                Ok(ticket) => tickets.push(Some(ticket)),
                Err(source) => {
                    failure = Some(RunError::Submit { rank, source });
                    break;
                }
            }
        }
        let mut answer: Option<K::Output> = None;
        for (rank, ticket) in tickets.iter_mut().enumerate() {
            if failure.is_some() {
                break;
            }
            match self.workers.wait(ticket.take().expect("each is taken once"), Some(deadline)) {
                Ok(output) => match &answer {
                    None => answer = Some(output),
                    Some(first) if first.as_bytes() == output.as_bytes() => {}
                    Some(_) => failure = Some(RunError::Disagree { rank }),
                },
                Err(CallError::TimedOut { .. }) => failure = Some(RunError::TimedOut(limit)),
                Err(source) => failure = Some(RunError::Call { rank, source }),
            }
        }
        let Some(failure) = failure else {
            return Ok(answer.expect("a team has at least one member"));
        };
        state.abort();
        Err(self.recover(tickets, failure))
    }

    /// Brings every process back to where it waits for a task; returns the failure that explains the others.
    fn recover<O: heddle_ipc::ShmSafe>(
        &mut self,
        tickets: Vec<Option<Ticket<O>>>,
        first: RunError,
    ) -> RunError {
        let grace = Instant::now() + GRACE;
        let mut cause = first;
        for (rank, ticket) in tickets.into_iter().enumerate() {
            let Some(ticket) = ticket else { continue };
            let result = self.workers.wait(ticket, Some(grace));
            // A member that was waited for earlier may only have been released because this one died.
            if let Err(source @ CallError::Died { .. }) = result
                && !matches!(cause, RunError::Call { source: CallError::Died { .. }, .. })
            {
                cause = RunError::Call { rank, source };
            }
        }
        for rank in 0..self.workers.len() {
            // A process whose state is unknown is not asked again.
            if let Err(error) = self.workers.restart(rank) {
                eprintln!("worker {rank} could not be replaced: {error}");
            }
        }
        cause
    }
}

/// What a worker process runs: its members of the team.
fn run_members<K: Kernel>(args: MemberArgs) -> K::Output {
    let segment = worker::attach(args.segment).unwrap_or_else(|error| panic!("the job's segment: {error}"));
    let result = members_of::<K>(&segment, args);
    result.unwrap_or_else(|error| panic!("{error}"))
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
    let ranks = Ranks { first: args.first as usize, count: args.count as usize, size: args.size as usize };
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
