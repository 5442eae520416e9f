//! Linearizability: whatever threads do to an object at the same time, some order of their operations, one after the other,
//! explains every answer, and agrees with what was over before something else began.
//!
//! Small random [`program`]s run under loom, shuttle or with real threads. What each operation answered and when is recorded in a
//! [`history`], and the [`checker`] looks for such an order among all there are. What the objects should do is their
//! [`specification`]; where that is weaker than one step of a sequential object, it says why.
#![allow(dead_code, reason = "each program runs a part")]

pub mod checker;
pub mod history;
pub mod program;
pub mod random;
pub mod specification;

mod channel;
mod deque;
mod event;
mod fifo;
mod locks;
mod once;
mod queue;
mod register;
mod semaphore;

#[cfg(any(heddle_loom, heddle_shuttle))]
mod planted;
mod suite;
