//! The steps of the current execution under a checker.
//!
//! All threads of an execution run on one thread of the process, so that the list is in the order in which things happened.

use super::Site;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::thread::panicking;

/// The steps kept of an execution; later ones displace none of these, and the failure is told by its message.
const MOST: usize = 20_000;

/// The steps that a record shows: the last ones.
const SHOWN: usize = 400;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    thread: usize,
    site: Site,
    operation: &'static str,
    order: Option<Ordering>,
    address: usize,
    value: u64,
    reads: bool,
    writes: bool,
}

#[derive(Default)]
struct Trace {
    steps: Vec<Step>,
    threads: usize,
}

std::thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// Whether a step reads the memory it is about, writes it, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    None,
    Reads,
    Writes,
    Both,
}

/// A new execution begins.
pub(crate) fn start() {
    TRACE.with_borrow_mut(|trace| trace.steps.clear());
}

/// The most threads that an execution had.
pub(crate) fn threads() -> usize {
    TRACE.with_borrow(|trace| trace.threads)
}

/// Forgets how many threads there were.
pub(crate) fn reset() {
    TRACE.with_borrow_mut(|trace| *trace = Trace::default());
}

/// Adds a step of the current thread.
#[track_caller]
pub(crate) fn step(
    operation: &'static str,
    access: Access,
    order: Option<Ordering>,
    address: usize,
    value: u64,
) {
    if panicking() {
        return;
    }
    let site = std::panic::Location::caller();
    let thread = crate::sync::backend::current_index();
    TRACE.with_borrow_mut(|trace| {
        trace.threads = trace.threads.max(thread + 1);
        if trace.steps.len() < MOST {
            let (reads, writes) = match access {
                Access::None => (false, false),
                Access::Reads => (true, false),
                Access::Writes => (false, true),
                Access::Both => (true, true),
            };
            trace.steps.push(Step { thread, site, operation, order, address, value, reads, writes });
        }
    });
}

/// The last steps, as records have them.
///
/// `after` is the step that a reading one is ordered after: the latest write of the same object by another thread, if it releases and
/// this one acquires. A checker may have let the step read an older value, which `value` then shows.
pub(crate) fn records() -> Vec<serde_json::Value> {
    let steps = TRACE.with_borrow(|trace| trace.steps[trace.steps.len().saturating_sub(SHOWN)..].to_vec());
    let mut objects = HashMap::new();
    let mut last_write: HashMap<usize, usize> = HashMap::new();
    let mut records = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        let next = objects.len();
        let object = *objects.entry(step.address).or_insert(next);
        let after = last_write.get(&step.address).copied().filter(|&write| {
            let write: &Step = &steps[write];
            let releases =
                matches!(write.order, Some(Ordering::Release | Ordering::AcqRel | Ordering::SeqCst));
            let acquires =
                matches!(step.order, Some(Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst));
            step.reads && write.thread != step.thread && releases && acquires
        });
        records.push(serde_json::json!({
            "thread": step.thread,
            "site": step.site.to_string(),
            "operation": step.operation,
            "ordering": step.order.map(|order| format!("{order:?}")),
            "object": object,
            "value": step.value.to_string(),
            "after": after,
        }));
        if step.writes {
            last_write.insert(step.address, n);
        }
    }
    records
}
