//! The futex itself.

use crate::support::*;
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use std::time::Instant;

#[test]
fn futex_wait_says_why_it_returned() {
    let futex = Futex::new(1);
    assert_eq!(futex.wait(0, None), WaitOutcome::Mismatch);
    let start = Instant::now();
    assert_eq!(futex.wait(1, soon()), WaitOutcome::TimedOut);
    assert!(start.elapsed() >= TICK);
    assert_eq!(futex.wait(1, Some(start)), WaitOutcome::TimedOut, "a deadline in the past");
}

#[test]
fn futex_wake_counts_the_woken() {
    let futex = Futex::new(0);
    assert_eq!(futex.wake_all(), 0);
    thread::scope(|s| {
        let sleepers: Vec<_> = (0..2).map(|_| s.spawn(|| futex.wait(0, None))).collect();
        let mut woken = 0;
        while woken < 2 {
            woken += futex.wake(2);
            thread::yield_now();
        }
        assert_eq!(woken, 2);
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), WaitOutcome::Woken);
        }
    });
}

/// glibc 12674, rust #55005: by the time of the wake the memory is gone.
#[test]
fn r05_an_address_without_memory_has_nobody_to_wake() {
    fn wakes_after<S: Scope>() {
        const PAGE: usize = 4096;
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new page, wherever the kernel likes.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, protection, flags, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: the page is large enough for a futex, zeroed, which is a futex that holds 0, and stays until it is unmapped below.
        let address = unsafe { &*page.cast::<Futex<S>>() }.address();
        assert_eq!(address.wake_all(), 0);
        // SAFETY: it is the page from above, and no reference into it is used after this.
        assert_eq!(unsafe { libc::munmap(page, PAGE) }, 0);
        assert_eq!((address.wake(1), address.wake_class(1, std::num::NonZeroU32::MIN)), (0, 0));
    }
    wakes_after::<Private>();
    wakes_after::<Shared>();
}

#[test]
fn an_address_wakes_the_classes_that_it_names() {
    const READER: std::num::NonZeroU32 = std::num::NonZeroU32::new(1).unwrap();
    const WRITER: std::num::NonZeroU32 = std::num::NonZeroU32::new(2).unwrap();
    let futex = Futex::new(0);
    let address = futex.address();
    thread::scope(|s| {
        let reader = s.spawn(|| futex.wait_class(0, None, READER));
        while address.wake_class(2, READER) == 0 {
            assert_eq!(address.wake_class(2, WRITER), 0);
            thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), WaitOutcome::Woken);
    });
}

#[test]
fn a_shared_futex_looks_around_without_a_wake() {
    let futex = Futex::<Shared>::new_in(0);
    assert_eq!(futex.wait(0, None), WaitOutcome::Woken);
}
