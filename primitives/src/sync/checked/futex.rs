//! The futex as the checkers have it: a queue of parked threads.
//!
//! - A wait looks at the word and joins the queue in one step, as in the kernel.
//! - A wake takes sleepers from the front and returns how many. It may come before or after a time-out: both orders are
//!   explored.
//! - A wait with a deadline never parks: it returns as soon as it runs again, woken or timed out, so time-outs need no clock.
//! - One wait of each futex may return without cause, if [`explore_spurious`] says so. All waits of all futexes could, but a
//!   thread that may always return early waits in an endless loop, which a checker cannot finish.
//!
//! Parking adds a happens-before edge from the waker to the woken, which the kernel does not promise. A missing acquire
//! therefore shows where the word has changed before the wait, not where the thread has slept.

use super::atomic::AtomicU32;
use super::atomic::Ordering::Relaxed;
use super::engine::{Parker, Turn};
use crate::WaitOutcome;
use std::cell::Cell;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::panicking;
use std::time::Instant;

std::thread_local! {
    static SPURIOUS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Lets the `nth` wait (from 0) of each futex return without cause, in all executions that this thread starts from now on.
pub fn explore_spurious(nth: Option<u32>) {
    SPURIOUS.set(nth);
}

#[derive(Debug)]
pub struct Queue {
    turn: Turn,
    // Not held across a switch: the checkers run all threads on one.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sleepers: VecDeque<Arc<Sleeper>>,
    waits: u32,
}

#[derive(Debug)]
struct Sleeper {
    parker: Parker,
    bits: NonZeroU32,
    woken: std::sync::atomic::AtomicBool,
}

impl Queue {
    pub fn new() -> Self {
        Self { turn: Turn::new(), state: Mutex::default() }
    }

    #[track_caller]
    pub fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        bits: NonZeroU32,
        _shared: bool,
    ) -> WaitOutcome {
        if panicking() {
            return WaitOutcome::Woken;
        }
        // An exchange, because it sees the newest value, as the kernel does; it never changes the word.
        let (Ok(found) | Err(found)) = word.compare_exchange(!expected, !expected, Relaxed, Relaxed);
        if found != expected {
            return WaitOutcome::Mismatch;
        }
        let sleeper = Arc::new(Sleeper {
            parker: Parker::new(),
            bits,
            woken: std::sync::atomic::AtomicBool::new(false),
        });
        let spurious = self.with_state(|state| {
            state.sleepers.push_back(sleeper.clone());
            state.waits += 1;
            SPURIOUS.get() == Some(state.waits - 1)
        });
        if deadline.is_some() || spurious {
            self.turn.take();
            if !sleeper.woken.load(Relaxed) {
                self.with_state(|state| state.sleepers.retain(|other| !Arc::ptr_eq(other, &sleeper)));
                return if spurious { WaitOutcome::Woken } else { WaitOutcome::TimedOut };
            }
            return WaitOutcome::Woken;
        }
        sleeper.parker.park();
        WaitOutcome::Woken
    }

    #[track_caller]
    pub fn wake(&self, _word: &AtomicU32, n: u32, bits: NonZeroU32, _shared: bool) -> u32 {
        if panicking() {
            return 0;
        }
        self.turn.take();
        let woken: Vec<_> = self.with_state(|state| {
            let mut woken = Vec::new();
            state.sleepers.retain(|sleeper| {
                let wake = woken.len() < n as usize && sleeper.bits.get() & bits.get() != 0;
                if wake {
                    woken.push(sleeper.clone());
                }
                !wake
            });
            woken
        });
        for sleeper in &woken {
            sleeper.woken.store(true, Relaxed);
        }
        for sleeper in &woken {
            sleeper.parker.unpark();
        }
        woken.len() as u32
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
