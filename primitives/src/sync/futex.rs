//! A 32-bit word that threads can sleep on.

use super::atomic::AtomicU32;
use super::backend;
use crate::scope::{Private, Scope};
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::time::Instant;

/// A 32-bit word that threads can sleep on until another changes it and wakes them.
///
/// The kernel compares the word with the expected value and goes to sleep in one step, so a change followed by a wake is
/// never missed. Any wait may end early ([`WaitOutcome::Woken`] without a wake, which covers signals and, in the shared
/// scope, a look around every 50 ms), so a wait belongs in a loop that reads the word again.
///
/// Layout: the word alone. All-zero bytes are a futex that holds 0.
///
/// ```
/// use heddle_primitives::sync::{atomic::Ordering, thread};
/// use heddle_primitives::Futex;
///
/// static READY: Futex = Futex::new(0);
/// let waker = thread::spawn(|| {
///     READY.word().store(1, Ordering::Release);
///     READY.wake_all();
/// });
/// while READY.word().load(Ordering::Acquire) == 0 {
///     READY.wait(0, None);
/// }
/// waker.join().unwrap();
/// ```
#[cfg_attr(not(any(heddle_loom, heddle_shuttle)), repr(transparent))]
pub struct Futex<S: Scope = Private> {
    word: AtomicU32,
    queue: backend::futex::Queue,
    scope: PhantomData<S>,
}

/// Why [`Futex::wait`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    /// A wake, a signal, or nothing at all: read the word again.
    Woken,
    /// The word did not hold the expected value; the caller has not slept.
    Mismatch,
    /// The deadline has passed. The word may have changed meanwhile.
    TimedOut,
}

impl Futex {
    const_in_normal_builds! {
        /// A futex for the threads of this process.
        pub const fn new(value: u32) -> Self {
            Self::new_in(value)
        }
    }
}

impl<S: Scope> Futex<S> {
    const_in_normal_builds! {
        /// A futex in any scope.
        pub const fn new_in(value: u32) -> Self {
            Self { word: AtomicU32::new(value), queue: backend::futex::Queue::new(), scope: PhantomData }
        }
    }

    /// The word itself.
    #[inline(always)]
    pub const fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word holds `expected`, until a wake or `deadline`.
    ///
    /// Other threads may change the word at any time, also between the return and the caller's next look. A deadline in
    /// the past does not sleep; one beyond the range of the clock means none. The word is read without ordering: read it
    /// again with `Acquire` before relying on what its writer did.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wait(&self, expected: u32, deadline: Option<Instant>) -> WaitOutcome {
        self.wait_bits(expected, deadline, NonZeroU32::MAX)
    }

    /// Like [`wait`](Self::wait), for wakes that name at least one of `bits`.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wait_bits(&self, expected: u32, deadline: Option<Instant>, bits: NonZeroU32) -> WaitOutcome {
        self.queue.wait(&self.word, expected, deadline, bits, S::SHARED)
    }

    /// Wakes up to `n` sleepers and returns how many; always a system call.
    ///
    /// Only the address of the word is used: it may already be unmapped when the sleeper had other ways to go on.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake(&self, n: u32) -> u32 {
        self.wake_bits(n, NonZeroU32::MAX)
    }

    /// Like [`wake`](Self::wake), but only those who wait with at least one of `bits`.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_bits(&self, n: u32, bits: NonZeroU32) -> u32 {
        self.queue.wake(&self.word, n, bits, S::SHARED)
    }

    /// Wakes a sleeper; true if there was one.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_one(&self) -> bool {
        self.wake(1) != 0
    }

    /// Wakes all sleepers and returns how many.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_all(&self) -> u32 {
        self.wake(u32::MAX)
    }
}

impl<S: Scope> fmt::Debug for Futex<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Futex").field(&self.word).finish()
    }
}

impl<S: Scope> Default for Futex<S> {
    fn default() -> Self {
        Self::new_in(0)
    }
}
