//! Histogram of bytes: the same counting with state that members share by a lock, by atomics, or not at all.
//!
//! - [`Shared`]: one table; a member takes the team's lock for every [`BATCH`] keys.
//! - [`Atomic`]: one table of atomic counters; an addition per key.
//! - [`Private`]: a table per member, added up at the end.
//!
//! Counts are exact, so the three agree with each other and with the naive loop under every model. Keys follow the
//! "exponential" distribution of the Problem Based Benchmark Suite (PBBS): low bins are hot, which is what makes
//! sharing expensive.

use std::marker::PhantomData;

use super::cut::Cut;
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

const KEYS: usize = 0;
const COUNTS: usize = 1;
const TABLES_REGION: usize = 2;

/// A job: how many keys.
pub type Params = Cut<8192, LEAF>;

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

/// The histogram, counted in the way `W`.
#[derive(Debug)]
pub struct Histogram<W>(PhantomData<W>);

/// One table behind the team's lock.
pub type Shared = Histogram<ByLock>;
/// One table of atomic counters.
pub type Atomic = Histogram<ByAtomics>;
/// A table per member, added up at the end.
pub type Private = Histogram<Apart>;

/// How members share the counts.
pub trait Way: 'static {
    /// The kernel's name.
    const NAME: &'static str;

    /// Whether members change the counts together.
    const TOGETHER: bool;

    /// Members that need a table of their own.
    fn tables(_workers: usize) -> usize {
        0
    }

    /// Counts the keys; what the counts were before does not matter. Collective, as a kernel's `run`.
    fn count<T: Team>(team: &T, data: &Regions);
}

// SAFETY: `count` of each way and the loop after it call the same operations in every member, with arguments that depend on
// the parameters and the team's size only.
unsafe impl<W: Way> Kernel for Histogram<W> {
    const NAME: &'static str = W::NAME;
    type Params = Params;
    /// The number of keys counted.
    type Output = u64;

    fn params(size: Size) -> Params {
        Params::new(match size {
            Size::Test => 20_000,
            Size::Small => 100_000,
            Size::Medium => 10_000_000,
            Size::Large => 100_000_000,
            Size::Python => 1_000_000,
        })
    }

    fn layout(params: &Params, workers: usize) -> Layout {
        Layout::new()
            .region::<u8>("keys", params.len(), params.leaf(), Flow::In)
            .region::<u64>("counts", BINS, BINS, Flow::Out)
            .region::<u64>("tables", W::tables(workers) * BINS, BINS, Flow::Scratch)
    }

    fn fill(_params: &Params, data: &mut Regions) {
        for (i, slot) in data.slice::<u8>(KEYS).iter_mut().enumerate() {
            *slot = key(i);
        }
    }

    fn run<T: Team>(_params: &Params, team: &T, data: &Regions) -> u64 {
        W::count(team, data);
        let mut total = 0;
        team.for_each(Schedule::Blocks, team.size(), region::All(data.region::<u64>(COUNTS)), |_, counts| {
            total = counts.iter().sum();
        });
        total
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        let mut expected = [0u64; BINS];
        for (i, found) in data.slice::<u8>(KEYS).iter().enumerate() {
            Mismatch::unless_equal(|| format!("key {i}"), key(i), *found)?;
            expected[usize::from(*found)] += 1;
        }
        for (bin, (expected, found)) in expected.iter().zip(data.slice::<u64>(COUNTS)).enumerate() {
            Mismatch::unless_equal(|| format!("bin {bin}"), *expected, *found)?;
        }
        Mismatch::unless_equal(|| "keys counted".into(), params.len() as u64, *output)
    }

    fn cost(params: &Params) -> Cost {
        let shared = if W::TOGETHER { 8 * params.len() as u64 } else { 0 };
        Cost { read: params.len() as u64, written: (8 * BINS) as u64, shared, flops: 0 }
    }
}

/// Sets the counts to zero, shared among the members.
fn clear<T: Team>(team: &T, data: &Regions) {
    let counts = data.region::<u64>(COUNTS);
    team.for_each(Schedule::Blocks, counts.leaves(), PartMut(counts), |_, counts| counts.fill(0));
}

/// The way of [`Shared`].
#[derive(Debug)]
pub struct ByLock;

impl Way for ByLock {
    const NAME: &'static str = "histogram-shared";
    const TOGETHER: bool = true;

    fn count<T: Team>(team: &T, data: &Regions) {
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
    }
}

/// The way of [`Atomic`].
#[derive(Debug)]
pub struct ByAtomics;

impl Way for ByAtomics {
    const NAME: &'static str = "histogram-atomic";
    const TOGETHER: bool = true;

    fn count<T: Team>(team: &T, data: &Regions) {
        clear(team, data);
        let (keys, counts) = (data.region::<u8>(KEYS), data.region::<u64>(COUNTS));
        let access = (Part(keys), region::Atomic(counts));
        team.for_each(Schedule::Blocks, keys.leaves(), access, |_, (keys, counts)| {
            let counts: &[_; BINS] = counts.try_into().expect("a table has BINS counts");
            for key in keys {
                team.add(&counts[usize::from(*key)], 1);
            }
        });
    }
}

/// The way of [`Private`].
#[derive(Debug)]
pub struct Apart;

impl Way for Apart {
    const NAME: &'static str = "histogram-private";
    const TOGETHER: bool = false;

    fn tables(workers: usize) -> usize {
        workers
    }

    fn count<T: Team>(team: &T, data: &Regions) {
        let (keys, counts) = (data.region::<u8>(KEYS), data.region::<u64>(COUNTS));
        let tables = data.region::<u64>(TABLES_REGION);
        // A member of a team larger than the number of leaves still has to clear its table.
        team.for_each(Schedule::Blocks, team.size(), OwnMut(tables), |_, table| table.fill(0));
        team.for_each(Schedule::Blocks, keys.leaves(), (Part(keys), OwnMut(tables)), |_, (keys, table)| {
            count_leaf(keys, table.try_into().expect("a table has BINS counts"));
        });
        let access = (PartMut(counts), region::All(tables));
        team.for_each(Schedule::Blocks, counts.leaves(), access, |_, (counts, tables)| {
            let (tables, _) = tables.as_chunks::<BINS>();
            for (bin, count) in counts.iter_mut().enumerate() {
                *count = tables.iter().map(|table| table[bin]).sum();
            }
        });
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
