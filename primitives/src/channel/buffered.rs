//! Channels with a buffer: a queue, and those who wait for room or for values.

use super::context::{Chosen, Context};
use super::error::*;
use super::flavour::{Flavour, Registered, Side, Token};
use super::waiters::Waiters;
use crate::array_queue::{self, Heap, Refused, Ring};
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::{Arc, thread};
use std::ptr::null_mut;
use std::time::Instant;

/// Pauses between the first two looks of one who waits at a bounded channel, and between two late ones, 0.2 and 0.8 us: who
/// looks less often finds several values, or room for several, and slows the other side down less.
const BOUNDED_PAUSES: (u32, u32) = (16, 64);

/// The same for a channel without a limit, whose receivers fetch the line from the senders at every look.
const UNBOUNDED_PAUSES: (u32, u32) = (64, 256);

/// How often a waiter gives its CPU to another thread before it sleeps: where threads outnumber CPUs the other side may be waiting
/// for this one, and then fills or empties the queue at a stroke, while a sleeper is woken for every single value. None under
/// the checkers, to which a yield says nothing new.
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 4 };

/// A queue whose pushes and pops come in two halves. An exchange of the tail, or head, comes with each success.
pub(super) trait Queue {
    type Value;
    type Claim: Copy;
    /// Whether pushes may find no room.
    const BOUNDED: bool;

    fn start_push(&self) -> Result<Self::Claim, Refused>;
    fn finish_push(&self, claim: Self::Claim, value: Self::Value);
    fn start_pop(&self) -> Result<Self::Claim, Refused>;
    fn finish_pop(&self, claim: Self::Claim) -> Self::Value;
    /// May say "not now" wrongly, and is cheaper for the other side.
    #[inline(always)]
    fn start_push_at_hand(&self) -> Result<Self::Claim, Refused> {
        self.start_push()
    }
    /// As above.
    #[inline(always)]
    fn start_pop_at_hand(&self) -> Result<Self::Claim, Refused> {
        self.start_pop()
    }
    fn len(&self) -> usize;
    fn capacity(&self) -> Option<usize>;
    fn is_empty(&self) -> bool;
    fn is_full(&self) -> bool;
    fn close(&self) -> bool;
    fn is_closed(&self) -> bool;
    fn to_token(claim: Self::Claim) -> Token;
    fn of_token(token: Token) -> Option<Self::Claim>;
}

impl<T> Queue for Ring<T, Heap<T>> {
    type Value = T;
    type Claim = array_queue::Claim;
    const BOUNDED: bool = true;

    #[inline(always)]
    fn start_push(&self) -> Result<Self::Claim, Refused> {
        self.start_push()
    }

    #[inline(always)]
    fn finish_push(&self, claim: Self::Claim, value: T) {
        self.finish_push(claim, value);
    }

    #[inline(always)]
    fn start_pop(&self) -> Result<Self::Claim, Refused> {
        self.start_pop()
    }

    #[inline(always)]
    fn finish_pop(&self, claim: Self::Claim) -> T {
        self.finish_pop(claim)
    }

    #[inline(always)]
    fn start_push_at_hand(&self) -> Result<Self::Claim, Refused> {
        self.start_push_at_hand()
    }

    #[inline(always)]
    fn start_pop_at_hand(&self) -> Result<Self::Claim, Refused> {
        self.start_pop_at_hand()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn is_full(&self) -> bool {
        self.is_full()
    }

    fn close(&self) -> bool {
        self.close()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn to_token(claim: Self::Claim) -> Token {
        Token::Array(claim)
    }

    fn of_token(token: Token) -> Option<Self::Claim> {
        if let Token::Array(claim) = token { Some(claim) } else { None }
    }
}

/// A channel with a buffer.
#[derive(Debug)]
pub(super) struct Buffered<Q> {
    queue: Q,
    senders: Waiters,
    receivers: Waiters,
}

impl<Q: Queue> Buffered<Q> {
    pub fn new(queue: Q) -> Self {
        Self { queue, senders: Waiters::new(), receivers: Waiters::new() }
    }

    fn waiters(&self, side: Side) -> &Waiters {
        match side {
            Side::Send => &self.senders,
            Side::Recv => &self.receivers,
        }
    }

    #[inline(always)]
    fn put(&self, claim: Q::Claim, value: Q::Value) {
        self.queue.finish_push(claim, value);
        self.receivers.notify();
    }

    #[inline(always)]
    fn take(&self, claim: Q::Claim) -> Q::Value {
        let value = self.queue.finish_pop(claim);
        if Q::BOUNDED {
            self.senders.notify();
        }
        value
    }

    #[inline(always)]
    fn start_at_hand(&self, side: Side) -> Result<Q::Claim, Refused> {
        match side {
            Side::Send => self.queue.start_push_at_hand(),
            Side::Recv => self.queue.start_pop_at_hand(),
        }
    }

    fn start_now(&self, side: Side) -> Result<Q::Claim, Refused> {
        match side {
            Side::Send => self.queue.start_push(),
            Side::Recv => self.queue.start_pop(),
        }
    }

    /// Whether an operation of `side` has nothing to wait for.
    fn goes_on(&self, side: Side) -> bool {
        let blocked = match side {
            Side::Send => self.queue.is_full(),
            Side::Recv => self.queue.is_empty(),
        };
        !blocked || self.queue.is_closed()
    }

    fn add(&self, side: Side, context: &Arc<Context>, operation: u32, watch: bool) -> bool {
        self.waiters(side).add(context, operation, watch);
        self.goes_on(side)
    }

    /// Starts an operation, waiting for that no longer than until `deadline`.
    #[cold]
    #[inline(never)]
    fn wait(&self, side: Side, deadline: Option<Instant>) -> Result<Q::Claim, Obstacle> {
        let verdict = |result: Result<Q::Claim, Refused>| match result {
            Ok(claim) => Some(Ok(claim)),
            Err(Refused::Closed) => Some(Err(Obstacle::Closed)),
            Err(Refused::NotNow) => None,
        };
        let mut timed_out = false;
        loop {
            let (first, longest) = if Q::BOUNDED { BOUNDED_PAUSES } else { UNBOUNDED_PAUSES };
            let spin = Spin::exponential::<Private>(DEFAULT_SPIN, deadline, first, longest);
            // Not patiently where there may be a backlog: who spins beside a sender that waits for the CPU gets few values.
            let mut spin = if Q::BOUNDED { spin.patient() } else { spin };
            let mut yields = if timed_out { 0 } else { YIELDS };
            loop {
                if timed_out || !spin.pause() {
                    if yields == 0 {
                        break;
                    }
                    yields -= 1;
                    thread::yield_now();
                }
                if let Some(end) = verdict(self.start_at_hand(side)) {
                    return end;
                }
            }
            if let Some(end) = verdict(self.start_now(side)) {
                return end;
            }
            if timed_out {
                return Err(Obstacle::TimedOut);
            }
            let context = Context::new();
            let stay = !self.add(side, &context, 0, false);
            if !stay {
                context.abort();
            }
            // Chosen or not, the queue has the last word.
            let chosen = context.wait(false, deadline);
            if !matches!(chosen, Chosen::Operation(_)) {
                self.waiters(side).remove(&context, 0);
                timed_out = stay && chosen == Chosen::Aborted;
            }
        }
    }
}

enum Obstacle {
    Closed,
    TimedOut,
}

impl<Q: Queue> Flavour<Q::Value> for Buffered<Q> {
    #[inline(always)]
    fn send(&self, value: Q::Value, deadline: Option<Instant>) -> Result<(), SendTimeoutError<Q::Value>> {
        let claim = match self.start_at_hand(Side::Send) {
            Ok(claim) => claim,
            Err(Refused::Closed) => return Err(SendTimeoutError::Disconnected(value)),
            Err(Refused::NotNow) => match self.wait(Side::Send, deadline) {
                Ok(claim) => claim,
                Err(Obstacle::Closed) => return Err(SendTimeoutError::Disconnected(value)),
                Err(Obstacle::TimedOut) => return Err(SendTimeoutError::Timeout(value)),
            },
        };
        self.put(claim, value);
        Ok(())
    }

    #[inline]
    fn try_send(&self, value: Q::Value) -> Result<(), TrySendError<Q::Value>> {
        match self.queue.start_push() {
            Ok(claim) => {
                self.put(claim, value);
                Ok(())
            }
            Err(Refused::NotNow) => Err(TrySendError::Full(value)),
            Err(Refused::Closed) => Err(TrySendError::Disconnected(value)),
        }
    }

    #[inline(always)]
    fn recv(&self, deadline: Option<Instant>) -> Result<Q::Value, RecvTimeoutError> {
        let claim = match self.start_at_hand(Side::Recv) {
            Ok(claim) => claim,
            Err(_) => match self.wait(Side::Recv, deadline) {
                Ok(claim) => claim,
                Err(Obstacle::Closed) => return Err(RecvTimeoutError::Disconnected),
                Err(Obstacle::TimedOut) => return Err(RecvTimeoutError::Timeout),
            },
        };
        Ok(self.take(claim))
    }

    #[inline]
    fn try_recv(&self) -> Result<Q::Value, TryRecvError> {
        match self.queue.start_pop() {
            Ok(claim) => Ok(self.take(claim)),
            Err(Refused::NotNow) => Err(TryRecvError::Empty),
            Err(Refused::Closed) => Err(TryRecvError::Disconnected),
        }
    }

    fn len(&self) -> usize {
        self.queue.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.queue.capacity()
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    fn close(&self) -> bool {
        let first = self.queue.close();
        if first {
            // Who is added from now on sees the queue closed: the list's lock is in between.
            self.senders.disconnect();
            self.receivers.disconnect();
        }
        first
    }

    fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    fn start(&self, side: Side) -> Option<Token> {
        match self.start_now(side) {
            Ok(claim) => Some(Q::to_token(claim)),
            Err(Refused::Closed) => Some(Token::Closed),
            Err(Refused::NotNow) => None,
        }
    }

    fn finish_send(&self, token: Token, value: Q::Value) -> Result<(), SendError<Q::Value>> {
        match Q::of_token(token) {
            Some(claim) => {
                self.put(claim, value);
                Ok(())
            }
            None => Err(SendError(value)),
        }
    }

    fn finish_recv(&self, token: Token) -> Result<Q::Value, RecvError> {
        Q::of_token(token).map(|claim| self.take(claim)).ok_or(RecvError)
    }

    fn register(&self, side: Side, context: &Arc<Context>, operation: u32, watch: bool) -> Registered {
        Registered { ready: self.add(side, context, operation, watch), packet: null_mut() }
    }

    fn unregister(&self, side: Side, context: &Arc<Context>, operation: u32) {
        self.waiters(side).remove(context, operation);
    }

    fn accept(&self, side: Side, _: *mut ()) -> Option<Token> {
        self.start(side)
    }

    fn is_ready(&self, side: Side) -> bool {
        self.goes_on(side)
    }
}
