//! RwLock.

use crate::*;

#[test]
fn reads_and_writes() {
    check("rwlock", || rwlock_excludes(4, 2));
    check("rwlock, hands over", || rwlock_hands_over(3));
}

#[test]
fn gives_up() {
    check("rwlock, writer gives up", || rwlock_writer_times_out(4));
    check("rwlock, upgrade gives up", || rwlock_upgrade_times_out(3));
}

#[test]
fn changes_of_mode() {
    check("rwlock, downgrade against a writer", rwlock_downgrade_lets_no_writer_in);
    check("rwlock, upgrades", || rwlock_upgrades(2, true));
    check("rwlock, all ways down", || rwlock_all_ways_down(3));
    finds("rwlock, plain recursive read", "deadlock", rwlock_plain_recursive_read);
}
