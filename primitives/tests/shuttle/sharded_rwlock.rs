//! ShardedRwLock.

use crate::*;

#[test]
fn excludes() {
    check("sharded", || sharded_rwlock_excludes(4, 1, 2));
    check("sharded, gives up", sharded_rwlock_times_out);
}
