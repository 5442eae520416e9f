//! The pool's parts, and small pools.

use crate::*;

/// Programs of many operations: fewer schedules, without spurious wakes.
fn sample(name: &str, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).schedules(600).check(model);
}

#[test]
fn parts() {
    sample("pool sleep", || sleep_until_there_is_some(2, 2, 2, false));
    sample("pool sleep, woken", woken_sleeper_sees_why);
    sample("pool task", || task_is_run_once_and_awaited(2, true));
    sample("pool task, three sleepers", || task_tells_everybody(3));
    check("pool job", job_is_taken_back_or_stolen);
    sample("pool below", || sleeper_runs_what_is_below(false));
    sample("pool below, late", || sleeper_runs_what_is_below(true));
}

#[test]
fn pools_share_work() {
    sample("pool installs", pool_installs);
    sample("pool joins", pool_joins);
    sample("pool scope", pool_scope);
    sample("pool loops", pool_loops);
    sample("pool handles", pool_handles);
    sample("pool spawns", pool_spawns);
}

#[test]
fn pools_end() {
    sample("pool ends", || pool_starts_and_ends(2));
    sample("pool dropped inside", pool_dropped_inside);
}

#[test]
fn pools_survive_panics() {
    sample("pool panics", pool_panics);
}

#[test]
fn pools_wait_for_each_other() {
    sample("pool to and fro", pool_to_and_fro);
    sample("pool broadcasts", pool_broadcasts);
}
