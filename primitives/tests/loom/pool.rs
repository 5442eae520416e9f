//! The pool's parts.

use crate::*;

#[test]
fn sleeping() {
    check_with_spurious("pool sleep 1-1-1", Complete, 101, || sleep_until_there_is_some(1, 1, 1, false));
    check_with_spurious("pool sleep 2-1-2", Bounded(2), 6_127, || sleep_until_there_is_some(2, 1, 2, false));
    check("pool sleep 1-2-1", Bounded(2), 572, || sleep_until_there_is_some(1, 2, 1, false));
    check("pool sleep, timed", Bounded(3), 125, || sleep_until_there_is_some(1, 1, 1, true));
    check("pool sleep, end", Bounded(2), 653, || sleep_until_the_end(2));
    check("pool sleep, woken", Complete, 77, woken_sleeper_sees_why);
    check("pool sleep, waking", Complete, 261, waker_comes_after_what_the_sleeper_did);
}

#[test]
fn tasks() {
    check_with_spurious("pool task 1", Complete, 915, || task_is_run_once_and_awaited(1, false));
    check("pool task 2", Bounded(2), 2_548, || task_is_run_once_and_awaited(2, false));
    check("pool task, timed", Bounded(3), 1_381, || task_is_run_once_and_awaited(1, true));
    check("pool task, two sleepers", Bounded(2), 6_270, || task_tells_everybody(2));
    check("pool task, freed", Complete, 4, task_is_freed_after_its_use);
    check("pool job", Bounded(3), 546, job_is_taken_back_or_stolen);
    check("pool below", Bounded(3), 4_274, || sleeper_runs_what_is_below(false));
    check("pool below, late", Bounded(3), 9_442, || sleeper_runs_what_is_below(true));
}

#[test]
fn a_sleeper_without_its_fence_is_found() {
    use broken::{SleepBug, small_sleep};
    check("small sleep", Complete, 26, || small_sleep(SleepBug::None));
    for bug in [SleepBug::SleeperWithoutFence, SleepBug::WakerWithoutFence, SleepBug::ReadsWakesLate] {
        finds("small sleep", Complete, "deadlock", move || small_sleep(bug));
    }
}
