//! What several tests need.

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

/// Long enough to be noticed, short enough to be waited for.
pub const TICK: Duration = Duration::from_millis(5);

/// More than any test machine has CPUs to spare.
pub const THREADS: u64 = 8;

pub fn soon() -> Option<Instant> {
    Some(Instant::now() + TICK)
}

/// A deadline that passes about when a sleep would begin.
pub fn moment() -> Instant {
    Instant::now() + Duration::from_micros(20)
}

pub const PAGE: usize = 4096;

/// A page of its own, so that touching it after it is gone is a crash.
pub struct Page(pub *mut u8);

// SAFETY: an address; what is done through it is the users' concern.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    pub fn map() -> Self {
        // SAFETY: a new private mapping at an address of the kernel's choice touches no other memory.
        let page = unsafe {
            mmap_anonymous(null_mut(), PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        Self(page.unwrap().cast())
    }

    pub fn unmap(&self) {
        // SAFETY: the page was mapped by `map` and is unmapped once; the test is about what others still do with it.
        unsafe { munmap(self.0.cast(), PAGE) }.unwrap();
    }

    /// The all-zero page as a `T`, all of whose bytes may be zero.
    pub fn get<T>(&self) -> &T {
        assert!(size_of::<T>() <= PAGE);
        // SAFETY: the page is mapped, aligned for any `T`, large enough and zero; callers end the borrow before `unmap`.
        unsafe { &*self.0.cast::<T>() }
    }
}

/// Pins the calling thread to the first CPU that it may use.
pub fn pin_to_one_cpu() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    sched_setaffinity(None, &one).unwrap();
}
