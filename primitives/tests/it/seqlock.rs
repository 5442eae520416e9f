//! SeqLock.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn reads_what_was_written() {
    let lock = SeqLock::new([1_u16, 2, 3]);
    assert_eq!(lock.read(), [1, 2, 3]);
    lock.write([4, 5, 6]);
    assert_eq!(lock.update(|value| std::mem::replace(&mut value[1], 7)), 5);
    assert_eq!(lock.try_read(), Some([4, 7, 6]));
    assert_eq!(format!("{lock:?}"), "SeqLock { data: [4, 7, 6] }");
    assert_eq!(lock.into_inner(), [4, 7, 6]);
}

#[test]
fn an_update_that_panics_changes_nothing_and_leaves_nothing_locked() {
    let lock = SeqLock::new(1_u32);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        lock.update(|value| {
            *value = 2;
            // Readers go on meanwhile.
            assert_eq!(lock.read(), 1);
            panic!("in the middle");
        })
    }));
    assert!(panic.is_err());
    assert_eq!(lock.read(), 1);
    lock.write(3);
    assert_eq!(lock.read(), 3);
}

/// Every size from none to beyond three words, so all splits into words and bytes.
fn every_size<const N: usize>(bytes: &[u8]) {
    let value: [u8; N] = std::array::from_fn(|n| bytes[n]);
    let lock = SeqLock::new([0; N]);
    lock.write(value);
    assert_eq!(lock.read(), value);
    assert_eq!(lock.update(|value| *value), value);
}

proptest! {
    #[test]
    fn all_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 32)) {
        every_size::<0>(&bytes);
        every_size::<1>(&bytes);
        every_size::<7>(&bytes);
        every_size::<8>(&bytes);
        every_size::<9>(&bytes);
        every_size::<16>(&bytes);
        every_size::<23>(&bytes);
        every_size::<32>(&bytes);
    }
}

fn is_never_torn<S: Scope>() {
    // Not a whole number of words.
    let lock = SeqLock::<[u32; 7], S>::new_in([0; 7]);
    let writing = AtomicU32::new(2);
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                (0..10_000).for_each(|_| lock.update(|value| *value = value.map(|word| word + 1)));
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for _ in 2..THREADS {
            s.spawn(|| {
                let mut last = 0;
                while writing.load(Ordering::Relaxed) != 0 {
                    let value = lock.read();
                    assert!(value.iter().all(|word| *word == value[0]), "torn: {value:?}");
                    assert!(value[0] >= last, "an older value");
                    last = value[0];
                }
            });
        }
    });
    assert_eq!(lock.read(), [20_000; 7]);
}

#[test]
fn oversubscribed() {
    is_never_torn::<heddle_primitives::Private>();
    is_never_torn::<Shared>();
}

#[test]
fn zeroed_memory_is_fresh() {
    let page = Page::map();
    let lock = page.get::<SeqLock<[u64; 4], Shared>>();
    assert_eq!(lock.read(), [0; 4]);
    lock.write([1; 4]);
    assert_eq!(lock.read(), [1; 4]);
    let lock = page.get::<RwLock<[u64; 4], Shared>>();
    assert_eq!(size_of_val(lock), 40);
    page.unmap();
}
