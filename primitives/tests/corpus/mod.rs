//! Broken programs of general renown. Each takes whether it is to be broken; otherwise it is its repaired twin, which is right.
//!
//! Every file says which checkers find its bug. Where shuttle does not, the bug is a missing ordering, of which shuttle knows
//! nothing: it runs all atomics as if they were sequentially consistent.
#![allow(dead_code, unused_imports, reason = "loom and shuttle each run a part")]

mod abba;
mod barrier_reuse;
mod believed_wake;
mod change_outside_the_lock;
mod check_then_act;
mod condvar_with_if;
mod dekker;
mod dining_philosophers;
mod double_checked_locking;
mod double_steal;
mod drop_on_close;
mod forgotten_sleepers;
mod freed_waiter;
mod full_pipes;
mod join_under_lock;
mod message_passing;
mod peterson;
mod racy_counter;
mod recursive_read;
mod reference_count;
mod rendezvous_under_lock;
mod reread_expected_value;
mod semaphore_over_release;
mod stack_aba;
mod torn_read;
mod wake_before_store;
mod wrong_sleeper;

pub use abba::*;
pub use barrier_reuse::*;
pub use believed_wake::*;
pub use change_outside_the_lock::*;
pub use check_then_act::*;
pub use condvar_with_if::*;
pub use dekker::*;
pub use dining_philosophers::*;
pub use double_checked_locking::*;
pub use double_steal::*;
pub use drop_on_close::*;
pub use forgotten_sleepers::*;
pub use freed_waiter::*;
pub use full_pipes::*;
pub use join_under_lock::*;
pub use message_passing::*;
pub use peterson::*;
pub use racy_counter::*;
pub use recursive_read::*;
pub use reference_count::*;
pub use rendezvous_under_lock::*;
pub use reread_expected_value::*;
pub use semaphore_over_release::*;
pub use stack_aba::*;
pub use torn_read::*;
pub use wake_before_store::*;
pub use wrong_sleeper::*;
