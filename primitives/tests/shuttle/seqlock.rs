//! SeqLock.

use crate::*;

#[test]
fn reads_are_whole() {
    check("seqlock", || seqlock_is_not_torn(3, 2));
    check("seqlock, updates", || seqlock_updates(3));
}
