//! What threads did and were answered, and when.

#[allow(
    clippy::disallowed_types,
    reason = "time stamps that the checkers do not see, and that order nothing"
)]
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::specification::{Sight, Specification};
use std::fmt;

/// Whether loads may find old values: in loom's model, in Miri's, and on CPUs where taking a time stamp is no barrier. Not
/// under shuttle, which knows no memory orders, nor on x86-64, where each stamp is a locked instruction.
pub const LATE_LOADS: bool =
    !cfg!(heddle_shuttle) && (cfg!(any(heddle_loom, miri)) || !cfg!(target_arch = "x86_64"));

/// One operation.
pub struct Call<S: Specification> {
    pub thread: usize,
    pub operation: S::Operation,
    pub answer: S::Answer,
    /// When it began, and when it was over.
    pub invoked: u64,
    pub returned: u64,
}

/// The operations of all threads, those of one thread in their order.
pub struct History<S: Specification>(pub Vec<Call<S>>);

impl<S: Specification> History<S> {
    /// For each call, as a bit set, those that come before it in any explanation: the earlier ones of its thread, and those that
    /// were over when it began. Where loads may be `late`, only who has the newest in sight heeds the latter.
    pub fn before(&self, specification: &S, late: bool) -> Vec<u64> {
        let calls = || self.0.iter().enumerate();
        calls()
            .map(|(n, call)| {
                let late = late && specification.sight(&call.operation, &call.answer) != Sight::Newest;
                calls()
                    .filter(|(m, other)| match other.thread == call.thread {
                        true => *m < n,
                        false => !late && other.returned < call.invoked,
                    })
                    .fold(0, |set, (m, _)| set | 1 << m)
            })
            .collect()
    }

    /// What is to be explained at a time, as the calls that are left out: nothing, or, where loads may be `late`, for each thread what
    /// others saw and did not change.
    pub fn left_out(&self, specification: &S, late: bool) -> Vec<u64> {
        if !late {
            return vec![0];
        }
        let mut threads: Vec<_> = self.0.iter().map(|call| call.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        let idle = |call: &Call<S>| specification.sight(&call.operation, &call.answer) == Sight::Idle;
        let of_others = |thread| {
            let calls = self.0.iter().enumerate();
            calls.filter(|(_, call)| call.thread != thread && idle(call)).fold(0, |set, (n, _)| set | 1 << n)
        };
        threads.into_iter().map(of_others).collect()
    }
}

impl<S: Specification> fmt::Display for History<S> {
    /// A line for each operation, in the order in which they began: thread, operation, answer, times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls: Vec<_> = self.0.iter().collect();
        calls.sort_by_key(|call| call.invoked);
        let first = calls.first().map_or(0, |call| call.invoked);
        for Call { thread, operation, answer, invoked, returned } in calls {
            let times = format_args!("[{}, {}]", invoked - first, returned - first);
            writeln!(f, "thread {thread}: {operation:?} -> {answer:?} {times}")?;
        }
        Ok(())
    }
}

impl<S: Specification> fmt::Debug for History<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Records the operations of one thread.
pub struct Log<S: Specification> {
    thread: usize,
    calls: Vec<Call<S>>,
}

impl<S: Specification> Log<S> {
    pub fn new(thread: usize) -> Self {
        Self { thread, calls: Vec::new() }
    }

    /// Records an operation and its answer.
    pub fn call(&mut self, operation: S::Operation, perform: impl FnOnce() -> S::Answer) {
        self.record(perform, |answer| vec![(operation, answer.clone())]);
    }

    /// Performs something, and records it as what `parts` make of the outcome. Several parts take effect one after the other,
    /// and other threads may come between them.
    pub fn record<T>(
        &mut self,
        perform: impl FnOnce() -> T,
        parts: impl FnOnce(&T) -> Vec<(S::Operation, S::Answer)>,
    ) -> T {
        let invoked = now();
        let outcome = perform();
        let returned = now();
        let thread = self.thread;
        let calls = parts(&outcome).into_iter().map(|(operation, answer)| Call {
            thread,
            operation,
            answer,
            invoked,
            returned,
        });
        self.calls.extend(calls);
        outcome
    }

    pub fn into_calls(self) -> Vec<Call<S>> {
        self.calls
    }
}

/// Later calls return larger numbers.
fn now() -> u64 {
    #[allow(clippy::disallowed_types, reason = "as above")]
    static NOW: AtomicU64 = AtomicU64::new(0);
    // ORDERING: must not order what the program under test leaves unordered.
    NOW.fetch_add(1, Relaxed)
}
