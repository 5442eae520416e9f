//! Where workers without work sleep.

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::fence;
use crate::sync::futex::{Futex, WaitOutcome};
use std::time::Instant;

/// A thread that may sleep; they are counted in the low half.
const SLEEPER: u32 = 1;
const SLEEPERS: u32 = 0xFFFF;
/// A wake on its way; they are counted in the high half, and are never more than the sleepers.
const WAKE: u32 = SLEEPERS + 1;

/// A place to sleep for those who look for something in several queues; the queues know nothing of it.
///
/// [`sleep`](Self::sleep) registers, looks, and sleeps if there was nothing; [`wake_one`](Self::wake_one) comes after something was
/// put into a queue. Where nobody is registered, or as many wakes are on their way as there are sleepers, a wake is a fence and
/// a load.
///
/// Two words: `counts` (sleepers and wakes on their way), and `wakes`, which every wake moves and on which threads sleep.
///
/// *No wake is lost.* A sleeper registers in `counts`, passes its fence, looks; a waker fills a queue, passes its fence, reads `counts`. If
/// the sleeper's fence comes first, the waker sees it registered. If the waker's does, the sleeper's look finds the queue
/// filled. Without either fence both may read the old value, and the work lies there while everybody sleeps.
///
/// *A registered sleeper that a waker has counted does not sleep through.* It read `wakes` before it registered, the waker moves
/// `wakes` after it saw that, so the sleeper's number is old: the kernel refuses to let it sleep, or the waker's call finds it asleep (or
/// finds another, which then comes in its place).
///
/// *Wakes on their way are never counted too high*, which would make a waker leave out one that is needed. Each was counted while a
/// thread was registered that does not sleep through, and everybody who leaves takes one off. They may be counted too low, which
/// costs a system call. A waker that leaves one out knows that a thread is on its way out of `sleep` that has not left yet; its leaving
/// acquires what the waker released, so its next look sees the work.
#[derive(Debug, Default)]
pub struct Sleep {
    counts: AtomicU32,
    wakes: Futex,
}

impl Sleep {
    /// Nobody sleeps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `look`, and sleeps until a wake or `deadline` if it finds nothing. What `look` found, and whether the time is up.
    pub fn sleep<T>(&self, deadline: Option<Instant>, look: impl FnOnce() -> Option<T>) -> (Option<T>, bool) {
        // ORDERING: before the registration, which releases it: a waker that has seen the registration moves on from here.
        let before = self.wakes.word().load(Ordering::Relaxed);
        // ORDERING: releases the load above, as it says.
        self.counts.fetch_add(SLEEPER, Ordering::Release);
        // ORDERING: pairs with the fence in `wake`; the type's documentation has the interleaving.
        fence(Ordering::SeqCst);
        let found = look();
        let timed_out = found.is_none() && self.wakes.wait(before, deadline) == WaitOutcome::TimedOut;
        // ORDERING: the exchange has the last word.
        let mut seen = self.counts.load(Ordering::Relaxed);
        loop {
            let taken = if seen >= WAKE { WAKE + SLEEPER } else { SLEEPER };
            // ORDERING: acquires what a waker put into a queue before it counted its wake, or left it out. Releases nothing;
            // as a read-modify-write it carries on what others have released.
            match self.counts.compare_exchange(seen, seen - taken, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return (found, timed_out),
                Err(now) => seen = now,
            }
        }
    }

    /// Wakes a sleeper, if there is one, for what the caller has put into a queue.
    #[inline]
    pub fn wake_one(&self) {
        self.wake(1);
    }

    /// Wakes everybody, for what the caller has done.
    pub fn wake_all(&self) {
        self.wake(SLEEPERS);
    }

    #[inline]
    fn wake(&self, most: u32) {
        // ORDERING: pairs with the fence in `sleep`; the type's documentation has the interleaving.
        fence(Ordering::SeqCst);
        // ORDERING: after the fence, at least as new as what a sleeper wrote before its own.
        let seen = self.counts.load(Ordering::Relaxed);
        if seen & SLEEPERS != 0 {
            self.wake_some(most, seen);
        }
    }

    #[cold]
    fn wake_some(&self, most: u32, mut seen: u32) {
        loop {
            let asleep = (seen & SLEEPERS) - seen / WAKE;
            let woken = asleep.min(most);
            // ORDERING: an exchange even where no wake is needed, so that it releases the work to the leaving of the thread whose wake is
            // on its way. Acquires the registrations, so that the move of `wakes` comes after what the sleepers read.
            match self.counts.compare_exchange(seen, seen + woken * WAKE, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if woken == 0 => return,
                Ok(_) => break,
                Err(now) => seen = now,
            }
            if seen & SLEEPERS == 0 {
                return;
            }
        }
        // ORDERING: nothing is published by it: what the woken look for is ordered by `counts` and the queues.
        self.wakes.word().fetch_add(1, Ordering::Relaxed);
        self.wakes.wake(if most == 1 { 1 } else { u32::MAX });
    }
}
