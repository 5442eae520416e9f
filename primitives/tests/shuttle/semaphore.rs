//! Semaphore and BoundedSemaphore.

use crate::broken::SemaphoreBug;
use crate::*;

#[test]
fn limits_and_hands_over() {
    check("semaphore", || semaphore_excludes(3, 2));
    check("semaphore hand-over", || semaphore_hands_over(3, false));
    check("semaphore many", || semaphore_many(3));
    check("semaphore two savers", semaphore_two_savers);
    check("semaphore time-out", || semaphore_time_out_strands_nobody(4));
    check("semaphore reservation", || semaphore_reservation_hides_nothing(4));
    check("semaphore saver and reservation", semaphore_saver_and_reservation);
    check("semaphore saver gives up", || semaphore_saver_gives_up(4));
    check_all("semaphore bounded", 83, semaphore_bounded);
}

#[test]
fn planted_bugs_are_found() {
    for bug in [SemaphoreBug::ForgetsSleepers, SemaphoreBug::ForgetsPermits] {
        finds(&format!("{bug:?}"), "deadlock", move || broken::small_semaphore(bug, 3));
    }
}
