//! SeqLock.

use crate::*;

#[test]
fn reads_are_whole() {
    check("seqlock", || seqlock_is_not_torn(4, 3));
    check("seqlock, read", seqlock_reads);
    check("seqlock, updates", || seqlock_updates(4));
}
