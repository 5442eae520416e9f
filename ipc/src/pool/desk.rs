//! The pool's own side of a station: what it has sent to one worker, and what it knows of it.

use core::fmt;
use std::time::{Duration, Instant};

use super::memory::Parcel;
use super::station::DEPTH;
use super::tasks::TaskKey;
use crate::link::SharedLink;

/// How much work a worker is given ahead, if its tasks are short enough for it to be several.
const AHEAD: Duration = Duration::from_micros(100);

/// Tasks that a worker has when it is not known how long they take: the one it is at, and one so that it need not wait for the next.
const FEW: usize = 2;

/// What a desk is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Its worker runs the initializer, as this task.
    Starting(TaskKey),
    Ready,
    /// Its worker has had as many tasks as it may: it finishes these, and then goes.
    Retiring,
    /// Its worker was told to go.
    Leaving,
    /// There is no worker.
    Dead,
}

/// A task on its way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// `None` if it was withdrawn, or its answer was read.
    pub(crate) key: Option<TaskKey>,
    /// For a result that is too large for a cell.
    pub(crate) room: Option<Parcel>,
}

pub(crate) struct Desk {
    pub(crate) link: SharedLink,
    pub(crate) readiness: Readiness,
    /// The next task's number.
    pub(crate) next: u64,
    /// Answers read.
    pub(crate) seen: u64,
    /// Requests for room that were answered.
    pub(crate) granted: u64,
    /// Tasks given to this worker, withdrawn ones not counted.
    pub(crate) given: u64,
    /// It has tasks that its worker was not woken for.
    pub(crate) unwoken: bool,
    flights: Box<[Flight]>,
    /// Tasks that it may have at a time.
    window: usize,
    /// What a task takes, as far as that is known.
    pace: Option<Duration>,
    /// When it was last seen to go from task to task.
    mark: Option<Instant>,
}

impl Desk {
    pub(crate) fn new(link: SharedLink) -> Desk {
        Desk {
            link,
            readiness: Readiness::Dead,
            next: 0,
            seen: 0,
            granted: 0,
            given: 0,
            unwoken: false,
            flights: (0..DEPTH).map(|_| Flight::default()).collect(),
            window: FEW,
            pace: None,
            mark: None,
        }
    }

    /// Tasks that it has, withdrawn ones included.
    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        (self.next - self.seen) as usize
    }

    /// Whether it takes one more task.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.readiness == Readiness::Ready && self.in_flight() < self.window
    }

    /// Whether its worker would start a task at once.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.readiness == Readiness::Ready && self.next == self.seen
    }

    #[inline]
    pub(crate) fn flight(&mut self, seq: u64) -> &mut Flight {
        &mut self.flights[(seq % DEPTH as u64) as usize]
    }

    /// Whether a task that it has not begun is better given to an idle worker than left: not if it is short.
    pub(crate) fn is_slow(&self) -> bool {
        self.pace.is_none_or(|pace| pace > AHEAD / 10)
    }

    /// So many answers were read at once. `starved` is whether the worker has nothing more to do: then it may have waited, and the time
    /// since the last call says only that a task takes no longer.
    pub(crate) fn measure(&mut self, answers: u64, starved: bool) {
        let now = Instant::now();
        if let Some(mark) = self.mark.replace(now) {
            let each = (now - mark) / answers.clamp(1, DEPTH as u64) as u32;
            let pace = match self.pace {
                // The mean and not the least: who looks late once finds the next answer early. Within bounds, since a worker that was
                // preempted looks like one with long tasks.
                Some(pace) => {
                    let mean = (pace * 7 + each.min(pace * 4)) / 8;
                    if starved { mean.min(pace) } else { mean }
                }
                None => each,
            };
            self.pace = Some(pace);
            let ahead = AHEAD.as_nanos() / pace.as_nanos().max(1);
            self.window = usize::try_from(ahead).unwrap_or(DEPTH).clamp(FEW, DEPTH);
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("rank", &self.link.rank)
            .field("readiness", &self.readiness)
            .field("next", &self.next)
            .field("seen", &self.seen)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
