//! A writer that looks for readers, as small as it can be, with the fences or without one of them.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, fence};

/// The reader enters itself and looks whether it may; the writer forbids it and looks for readers. With both fences one of them
/// sees the other.
pub fn reader_in_a_slot(reader_fences: bool, writer_fences: bool) {
    let shared = Arc::new((AtomicU32::new(0), AtomicU32::new(1), Plain::new()));
    team(2, &shared, move |(slot, open, data), n| {
        if n == 0 {
            let _ = slot.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
            if reader_fences {
                fence(Ordering::SeqCst);
            }
            if open.load(Ordering::Acquire) == 1 {
                data.get();
            }
            slot.store(0, Ordering::Release);
        } else {
            open.store(0, Ordering::Relaxed);
            if writer_fences {
                fence(Ordering::SeqCst);
            }
            if slot.load(Ordering::Acquire) == 0 {
                data.set(1);
            }
        }
    });
}
