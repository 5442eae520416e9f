//! The futex as the checkers have it: a queue of parked threads.
//!
//! - A wait looks at the word and joins the queue in one step, as in the kernel.
//! - A wake takes sleepers (of the classes that it names) from the front and returns how many. It may come before or after a time-out: both orders are
//!   explored.
//! - A wait with a deadline never parks: it returns as soon as it runs again, woken or timed out, so time-outs need no clock.
//! - One wait of each futex may return without cause, if [`explore_spurious`] says so. All waits of all futexes could, but a
//!   thread that may always return early waits in an endless loop, which a checker cannot finish.
//! - A wait in the shared scope looks around every 50 ms. That is left out but where [`time_passes`] says that it matters.
//!
//! Parking adds a happens-before edge from the waker to the woken, which the kernel does not promise. A missing acquire
//! therefore shows where the word has changed before the wait, not where the thread has slept.

use super::atomic::AtomicU32;
use super::atomic::Ordering::Relaxed;
use super::engine::{Parker, Turn};
use crate::WaitOutcome;
use crate::sync::probe;
use crate::sync::probe::trace::{Access, step};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::panicking;
use std::time::Instant;

std::thread_local! {
    static SPURIOUS: Cell<Option<u32>> = const { Cell::new(None) };

    /// Where threads have slept in the current execution, by the address of the word.
    static SLEPT_ON: RefCell<HashMap<usize, Weak<Line>>> = RefCell::default();

    /// How often time has passed in the current execution.
    static PASSED: Cell<u32> = const { Cell::new(0) };

    /// How often threads have looked around since.
    static LOOKED: RefCell<HashMap<usize, u32>> = RefCell::default();
}

/// A new execution begins.
pub(in crate::sync) fn start() {
    SLEPT_ON.with_borrow_mut(HashMap::clear);
    LOOKED.with_borrow_mut(HashMap::clear);
    PASSED.set(0);
}

/// Ends every wait in the shared scope once, that of who sleeps and that of who is about to.
#[track_caller]
pub(in crate::sync) fn time_passes() {
    if panicking() {
        return;
    }
    PASSED.set(PASSED.get() + 1);
    let lines: Vec<_> = SLEPT_ON.with_borrow(|lines| lines.values().filter_map(Weak::upgrade).collect());
    for line in lines {
        line.wake(u32::MAX, NonZeroU32::MAX);
    }
}

/// Whether time has passed since this thread looked around; it does now.
fn looks_around() -> bool {
    let passed = PASSED.get();
    passed > 0
        && LOOKED.with_borrow_mut(|looked| looked.insert(super::engine::current_index(), passed))
            != Some(passed)
}

/// Wakes whoever sleeps on the word at `address`.
pub(in crate::sync) fn wake_all_at(address: usize) {
    let line = SLEPT_ON.with_borrow(|lines| lines.get(&address).and_then(Weak::upgrade));
    if let Some(line) = line {
        line.wake(u32::MAX, NonZeroU32::MAX);
    }
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
pub struct Address {
    line: Arc<Line>,
    word: usize,
}

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

    pub fn address(&self, word: &AtomicU32) -> Address {
        Address { line: self.0.clone(), word: address_of(word) }
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
        shared: bool,
        classes: NonZeroU32,
    ) -> WaitOutcome {
        if panicking() {
            return WaitOutcome::Woken;
        }
        SLEPT_ON.with_borrow_mut(|lines| lines.insert(address_of(word), Arc::downgrade(&self.0)));
        // An exchange, because it sees the newest value, as the kernel does; it never changes the word.
        let (Ok(found) | Err(found)) = word.compare_exchange(!expected, !expected, Relaxed, Relaxed);
        if found != expected {
            return WaitOutcome::Mismatch;
        }
        if shared && looks_around() {
            step("looks around", Access::None, None, address_of(word), 0);
            return WaitOutcome::Woken;
        }
        step("wait", Access::None, None, address_of(word), expected.into());
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
                let how = if spurious { "woken without cause" } else { "timed out" };
                step(how, Access::None, None, address_of(word), 0);
                return if spurious { WaitOutcome::Woken } else { WaitOutcome::TimedOut };
            }
        } else {
            sleeper.parker.park();
        }
        step("woken", Access::None, None, address_of(word), 0);
        WaitOutcome::Woken
    }

    #[track_caller]
    pub fn wake(&self, word: &AtomicU32, n: u32, _shared: bool) -> u32 {
        self.0.wake_at(address_of(word), n, NonZeroU32::MAX)
    }

    #[track_caller]
    pub fn wake_class(&self, word: &AtomicU32, n: u32, _shared: bool, classes: NonZeroU32) -> u32 {
        self.0.wake_at(address_of(word), n, classes)
    }
}

impl Address {
    #[track_caller]
    pub fn wake(&self, n: u32, _shared: bool) -> u32 {
        self.line.wake_at(self.word, n, NonZeroU32::MAX)
    }

    #[track_caller]
    pub fn wake_class(&self, n: u32, _shared: bool, classes: NonZeroU32) -> u32 {
        self.line.wake_at(self.word, n, classes)
    }
}

fn address_of(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word).addr()
}

impl Line {
    /// As the caller's site has it, which a mutant may change.
    #[track_caller]
    fn wake_at(&self, word: usize, n: u32, classes: NonZeroU32) -> u32 {
        if panicking() {
            return 0;
        }
        let n = probe::wake(word, n);
        let woken = if n == 0 { 0 } else { self.wake(n, classes) };
        step("wake", Access::None, None, word, woken.into());
        woken
    }

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
