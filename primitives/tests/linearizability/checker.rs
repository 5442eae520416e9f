//! Looks for an order of operations that explains a history.
//!
//! After Wing and Gong ("Testing and verifying concurrent objects", 1993) with Lowe's memory of what was tried ("Testing for
//! linearizability", 2017): from the initial state, one after the other, every operation is tried next before which nothing is
//! left, and where the same operations have led to the same state before, that is not tried again.

use super::history::{History, LATE_LOADS};
use super::specification::Specification;
use std::collections::HashSet;

/// Operations in a history that can be decided.
pub const MOST_CALLS: usize = u64::BITS as usize;

/// What may be tried before a search is given up.
pub const MOST_TRIED: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An order explains it.
    Yes,
    /// No order does.
    No,
    /// Too long, or too much to try.
    Unknown,
}

/// Whether an order of the operations explains `history`.
pub fn check<S: Specification>(specification: &S, history: &History<S>) -> Verdict {
    check_within(specification, history, LATE_LOADS, MOST_TRIED)
}

/// The same, where loads may be `late`, and at most so many pairs of operations done and state are tried.
pub fn check_within<S: Specification>(
    specification: &S,
    history: &History<S>,
    late: bool,
    most: usize,
) -> Verdict {
    if history.0.len() > MOST_CALLS {
        return Verdict::Unknown;
    }
    let before = history.before(specification, late);
    let mut search = Search { specification, history, before, tried: HashSet::new(), most };
    let verdicts = history.left_out(specification, late).into_iter();
    let mut verdicts = verdicts.map(|left_out| search.from(left_out, specification.initial()));
    verdicts.find(|verdict| *verdict != Verdict::Yes).unwrap_or(Verdict::Yes)
}

/// # Panics
/// If no order explains `history`, or none was found.
pub fn assert_linearizable<S: Specification>(specification: &S, history: &History<S>) {
    match check(specification, history) {
        Verdict::Yes => {}
        Verdict::No => panic!("not linearizable:\n{history}"),
        Verdict::Unknown => panic!("undecided whether it can be explained:\n{history}"),
    }
}

struct Search<'a, S: Specification> {
    specification: &'a S,
    history: &'a History<S>,
    before: Vec<u64>,
    tried: HashSet<(u64, S::State)>,
    most: usize,
}

impl<S: Specification> Search<'_, S> {
    /// Whether what is not in `done` can follow in `state`.
    fn from(&mut self, done: u64, state: S::State) -> Verdict {
        let calls = &self.history.0;
        if done.count_ones() as usize == calls.len() {
            return Verdict::Yes;
        }
        if self.tried.contains(&(done, state.clone())) {
            return Verdict::No;
        }
        if self.tried.len() >= self.most {
            return Verdict::Unknown;
        }
        for (n, call) in calls.iter().enumerate() {
            if done & (1 << n) != 0 || self.before[n] & !done != 0 {
                continue;
            }
            for next in self.specification.next(&state, &call.operation, &call.answer) {
                match self.from(done | 1 << n, next) {
                    Verdict::No => {}
                    decided => return decided,
                }
            }
        }
        self.tried.insert((done, state));
        Verdict::No
    }
}
