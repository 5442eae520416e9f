//! Who looks for answers: whoever waits for them, and the handler when nobody does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_primitives::spin::Spin;
use heddle_primitives::{Mutex, MutexGuard, Parker, Shared};

use super::base::Base;
use super::error::SubmitError;
use super::job::Sink;
use super::memory::Parcel;
use super::state::{Phase, State};
use super::station::ROOM;
use super::tasks::{Label, Notify, Order, Outcome, TaskKey};

/// Arguments above this are put into a segment before the lock is taken.
const PACKED_BEFOREHAND: usize = 64 << 10;

/// The heart of a pool: the state under its lock, and the ways to wait.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) base: Arc<Base>,
    pub(crate) state: Mutex<State>,
    pub(crate) spin: Duration,
}

impl Core {
    /// Takes a task whose argument `write` writes.
    #[inline]
    pub(crate) fn submit(
        &self,
        order: Order,
        write: impl FnOnce(&mut Sink<'_>) -> Result<(), postcard::Error>,
    ) -> Result<TaskKey, SubmitError> {
        let mut room = [0; ROOM];
        let mut spill = Vec::new();
        let mut sink = Sink::new(&mut room, &mut spill);
        write(&mut sink).map_err(|source| SubmitError::Encode { function: order.label.name, source })?;
        let small = sink.small();
        let bytes = match small {
            Some(len) => &room[..len],
            None => &spill[..],
        };
        let packed = self.pack_beforehand(bytes);
        let mut state = self.open()?;
        let key = match packed {
            Some(parcel) => state.submit_packed(order, parcel, bytes.len()),
            None => state.submit(order, bytes),
        };
        self.release(state);
        Ok(key)
    }

    /// The lock of a pool that takes tasks.
    #[inline]
    pub(crate) fn open(&self) -> Result<MutexGuard<'_, State>, SubmitError> {
        let state = self.state.lock();
        match &state.phase {
            Phase::Open => Ok(state),
            Phase::Closed | Phase::Terminated => Err(SubmitError::Closed),
            Phase::Broken(reason) => Err(SubmitError::Broken { reason: reason.to_string() }),
        }
    }

    /// Puts an argument into a segment if it is large. Without memory it is tried again when a worker has room, and is an error then.
    #[inline]
    pub(crate) fn pack_beforehand(&self, bytes: &[u8]) -> Option<Parcel> {
        if bytes.len() > PACKED_BEFOREHAND { self.base.parcels.pack(bytes).ok() } else { None }
    }

    /// Sees to it that somebody looks for answers although the caller goes on with something else.
    pub(crate) fn leave_to_handler(&self) {
        let mut state = self.state.lock();
        if !state.driving {
            self.hand_over(&mut state);
        }
        self.release(state);
    }

    /// Waits until `look` finds what it looks for, at most until the deadline. If it is given somebody to notify, it has that
    /// watch for what it lacks.
    pub(crate) fn wait<T>(
        &self,
        deadline: Option<Instant>,
        mut look: impl FnMut(&mut State, Option<&Notify>) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.state.lock();
        let mut drives = false;
        let mut timed_out = false;
        let mut parker: Option<Parker> = None;
        loop {
            state.pump();
            let found = look(&mut state, None);
            if found.is_some() || timed_out {
                if drives {
                    state.driving = false;
                    self.hand_over(&mut state);
                }
                self.release(state);
                return found;
            }
            if drives || !state.driving {
                if !drives {
                    drives = true;
                    state.driving = true;
                    state.drives += 1;
                    self.base.floor.bell().disarm_handler();
                }
                self.release(state);
                self.doze(deadline);
            } else {
                let parker = parker.get_or_insert_with(Parker::new);
                look(&mut state, Some(&Notify::Thread(parker.unparker().clone())));
                self.release(state);
                match deadline {
                    Some(deadline) => {
                        parker.park_deadline(deadline);
                    }
                    None => parker.park(),
                }
            }
            timed_out = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            state = self.state.lock();
        }
    }

    /// Spins and then sleeps until there are news: a hint.
    fn doze(&self, deadline: Option<Instant>) {
        let mut spin = Spin::new::<Shared>(self.spin, deadline);
        loop {
            if self.base.news() {
                return;
            }
            if !spin.pause() {
                break;
            }
        }
        self.base.floor.bell().sleep_driver(deadline, || self.base.news());
    }

    /// A caller looks for answers no more: the handler is to be woken by the next, unless it looks around by itself and nobody is in
    /// a hurry.
    fn hand_over(&self, state: &mut State) {
        // What workers publish meanwhile is dealt with here; but if they do so without end, by the handler.
        for _ in 0..4 {
            if state.outstanding == 0 || (state.ticking && state.watched == 0) {
                return;
            }
            if !self.base.floor.bell().arm_handler(|| self.base.news()) {
                return;
            }
            state.pump();
        }
        state.call_handler = true;
    }

    /// Lets go of the lock, and tells those who are to be told.
    #[inline]
    pub(crate) fn release(&self, mut state: MutexGuard<'_, State>) {
        while let Some(rank) = state.to_wake.pop() {
            state.desks[rank].unwoken = false;
            self.base.floor.station(rank).wake_worker();
        }
        let call = core::mem::take(&mut state.call_handler);
        if !call && state.to_notify.is_empty() {
            return;
        }
        let notify = core::mem::take(&mut state.to_notify);
        drop(state);
        if call {
            self.base.floor.bell().call_handler();
        }
        notify.into_iter().for_each(Notify::notify);
    }

    /// Waits for one task.
    #[inline]
    pub(crate) fn wait_for(&self, key: TaskKey, deadline: Option<Instant>) -> Option<Outcome> {
        self.wait(deadline, |state, notify| {
            if let Some(notify) = notify {
                state.watch(key, notify.clone());
            }
            state.take(key)
        })
    }

    /// Ends the pool at once.
    pub(crate) fn terminate(&self) {
        let mut state = self.state.lock();
        state.end(Phase::Terminated);
        self.release(state);
        // Whoever sleeps for an answer finds that there will be none.
        self.base.alarm();
    }
}

/// An order without a rerun.
pub(crate) fn order(call: crate::task::Call, name: &'static str, index: Option<usize>, reruns: u32) -> Order {
    Order { call: call.into(), label: Label { name, index }, reruns }
}
