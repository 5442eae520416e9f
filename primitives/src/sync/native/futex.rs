//! The futex of the kernel.

use super::atomic::AtomicU32;
use crate::WaitOutcome;
use crate::spin::patience;
use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// The longest a sleep in the shared scope goes without looking again: the waker may have died before its wake.
const PATROL: Duration = Duration::from_millis(50);

/// What a futex keeps beside its word: nothing, the kernel has the queue.
#[derive(Debug)]
pub struct Queue;

impl Queue {
    pub const fn new() -> Self {
        Self
    }

    pub fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        shared: bool,
    ) -> WaitOutcome {
        self.wait_class(word, expected, deadline, shared, NonZeroU32::MAX)
    }

    pub fn wait_class(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        shared: bool,
        classes: NonZeroU32,
    ) -> WaitOutcome {
        let deadline = deadline.and_then(absolute);
        let patrol = if shared { absolute(Instant::now() + PATROL) } else { None };
        let until = match (deadline, patrol) {
            (Some(deadline), Some(patrol)) => Some(deadline.min(patrol)),
            (deadline, patrol) => deadline.or(patrol),
        };
        let result = futex::wait_bitset(word.raw(), flags(shared), expected, until.as_ref(), classes);
        if result == Err(Errno::AGAIN) {
            return WaitOutcome::Mismatch;
        }
        patience::slept();
        match result {
            Err(Errno::TIMEDOUT) if until == deadline => WaitOutcome::TimedOut,
            // Woken, interrupted by a signal, or on patrol.
            _ => WaitOutcome::Woken,
        }
    }

    #[cfg_attr(heddle_mutants, track_caller)]
    pub fn wake(&self, word: &AtomicU32, n: u32, shared: bool) -> u32 {
        self.address(word).wake(n, shared)
    }

    #[cfg_attr(heddle_mutants, track_caller)]
    pub fn wake_class(&self, word: &AtomicU32, n: u32, shared: bool, classes: NonZeroU32) -> u32 {
        self.address(word).wake_class(n, shared, classes)
    }

    #[inline(always)]
    pub fn address(&self, word: &AtomicU32) -> Address {
        Address(std::ptr::from_ref(word))
    }
}

/// What is left of a futex that may be gone: its address.
#[derive(Debug, Clone, Copy)]
pub struct Address(*const AtomicU32);

impl Address {
    #[cfg_attr(heddle_mutants, track_caller)]
    pub fn wake(self, n: u32, shared: bool) -> u32 {
        self.wake_class(n, shared, NonZeroU32::MAX)
    }

    #[cfg_attr(heddle_mutants, track_caller)]
    pub fn wake_class(self, n: u32, shared: bool, classes: NonZeroU32) -> u32 {
        #[cfg(heddle_mutants)]
        let n = match crate::sync::probe::wake(self.0.addr(), n) {
            0 => return 0,
            n => n,
        };
        // Not rustix's wake, which takes a reference: there may be no memory behind the address any more.
        // SAFETY: the kernel looks up by the address who sleeps there. It neither writes nor hands out what it finds, and
        // an address without memory is an error or nobody's. The operation has no time and no second word.
        let woken = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.0,
                libc::FUTEX_WAKE_BITSET | if shared { 0 } else { libc::FUTEX_PRIVATE_FLAG },
                // The kernel reads the count as a signed number.
                n.min(i32::MAX as u32),
                std::ptr::null::<libc::timespec>(),
                std::ptr::null::<u32>(),
                classes.get(),
            )
        };
        // An error, which is negative, means that nobody can sleep there.
        let woken = u32::try_from(woken).unwrap_or(0);
        if woken != 0 {
            patience::slept();
        }
        woken
    }
}

fn flags(shared: bool) -> Flags {
    if shared { Flags::empty() } else { Flags::PRIVATE }
}

/// `deadline` on the kernel's monotonic clock; none if it lies beyond what that clock can express.
fn absolute(deadline: Instant) -> Option<Timespec> {
    let left = deadline.saturating_duration_since(Instant::now());
    let now = clock_gettime(ClockId::Monotonic);
    let left = Timespec { tv_sec: left.as_secs().try_into().ok()?, tv_nsec: left.subsec_nanos().into() };
    now.checked_add(left)
}
