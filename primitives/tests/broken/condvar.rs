//! A condition variable with one bug each: a sequence number to sleep on, and a count of waiters.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::{Futex, Mutex, MutexGuard};
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CondvarBug {
    None,
    /// The waiter counts itself after it has unlocked.
    CountsLate,
    /// The waiter reads the sequence number after it has unlocked.
    ReadsLate,
    /// The sequence number moves after the wake.
    WakesFirst,
    /// A wake that comes together with a time-out is reported as a time-out.
    SwallowsWakes,
}

#[derive(Default)]
struct SmallCondvar {
    sequence: Futex,
    waiters: AtomicU32,
}

impl SmallCondvar {
    /// False if it timed out.
    fn wait(&self, guard: &mut MutexGuard<'_, u32>, deadline: Option<Instant>, bug: CondvarBug) -> bool {
        let enter = || _ = self.waiters.fetch_add(1, Ordering::Relaxed);
        let read = || self.sequence.word().load(Ordering::Relaxed);
        if bug != CondvarBug::CountsLate {
            enter();
        }
        let seen = (bug != CondvarBug::ReadsLate).then(read);
        let timed_out = MutexGuard::unlocked(guard, || {
            if bug == CondvarBug::CountsLate {
                enter();
            }
            let seen = seen.unwrap_or_else(read);
            self.sequence.wait(seen, deadline);
            bug == CondvarBug::SwallowsWakes && deadline.is_some() || read() == seen
        });
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        !timed_out
    }

    fn notify_one(&self, bug: CondvarBug) {
        if self.waiters.load(Ordering::Relaxed) == 0 {
            return;
        }
        if bug == CondvarBug::WakesFirst {
            self.sequence.wake_one();
        }
        self.sequence.word().fetch_add(1, Ordering::Relaxed);
        if bug != CondvarBug::WakesFirst {
            self.sequence.wake_one();
        }
    }
}

pub fn small_condvar(bug: CondvarBug) {
    let shared = Arc::new((Mutex::new(0), SmallCondvar::default()));
    team(2, &shared, move |(mutex, condvar), n| {
        if n == 0 {
            *mutex.lock() = 1;
            condvar.notify_one(bug);
        } else {
            let mut guard = mutex.lock();
            while *guard == 0 {
                condvar.wait(&mut guard, None, bug);
            }
        }
    });
}

/// One waits patiently, one gives up without a look at the tokens.
pub fn small_condvar_with_time_out(bug: CondvarBug) {
    let shared = Arc::new((Mutex::new(0), SmallCondvar::default(), AtomicU32::new(0)));
    team(3, &shared, move |(mutex, condvar, left), n| match n {
        0 => {
            *mutex.lock() += 1;
            condvar.notify_one(bug);
        }
        1 => {
            let mut guard = mutex.lock();
            if *guard == 0 && !condvar.wait(&mut guard, Some(Instant::now()), bug) {
                return;
            }
            // Passes on what it did not take.
            left.store(1, Ordering::Relaxed);
            condvar.notify_one(bug);
        }
        _ => {
            let mut guard = mutex.lock();
            while *guard == 0 {
                condvar.wait(&mut guard, None, bug);
            }
        }
    });
}
