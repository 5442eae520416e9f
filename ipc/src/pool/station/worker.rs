//! The worker's side of a station.

use std::time::Duration;

use heddle_primitives::Shared;
use heddle_primitives::spin::Spin;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::fence;

use super::{
    Answer, BEGUN, Begun, HAS_ROOM, IN_ANSWER, IN_HEAD, LARGE, NOWHERE, QUEUED, ROOM, Station, Whereabouts,
    cell,
};
use crate::pool::bell::Bell;

/// The worker's end of a station.
#[derive(Debug)]
pub(crate) struct WorkerEnd<'s> {
    station: &'s Station,
    bell: &'s Bell,
    /// The next task's number.
    next: u64,
    asked: u64,
}

impl<'s> WorkerEnd<'s> {
    /// # Safety
    ///
    /// The only worker's end of this station, of all processes, since it was fresh.
    pub(crate) unsafe fn new(station: &'s Station, bell: &'s Bell) -> WorkerEnd<'s> {
        WorkerEnd { station, bell, next: 0, asked: 0 }
    }

    /// The next task, waiting for one; `None` once the station is closed. Before it returns, the task is marked as begun, and whoever
    /// sleeps for the answers so far was woken.
    pub(crate) fn next(&mut self, spin: Duration) -> Option<Begun> {
        let to = &self.station.to;
        loop {
            // ORDERING: Acquire: pairs with the Release store in `Station::publish`: the task is whole.
            let come = || to.tail.load(Ordering::Acquire) != self.next;
            if !come() {
                self.bell.ring();
                self.wait(spin, come);
            }
            // ORDERING: Acquire: pairs with `Station::close`.
            if to.closed.load(Ordering::Acquire) != 0 {
                self.bell.ring();
                return None;
            }
            let at = cell(self.next);
            let state = &self.station.slips[at].state;
            // ORDERING: Relaxed, success and failure: what the task holds was acquired through `tail`. Nothing of the function comes
            // before this exchange: it is called through a pointer, so no compiler moves it up, and who asks for the state of a
            // dead worker's cell gets it from a kernel that has ended the process in between.
            let begun = state.compare_exchange(QUEUED, BEGUN, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            // For the answers before. The exchange is a fence already, which spares one for each task but the last.
            self.bell.ring_after_rmw();
            if !begun {
                // Withdrawn.
                self.commit();
                continue;
            }
            let body = self.station.slips[at].body.get();
            // SAFETY: the pool writes it no more until the task is answered.
            let body = *unsafe { body.deref() };
            let annex = (body.len & (LARGE | HAS_ROOM) != 0).then(|| {
                let annex = self.station.annexes[at].get();
                // SAFETY: as above.
                *unsafe { annex.deref() }
            });
            return Some(Begun {
                seq: self.next,
                call: body.call,
                len: body.len >> 2,
                argument: annex.filter(|_| body.len & LARGE != 0).map(|annex| annex.argument),
                room: annex.filter(|_| body.len & HAS_ROOM != 0).map_or(NOWHERE, |annex| annex.room),
            });
        }
    }

    /// Has `read` look at the small argument of a task; `None` if it claims more than there can be.
    pub(crate) fn argument<T>(&self, task: &Begun, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let at = cell(task.seq);
        let len = usize::try_from(task.len).ok().filter(|&len| len <= ROOM)?;
        Some(if len <= IN_HEAD {
            let body = self.station.slips[at].body.get();
            // SAFETY: the pool writes it no more until the task is answered.
            read(&unsafe { body.deref() }.inline[..len])
        } else {
            let room = self.station.arguments[at].get();
            // SAFETY: as above.
            read(&unsafe { room.deref() }.0[..len])
        })
    }

    /// Says which element of its task the worker is at.
    pub(crate) fn at_item(&self) -> &AtomicU64 {
        &self.station.item
    }

    /// Asks for a segment with room for `need` bytes, and waits for it; [`NOWHERE`] if there is none to be had.
    pub(crate) fn ask(&mut self, need: u64, spin: Duration) -> Whereabouts {
        self.asked += 1;
        let Station { to, from, .. } = self.station;
        // ORDERING: Relaxed: the store below publishes it.
        from.need.store(need, Ordering::Relaxed);
        // ORDERING: Release: pairs with the Acquire load in `Station::asked`.
        from.asked.store(self.asked, Ordering::Release);
        self.bell.ring();
        // ORDERING: Acquire: pairs with the Release store in `Station::grant`.
        let granted = || to.granted.load(Ordering::Acquire) == self.asked;
        self.wait(spin, granted);
        if !granted() {
            // Closed: nobody wants the result any more.
            return NOWHERE;
        }
        let grant = to.grant.get();
        // SAFETY: the pool writes it no more until the next request.
        *unsafe { grant.deref() }
    }

    /// Answers the task that [`next`](WorkerEnd::next) returned last; `bytes` is the result if it is small. Who sleeps for it is woken by
    /// `next`.
    pub(crate) fn answer(&mut self, answer: Answer, bytes: &[u8]) {
        let at = cell(self.next);
        if bytes.len() > IN_ANSWER {
            let room = self.station.results[at].get_mut();
            // SAFETY: the pool reads it only after `done` says that it is there, and has read the cell's last answer.
            unsafe { room.deref() }.0[..bytes.len()].copy_from_slice(bytes);
        }
        {
            let reply = self.station.replies[at].get_mut();
            // SAFETY: as above.
            let reply = unsafe { reply.deref() };
            reply.verdict = answer.verdict;
            reply.large = answer.large.into();
            reply.len = answer.len;
            reply.item = answer.item;
            if bytes.len() <= IN_ANSWER {
                reply.inline[..bytes.len()].copy_from_slice(bytes);
            }
        }
        self.commit();
    }

    fn commit(&mut self) {
        self.next += 1;
        // ORDERING: Release: pairs with the Acquire load in `Station::done`: the answer is whole.
        self.station.from.done.store(self.next, Ordering::Release);
    }

    /// Waits until `come`, or the station is closed.
    fn wait(&self, spin: Duration, come: impl Fn() -> bool) {
        let to = &self.station.to;
        // ORDERING: Relaxed: the caller looks again with Acquire.
        let come = || come() || to.closed.load(Ordering::Relaxed) != 0;
        if come() {
            return;
        }
        let mut spin = Spin::new::<Shared>(spin, None);
        while spin.pause() {
            if come() {
                return;
            }
        }
        while !come() {
            // ORDERING: Relaxed, here and below: the fence orders it, and the word passes nothing on.
            to.asleep.word().swap(1, Ordering::Relaxed);
            // ORDERING: the swap and the look do not change places; partner of the fence in `Station::wake_worker`.
            fence(Ordering::SeqCst);
            if come() {
                break;
            }
            to.asleep.wait(1, None);
        }
        to.asleep.word().swap(0, Ordering::Relaxed);
    }
}
