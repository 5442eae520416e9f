//! Histogram of bytes: the same counting with state that members share by a lock, by atomics, or not at all.
//!
//! - [`Shared`]: one table; a member takes the team's lock for every [`BATCH`] keys.
//! - [`Atomic`]: one table of atomic counters; an addition per key.
//! - [`Private`]: a table per member, added up at the end.
//!
//! Counts are exact, so the three agree with each other and with the naive loop under every model. Keys follow the
//! "exponential" distribution of the Problem Based Benchmark Suite (PBBS): low bins are hot, which is what makes
//! sharing expensive.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Cost, Kernel, Size};
use crate::Mismatch;
use crate::region::{self, Flow, Layout, Locked, OwnMut, Part, PartMut, Regions};
use crate::team::{Schedule, Team};

/// Bins: one per byte value.
pub const BINS: usize = 256;

/// Keys counted under one hold of the lock by [`Shared`].
pub const BATCH: usize = 64;

/// Keys of a leaf at most.
pub const LEAF: usize = 64 * 1024;

/// Tables among which consecutive keys rotate within a leaf, so that a run of equal keys does not wait for its own
/// stores.
const TABLES: usize = 8;

/// Counts of a bin in the cache line that the next member's table must not share.
const TABLE_STRIDE: usize = BINS;

const KEYS: usize = 0;
const COUNTS: usize = 1;
const TABLES_REGION: usize = 2;

/// A job: how many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Params {
    len: u64,
    leaf: u64,
}

impl Params {
    /// A histogram of `len` keys, in 64 leaves or more as long as they have 8192 keys.
    pub fn new(len: usize) -> Params {
        Params { len: len as u64, leaf: (len / 64).clamp(8192, LEAF) as u64 }
    }

    /// Keys.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn of(size: Size) -> Params {
        Params::new(match size {
            Size::Test => 20_000,
            Size::Small => 100_000,
            Size::Medium => 10_000_000,
            Size::Large => 100_000_000,
            Size::Python => 1_000_000,
        })
    }

    fn layout(&self) -> Layout {
        Layout::new().region::<u8>("keys", self.len(), self.leaf as usize, Flow::In).region::<u64>(
            "counts",
            BINS,
            BINS,
            Flow::Out,
        )
    }
}

/// Key `i`: its bin is geometric with a mean of about 16.
pub fn key(i: usize) -> u8 {
    // SplitMix64's finaliser: Steele, Lea and Flood, OOPSLA 2014.
    let mut z = (i as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // The number of leading zeroes is geometric with ratio 1/2: 11 bins each, spread by the low bits.
    let octave = u64::from(z.leading_zeros().min(22));
    (octave * 11 + z % 11) as u8
}

fn fill(data: &mut Regions) {
    for (i, slot) in data.slice::<u8>(KEYS).iter_mut().enumerate() {
        *slot = key(i);
    }
}

/// Sets the counts to zero, shared among the members.
fn clear<T: Team>(team: &T, data: &Regions) {
    let counts = data.region::<u64>(COUNTS);
    team.for_each(Schedule::Blocks, counts.leaves(), PartMut(counts), |_, counts| counts.fill(0));
}

fn verify(params: &Params, data: &mut Regions, output: &u64) -> Result<(), Mismatch> {
    let mut expected = [0u64; BINS];
    for (i, found) in data.slice::<u8>(KEYS).iter().enumerate() {
        Mismatch::unless_equal(|| format!("key {i}"), key(i), *found)?;
        expected[usize::from(*found)] += 1;
    }
    for (bin, (expected, found)) in expected.iter().zip(data.slice::<u64>(COUNTS)).enumerate() {
        Mismatch::unless_equal(|| format!("bin {bin}"), *expected, *found)?;
    }
    Mismatch::unless_equal(|| "keys counted".into(), params.len, *output)
}

/// Every member sums the counts: the answer is how many keys were counted.
fn counted<T: Team>(team: &T, data: &Regions) -> u64 {
    let counts = data.region::<u64>(COUNTS);
    let mut total = 0;
    team.for_each(Schedule::Blocks, team.size(), region::All(counts), |_, counts| {
        total = counts.iter().sum();
    });
    total
}

fn cost(params: &Params, shared: u64) -> Cost {
    Cost { read: params.len, written: (8 * BINS) as u64, shared, flops: 0 }
}

/// One table behind the team's lock.
#[derive(Debug)]
pub struct Shared;

// SAFETY: three loops, whose arguments depend on the parameters and the team's size only.
unsafe impl Kernel for Shared {
    const NAME: &'static str = "histogram-shared";
    type Params = Params;
    /// The number of keys counted.
    type Output = u64;

    fn params(size: Size) -> Params {
        Params::of(size)
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        params.layout()
    }

    fn fill(_params: &Params, data: &mut Regions) {
        fill(data);
    }

    fn run<T: Team>(_params: &Params, team: &T, data: &Regions) -> u64 {
        clear(team, data);
        let (keys, counts) = (data.region::<u8>(KEYS), data.region::<u64>(COUNTS));
        team.for_each(Schedule::Blocks, keys.leaves(), (Part(keys), Locked(counts)), |_, (keys, counts)| {
            for batch in keys.chunks(BATCH) {
                team.critical(&counts, |counts| {
                    let counts: &mut [u64; BINS] = counts.try_into().expect("a table has BINS counts");
                    for key in batch {
                        counts[usize::from(*key)] += 1;
                    }
                });
            }
        });
        counted(team, data)
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        verify(params, data, output)
    }

    fn cost(params: &Params) -> Cost {
        cost(params, 8 * params.len)
    }
}

/// One table of atomic counters.
#[derive(Debug)]
pub struct Atomic;

// SAFETY: three loops, whose arguments depend on the parameters and the team's size only.
unsafe impl Kernel for Atomic {
    const NAME: &'static str = "histogram-atomic";
    type Params = Params;
    /// The number of keys counted.
    type Output = u64;

    fn params(size: Size) -> Params {
        Params::of(size)
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        params.layout()
    }

    fn fill(_params: &Params, data: &mut Regions) {
        fill(data);
    }

    fn run<T: Team>(_params: &Params, team: &T, data: &Regions) -> u64 {
        clear(team, data);
        let (keys, counts) = (data.region::<u8>(KEYS), data.region::<u64>(COUNTS));
        let access = (Part(keys), region::Atomic(counts));
        team.for_each(Schedule::Blocks, keys.leaves(), access, |_, (keys, counts)| {
            let counts: &[_; BINS] = counts.try_into().expect("a table has BINS counts");
            for key in keys {
                team.add(&counts[usize::from(*key)], 1);
            }
        });
        counted(team, data)
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        verify(params, data, output)
    }

    fn cost(params: &Params) -> Cost {
        cost(params, 8 * params.len)
    }
}

/// A table per member, added up at the end.
#[derive(Debug)]
pub struct Private;

// SAFETY: three loops, whose arguments depend on the parameters and the team's size only.
unsafe impl Kernel for Private {
    const NAME: &'static str = "histogram-private";
    type Params = Params;
    /// The number of keys counted.
    type Output = u64;

    fn params(size: Size) -> Params {
        Params::of(size)
    }

    fn layout(params: &Params, workers: usize) -> Layout {
        params.layout().region::<u64>("tables", workers * TABLE_STRIDE, TABLE_STRIDE, Flow::Scratch)
    }

    fn fill(_params: &Params, data: &mut Regions) {
        fill(data);
    }

    fn run<T: Team>(_params: &Params, team: &T, data: &Regions) -> u64 {
        let (keys, counts) = (data.region::<u8>(KEYS), data.region::<u64>(COUNTS));
        let tables = data.region::<u64>(TABLES_REGION);
        // A member of a team larger than the number of leaves still has to clear its table.
        team.for_each(Schedule::Blocks, team.size(), OwnMut(tables), |_, table| table.fill(0));
        team.for_each(Schedule::Blocks, keys.leaves(), (Part(keys), OwnMut(tables)), |_, (keys, table)| {
            count_leaf(keys, table.try_into().expect("a table has BINS counts"));
        });
        team.for_each(
            Schedule::Blocks,
            counts.leaves(),
            (PartMut(counts), region::All(tables)),
            |_, (counts, tables)| {
                let (tables, _) = tables.as_chunks::<TABLE_STRIDE>();
                for (bin, count) in counts.iter_mut().enumerate() {
                    *count = tables.iter().map(|table| table[bin]).sum();
                }
            },
        );
        counted(team, data)
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        verify(params, data, output)
    }

    fn cost(params: &Params) -> Cost {
        cost(params, 0)
    }
}

/// Adds a leaf's keys to `table`.
pub fn count_leaf(keys: &[u8], table: &mut [u64; BINS]) {
    const { assert!(LEAF <= u32::MAX as usize) };
    let mut local = [[0u32; BINS]; TABLES];
    let (rows, rest) = keys.as_chunks::<TABLES>();
    for row in rows {
        for (table, key) in local.iter_mut().zip(row) {
            table[usize::from(*key)] += 1;
        }
    }
    for key in rest {
        local[0][usize::from(*key)] += 1;
    }
    for (bin, count) in table.iter_mut().enumerate() {
        *count += local.iter().map(|table| u64::from(table[bin])).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_leaf_is_counted_as_the_naive_loop_does(
            keys in proptest::collection::vec(any::<u8>(), 0..500), start in 0u64..9
        ) {
            let mut expected = [start; BINS];
            for key in &keys {
                expected[usize::from(*key)] += 1;
            }
            let mut table = [start; BINS];
            count_leaf(&keys, &mut table);
            prop_assert_eq!(table, expected);
        }
    }

    #[test]
    fn low_bins_are_hot_and_all_octaves_occur() {
        let mut counts = [0u64; BINS];
        (0..200_000).for_each(|i| counts[usize::from(key(i))] += 1);
        let octave = |k: usize| counts[k * 11..(k + 1) * 11].iter().sum::<u64>() as f64 / 200_000.0;
        assert!((octave(0) - 0.5).abs() < 0.01 && (octave(3) - 0.0625).abs() < 0.005);
        assert!(octave(12) > 0.0);
    }
}
