//! What the pool and one worker share: tasks one way, answers the other.
//!
//! Each word has one writer, but for the state of a cell. Tasks are numbered from 0 on; task `seq` uses cell `seq % DEPTH`, whose
//! next task comes only after the pool has read the answer, so an argument stays where it is until then: also if the worker dies.
//!
//! What became of a task is told by three words, and after a death, of which the kernel says that nothing of the worker's comes any
//! more, they are final:
//!
//! | of task `seq` | it |
//! |---|---|
//! | `seq < done` | was answered, and the answer is whole: `done` is stored after it |
//! | not so, and its cell is BEGUN | may have begun. There is at most one: the worker takes the next task only after it stored `done` |
//! | not so, and its cell is QUEUED | has not begun: before the first instruction of the function comes the exchange that says BEGUN |
//! | its cell is WITHDRAWN | has not begun and will not: of the pool's exchange and the worker's only one succeeds |

mod worker;

pub(crate) use worker::WorkerEnd;

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::fence;
use heddle_primitives::{CachePadded, Futex, Shared};

use crate::lane::CallWords;

/// Tasks that a worker may have, the one it is at included; for the checkers few, so that rings go round in small programs.
pub(crate) const DEPTH: usize = if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) { 2 } else { 64 };

/// The most bytes that travel in a cell. Larger ones lie in a segment.
pub(crate) const ROOM: usize = 256;

/// Bytes of an argument in the line that has its head, so that a small task moves one cache line.
const IN_HEAD: usize = 32;
/// The same of a result.
const IN_ANSWER: usize = 40;

/// The worker has not looked at the task.
const QUEUED: u32 = 1;
/// The worker has taken the task, and may have begun it.
const BEGUN: u32 = 2;
/// The pool has taken the task back: the worker passes it by.
const WITHDRAWN: u32 = 3;

/// Where another process finds a segment, as words, since [`SegmentRef`](crate::SegmentRef) does not exist in every build. All zero
/// is none.
pub(crate) type Whereabouts = [u64; 3];

/// No segment.
pub(crate) const NOWHERE: Whereabouts = [0; 3];

/// Where the bytes of an argument are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument<'a> {
    /// Here; at most [`ROOM`].
    Small(&'a [u8]),
    /// So many at the start of a segment.
    Large(Whereabouts, u64),
}

/// What a worker takes off its station.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) seq: u64,
    pub(crate) call: CallWords,
    /// The bytes of the argument.
    pub(crate) len: u64,
    /// Where they are, if not in the cell.
    pub(crate) argument: Option<Whereabouts>,
    /// A segment for a result that is too large for the cell.
    pub(crate) room: Whereabouts,
}

/// What became of a task that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has not begun.
    Queued,
    /// It may have begun.
    Begun,
    /// It was taken back.
    Withdrawn,
}

/// An answer but for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// A [`Verdict`](super::job::Verdict) as a number.
    pub(crate) verdict: u32,
    /// Whether the bytes are in the segment for the result, and not in the cell.
    pub(crate) large: bool,
    pub(crate) len: u64,
    /// Which element of the task it is about.
    pub(crate) item: u64,
}

#[repr(C, align(64))]
struct Slip {
    state: AtomicU32,
    body: UnsafeCell<SlipBody>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SlipBody {
    call: CallWords,
    /// The length times four, plus the two flags.
    len: u64,
    inline: [u8; IN_HEAD],
}

/// The argument is in the segment that the annex names.
const LARGE: u64 = 1;
/// The annex names a segment for the result.
const HAS_ROOM: u64 = 2;

/// What a task needs besides if anything of it is large.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Annex {
    argument: Whereabouts,
    room: Whereabouts,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Reply {
    verdict: u32,
    large: u32,
    len: u64,
    item: u64,
    inline: [u8; IN_ANSWER],
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
const _: () = {
    assert!(size_of::<Slip>() == 64);
    assert!(size_of::<Reply>() == 64);
};

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Room([u8; ROOM]);

/// Written by the pool.
#[repr(C)]
struct ToWorker {
    /// Tasks ever published.
    tail: AtomicU64,
    /// Requests for room that were answered.
    granted: AtomicU64,
    closed: AtomicU32,
    /// 1 from before the worker sleeps until somebody wakes it.
    asleep: Futex<Shared>,
    /// What the last request was answered with.
    grant: UnsafeCell<Whereabouts>,
}

/// Written by the worker, and read by the pool all the time.
#[repr(C)]
struct FromWorker {
    /// Tasks ever answered.
    done: AtomicU64,
    /// Requests ever made for room for a large result.
    asked: AtomicU64,
    /// Bytes that the last request is for.
    need: AtomicU64,
}

/// Fresh memory, all zero, is a valid start.
#[repr(C, align(128))]
pub(crate) struct Station {
    to: CachePadded<ToWorker>,
    from: CachePadded<FromWorker>,
    /// Which element of its task the worker is at. Written often and read rarely, hence a line of its own.
    item: CachePadded<AtomicU64>,
    slips: [Slip; DEPTH],
    replies: [UnsafeCell<Reply>; DEPTH],
    annexes: [UnsafeCell<Annex>; DEPTH],
    arguments: [UnsafeCell<Room>; DEPTH],
    results: [UnsafeCell<Room>; DEPTH],
}

const _: () = assert!(DEPTH.is_power_of_two());

fn cell(seq: u64) -> usize {
    (seq % DEPTH as u64) as usize
}

/// What both sides may do.
impl Station {
    /// A station as fresh memory is one.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Station {
        let body = SlipBody { call: CallWords::NONE, len: 0, inline: [0; IN_HEAD] };
        let reply = Reply { verdict: 0, large: 0, len: 0, item: 0, inline: [0; IN_ANSWER] };
        Station {
            to: CachePadded::new(ToWorker {
                tail: AtomicU64::new(0),
                granted: AtomicU64::new(0),
                closed: AtomicU32::new(0),
                asleep: Futex::new_in(0),
                grant: UnsafeCell::new(NOWHERE),
            }),
            from: CachePadded::new(FromWorker {
                done: AtomicU64::new(0),
                asked: AtomicU64::new(0),
                need: AtomicU64::new(0),
            }),
            item: CachePadded::new(AtomicU64::new(0)),
            slips: core::array::from_fn(|_| Slip { state: AtomicU32::new(0), body: UnsafeCell::new(body) }),
            replies: core::array::from_fn(|_| UnsafeCell::new(reply)),
            annexes: core::array::from_fn(|_| UnsafeCell::new(Annex { argument: NOWHERE, room: NOWHERE })),
            arguments: core::array::from_fn(|_| UnsafeCell::new(Room([0; ROOM]))),
            results: core::array::from_fn(|_| UnsafeCell::new(Room([0; ROOM]))),
        }
    }

    /// Tasks answered plus requests for room made: differs from what it was if and only if there are news.
    #[inline]
    pub(crate) fn news(&self) -> u64 {
        // ORDERING: Relaxed: a hint; the words are read again with Acquire.
        let done = self.from.done.load(Ordering::Relaxed);
        // ORDERING: Relaxed: as above.
        done.wrapping_add(self.from.asked.load(Ordering::Relaxed))
    }

    /// Tasks ever answered, as the worker says. Their answers can be read.
    #[inline]
    pub(crate) fn done(&self) -> u64 {
        // ORDERING: Acquire: pairs with the Release store in `WorkerEnd::answer`, which comes after the answer's bytes.
        self.from.done.load(Ordering::Acquire)
    }

    /// How many requests for room the worker has made, and for how many bytes the last.
    pub(crate) fn asked(&self) -> (u64, u64) {
        // ORDERING: Acquire: pairs with the Release store in `WorkerEnd::ask`, which comes after `need`.
        let asked = self.from.asked.load(Ordering::Acquire);
        // ORDERING: Relaxed: ordered by the load above.
        (asked, self.from.need.load(Ordering::Relaxed))
    }

    /// Which element of its task the worker was at when it was last heard of.
    pub(crate) fn item(&self) -> u64 {
        // ORDERING: Relaxed: for a report about a process that has ended.
        self.item.load(Ordering::Relaxed)
    }

    /// What became of task `seq`, which was published, is not answered, and whose worker has ended.
    pub(crate) fn fate(&self, seq: u64) -> Fate {
        // ORDERING: Relaxed: the worker has ended, and all that it wrote is there.
        match self.slips[cell(seq)].state.load(Ordering::Relaxed) {
            QUEUED => Fate::Queued,
            WITHDRAWN => Fate::Withdrawn,
            _ => Fate::Begun,
        }
    }

    /// Takes a task back that was published and not answered; `false` if the worker has it.
    pub(crate) fn withdraw(&self, seq: u64) -> bool {
        let state = &self.slips[cell(seq)].state;
        // ORDERING: Relaxed, success and failure: nothing is passed on. Of this exchange and the worker's one succeeds.
        state.compare_exchange(QUEUED, WITHDRAWN, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Makes it fresh for the next worker. Nobody looks at a cell before it was written, so those stay.
    pub(crate) fn renew(&self) {
        // ORDERING: Relaxed, here and below: the next worker is started afterwards, and the caller has excluded everybody else.
        self.to.tail.store(0, Ordering::Relaxed);
        self.to.granted.store(0, Ordering::Relaxed);
        self.to.closed.store(0, Ordering::Relaxed);
        self.to.asleep.word().store(0, Ordering::Relaxed);
        self.from.done.store(0, Ordering::Relaxed);
        self.from.asked.store(0, Ordering::Relaxed);
        self.item.store(0, Ordering::Relaxed);
    }

    /// Tells the worker to go once it has answered the task it is at.
    pub(crate) fn close(&self) {
        // ORDERING: Release: what the pool did before is seen by the worker that goes.
        self.to.closed.store(1, Ordering::Release);
        self.wake_worker();
    }

    /// Wakes the worker if it sleeps, for what the caller has published.
    #[inline]
    pub(crate) fn wake_worker(&self) {
        // ORDERING: what was published and the load below do not change places; partner of the fence in `WorkerEnd::sleep`.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed: ordered by the fence.
        if self.to.asleep.word().load(Ordering::Relaxed) != 0 {
            self.wake_sleeper();
        }
    }

    #[cold]
    fn wake_sleeper(&self) {
        // ORDERING: Relaxed: passes nothing on.
        if self.to.asleep.word().swap(0, Ordering::Relaxed) != 0 {
            self.to.asleep.wake_one();
        }
    }
}

/// The pool's end. One at a time, under the pool's lock.
impl Station {
    /// Publishes task `seq`. Once for all that are published, the worker is to be [woken](Station::wake_worker) afterwards: the fence in
    /// it waits until the lines of the tasks are here.
    ///
    /// # Safety
    ///
    /// The caller is the only one that publishes; `seq` is the number of tasks published so far, and task `seq - DEPTH` was answered,
    /// and that answer read. A small argument has at most [`ROOM`] bytes.
    #[inline]
    pub(crate) unsafe fn publish(
        &self,
        seq: u64,
        call: CallWords,
        argument: Argument<'_>,
        room: Whereabouts,
    ) {
        let at = cell(seq);
        let mut flags = 0;
        let mut annex = Annex { argument: NOWHERE, room };
        let len = match argument {
            Argument::Small(bytes) => bytes.len() as u64,
            Argument::Large(place, len) => {
                flags |= LARGE;
                annex.argument = place;
                len
            }
        };
        if room != NOWHERE {
            flags |= HAS_ROOM;
        }
        if flags != 0 {
            let cell = self.annexes[at].get_mut();
            // SAFETY: the worker has answered the cell's last task and reads the next only after `tail` says that it is there.
            unsafe { *cell.deref() = annex };
        }
        if let Argument::Small(bytes) = argument
            && bytes.len() > IN_HEAD
        {
            let cell = self.arguments[at].get_mut();
            // SAFETY: as above.
            unsafe { cell.deref() }.0[..bytes.len()].copy_from_slice(bytes);
        }
        {
            let body = self.slips[at].body.get_mut();
            // SAFETY: as above.
            let body = unsafe { body.deref() };
            body.call = call;
            body.len = len << 2 | flags;
            if let Argument::Small(bytes) = argument
                && bytes.len() <= IN_HEAD
            {
                body.inline[..bytes.len()].copy_from_slice(bytes);
            }
        }
        // ORDERING: Relaxed: the store below publishes it.
        self.slips[at].state.store(QUEUED, Ordering::Relaxed);
        // ORDERING: Release: pairs with the Acquire load in `WorkerEnd::next`: the task is whole.
        self.to.tail.store(seq + 1, Ordering::Release);
    }

    /// The small argument of task `seq` once more, for a task that was withdrawn or whose worker has ended; `None` if it is large.
    ///
    /// # Safety
    ///
    /// As for [`publish`](Station::publish), and the task was published and its cell not used again.
    pub(crate) unsafe fn argument(&self, seq: u64, into: &mut Vec<u8>) -> Option<()> {
        let body = self.slips[cell(seq)].body.get();
        // SAFETY: only the caller writes it.
        let body = unsafe { body.deref() };
        let len = (body.len >> 2) as usize;
        if body.len & LARGE != 0 {
            return None;
        }
        if len <= IN_HEAD {
            into.extend_from_slice(&body.inline[..len]);
        } else {
            let room = self.arguments[cell(seq)].get();
            // SAFETY: as above.
            into.extend_from_slice(&unsafe { room.deref() }.0[..len.min(ROOM)]);
        }
        Some(())
    }

    /// What the worker answered to task `seq`. Its numbers are as the worker wrote them.
    ///
    /// # Safety
    ///
    /// [`done`](Station::done) was above `seq`, and the cell has not been used again.
    #[inline]
    pub(crate) unsafe fn answer(&self, seq: u64) -> Answer {
        let reply = self.replies[cell(seq)].get();
        // SAFETY: the worker writes it no more until the cell's next task.
        let reply = unsafe { reply.deref() };
        Answer { verdict: reply.verdict, large: reply.large != 0, len: reply.len, item: reply.item }
    }

    /// Has `read` look at the small result of task `seq`, of at most [`ROOM`] bytes.
    ///
    /// # Safety
    ///
    /// As for [`answer`](Station::answer).
    #[inline]
    pub(crate) unsafe fn result<T>(&self, seq: u64, len: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        if len <= IN_ANSWER {
            let reply = self.replies[cell(seq)].get();
            // SAFETY: the worker writes it no more until the cell's next task.
            read(&unsafe { reply.deref() }.inline[..len])
        } else {
            let room = self.results[cell(seq)].get();
            // SAFETY: as above.
            read(&unsafe { room.deref() }.0[..len.min(ROOM)])
        }
    }

    /// Answers request `asked` for room; with [`NOWHERE`] if there is none to be had.
    ///
    /// # Safety
    ///
    /// The caller is the only one that grants, and request `asked` is the last and not answered yet.
    pub(crate) unsafe fn grant(&self, asked: u64, room: Whereabouts) {
        {
            let cell = self.to.grant.get_mut();
            // SAFETY: the worker reads it only after `granted` says so, and asks again only then.
            unsafe { *cell.deref() = room };
        }
        // ORDERING: Release: pairs with the Acquire load in `WorkerEnd::ask`.
        self.to.granted.store(asked, Ordering::Release);
        self.wake_worker();
    }
}

impl core::fmt::Debug for Station {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Station").finish_non_exhaustive()
    }
}

// SAFETY: whoever uses the cells promises to be the only one at their side; the atomics order the sides.
unsafe impl Sync for Station {}
