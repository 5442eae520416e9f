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
///
/// ```
/// use heddle_primitives::{Futex, WaitOutcome};
/// use std::time::Instant;
///
/// let futex = Futex::new(1);
/// assert_eq!(futex.wait(0, None), WaitOutcome::Mismatch);
/// assert_eq!(futex.wait(1, Some(Instant::now())), WaitOutcome::TimedOut);
/// ```
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
        ///
        /// ```
        /// use heddle_primitives::Futex;
        /// static STATE: Futex = Futex::new(7);
        /// assert_eq!(STATE.wake_all(), 0, "nobody sleeps there");
        /// ```
        pub const fn new(value: u32) -> Self {
            Self::new_in(value)
        }
    }
}

impl<S: Scope> Futex<S> {
    const_in_normal_builds! {
        /// A futex in any scope.
        ///
        /// ```
        /// use heddle_primitives::{Futex, Shared};
        /// // May be placed in memory that several processes map.
        /// let state = Futex::<Shared>::new_in(7);
        /// assert_eq!(size_of_val(&state), 4);
        /// ```
        pub const fn new_in(value: u32) -> Self {
            Self { word: AtomicU32::new(value), queue: backend::futex::Queue::new(), scope: PhantomData }
        }
    }

    /// The word itself.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use heddle_primitives::sync::atomic::Ordering;
    /// let futex = Futex::new(7);
    /// assert_eq!(futex.word().swap(8, Ordering::AcqRel), 7);
    /// ```
    #[inline(always)]
    pub const fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word holds `expected`, until a wake or `deadline`.
    ///
    /// Other threads may change the word at any time, also between the return and the caller's next look. A deadline in
    /// the past does not sleep; one beyond the range of the clock means none. The word is read without ordering: read it
    /// again with `Acquire` before relying on what its writer did.
    ///
    /// ```
    /// use heddle_primitives::{Futex, WaitOutcome};
    /// use std::time::{Duration, Instant};
    ///
    /// let futex = Futex::new(0);
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// // A wait may end without cause, so it belongs in a loop.
    /// while futex.wait(0, Some(deadline)) != WaitOutcome::TimedOut {}
    /// assert!(Instant::now() >= deadline);
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wait(&self, expected: u32, deadline: Option<Instant>) -> WaitOutcome {
        self.queue.wait(&self.word, expected, deadline, S::SHARED)
    }

    /// Wakes up to `n` sleepers and returns how many; always a system call.
    ///
    /// Where the change of the word may have let somebody free the futex, take its [`address`](Self::address) before the change
    /// and wake by that.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use heddle_primitives::sync::thread;
    ///
    /// static WORD: Futex = Futex::new(0);
    /// let sleeper = thread::spawn(|| WORD.wait(0, None));
    /// while WORD.wake(1) == 0 {
    ///     thread::yield_now();
    /// }
    /// sleeper.join().unwrap();
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake(&self, n: u32) -> u32 {
        self.queue.wake(&self.word, n, S::SHARED)
    }

    /// Like [`wait`](Self::wait), as a sleeper of the classes whose bits are set: [`wake_class`](Self::wake_class) passes over
    /// those of other classes, and [`wake`](Self::wake) wakes all.
    ///
    /// ```
    /// use heddle_primitives::{Futex, WaitOutcome};
    /// use std::num::NonZeroU32;
    /// use std::time::Instant;
    ///
    /// let futex = Futex::new(0);
    /// let outcome = futex.wait_class(0, Some(Instant::now()), NonZeroU32::MIN);
    /// assert_eq!(outcome, WaitOutcome::TimedOut);
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wait_class(&self, expected: u32, deadline: Option<Instant>, classes: NonZeroU32) -> WaitOutcome {
        self.queue.wait_class(&self.word, expected, deadline, S::SHARED, classes)
    }

    /// Like [`wake`](Self::wake), but wakes only sleepers that have one of these classes.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use heddle_primitives::sync::thread;
    /// use std::num::NonZeroU32;
    ///
    /// const READER: NonZeroU32 = NonZeroU32::new(1).unwrap();
    /// const WRITER: NonZeroU32 = NonZeroU32::new(2).unwrap();
    /// static WORD: Futex = Futex::new(0);
    /// let reader = thread::spawn(|| WORD.wait_class(0, None, READER));
    /// while WORD.wake_class(1, READER) == 0 {
    ///     assert_eq!(WORD.wake_class(1, WRITER), 0);
    /// }
    /// reader.join().unwrap();
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_class(&self, n: u32, classes: NonZeroU32) -> u32 {
        self.queue.wake_class(&self.word, n, S::SHARED, classes)
    }

    /// Wakes a sleeper; true if there was one.
    ///
    /// ```
    /// assert!(!heddle_primitives::Futex::new(0).wake_one());
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_one(&self) -> bool {
        self.wake(1) != 0
    }

    /// Wakes all sleepers and returns how many.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use heddle_primitives::sync::thread;
    ///
    /// static WORD: Futex = Futex::new(0);
    /// let sleepers = [(); 2].map(|()| thread::spawn(|| WORD.wait(0, None)));
    /// let mut woken = 0;
    /// while woken < 2 {
    ///     woken += WORD.wake_all();
    ///     thread::yield_now();
    /// }
    /// sleepers.map(|sleeper| sleeper.join().unwrap());
    /// ```
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_all(&self) -> u32 {
        self.wake(u32::MAX)
    }
}

impl<S: Scope> Futex<S> {
    /// The address of the futex, for a wake after the futex may be gone.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use heddle_primitives::sync::{Arc, atomic::Ordering, thread};
    ///
    /// let futex = Arc::new(Futex::new(0));
    /// let waiter = thread::spawn({
    ///     let futex = futex.clone();
    ///     move || {
    ///         while futex.word().load(Ordering::Acquire) == 0 {
    ///             futex.wait(0, None);
    ///         }
    ///     }
    /// });
    /// let address = futex.address();
    /// futex.word().store(1, Ordering::Release);
    /// drop(futex);
    /// // The waiter may have freed it by now.
    /// address.wake(1);
    /// waiter.join().unwrap();
    /// ```
    #[inline(always)]
    pub fn address(&self) -> FutexAddress<S> {
        FutexAddress { address: self.queue.address(&self.word), scope: PhantomData }
    }
}

/// The address of a [`Futex`] that may be gone by now.
///
/// Where a change of the word lets another thread free it, the wake that follows must not touch it. If the memory serves
/// something else by then, that gets a wake without cause, which everybody who waits there has to tolerate anyway.
///
/// ```
/// let address = heddle_primitives::Futex::new(0).address();
/// assert_eq!(address.wake(1), 0);
/// ```
#[derive(Debug)]
pub struct FutexAddress<S: Scope = Private> {
    address: backend::futex::Address,
    scope: PhantomData<S>,
}

impl<S: Scope> FutexAddress<S> {
    /// Wakes up to `n` sleepers and returns how many; always a system call.
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// let futex = Box::new(Futex::new(0));
    /// let address = futex.address();
    /// drop(futex);
    /// assert_eq!(address.wake(1), 0);
    /// ```
    #[inline(always)]
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake(&self, n: u32) -> u32 {
        self.address.wake(n, S::SHARED)
    }

    /// Like [`wake`](Self::wake), but wakes only sleepers that have one of these classes; see [`Futex::wait_class`].
    ///
    /// ```
    /// use heddle_primitives::Futex;
    /// use std::num::NonZeroU32;
    /// let futex = Futex::new(0);
    /// assert_eq!(futex.address().wake_class(u32::MAX, NonZeroU32::MIN), 0);
    /// ```
    #[inline(always)]
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_class(&self, n: u32, classes: NonZeroU32) -> u32 {
        self.address.wake_class(n, S::SHARED, classes)
    }

    /// Wakes a sleeper; true if there was one.
    ///
    /// ```
    /// let address = heddle_primitives::Futex::new(0).address();
    /// assert!(!address.wake_one());
    /// ```
    #[inline(always)]
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub fn wake_one(&self) -> bool {
        self.wake(1) != 0
    }

    /// Wakes all sleepers and returns how many.
    ///
    /// ```
    /// let address = heddle_primitives::Futex::new(0).address();
    /// assert_eq!(address.wake_all(), 0);
    /// ```
    #[inline(always)]
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
