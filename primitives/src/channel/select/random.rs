//! Numbers good enough to be fair.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub(super) fn below(n: usize) -> usize {
    use std::cell::Cell;

    std::thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    let mut x = STATE.get();
    if x == 0 {
        x = crate::sync::thread::serial().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    }
    // Marsaglia's xorshift.
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    STATE.set(x);
    ((u128::from(x) * n as u128) >> 64) as usize
}

/// The checkers run the same program again and again.
#[cfg(any(heddle_loom, heddle_shuttle))]
pub(super) fn below(_: usize) -> usize {
    0
}
