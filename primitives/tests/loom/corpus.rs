//! Broken programs of general renown, which loom must find, and their repaired twins, which must pass.

use crate::*;

const RACE: &str = "Causality violation";
const DEADLOCK: &str = "deadlock";

/// Runs the repaired twin, which loom must search in at least so many executions, and the broken one.
fn judge(name: &str, search: Search, at_least: u64, cause: &str, program: fn(bool)) {
    check(&format!("{name}, repaired"), search, at_least, move || program(false));
    finds(name, search, cause, move || program(true));
}

#[test]
fn racy_counter() {
    judge("racy counter", Complete, 4, "an increment is lost", programs::racy_counter);
}

#[test]
fn check_then_act() {
    judge("check then act", Complete, 53, "overdrawn", programs::check_then_act);
}

#[test]
fn wake_before_store() {
    judge("wake before store", Complete, 14, DEADLOCK, programs::wake_before_store);
}

#[test]
fn reread_expected_value() {
    judge("reread expected value", Complete, 14, DEADLOCK, programs::reread_expected_value);
}

#[test]
fn forgotten_sleepers() {
    judge("forgotten sleepers", Bounded(2), 130, DEADLOCK, programs::forgotten_sleepers);
}

#[test]
fn believed_wake() {
    check_with_spurious("believed wake, repaired", Complete, 14, || programs::believed_wake(false));
    explore_spurious(Some(0));
    finds("believed wake", Complete, "nobody has come", || programs::believed_wake(true));
    explore_spurious(None);
}

#[test]
fn stack_aba() {
    judge("stack ABA", Complete, 1_804, "taken twice", programs::stack_aba);
}

#[test]
fn message_passing() {
    judge("message passing", Complete, 6, RACE, programs::message_passing);
}

#[test]
fn reference_count() {
    judge("reference count", Complete, 4, RACE, programs::reference_count);
}

#[test]
fn double_checked_locking() {
    judge("double-checked locking", Complete, 436, RACE, programs::double_checked_locking);
}

#[test]
fn peterson() {
    judge("Peterson", Complete, 786, RACE, programs::peterson);
}

#[test]
fn dekker() {
    judge("Dekker", Complete, 622, RACE, programs::dekker);
}

#[test]
fn torn_read() {
    judge("torn read", Complete, 742, "torn", programs::torn_read);
}

#[test]
fn dining_philosophers() {
    judge("dining philosophers", Bounded(2), 233, DEADLOCK, |broken| {
        programs::dining_philosophers(broken, 3)
    });
}

#[test]
fn abba() {
    judge("ABBA", Complete, 391, DEADLOCK, programs::abba);
}

#[test]
fn abba_between_processes() {
    judge("ABBA between processes", Complete, 391, DEADLOCK, programs::abba_between_processes);
}

#[test]
fn rendezvous_under_lock() {
    judge("rendezvous under lock", Bounded(3), 552, DEADLOCK, programs::rendezvous_under_lock);
}

#[test]
fn join_under_lock() {
    judge("join under lock", Complete, 53, DEADLOCK, programs::join_under_lock);
}

#[test]
fn recursive_read() {
    judge("recursive read", Complete, 4_938, DEADLOCK, programs::recursive_read);
}

#[test]
fn condvar_with_if() {
    judge("condvar with if", Bounded(1), 465, "took what is not there", programs::condvar_with_if);
}

#[test]
fn change_outside_the_lock() {
    judge("change outside the lock", Complete, 846, DEADLOCK, programs::change_outside_the_lock);
}

#[test]
fn wrong_sleeper() {
    judge("wrong sleeper", Bounded(1), 10_304, DEADLOCK, programs::wrong_sleeper);
}

#[test]
fn semaphore_over_release() {
    judge("semaphore over-release", Complete, 179, "two in a place", programs::semaphore_over_release);
}

#[test]
fn barrier_reuse() {
    judge("barrier reuse", Complete, 13_382, DEADLOCK, programs::barrier_reuse);
}

#[test]
fn double_steal() {
    judge("double steal", Complete, 80, "taken twice", programs::double_steal);
}

#[test]
fn drop_on_close() {
    judge("drop on close", Complete, 123, "an item is dropped", programs::drop_on_close);
}

#[test]
fn freed_waiter() {
    judge("freed waiter", Complete, 14, "after it was freed", programs::freed_waiter);
}

#[test]
fn full_pipes() {
    judge("full pipes", Bounded(2), 1_600, DEADLOCK, programs::full_pipes);
}
