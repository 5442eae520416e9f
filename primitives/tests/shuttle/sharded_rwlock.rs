//! ShardedRwLock.

use crate::*;

#[test]
fn excludes() {
    check("sharded", || sharded_rwlock_excludes(5, 2, 2));
    check("sharded, opens again", sharded_rwlock_opens_again);
    check("sharded, gives up", sharded_rwlock_times_out);
    check("sharded, try", sharded_rwlock_try);
}
