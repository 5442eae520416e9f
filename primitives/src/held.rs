//! Which locks the threads hold, where somebody wants to know: debug builds refuse to lock twice, the feature
//! `deadlock_detection` looks for cycles. Otherwise all of this is nothing.
//!
//! Locks are known by address. A thread tells what it holds itself, so guards that may be dropped elsewhere are not told
//! of: [`released`] is called when they become such. Of locks that several may hold only the search for cycles wants to
//! know, by way of [`several`].

#[cfg(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle))))]
pub(crate) use crate::deadlock::hooks as several;
#[cfg(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle))))]
pub(crate) use crate::deadlock::hooks::{Waiting, acquired, forgotten, released};

#[cfg(all(
    debug_assertions,
    not(feature = "deadlock_detection"),
    not(any(heddle_loom, heddle_shuttle))
))]
pub(crate) use own::{Waiting, acquired, forgotten, released};

#[cfg(any(not(any(debug_assertions, feature = "deadlock_detection")), heddle_loom, heddle_shuttle))]
pub(crate) use nothing::{Waiting, acquired, forgotten, released};

#[cfg(not(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle)))))]
pub(crate) mod several;

/// Whether somebody searches for cycles.
pub(crate) const SEARCHED: bool =
    cfg!(all(feature = "deadlock_detection", not(any(heddle_loom, heddle_shuttle))));

/// How a thread holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Shared,
    Upgradable,
    Exclusive,
}

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Shared,
    Upgradable,
    Exclusive,
    /// To turn an upgradable hold into an exclusive one.
    Upgrade,
}

impl Want {
    #[allow(dead_code, reason = "for the search for cycles")]
    pub(crate) fn is_kept_out_by(self, hold: Hold) -> bool {
        match self {
            Self::Shared => hold == Hold::Exclusive,
            Self::Upgradable => hold != Hold::Shared,
            Self::Exclusive => true,
            // The upgradable hold is the thread's own.
            Self::Upgrade => hold == Hold::Shared,
        }
    }
}

/// A list of each thread's own locks: enough to see that it waits for itself.
#[cfg(all(debug_assertions, not(feature = "deadlock_detection"), not(any(heddle_loom, heddle_shuttle))))]
mod own {
    use crate::sync::per_thread;
    use std::cell::RefCell;

    per_thread! {
        static HELD: RefCell<Vec<usize>> = RefCell::new(Vec::new())
    }

    /// The calling thread holds the lock. A lock that it is said to hold already was forgotten with its guard.
    pub(crate) fn acquired(address: usize, _kind: &str) {
        // A thread that ends has no list any more; nothing is refused then.
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if !held.contains(&address) {
                held.push(address);
            }
        });
    }

    /// The calling thread holds the lock no longer, or no longer for itself alone.
    pub(crate) fn released(address: usize) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(place) = held.iter().rposition(|&other| other == address) {
                held.swap_remove(place);
            }
        });
    }

    /// Nobody holds the lock any more, whoever did.
    pub(crate) fn forgotten(address: usize) {
        released(address);
    }

    /// Lasts as long as a wait without limit.
    pub(crate) struct Waiting;

    impl Waiting {
        /// The calling thread is about to wait without limit.
        ///
        /// # Panics
        /// If it would wait for itself.
        pub(crate) fn begin(address: usize, kind: &str) -> Self {
            let own = HELD.try_with(|held| held.borrow().contains(&address)).unwrap_or(false);
            assert!(
                !own,
                "this thread already holds the {kind} at {address:#x}: locking it again would wait for ever",
            );
            Self
        }
    }
}

#[cfg(any(not(any(debug_assertions, feature = "deadlock_detection")), heddle_loom, heddle_shuttle))]
mod nothing {
    #[inline(always)]
    pub(crate) fn acquired(_: usize, _: &str) {}

    #[inline(always)]
    pub(crate) fn released(_: usize) {}

    #[inline(always)]
    pub(crate) fn forgotten(_: usize) {}

    pub(crate) struct Waiting;

    impl Waiting {
        #[inline(always)]
        pub(crate) fn begin(_: usize, _: &str) -> Self {
            Self
        }
    }
}
