//! The channel of capacity 0: a sender and a receiver meet.

use super::context::{Context, Sleeper};
use super::error::*;
use super::flavour::{Flavour, Registered, Side, Token};
use super::waiters::List;
use crate::array_queue::Backoff;
use crate::cache_padded::CachePadded;
use crate::mutex::Mutex;
use crate::scope::Private;
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::sync::cell::UnsafeCell;
use crate::sync::futex::{Futex, WaitOutcome};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::time::Instant;

/// Nobody has come.
const WAITING: u32 = 0;
/// Nobody has come, and the owner sleeps, or is about to.
const ASLEEP: u32 = 1;
/// The value is there, or was taken.
const READY: u32 = 2;
/// The channel was closed.
const CLOSED: u32 = 3;

/// Where one value is handed over. It belongs to the thread that waits; the thread that takes it out of the list learns its address.
///
/// | what waits | place | value | `READY` means |
/// |---|---|---|---|
/// | a send | stack | there from the start | taken: the owner goes on |
/// | a receive | stack | none | there: the owner takes it |
/// | a send of a selection | heap | none until the owner has been chosen | there: the chooser takes it and frees the packet |
/// | a receive of a selection | heap | none | there: the owner takes it and frees the packet |
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | waiting, awake | on the stack, the owner going to sleep -> 1; who took the packet out of the list -> 2 or 3 |
/// | 1 | waiting, asleep | who took the packet out -> 2 or 3, then a wake |
/// | 2 | ready | - |
/// | 3 | the channel was closed | - |
///
/// The list's lock decides who ends a wait: another thread, or the owner when it times out. Whoever changes the state to 2 or 3 on
/// the stack touches nothing of the packet afterwards: its owner may be gone. It has cache lines of its own, apart from what the
/// owner writes while it spins.
#[repr(align(128))]
struct Packet<T> {
    state: Futex,
    on_stack: bool,
    value: UnsafeCell<Option<T>>,
}

impl<T> Packet<T> {
    fn new(on_stack: bool, value: Option<T>) -> Self {
        Self { state: Futex::new(WAITING), on_stack, value: UnsafeCell::new(value) }
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

    /// Ends the wait at the packet.
    fn end(&self, state: u32) {
        let address = self.state.address();
        // ORDERING: releases the value, or that it was taken.
        if self.state.word().swap(state, Ordering::Release) == ASLEEP {
            address.wake(1);
        }
    }

    fn ended(&self) -> Option<u32> {
        // ORDERING: acquires what `end` released.
        Some(self.state.word().load(Ordering::Acquire)).filter(|state| *state >= READY)
    }

    /// Waits for a thread that is about to end the wait.
    fn wait_ready(&self) {
        let mut backoff = Backoff::new();
        while self.ended().is_none() {
            backoff.peer_is_busy();
        }
    }

    /// Waits until the wait was ended, or `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> Option<u32> {
        {
            let mut spin = Spin::new::<Private>(HANDOVER_SPIN, deadline);
            loop {
                let ended = self.ended();
                if ended.is_some() {
                    return ended;
                }
                if !spin.pause() {
                    break;
                }
            }
        }
        // ORDERING: publishes nothing. If it was ended meanwhile, or says so already, the next look finds that.
        let _ = self.state.word().compare_exchange(WAITING, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        loop {
            let ended = self.ended();
            if ended.is_some() {
                return ended;
            }
            if self.state.wait(ASLEEP, deadline) == WaitOutcome::TimedOut {
                return self.ended();
            }
        }
    }
}

/// The channel. Who comes looks under the lock whether a partner waits, and else waits itself.
pub(super) struct Zero<T> {
    state: CachePadded<Mutex<State>>,
    value: PhantomData<fn(T) -> T>,
}

/// On one cache line with the lock is all that two threads need that pass values to and fro; the lists are for more.
#[derive(Default)]
#[repr(C)]
struct State {
    /// A packet that waits, longer than what is in the list of its side. None while there is something there that is older.
    first: Option<(Side, *mut ())>,
    closed: bool,
    senders: List,
    receivers: List,
}

// SAFETY: what lies behind the packet's address is handed over by the rules of the packet, which asks for `T: Send`.
unsafe impl Send for State {}

impl State {
    fn side(&mut self, side: Side) -> &mut List {
        match side {
            Side::Send => &mut self.senders,
            Side::Recv => &mut self.receivers,
        }
    }

    /// Adds a thread that waits at its packet until somebody takes that out and ends the wait.
    fn add(&mut self, side: Side, packet: *mut ()) {
        if self.first.is_none() && self.side(side).is_empty() {
            self.first = Some((side, packet));
        } else {
            self.side(side).add_packet(packet);
        }
    }

    /// Takes a packet out, unless somebody else has.
    fn remove(&mut self, side: Side, packet: *mut ()) -> bool {
        self.first.take_if(|first| first.1 == packet).is_some() || self.side(side).remove_packet(packet)
    }

    /// Takes out the packet of who has waited longest at the side, and whom to wake to do its part.
    fn choose_one(&mut self, side: Side) -> Option<(*mut (), Sleeper)> {
        if let Some((_, packet)) = self.first.take_if(|first| first.0 == side) {
            return Some((packet, Sleeper::nobody()));
        }
        self.side(side).choose_one().map(|(entry, sleeper)| (entry.packet, sleeper))
    }

    /// Whether there is one to choose at the side other than `context`.
    fn can_choose(&mut self, side: Side, context: Option<&Arc<Context>>) -> bool {
        self.first.is_some_and(|first| first.0 == side) || self.side(side).can_choose(context)
    }

    /// Takes out all who wait at their packets.
    fn take_packets(&mut self) -> Vec<*mut ()> {
        let first = self.first.take().map(|(_, packet)| packet);
        first.into_iter().chain(self.senders.take_packets()).chain(self.receivers.take_packets()).collect()
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
    /// The partner's wait ends when its packet is ready; a selection is woken to do its part.
    Partner(*mut (), Sleeper),
    Closed,
    Nobody(crate::MutexGuard<'a, State>),
}

impl<T> Zero<T> {
    pub fn new() -> Self {
        Self { state: CachePadded::new(Mutex::new(State::default())), value: PhantomData }
    }

    fn meet(&self, side: Side) -> Meeting<'_> {
        let mut state = self.state.lock();
        if state.closed {
            return Meeting::Closed;
        }
        match state.choose_one(side.other()) {
            Some((packet, sleeper)) => Meeting::Partner(packet, sleeper),
            None => Meeting::Nobody(state),
        }
    }

    /// Waits with the packet until `deadline`, and says how that ended. Nobody else knows the packet any more then.
    fn wait(
        &self,
        side: Side,
        mut state: crate::MutexGuard<'_, State>,
        packet: &Packet<T>,
        deadline: Option<Instant>,
    ) -> Option<u32> {
        let address = (&raw const *packet).cast_mut().cast();
        state.add(side, address);
        let mut watchers = Vec::new();
        state.side(side.other()).alert_watchers(&mut watchers);
        drop(state);
        watchers.into_iter().for_each(Sleeper::wake);
        let ended = packet.wait(deadline);
        if ended.is_some() || self.state.lock().remove(side, address) {
            return ended;
        }
        // Somebody was faster and is about to end the wait.
        packet.wait(None)
    }

    /// Gives the value to a partner that waits in a receive.
    fn give(packet: *mut (), value: T) {
        let packet: *mut Packet<T> = packet.cast();
        // SAFETY: the partner's packet lives until its wait is ended.
        let packet = unsafe { &*packet };
        packet.put(value);
        packet.end(READY);
    }

    /// Gets the value out of a packet.
    fn get(packet: *mut ()) -> Option<T> {
        let packet: *mut Packet<T> = packet.cast();
        // SAFETY: on the stack, it lives until it is ready; on the heap, until this thread frees it.
        let waiting = unsafe { &*packet };
        if waiting.on_stack {
            let value = waiting.take();
            waiting.end(READY);
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
            Meeting::Partner(packet, sleeper) => {
                Self::give(packet, value);
                sleeper.wake();
                return Ok(());
            }
            Meeting::Nobody(state) => state,
        };
        let packet = Packet::new(true, Some(value));
        let ended = self.wait(Side::Send, state, &packet, deadline);
        match (ended, packet.take()) {
            (Some(_), Some(value)) => Err(SendTimeoutError::Disconnected(value)),
            (None, Some(value)) => Err(SendTimeoutError::Timeout(value)),
            (_, None) => Ok(()),
        }
    }

    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.meet(Side::Send) {
            Meeting::Closed => Err(TrySendError::Disconnected(value)),
            Meeting::Partner(packet, sleeper) => {
                Self::give(packet, value);
                sleeper.wake();
                Ok(())
            }
            Meeting::Nobody(_) => Err(TrySendError::Full(value)),
        }
    }

    fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let state = match self.meet(Side::Recv) {
            Meeting::Closed => return Err(RecvTimeoutError::Disconnected),
            Meeting::Partner(packet, sleeper) => {
                sleeper.wake();
                let value = Self::get(packet);
                return value.ok_or(RecvTimeoutError::Disconnected);
            }
            Meeting::Nobody(state) => state,
        };
        let packet = Packet::new(true, None);
        let ended = self.wait(Side::Recv, state, &packet, deadline);
        packet.take().ok_or(match ended {
            None => RecvTimeoutError::Timeout,
            Some(_) => RecvTimeoutError::Disconnected,
        })
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.meet(Side::Recv) {
            Meeting::Closed => Err(TryRecvError::Disconnected),
            Meeting::Partner(packet, sleeper) => {
                sleeper.wake();
                let value = Self::get(packet);
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
            for packet in state.take_packets() {
                let packet: *mut Packet<T> = packet.cast();
                // SAFETY: as in `give`.
                unsafe { &*packet }.end(CLOSED);
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
            Meeting::Partner(packet, sleeper) => {
                // It waits awake for what the caller is about to do.
                sleeper.wake();
                Some(Token::Zero(packet))
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
            state.closed || state.can_choose(side.other(), Some(context))
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
        state.closed || state.can_choose(side.other(), None)
    }
}

impl<T> fmt::Debug for Zero<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zero").finish_non_exhaustive()
    }
}
