//! SeqLock.

use super::team;
use heddle_primitives::SeqLock;
use heddle_primitives::sync::Arc;

/// Readers see both words of one write, and never an older one than before.
pub fn seqlock_is_not_torn(threads: u32, writes: u64) {
    let lock = Arc::new(SeqLock::new([0_u64; 2]));
    team(threads, &lock, move |lock, n| {
        if n == 0 {
            (1..=writes).for_each(|n| lock.write([n; 2]));
        } else {
            let mut last = 0;
            for _ in 0..2 {
                if let Some([a, b]) = lock.try_read() {
                    assert_eq!(a, b, "torn");
                    assert!(a >= last, "an older value");
                    last = a;
                }
            }
        }
    });
    assert_eq!(lock.read(), [writes; 2]);
}

/// A read comes to an end although a writer is in the way.
pub fn seqlock_reads() {
    let lock = Arc::new(SeqLock::new([0_u64; 2]));
    team(2, &lock, |lock, n| {
        if n == 0 {
            lock.write([1; 2]);
        } else {
            let [a, b] = lock.read();
            assert_eq!(a, b, "torn");
        }
    });
}

/// Writers exclude each other.
pub fn seqlock_updates(threads: u32) {
    let lock = Arc::new(SeqLock::new([0_u64; 2]));
    team(threads, &lock, |lock, _| {
        lock.update(|value| {
            value[0] += 1;
            value[1] += 1;
        })
    });
    assert_eq!(lock.read(), [u64::from(threads); 2]);
}
