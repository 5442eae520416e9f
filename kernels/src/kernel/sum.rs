//! Sum of doubles: read bandwidth, and a reduction whose rounding must not depend on the workers.
//!
//! The array is cut into leaves of a fixed length; a leaf is summed in [`LANES`] interleaved lanes that are folded by
//! halves; leaves are folded by the team's tree. All three orders are fixed by the parameters, so every model and
//! instruction set rounds alike. Pairwise summation bounds the error by O(log n) roundings: Higham, "The accuracy of
//! floating point summation", SIAM J. Sci. Comput. 14 (1993).

use super::cut::Cut;
use super::{Cost, Kernel, Size};
use crate::isa::{Isa, per_isa};
use crate::region::{Flow, Layout, Part, Regions};
use crate::team::{Schedule, Team};
use crate::{Mismatch, kernel::sum};

/// Interleaved partial sums of a leaf.
pub const LANES: usize = 32;

/// Elements of a leaf at most: 128 KiB.
pub const LEAF: usize = 16 * 1024;

const VALUES: usize = 0;

/// The kernel.
#[derive(Debug)]
pub struct Sum;

/// A job: how many elements.
pub type Params = Cut<512, LEAF>;

/// Element `i`: a dyadic fraction in [0, 1) from Weyl's sequence, so that inputs need no generator state and sums of
/// many of them round.
pub fn element(i: usize) -> f64 {
    let bits = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

per_isa! {
    /// Sums a leaf in [`LANES`] interleaved lanes; the remainder goes to the first lanes.
    pub fn leaf_sum(values: &[f64]) -> f64 {
        let mut lanes = [0.0f64; sum::LANES];
        let (rows, rest) = values.as_chunks::<{ sum::LANES }>();
        for row in rows {
            for (lane, value) in lanes.iter_mut().zip(row) {
                *lane += value;
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *lane += value;
        }
        let mut width = sum::LANES / 2;
        while width > 0 {
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
            width /= 2;
        }
        lanes[0]
    }
}

// SAFETY: one reduction, whose arguments depend on the parameters only.
unsafe impl Kernel for Sum {
    const NAME: &'static str = "sum";
    type Params = Params;
    type Output = f64;

    fn params(size: Size) -> Params {
        Params::new(match size {
            Size::Test => 5_000,
            Size::Small => 10_000,
            Size::Medium => 10_000_000,
            Size::Large => 100_000_000,
            Size::Python => 1_000_000,
        })
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        let leaf = params.leaf();
        Layout::new()
            .region::<f64>("values", params.len(), leaf, Flow::In)
            .partials::<f64>(params.len().div_ceil(leaf))
    }

    fn fill(_params: &Params, data: &mut Regions) {
        for (i, value) in data.slice::<f64>(VALUES).iter_mut().enumerate() {
            *value = element(i);
        }
    }

    fn run<T: Team>(_params: &Params, team: &T, data: &Regions) -> f64 {
        let isa = Isa::best();
        let values = data.region::<f64>(VALUES);
        team.reduce(
            Schedule::Blocks,
            values.leaves(),
            Part(values),
            |_, leaf| leaf_sum(isa, leaf),
            |a, b| a + b,
        )
        .unwrap_or(0.0)
    }

    fn verify(_params: &Params, data: &mut Regions, output: &f64, _runs: u64) -> Result<(), Mismatch> {
        let values = data.slice::<f64>(VALUES);
        if let Some(i) = values.iter().enumerate().position(|(i, value)| *value != element(i)) {
            return Mismatch::unless_equal(|| format!("input {i}"), element(i), values[i]);
        }
        let (exact, bound) = oracle(values);
        if (output - exact).abs() <= bound {
            return Ok(());
        }
        Err(Mismatch {
            what: "sum".into(),
            expected: format!("{exact} within {bound:e}"),
            found: output.to_string(),
        })
    }

    fn cost(params: &Params) -> Cost {
        Cost { read: 8 * params.len() as u64, flops: params.len() as u64, ..Cost::default() }
    }
}

/// The sum with compensation (Neumaier), which is exact to a rounding here, and the bound on a pairwise sum's error.
fn oracle(values: &[f64]) -> (f64, f64) {
    let (mut total, mut lost, mut magnitude) = (0.0f64, 0.0f64, 0.0f64);
    for &value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        total = next;
        magnitude += value.abs();
    }
    // Roundings on the longest path: a lane of a leaf, the fold of the lanes, the tree of leaves.
    let depth = (LEAF / LANES) as f64 + 64.0;
    (total + lost, depth * f64::EPSILON * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_bits(values in proptest::collection::vec(-1e9f64..1e9, 0..600)) {
            let baseline = leaf_sum(Isa::Baseline, &values);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                prop_assert_eq!(leaf_sum(isa, &values).to_bits(), baseline.to_bits());
            }
        }
    }

    #[test]
    fn the_order_of_summation_is_observable() {
        let values: Vec<f64> = (0..Params::new(10_000_000).len()).step_by(7).map(element).collect();
        let forward: f64 = values.iter().sum();
        assert_ne!(forward.to_bits(), values.iter().rev().sum::<f64>().to_bits());
    }
}
