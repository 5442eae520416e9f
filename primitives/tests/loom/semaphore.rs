//! Semaphore and BoundedSemaphore.

use crate::broken::SemaphoreBug;
use crate::*;

#[test]
fn two_threads() {
    check_with_spurious("semaphore 2x1", Bounded(4), 212, || semaphore_excludes(2, 1));
    check("semaphore 2x2", Bounded(3), 3_924, || semaphore_excludes(2, 2));
    check_with_spurious("semaphore hand-over", Complete, 86, || semaphore_hands_over(1, false));
    check_with_spurious("semaphore many, 2", Bounded(4), 236, || semaphore_many(2));
    check_with_spurious("semaphore saver", Complete, 182, semaphore_saver_sees_what_was_written);
    check_with_spurious("semaphore bounded", Complete, 329, semaphore_bounded);
}

#[test]
fn three_threads() {
    check("semaphore 3x1", Bounded(2), 3_975, || semaphore_excludes(3, 1));
    check_with_spurious("semaphore hand-over to 2", Bounded(2), 5_543, || semaphore_hands_over(2, false));
    check_with_spurious("semaphore hand-over to 2 at once", Bounded(2), 1_966, || {
        semaphore_hands_over(2, true)
    });
    check("semaphore limits", Bounded(2), 2_304, || semaphore_limits(2, 3));
    check("semaphore many, 3", Bounded(2), 14_042, || semaphore_many(3));
    check("semaphore two savers", Bounded(1), 5_256, semaphore_two_savers);
}

#[test]
fn saving() {
    check("semaphore, a saver is not passed", Bounded(2), 1_256, semaphore_saver_is_not_passed);
}

#[test]
fn time_outs() {
    check_with_spurious("semaphore time-out", Bounded(2), 3_234, || semaphore_time_out_strands_nobody(3));
    check("semaphore reservation, 2", Bounded(3), 607, || semaphore_reservation_hides_nothing(2));
    check("semaphore reservation, 3", Bounded(2), 2_945, || semaphore_reservation_hides_nothing(3));
    check("semaphore saver and reservation", Bounded(2), 2_165, semaphore_saver_and_reservation);
    check("semaphore saver gives up", Bounded(1), 1_029, || semaphore_saver_gives_up(3));
}

#[test]
fn planted_bugs_are_found() {
    check("small semaphore", Bounded(2), 3_008, || broken::small_semaphore(SemaphoreBug::None, 2));
    for bug in [SemaphoreBug::RelaxedRelease, SemaphoreBug::Inverted] {
        finds(&format!("{bug:?}"), Complete, "Causality violation", move || broken::small_semaphore(bug, 1));
    }
    for bug in [SemaphoreBug::ForgetsSleepers, SemaphoreBug::ForgetsPermits] {
        finds(&format!("{bug:?}"), Bounded(2), "deadlock", move || broken::small_semaphore(bug, 2));
    }
}
