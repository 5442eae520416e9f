//! Random numbers that come again with their seed.

/// SplitMix64.
pub struct Random {
    state: u64,
    values: u32,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, values: 0 }
    }

    /// A number from 0 up to but not including `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(limit)) as u32
    }

    /// A number that has not been there before, from 1.
    pub fn fresh(&mut self) -> u32 {
        self.values += 1;
        self.values
    }
}
