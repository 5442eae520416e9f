//! What an object does when one thread at a time uses it.

use std::fmt::Debug;
use std::hash::Hash;

/// A sequential object, as the answers that it may give.
pub trait Specification {
    type Operation: Clone + Debug + Send + Sync + 'static;
    type Answer: Clone + Debug + PartialEq + Send + 'static;
    type State: Clone + Debug + Eq + Hash;

    fn initial(&self) -> Self::State;

    /// Every state that the object may be in after it gave `answer` to `operation` in `state`; none if it may not give it.
    fn next(
        &self,
        state: &Self::State,
        operation: &Self::Operation,
        answer: &Self::Answer,
    ) -> Vec<Self::State>;

    /// What the answer rests on, for where [loads may be late](super::history::LATE_LOADS).
    fn sight(&self, _operation: &Self::Operation, _answer: &Self::Answer) -> Sight {
        Sight::Newest
    }
}

/// What an answer rests on. Where memory is weak a load is not bound to find what another thread has done, as long as nothing makes
/// that visible to this one; only read-modify-writes find the newest value, of one word. What is left of linearizability there
/// is that one operation is before another if it *happens* before it, and that each thread may be late by itself, as in store buffering.
///
/// Happening before is looked at for the operations of one thread alone. What else it orders is implied where each value is another: who took
/// it comes after who put it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The newest value of the one word that counts: whatever was over before is seen.
    Newest,
    /// Loads too, or several words: what others have done may be seen later.
    Late,
    /// The same, and it changes nothing: it need not agree with what other threads see late.
    Idle,
}

/// The one state that follows, or none.
pub fn only<T>(possible: bool, state: T) -> Vec<T> {
    if possible { vec![state] } else { Vec::new() }
}
