//! Broken programs of general renown, which shuttle must find, and their repaired twins, which must pass. Those that lack an
//! ordering alone are loom's.

use crate::*;

const DEADLOCK: &str = "deadlock";

/// Runs the repaired twin and the broken one.
fn judge(name: &str, cause: &str, program: fn(bool)) {
    check(&format!("{name}, repaired"), move || program(false));
    finds(name, cause, move || program(true));
}

#[test]
fn racy_counter() {
    judge("racy counter", "an increment is lost", programs::racy_counter);
}

#[test]
fn check_then_act() {
    judge("check then act", "overdrawn", programs::check_then_act);
}

#[test]
fn wake_before_store() {
    judge("wake before store", DEADLOCK, programs::wake_before_store);
}

#[test]
fn reread_expected_value() {
    judge("reread expected value", DEADLOCK, programs::reread_expected_value);
}

#[test]
fn forgotten_sleepers() {
    judge("forgotten sleepers", DEADLOCK, programs::forgotten_sleepers);
}

#[test]
fn believed_wake() {
    check("believed wake, repaired", || programs::believed_wake(false));
    explore_spurious(Some(0));
    finds("believed wake", "nobody has come", || programs::believed_wake(true));
    explore_spurious(None);
}

#[test]
fn stack_aba() {
    judge("stack ABA", "taken twice", programs::stack_aba);
}

#[test]
fn dining_philosophers() {
    judge("dining philosophers", DEADLOCK, |broken| programs::dining_philosophers(broken, 5));
}

#[test]
fn abba() {
    judge("ABBA", DEADLOCK, programs::abba);
}

#[test]
fn abba_between_processes() {
    judge("ABBA between processes", DEADLOCK, programs::abba_between_processes);
}

#[test]
fn rendezvous_under_lock() {
    judge("rendezvous under lock", DEADLOCK, programs::rendezvous_under_lock);
}

#[test]
fn join_under_lock() {
    judge("join under lock", DEADLOCK, programs::join_under_lock);
}

#[test]
fn recursive_read() {
    judge("recursive read", DEADLOCK, programs::recursive_read);
}

#[test]
fn condvar_with_if() {
    judge("condvar with if", "took what is not there", programs::condvar_with_if);
}

#[test]
fn change_outside_the_lock() {
    judge("change outside the lock", DEADLOCK, programs::change_outside_the_lock);
}

#[test]
fn wrong_sleeper() {
    judge("wrong sleeper", DEADLOCK, programs::wrong_sleeper);
}

#[test]
fn semaphore_over_release() {
    judge("semaphore over-release", "two in a place", programs::semaphore_over_release);
}

#[test]
fn barrier_reuse() {
    judge("barrier reuse", DEADLOCK, programs::barrier_reuse);
}

#[test]
fn double_steal() {
    judge("double steal", "taken twice", programs::double_steal);
}

#[test]
fn drop_on_close() {
    judge("drop on close", "an item is dropped", programs::drop_on_close);
}

#[test]
fn freed_waiter() {
    judge("freed waiter", "after it was freed", programs::freed_waiter);
}

#[test]
fn full_pipes() {
    judge("full pipes", DEADLOCK, programs::full_pipes);
}
