//! Notes that the calling thread has slept or has woken another: its next spin lasts through the other side's waking up.
//!
//! Without that, one sleep begets the next. The woken thread needs 20 us to arrive; meanwhile the waker's next wait has used up
//! its short spin and sleeps too, so that it must be woken in turn, and so on for ever, although both would soon meet in
//! a spin. Where the long spin is in vain (the wait is long by nature, or threads outnumber CPUs), it is left out ever more
//! often, up to 63 times of 64.

use std::cell::Cell;

std::thread_local! {
    static SLEPT: Cell<bool> = const { Cell::new(false) };
    static TO_SKIP: Cell<u32> = const { Cell::new(0) };
    static LAST_SKIPPED: Cell<u32> = const { Cell::new(0) };
}

/// The thread has slept, or woken a sleeper.
pub(crate) fn slept() {
    SLEPT.set(true);
}

pub(super) fn is_due() -> bool {
    if !SLEPT.replace(false) {
        return false;
    }
    let skip = TO_SKIP.get();
    TO_SKIP.set(skip.saturating_sub(1));
    skip == 0
}

pub(super) fn was_in_vain() {
    let skip = (LAST_SKIPPED.get() * 2 + 1).min(63);
    LAST_SKIPPED.set(skip);
    TO_SKIP.set(skip);
}

pub(super) fn paid_off() {
    LAST_SKIPPED.set(0);
}
