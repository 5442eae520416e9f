//! The words on which the pool's threads sleep until a worker has something for them.

use std::time::Instant;

use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::{fence, fence_after_rmw};
use heddle_primitives::{Futex, Shared};

/// Nobody wants to be woken.
const QUIET: u32 = 0;
/// Whoever brings news is to wake the sleeper, and to make the word quiet by that.
const ARMED: u32 = 1;
/// The handler was woken, or called by its own process. It alone takes that back, so that no call is lost.
const CALLED: u32 = 2;

/// One line that every worker reads after each answer, and nobody writes as long as somebody is awake to look for answers.
///
/// | word | value | meaning | left by |
/// |---|---|---|---|
/// | driver | ARMED | a caller that waits for answers sleeps, or is about to | it, or who wakes it |
/// | handler | ARMED | nobody waits for answers but the handler, which sleeps or is about to | a caller that begins to wait, or who wakes it, to CALLED |
/// | handler | CALLED | the handler shall look around | it, before it does |
///
/// The handler sleeps on its word whether that is armed or not: so a caller that stops waiting hands over to it by an exchange, without
/// a system call. It sleeps on the value that it left there; who wakes it leaves another.
///
/// Nothing is missed: a worker publishes, then has a fence, then looks at the words; a sleeper arms its word, has a fence, then
/// looks for what was published. In the order of the two fences the later one sees what the other side did before the earlier.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Bell {
    driver: Futex<Shared>,
    handler: Futex<Shared>,
}

impl Bell {
    /// A bell that nobody listens to; elsewhere fresh memory is one.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Bell {
        Bell { driver: Futex::new_in(QUIET), handler: Futex::new_in(QUIET) }
    }

    /// Wakes who waits for what the caller has just published: the driver, or else the handler.
    #[inline]
    pub(crate) fn ring(&self) {
        // ORDERING: what was published and the loads in `look` do not change places; partner of the fence in `listens`.
        fence(Ordering::SeqCst);
        self.look();
    }

    /// The same for a caller whose last step was a read-modify-write.
    #[inline]
    pub(crate) fn ring_after_rmw(&self) {
        // ORDERING: as in `ring`.
        fence_after_rmw();
        self.look();
    }

    #[inline]
    fn look(&self) {
        // ORDERING: Relaxed: ordered by the caller's fence. What is published is acquired through its own word.
        let driver = self.driver.word().load(Ordering::Relaxed);
        let handler = self.handler.word().load(Ordering::Relaxed);
        if driver != QUIET || handler == ARMED {
            self.ring_loudly();
        }
    }

    #[cold]
    fn ring_loudly(&self) {
        // ORDERING: Relaxed, here and below: the words pass nothing on, the sleeper looks for news by itself.
        if self.driver.word().swap(QUIET, Ordering::Relaxed) != QUIET {
            self.driver.wake_one();
        } else if self
            .handler
            .word()
            .compare_exchange(ARMED, CALLED, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            self.handler.wake_one();
        }
    }

    /// Sleeps as the driver unless `news` says that there is something to do. A hint, as any wake is.
    pub(crate) fn sleep_driver(&self, deadline: Option<Instant>, news: impl Fn() -> bool) {
        // ORDERING: Relaxed: the fence below orders it.
        self.driver.word().swap(ARMED, Ordering::Relaxed);
        if !Self::listens(news) {
            self.driver.wait(ARMED, deadline);
        }
        // ORDERING: Relaxed: as above.
        self.driver.word().swap(QUIET, Ordering::Relaxed);
    }

    /// Has the next news wake the handler, wherever that sleeps, and returns whether there are news already.
    pub(crate) fn arm_handler(&self, news: impl Fn() -> bool) -> bool {
        // ORDERING: Relaxed: who armed it before has looked for news after that.
        if self.handler.word().load(Ordering::Relaxed) == ARMED {
            return false;
        }
        // ORDERING: Relaxed: the fence in `listens` orders it. A call stays.
        let _ = self.handler.word().compare_exchange(QUIET, ARMED, Ordering::Relaxed, Ordering::Relaxed);
        Self::listens(news)
    }

    /// Leaves the handler alone: the caller looks for news itself.
    #[inline]
    pub(crate) fn disarm_handler(&self) {
        // ORDERING: Relaxed: only saves a wake. The load spares the line in the common case.
        if self.handler.word().load(Ordering::Relaxed) == ARMED {
            let _ = self.handler.word().compare_exchange(ARMED, QUIET, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Has the handler look around, whatever it does now.
    pub(crate) fn call_handler(&self) {
        // ORDERING: Release: what the caller changed before is seen by the handler, which takes the call by an acquiring swap.
        self.handler.word().swap(CALLED, Ordering::Release);
        self.handler.wake_one();
    }

    /// Wakes the driver, and has the handler look around: something happened that no worker announces. It wakes whether the words are armed or
    /// not: who died may have made them quiet, and not come to the wake.
    pub(crate) fn alarm(&self) {
        // ORDERING: what was published and the swap below do not change places; partner of the fence in `listens`.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed: see `ring_loudly`.
        self.driver.word().swap(QUIET, Ordering::Relaxed);
        self.driver.wake_one();
        self.call_handler();
    }

    /// The handler's: takes a call, and what it was armed for. What happened before is to be looked at after this.
    pub(crate) fn attend(&self) {
        // ORDERING: Acquire: pairs with `call_handler`.
        self.handler.word().swap(QUIET, Ordering::Acquire);
    }

    /// The handler's: sleeps until it is called, woken by news that it is armed for, or the deadline. A hint. `armed` is whether it has
    /// armed itself; if a caller has meanwhile, it does not sleep.
    pub(crate) fn sleep_handler(&self, armed: bool, deadline: Option<Instant>) {
        self.handler.wait(if armed { ARMED } else { QUIET }, deadline);
    }

    fn listens(news: impl Fn() -> bool) -> bool {
        // ORDERING: the arming before and the look after it do not change places; partner of the fences in `ring` and `alarm`.
        fence(Ordering::SeqCst);
        news()
    }
}
