//! A readers-writer lock with a bug.

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering;
use std::num::NonZeroU32;
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadersBug {
    None,
    /// The last reader leaves without Release: a writer may write what is still being read.
    RelaxedLeave,
    /// The last reader wakes nobody.
    ForgetsWriter,
    /// A writer that gives up leaves its bit behind, which keeps readers out.
    LeavesBit,
    /// The wake goes to whoever sleeps first, of any class.
    WakesAnyClass,
}

const WRITER: u32 = 1;
const QUEUED: u32 = 2;
const READER: u32 = 4;
const AS_READER: NonZeroU32 = NonZeroU32::new(1).unwrap();
const AS_WRITER: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// Readers wait while a writer holds the lock or has queued; one writer at most.
struct SmallRwLock {
    futex: Futex,
    bug: ReadersBug,
}

impl SmallRwLock {
    fn read(&self) {
        let word = self.futex.word();
        let mut state = word.load(Ordering::Relaxed);
        loop {
            if state & (WRITER | QUEUED) != 0 {
                self.futex.wait_class(state, None, AS_READER);
                state = word.load(Ordering::Relaxed);
            } else {
                match word.compare_exchange(state, state + READER, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return,
                    Err(found) => state = found,
                }
            }
        }
    }

    fn leave(&self) {
        let release =
            if self.bug == ReadersBug::RelaxedLeave { Ordering::Relaxed } else { Ordering::Release };
        let left = self.futex.word().fetch_sub(READER, release) - READER;
        if left == QUEUED && self.bug != ReadersBug::ForgetsWriter {
            match self.bug {
                ReadersBug::WakesAnyClass => _ = self.futex.wake(1),
                _ => _ = self.futex.wake_class(1, AS_WRITER),
            }
        }
    }

    fn write(&self, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        let mut state = word.fetch_or(QUEUED, Ordering::Relaxed) | QUEUED;
        loop {
            if state == QUEUED {
                match word.compare_exchange(state, WRITER, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(found) => state = found,
                }
            } else {
                if self.futex.wait_class(state, deadline, AS_WRITER)
                    == heddle_primitives::WaitOutcome::TimedOut
                {
                    if self.bug != ReadersBug::LeavesBit {
                        word.fetch_and(!QUEUED, Ordering::Relaxed);
                        self.futex.wake_all();
                    }
                    return false;
                }
                state = word.load(Ordering::Relaxed);
            }
        }
    }

    fn unlock(&self) {
        self.futex.word().fetch_and(!WRITER, Ordering::Release);
        self.futex.wake_all();
    }
}

/// A writer among readers, which may give up.
pub fn small_rwlock(bug: ReadersBug, readers: u32, gives_up: bool) {
    let shared = Arc::new((SmallRwLock { futex: Futex::new(0), bug }, Plain::new()));
    team(1 + readers, &shared, move |(lock, data), n| {
        if n == 0 {
            if lock.write(gives_up.then(Instant::now)) {
                data.set(1);
                lock.unlock();
            }
        } else {
            lock.read();
            data.get();
            lock.leave();
        }
    });
}
