//! What the holder of a lock is called.

use crate::scope::Scope;
use crate::sync::thread;

/// A name that no other thread has or will ever have, among all that can see a lock of the scope.
#[inline(always)]
pub(super) fn name<S: Scope>() -> u64 {
    if S::SHARED { between_processes() } else { thread::serial() }
}

/// The checkers have one process.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn between_processes() -> u64 {
    thread::serial()
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use machine::between_processes;

/// Names from what the kernel knows.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod machine {
    use crate::sync::atomic::{AtomicU64, Ordering};
    use crate::sync::per_thread;
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
    use rustix::time::{ClockId, clock_gettime};
    use std::cell::Cell;
    use std::sync::LazyLock;

    per_thread! {
        /// The thread's name, and the process that it was taken in.
        static NAME: Cell<(u64, u64)> = Cell::new((0, 0))
    }

    /// The kernel's number of the thread in the upper 22 bits, which is as many as it uses, and below the time since boot
    /// in us at which the name was taken, modulo 52 days: of the threads that live at one time no two have one number, and
    /// a number that is used again is so more than 1 us later.
    #[inline]
    pub(super) fn between_processes() -> u64 {
        let (name, process) = NAME.get();
        if process != 0 && process == this_process() { name } else { first() }
    }

    #[cold]
    fn first() -> u64 {
        let time = clock_gettime(ClockId::Boottime);
        let micros = time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000;
        let number = rustix::thread::gettid().as_raw_nonzero().get() as u64;
        let name = number << 42 | micros & ((1 << 42) - 1);
        NAME.set((name, this_process()));
        name
    }

    /// The process, 0 for none. A word on a page that the kernel wipes when it forks, so that a child sees that it is
    /// another process, at the cost of a load; a child copies all other memory, the thread's name with it.
    #[inline]
    fn this_process() -> u64 {
        static WIPED: LazyLock<Option<&AtomicU64>> = LazyLock::new(wiped_page);

        let Some(word) = *WIPED else { return own_number() };
        // ORDERING: all threads of a process write the same, and nothing else is read on the strength of it.
        match word.load(Ordering::Relaxed) {
            0 => {
                let process = own_number();
                // ORDERING: as above.
                word.swap(process, Ordering::Relaxed);
                process
            }
            process => process,
        }
    }

    fn own_number() -> u64 {
        rustix::process::getpid().as_raw_nonzero().get() as u64
    }

    /// None on a kernel before 4.14; then each look asks the kernel for the process's number.
    fn wiped_page() -> Option<&'static AtomicU64> {
        const PAGE: usize = 4096;
        // SAFETY: a new private mapping at an address of the kernel's choice touches no other memory.
        let page = unsafe {
            mmap_anonymous(std::ptr::null_mut(), PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        }
        .ok()?;
        // SAFETY: the mapping is this function's own; it holds nothing that must survive a fork.
        unsafe { madvise(page, PAGE, Advice::LinuxWipeOnFork) }.ok()?;
        // SAFETY: mapped, aligned, zero, and never unmapped.
        Some(unsafe { &*page.cast::<AtomicU64>() })
    }
}
