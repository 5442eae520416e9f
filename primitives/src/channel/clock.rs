//! Channels whose values come by themselves, at their time.

use super::context::{Chosen, Context};
use super::error::*;
use super::flavour::{Flavour, Registered, Side, Token};
use super::waiters::Waiters;
use crate::array_queue::Refused;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};
use std::fmt;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

/// No beat will come any more.
const NEVER: u64 = u64::MAX;
/// The channel was closed.
const CLOSED: u64 = u64::MAX - 1;

/// A channel without senders: a value is there from each beat until it is received.
///
/// | next | meaning | leaves by |
/// |---|---|---|
/// | ns after `born` | when the next beat is, or was | the receive of that beat -> a later beat, or `NEVER`; a close -> `CLOSED` |
/// | `NEVER` | nothing will come | a close -> `CLOSED` |
/// | `CLOSED` | receives fail | - |
///
/// Receivers sleep until the beat and then take it, whoever is first; the others sleep on. Beats only become later, so who
/// sleeps until an earlier one wakes too early at worst. Only a close wakes anybody.
pub(super) struct Clock<T> {
    born: Instant,
    next: AtomicU64,
    /// From beat to beat; none where there is one.
    period: Option<Duration>,
    value: fn(Instant) -> T,
    receivers: Waiters,
}

impl<T> Clock<T> {
    fn new(next: u64, period: Option<Duration>, born: Instant, value: fn(Instant) -> T) -> Self {
        Self { born, next: AtomicU64::new(next), period, value, receivers: Waiters::new() }
    }

    /// Without any beat.
    pub fn never() -> Self {
        Self::new(NEVER, None, Instant::now(), |_| unreachable!("there is no beat"))
    }

    /// Takes the beat that is due, and sets the next one.
    fn claim(&self) -> Result<Instant, Refused> {
        // ORDERING: pairs with `close`; a beat publishes nothing.
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            if next == CLOSED {
                return Err(Refused::Closed);
            }
            if next == NEVER {
                return Err(Refused::NotNow);
            }
            let now = nanos(self.born.elapsed());
            if next > now {
                return Err(Refused::NotNow);
            }
            // Who is late by less than a period does not move the beats that follow; more that were missed are left out.
            let following = self.period.map_or(NEVER, |period| {
                let in_step = later(next, period);
                if in_step < now { later(now, period) } else { in_step }
            });
            // ORDERING: as above.
            match self.next.compare_exchange(next, following, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Ok(self.born + Duration::from_nanos(next)),
                Err(found) => next = found,
            }
        }
    }

    /// When the next beat is, unless that is beyond the clock's range.
    fn next_beat(&self) -> Option<Instant> {
        // ORDERING: a hint, or ordered by the list's lock.
        let next = self.next.load(Ordering::Relaxed);
        if next >= CLOSED { None } else { self.born.checked_add(Duration::from_nanos(next)) }
    }

    /// Whether a receive has nothing to wait for.
    fn goes_on(&self) -> bool {
        self.is_closed() || self.next_beat().is_some_and(|beat| beat <= Instant::now())
    }

    fn add(&self, context: &Arc<Context>, operation: u32, watch: bool) -> bool {
        self.receivers.add(context, operation, watch);
        self.goes_on()
    }
}

impl Clock<Instant> {
    /// With one beat, at `when` or at once if that is past.
    pub fn at(when: Instant) -> Self {
        let now = Instant::now();
        // What was long ago is told as it was asked for.
        let born = when.min(now);
        Self::new(nanos(when - born), None, born, |beat| beat)
    }

    /// With a beat after each `period`, the first in a period from now.
    pub fn tick(period: Duration) -> Self {
        Self::new(later(0, period), Some(period), Instant::now(), |beat| beat)
    }
}

/// 580 years, and what is beyond never comes.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).ok().filter(|ns| *ns < CLOSED).unwrap_or(NEVER)
}

fn later(beat: u64, period: Duration) -> u64 {
    beat.checked_add(nanos(period)).filter(|ns| *ns < CLOSED).unwrap_or(NEVER)
}

/// The earlier of two moments; none is never.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

impl<T> Flavour<T> for Clock<T> {
    fn send(&self, value: T, _: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        Err(SendTimeoutError::Disconnected(value))
    }

    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        Err(TrySendError::Disconnected(value))
    }

    fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut timed_out = false;
        loop {
            match self.claim() {
                Ok(beat) => return Ok((self.value)(beat)),
                Err(Refused::Closed) => return Err(RecvTimeoutError::Disconnected),
                Err(Refused::NotNow) if timed_out => return Err(RecvTimeoutError::Timeout),
                Err(Refused::NotNow) => {}
            }
            let context = Context::new();
            let stay = !self.add(&context, 0, false);
            if !stay {
                context.abort();
            }
            let until = earlier(deadline, self.next_beat());
            let chosen = context.wait(false, until);
            self.receivers.remove(&context, 0);
            timed_out = stay && chosen == Chosen::Aborted && until == deadline;
        }
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.claim() {
            Ok(beat) => Ok((self.value)(beat)),
            Err(Refused::NotNow) => Err(TryRecvError::Empty),
            Err(Refused::Closed) => Err(TryRecvError::Disconnected),
        }
    }

    fn len(&self) -> usize {
        usize::from(!self.is_empty())
    }

    fn capacity(&self) -> Option<usize> {
        Some(1)
    }

    fn is_empty(&self) -> bool {
        self.next_beat().is_none_or(|beat| beat > Instant::now())
    }

    fn is_full(&self) -> bool {
        !self.is_empty()
    }

    fn close(&self) -> bool {
        // ORDERING: releases what the closing thread did before to who finds the channel closed.
        let first = self.next.swap(CLOSED, Ordering::Release) != CLOSED;
        if first {
            // Who is added from now on sees the channel closed: the list's lock is in between.
            self.receivers.disconnect();
        }
        first
    }

    fn is_closed(&self) -> bool {
        // ORDERING: pairs with `close`.
        self.next.load(Ordering::Acquire) == CLOSED
    }

    fn start(&self, side: Side) -> Option<Token> {
        match (side, self.claim()) {
            (Side::Send, _) | (_, Err(Refused::Closed)) => Some(Token::Closed),
            (_, Ok(beat)) => Some(Token::Beat(beat)),
            (_, Err(Refused::NotNow)) => None,
        }
    }

    fn finish_send(&self, _: Token, value: T) -> Result<(), SendError<T>> {
        Err(SendError(value))
    }

    fn finish_recv(&self, token: Token) -> Result<T, RecvError> {
        if let Token::Beat(beat) = token { Ok((self.value)(beat)) } else { Err(RecvError) }
    }

    fn register(&self, _: Side, context: &Arc<Context>, operation: u32, watch: bool) -> Registered {
        Registered { ready: self.add(context, operation, watch), packet: null_mut() }
    }

    fn unregister(&self, _: Side, context: &Arc<Context>, operation: u32) {
        self.receivers.remove(context, operation);
    }

    fn accept(&self, side: Side, _: *mut ()) -> Option<Token> {
        self.start(side)
    }

    fn is_ready(&self, _: Side) -> bool {
        self.goes_on()
    }

    fn next_beat(&self) -> Option<Instant> {
        self.next_beat()
    }
}

impl<T> fmt::Debug for Clock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("period", &self.period)
            .field("next", &self.next_beat())
            .finish_non_exhaustive()
    }
}
