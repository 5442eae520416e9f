//! ShardedRwLock.

use crate::*;

#[test]
fn exclusion() {
    check("sharded, writer and reader", Complete, 10_636, || sharded_rwlock_excludes(2, 1, 1));
    check_with_spurious("sharded, writer and two reads", Bounded(3), 287, || {
        sharded_rwlock_excludes(2, 1, 2)
    });
    check("sharded, writer and two readers", Bounded(2), 12_921, || sharded_rwlock_excludes(3, 1, 1));
    check("sharded, two writers and a reader", Bounded(2), 2_892, || sharded_rwlock_excludes(3, 2, 1));
    check("sharded, opens again, 2", Bounded(3), 29_384, || sharded_rwlock_opens_again(2));
    check("sharded, opens as it gives up", Bounded(3), 13_089, sharded_rwlock_opens_as_it_gives_up);
}

#[test]
fn time_outs() {
    check("sharded, writer gives up", Bounded(2), 600, sharded_rwlock_times_out);
    check("sharded, try", Bounded(3), 127, sharded_rwlock_try);
}

#[test]
fn both_fences_are_needed() {
    check("slot", Complete, 51, || broken::reader_in_a_slot(true, true));
    finds("slot, reader without fence", Complete, "Causality", || broken::reader_in_a_slot(false, true));
    finds("slot, writer without fence", Complete, "Causality", || broken::reader_in_a_slot(true, false));
}
