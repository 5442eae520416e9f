//! Threads that stop for ever before one of their operations, as a process does that is killed.
//!
//! A death unwinds the thread up to [`dies_at`]. Nothing that is dropped on the way touches memory that others see, since an operation
//! of the facade during unwinding works on a shadow; so what remains is what the thread had done, in the order in which it did it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a death unwinds with.
struct Killed;

std::thread_local! {
    /// How many operations the threads have left that are to die. The checkers run all threads on one.
    static LEFT: RefCell<HashMap<usize, u32>> = RefCell::default();
    /// Whether there are any: spares the rest the look.
    static ANY: Cell<bool> = const { Cell::new(false) };
    /// Whether a death unwinds a thread at this moment; no other runs meanwhile.
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// A new execution begins.
pub(in crate::sync) fn start() {
    LEFT.with_borrow_mut(HashMap::clear);
    ANY.set(false);
    UNDER_WAY.set(false);
}

/// Runs `f`, and stops the thread before its operation number `step`, from 0: then `None`.
pub(in crate::sync) fn dies_at<R>(step: u32, f: impl FnOnce() -> R) -> Option<R> {
    let thread = thread();
    LEFT.with_borrow_mut(|left| left.insert(thread, step));
    ANY.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    LEFT.with_borrow_mut(|left| left.remove(&thread));
    UNDER_WAY.set(false);
    match result {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Killed>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Before each operation of the facade.
#[inline]
pub(super) fn step() {
    if ANY.get() {
        count();
    }
}

fn count() {
    if std::thread::panicking() {
        return;
    }
    let dies = LEFT.with_borrow_mut(|left| match left.get_mut(&thread()) {
        None => false,
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
    });
    if dies {
        // Without the hook's message: a death is no failure.
        UNDER_WAY.set(true);
        resume_unwind(Box::new(Killed));
    }
}

/// Whether this unwinding is a death, whose accesses to cells end with the thread, and no failure, after which the checker is in no
/// state to be told.
pub(in crate::sync) fn is_under_way() -> bool {
    UNDER_WAY.get()
}

fn thread() -> usize {
    crate::sync::backend::current_index()
}
