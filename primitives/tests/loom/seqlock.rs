//! SeqLock.

use crate::*;

#[test]
fn reads_are_whole() {
    check("seqlock, one write", Complete, 5_034, || seqlock_is_not_torn(2, 1));
    check("seqlock, two writes", Bounded(2), 7_344, || seqlock_is_not_torn(2, 2));
    check("seqlock, two readers", Bounded(1), 5_304, || seqlock_is_not_torn(3, 1));
    check("seqlock, read", Bounded(3), 367, seqlock_reads);
    check_with_spurious("seqlock, updates", Complete, 46, || seqlock_updates(2));
}

#[test]
fn a_missing_fence_is_found() {
    let (publish, look) = (Ordering::Release, Ordering::Acquire);
    check("sequence", Complete, 742, move || broken::sequence(true, true, publish, look));
    for (name, reader, writer, publish, look) in [
        ("sequence, reader without fence", false, true, publish, look),
        ("sequence, writer without fence", true, false, publish, look),
        ("sequence, relaxed end", true, true, Ordering::Relaxed, look),
        ("sequence, relaxed first look", true, true, publish, Ordering::Relaxed),
    ] {
        finds(name, Complete, "torn", move || broken::sequence(reader, writer, publish, look));
    }
}
