//! RwLock.

use crate::*;

#[test]
fn exclusion() {
    check_with_spurious("rwlock, writer and reader", Complete, 234, || rwlock_excludes(2, 1));
    check_with_spurious("rwlock, two writers", Complete, 54, || rwlock_excludes(2, 2));
    check("rwlock, writer and two readers", Bounded(2), 356, || rwlock_excludes(3, 1));
    check_with_spurious("rwlock, two writers and a reader", Bounded(2), 454, || rwlock_excludes(3, 2));
    check("rwlock, three writers", Bounded(2), 276, || rwlock_excludes(3, 3));
    check("rwlock, write and read", Bounded(3), 180, || rwlock_writes_and_reads(2));
    check_with_spurious(
        "rwlock, writer and upgradable reader",
        Complete,
        284,
        rwlock_upgradable_reader_leaves,
    );
    check("rwlock beside data", Complete, 234, || rwlock_guards_other_data(1));
    check("rwlock beside data, two readers", Bounded(2), 356, || rwlock_guards_other_data(2));
    check("rwlock, readers meet", Bounded(2), 27, rwlock_readers_meet);
    check("rwlock mapped", Complete, 234, rwlock_mapped);
}

#[test]
fn time_outs() {
    check("rwlock, writer gives up, 2", Complete, 208, || rwlock_writer_times_out(2));
    check_with_spurious("rwlock, writer gives up, 3", Bounded(2), 280, || rwlock_writer_times_out(3));
    check("rwlock, reader gives up", Complete, 578, || rwlock_reader_times_out(2));
    check("rwlock, reader gives up, 3", Bounded(2), 232, || rwlock_reader_times_out(3));
    check("rwlock, gave up", Bounded(3), 357, rwlock_a_writer_that_gave_up_blocks_nobody);
    check("rwlock, upgrade gave up", Bounded(2), 809, rwlock_an_upgrade_that_gave_up_blocks_nobody);
    check("rwlock, upgrade gives up", Complete, 1_145, || rwlock_upgrade_times_out(2));
    check("rwlock, upgrade gives up, 3", Bounded(2), 10_596, || rwlock_upgrade_times_out(3));
    check("rwlock, upgradable gives up", Bounded(2), 18_600, rwlock_upgradable_times_out);
    check("rwlock, try", Complete, 29, || rwlock_try(2));
    check("rwlock, try, 3", Bounded(2), 1_043, || rwlock_try(3));
}

#[test]
fn changes_of_mode() {
    check_with_spurious("rwlock, upgrade against a reader", Complete, 340, || rwlock_upgrades(1, false));
    check("rwlock, upgrade against a writer", Complete, 1_562, || rwlock_upgrades(1, true));
    check("rwlock, two upgraders and a reader", Bounded(2), 8_213, || rwlock_upgrades(2, false));
    check("rwlock, two upgraders and a writer", Bounded(2), 17_874, || rwlock_upgrades(2, true));
    check("rwlock, downgrade against a writer", Complete, 947, rwlock_downgrade_lets_no_writer_in);
    check("rwlock, downgrade", Complete, 217, rwlock_downgrade_lets_readers_in);
    check("rwlock, downgrade to upgradable", Complete, 217, rwlock_downgrade_to_upgradable_lets_readers_in);
    check("rwlock, downgrade after waiting", Bounded(2), 302, rwlock_downgrade_after_waiting);
    check("rwlock, all ways down, 2", Complete, 23_313, || rwlock_all_ways_down(2));
    check("rwlock, all ways down, 3", Bounded(1), 1_798, || rwlock_all_ways_down(3));
    check("rwlock, hands over, 2", Bounded(2), 78, || rwlock_hands_over(2));
}

#[test]
fn recursion() {
    check("rwlock, recursive read", Complete, 4_938, rwlock_recursive_read);
    check("rwlock, recursive read and upgrade", Bounded(3), 979, rwlock_recursive_read_against_an_upgrade);
    finds("rwlock, plain recursive read", Complete, "deadlock", rwlock_plain_recursive_read);
}

#[test]
fn planted_bugs_are_found() {
    use broken::{ReadersBug, small_rwlock};

    check("small rwlock", Complete, 94, || small_rwlock(ReadersBug::None, 1, false));
    check("small rwlock, gives up", Bounded(2), 4_211, || small_rwlock(ReadersBug::None, 2, true));
    finds("leaves without Release", Complete, "Causality", || {
        small_rwlock(ReadersBug::RelaxedLeave, 1, false)
    });
    finds("forgets the writer", Complete, "deadlock", || small_rwlock(ReadersBug::ForgetsWriter, 1, false));
    finds("leaves its bit", Bounded(2), "deadlock", || small_rwlock(ReadersBug::LeavesBit, 2, true));
    finds("wakes any class", Bounded(3), "deadlock", || small_rwlock(ReadersBug::WakesAnyClass, 2, false));
}
