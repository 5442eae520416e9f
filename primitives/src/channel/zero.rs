//! The channel of capacity 0: a sender and a receiver meet.

use super::context::{Chosen, Context, Sleeper};
use super::error::*;
use super::flavour::{Flavour, Registered, Side, Token};
use super::waiters::{Entry, List};
use crate::array_queue::Backoff;
use crate::mutex::Mutex;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::time::Instant;

/// Where one value is handed over. It belongs to the thread that waits; the thread that chooses it learns its address.
///
/// | what waits | place | value | `ready` says |
/// |---|---|---|---|
/// | a send | stack | there from the start | taken: the owner goes on |
/// | a receive | stack | none | there: the owner takes it |
/// | a send of a selection | heap | none until the owner has been chosen | there: the chooser takes it and frees the packet |
/// | a receive of a selection | heap | none | there: the owner takes it and frees the packet |
struct Packet<T> {
    ready: AtomicU32,
    on_stack: bool,
    value: UnsafeCell<Option<T>>,
}

impl<T> Packet<T> {
    fn new(on_stack: bool, value: Option<T>) -> Self {
        Self { ready: AtomicU32::new(0), on_stack, value: UnsafeCell::new(value) }
    }

    fn put(&self, value: T) {
        let cell = self.value.get_mut();
        // SAFETY: the protocol of the packet gives it to one thread at a time.
        *unsafe { cell.deref() } = Some(value);
    }

    fn take(&self) -> Option<T> {
        let cell = self.value.get_mut();
        // SAFETY: as above.
        unsafe { cell.deref() }.take()
    }

    fn set_ready(&self) {
        // ORDERING: releases the value, or that it was taken.
        self.ready.swap(1, Ordering::Release);
    }

    fn wait_ready(&self) {
        let mut backoff = Backoff::new();
        // ORDERING: acquires what `set_ready` released.
        while self.ready.load(Ordering::Acquire) == 0 {
            backoff.peer_is_busy();
        }
    }
}

/// The channel. Who comes looks under the lock whether a partner waits, and else waits itself.
pub(super) struct Zero<T> {
    state: Mutex<State>,
    value: PhantomData<fn(T) -> T>,
}

#[derive(Default)]
struct State {
    senders: List,
    receivers: List,
    closed: bool,
}

impl State {
    fn side(&mut self, side: Side) -> &mut List {
        match side {
            Side::Send => &mut self.senders,
            Side::Recv => &mut self.receivers,
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Send => Self::Recv,
            Self::Recv => Self::Send,
        }
    }
}

enum Meeting<'a> {
    /// The partner is woken once its packet is ready.
    Partner(Entry, Sleeper),
    Closed,
    Nobody(crate::MutexGuard<'a, State>),
}

impl<T> Zero<T> {
    pub fn new() -> Self {
        Self { state: Mutex::new(State::default()), value: PhantomData }
    }

    fn meet(&self, side: Side) -> Meeting<'_> {
        let mut state = self.state.lock();
        if state.closed {
            return Meeting::Closed;
        }
        match state.side(side.other()).choose_one() {
            Some((entry, sleeper)) => Meeting::Partner(entry, sleeper),
            None => Meeting::Nobody(state),
        }
    }

    /// Waits with the packet until `deadline`; true if a partner has come, who is done with the packet when this returns.
    fn wait(
        &self,
        side: Side,
        mut state: crate::MutexGuard<'_, State>,
        packet: &Packet<T>,
        deadline: Option<Instant>,
    ) -> Chosen {
        let context = Context::new();
        state.side(side).add(&context, 0, (&raw const *packet).cast_mut().cast(), false);
        let mut watchers = Vec::new();
        state.side(side.other()).alert_watchers(&mut watchers);
        drop(state);
        watchers.into_iter().for_each(Sleeper::wake);
        let chosen = context.wait(true, deadline);
        match chosen {
            Chosen::Operation(_) => packet.wait_ready(),
            _ => _ = self.state.lock().side(side).remove(&context, 0),
        }
        chosen
    }

    /// Gives the value to a partner that waits in a receive.
    fn give(packet: *mut (), value: T) {
        let packet: *mut Packet<T> = packet.cast();
        // SAFETY: the partner's packet lives until it is ready.
        let packet = unsafe { &*packet };
        packet.put(value);
        packet.set_ready();
    }

    /// Gets the value of a partner that waits in a send, and wakes it: afterwards if it goes on then, before if it must act.
    fn get_and_wake(packet: *mut (), sleeper: Sleeper) -> Option<T> {
        let waiting: *mut Packet<T> = packet.cast();
        // SAFETY: as in `get`.
        if unsafe { &*waiting }.on_stack {
            let value = Self::get(packet);
            sleeper.wake();
            value
        } else {
            sleeper.wake();
            Self::get(packet)
        }
    }

    /// Gets the value out of a packet.
    fn get(packet: *mut ()) -> Option<T> {
        let packet: *mut Packet<T> = packet.cast();
        // SAFETY: on the stack, it lives until it is ready; on the heap, until this thread frees it.
        let waiting = unsafe { &*packet };
        if waiting.on_stack {
            let value = waiting.take();
            waiting.set_ready();
            return value;
        }
        waiting.wait_ready();
        // SAFETY: it came from `Box::into_raw` in `register`, and its owner has done its last access.
        unsafe { Box::from_raw(packet) }.take()
    }
}

impl<T> Flavour<T> for Zero<T> {
    fn send(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        let state = match self.meet(Side::Send) {
            Meeting::Closed => return Err(SendTimeoutError::Disconnected(value)),
            Meeting::Partner(entry, sleeper) => {
                Self::give(entry.packet, value);
                sleeper.wake();
                return Ok(());
            }
            Meeting::Nobody(state) => state,
        };
        let packet = Packet::new(true, Some(value));
        let chosen = self.wait(Side::Send, state, &packet, deadline);
        match (chosen, packet.take()) {
            (Chosen::Disconnected, Some(value)) => Err(SendTimeoutError::Disconnected(value)),
            (_, Some(value)) => Err(SendTimeoutError::Timeout(value)),
            (_, None) => Ok(()),
        }
    }

    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.meet(Side::Send) {
            Meeting::Closed => Err(TrySendError::Disconnected(value)),
            Meeting::Partner(entry, sleeper) => {
                Self::give(entry.packet, value);
                sleeper.wake();
                Ok(())
            }
            Meeting::Nobody(_) => Err(TrySendError::Full(value)),
        }
    }

    fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let state = match self.meet(Side::Recv) {
            Meeting::Closed => return Err(RecvTimeoutError::Disconnected),
            Meeting::Partner(entry, sleeper) => {
                let value = Self::get_and_wake(entry.packet, sleeper);
                return value.ok_or(RecvTimeoutError::Disconnected);
            }
            Meeting::Nobody(state) => state,
        };
        let packet = Packet::new(true, None);
        let chosen = self.wait(Side::Recv, state, &packet, deadline);
        packet.take().ok_or(match chosen {
            Chosen::Aborted => RecvTimeoutError::Timeout,
            _ => RecvTimeoutError::Disconnected,
        })
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.meet(Side::Recv) {
            Meeting::Closed => Err(TryRecvError::Disconnected),
            Meeting::Partner(entry, sleeper) => {
                let value = Self::get_and_wake(entry.packet, sleeper);
                value.ok_or(TryRecvError::Disconnected)
            }
            Meeting::Nobody(_) => Err(TryRecvError::Empty),
        }
    }

    fn len(&self) -> usize {
        0
    }

    fn capacity(&self) -> Option<usize> {
        Some(0)
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        true
    }

    fn close(&self) -> bool {
        let mut sleepers = Vec::new();
        {
            let mut state = self.state.lock();
            if std::mem::replace(&mut state.closed, true) {
                return false;
            }
            state.senders.disconnect(&mut sleepers);
            state.receivers.disconnect(&mut sleepers);
        }
        sleepers.into_iter().for_each(Sleeper::wake);
        true
    }

    fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    fn start(&self, side: Side) -> Option<Token> {
        match self.meet(side) {
            Meeting::Closed => Some(Token::Closed),
            Meeting::Partner(entry, sleeper) => {
                // It waits awake for what the caller is about to do.
                sleeper.wake();
                Some(Token::Zero(entry.packet))
            }
            Meeting::Nobody(_) => None,
        }
    }

    fn finish_send(&self, token: Token, value: T) -> Result<(), SendError<T>> {
        match token {
            Token::Zero(packet) => {
                Self::give(packet, value);
                Ok(())
            }
            _ => Err(SendError(value)),
        }
    }

    fn finish_recv(&self, token: Token) -> Result<T, RecvError> {
        match token {
            // A receive of a selection that was chosen waits for its packet as a chooser does for that of a send.
            Token::Zero(packet) => Self::get(packet).ok_or(RecvError),
            _ => Err(RecvError),
        }
    }

    fn register(&self, side: Side, context: &Arc<Context>, operation: u32, watch: bool) -> Registered {
        let packet = if watch { null_mut() } else { Box::into_raw(Box::new(Packet::<T>::new(false, None))) };
        let mut watchers = Vec::new();
        let ready = {
            let mut state = self.state.lock();
            state.side(side).add(context, operation, packet.cast(), watch);
            if !watch {
                state.side(side.other()).alert_watchers(&mut watchers);
            }
            state.closed || state.side(side.other()).can_choose(Some(context))
        };
        watchers.into_iter().for_each(Sleeper::wake);
        Registered { ready, packet: packet.cast() }
    }

    fn unregister(&self, side: Side, context: &Arc<Context>, operation: u32) {
        let entry = self.state.lock().side(side).remove(context, operation);
        if let Some(entry) = entry
            && !entry.packet.is_null()
        {
            let packet: *mut Packet<T> = entry.packet.cast();
            // SAFETY: it came from `Box::into_raw` in `register`, and nobody has chosen the entry.
            drop(unsafe { Box::from_raw(packet) });
        }
    }

    fn accept(&self, _: Side, packet: *mut ()) -> Option<Token> {
        Some(Token::Zero(packet))
    }

    fn is_ready(&self, side: Side) -> bool {
        let mut state = self.state.lock();
        state.closed || state.side(side.other()).can_choose(None)
    }
}

impl<T> fmt::Debug for Zero<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zero").finish_non_exhaustive()
    }
}
