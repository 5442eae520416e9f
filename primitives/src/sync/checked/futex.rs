//! The futex as the checkers have it: a queue of parked threads.
//!
//! - A wait looks at the word and joins the queue in one step, as in the kernel.
//! - A wake takes sleepers (of the classes that it names) from the front and returns how many. It may come before or after a time-out: both orders are
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

/// Outlives the futex where somebody keeps its [`Address`].
#[derive(Debug)]
pub struct Queue(Arc<Line>);

/// What is left of a futex that may be gone: who sleeps on it.
#[derive(Debug)]
pub struct Address(Arc<Line>);

#[derive(Debug)]
struct Line {
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
    woken: std::sync::atomic::AtomicBool,
    classes: NonZeroU32,
}

impl Queue {
    pub fn new() -> Self {
        Self(Arc::new(Line { turn: Turn::new(), state: Mutex::default() }))
    }

    pub fn address(&self, _word: &AtomicU32) -> Address {
        Address(self.0.clone())
    }

    #[track_caller]
    pub fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        shared: bool,
    ) -> WaitOutcome {
        self.wait_class(word, expected, deadline, shared, NonZeroU32::MAX)
    }

    #[track_caller]
    pub fn wait_class(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        _shared: bool,
        classes: NonZeroU32,
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
            woken: std::sync::atomic::AtomicBool::new(false),
            classes,
        });
        let spurious = self.0.with_state(|state| {
            state.sleepers.push_back(sleeper.clone());
            state.waits += 1;
            SPURIOUS.get() == Some(state.waits - 1)
        });
        if deadline.is_some() || spurious {
            self.0.turn.take();
            if !sleeper.woken.load(Relaxed) {
                self.0.with_state(|state| state.sleepers.retain(|other| !Arc::ptr_eq(other, &sleeper)));
                return if spurious { WaitOutcome::Woken } else { WaitOutcome::TimedOut };
            }
            return WaitOutcome::Woken;
        }
        sleeper.parker.park();
        WaitOutcome::Woken
    }

    #[track_caller]
    pub fn wake(&self, _word: &AtomicU32, n: u32, _shared: bool) -> u32 {
        self.0.wake(n, NonZeroU32::MAX)
    }

    #[track_caller]
    pub fn wake_class(&self, _word: &AtomicU32, n: u32, _shared: bool, classes: NonZeroU32) -> u32 {
        self.0.wake(n, classes)
    }
}

impl Address {
    #[track_caller]
    pub fn wake(&self, n: u32, _shared: bool) -> u32 {
        self.0.wake(n, NonZeroU32::MAX)
    }

    #[track_caller]
    pub fn wake_class(&self, n: u32, _shared: bool, classes: NonZeroU32) -> u32 {
        self.0.wake(n, classes)
    }
}

impl Line {
    #[track_caller]
    fn wake(&self, n: u32, classes: NonZeroU32) -> u32 {
        if panicking() {
            return 0;
        }
        self.turn.take();
        let woken: Vec<_> = self.with_state(|state| {
            let mut left = n;
            let (woken, sleepers) = state.sleepers.drain(..).partition(|sleeper| {
                let wake = left > 0 && sleeper.classes.get() & classes.get() != 0;
                left -= u32::from(wake);
                wake
            });
            state.sleepers = sleepers;
            VecDeque::into(woken)
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
