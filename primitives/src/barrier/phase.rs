//! Phases of a barrier, and what its word says about them; the bits are documented at [`Barrier`](super::Barrier).

/// Broken; the count below means nothing, and `ODD` tells which phase was cut off.
pub const BROKEN: u32 = 1 << 31;
/// Somebody may sleep in the current phase: who completes it wakes all.
pub const SLEEPERS: u32 = 1 << 30;
/// With `BROKEN`: the phase that was cut off has an odd number.
pub const ODD: u32 = 1 << 29;
/// One reset; they are counted modulo 64 in the bits from here up to the flags.
pub const RESET: u32 = 1 << 23;
/// The count of resets.
pub const RESETS: u32 = ODD - RESET;
/// Arrivals counted from zero; what is below the count of resets.
pub const ARRIVALS: u32 = RESET - 1;

/// Where the count is reduced: an even number of phases, at least two, well inside [`ARRIVALS`].
pub const fn limit(n: u32) -> u32 {
    // The checkers are to see the wrap, so it comes as early as it can.
    let phases = if cfg!(any(heddle_loom, heddle_shuttle)) { 2 } else { (ARRIVALS / 2 / n) & !1 };
    n * phases
}

/// A phase, by the number of its first arrival, below the limit, and the resets before it.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    pub first: u32,
    pub resets: u32,
    pub n: u32,
    pub limit: u32,
}

/// What a word says about a phase.
pub enum State {
    Open,
    Completed,
    CutOff,
}

impl Phase {
    pub fn is_odd(self) -> bool {
        !(self.first / self.n).is_multiple_of(2)
    }

    #[inline(always)]
    pub fn state(self, word: u32) -> State {
        if word & (BROKEN | RESETS) == self.resets {
            let open = self.wrapped(word).wrapping_sub(self.first) < self.n;
            return if open { State::Open } else { State::Completed };
        }
        self.state_after_an_end(word)
    }

    /// What a word says that was broken or reset since the phase began.
    #[cold]
    fn state_after_an_end(self, word: u32) -> State {
        let odd = if word & BROKEN != 0 {
            word & ODD != 0
        } else {
            !(self.wrapped(word) / self.n).is_multiple_of(2)
        };
        if odd == self.is_odd() { State::CutOff } else { State::Completed }
    }

    #[inline(always)]
    pub fn wrapped(self, word: u32) -> u32 {
        let arrivals = word & ARRIVALS;
        if arrivals >= self.limit { arrivals - self.limit } else { arrivals }
    }
}
