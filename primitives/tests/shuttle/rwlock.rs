//! RwLock.

use crate::*;

#[test]
fn reads_and_writes() {
    check("rwlock", || rwlock_excludes(5, 2));
    check("rwlock, writes and reads", || rwlock_writes_and_reads(4));
    check("rwlock, hands over", || rwlock_hands_over(4));
}

#[test]
fn gives_up() {
    check("rwlock, writer gives up", || rwlock_writer_times_out(4));
    check("rwlock, gave up", rwlock_a_writer_that_gave_up_blocks_nobody);
    check("rwlock, upgrade gives up", || rwlock_upgrade_times_out(4));
    check("rwlock, upgradable gives up", rwlock_upgradable_times_out);
    check("rwlock, try", || rwlock_try(4));
}

#[test]
fn changes_of_mode() {
    check("rwlock, upgrades", || rwlock_upgrades(3, true));
    check("rwlock, all ways down", || rwlock_all_ways_down(4));
    check("rwlock, recursive read", rwlock_recursive_read);
    check("rwlock, recursive read and upgrade", rwlock_recursive_read_against_an_upgrade);
    finds("rwlock, plain recursive read", "deadlock", rwlock_plain_recursive_read);
}
