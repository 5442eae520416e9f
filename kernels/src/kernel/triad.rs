//! Triad: read and write bandwidth, as the Parallel Research Kernels' `nstream` defines it.
//!
//! Every run adds `B + 3 C` to `A`, element by element, with `A = 0`, `B = C = 2` at the start: after k runs every
//! element of `A` is 8 k, exactly, as long as that is below 2^53. It moves 32 bytes and computes a multiplication and two additions an
//! element. Source: Van der Wijngaart and Mattson, "The Parallel Research Kernels", HPEC 2014.

use super::cut::Cut;
use super::{Cost, Kernel, Size};
use crate::Mismatch;
use crate::isa::{Isa, per_isa};
use crate::region::{Flow, Layout, Part, PartMut, Regions};
use crate::team::{Schedule, Team};

/// Elements of a leaf at most: 64 KiB of each array.
pub const LEAF: usize = 8 * 1024;

/// The factor of C.
pub const SCALAR: f64 = 3.0;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// The kernel.
#[derive(Debug)]
pub struct Triad;

/// A job: elements of each array.
pub type Params = Cut<128, LEAF>;

per_isa! {
    /// `a += b + 3 c`, each rounding its own.
    pub fn leaf_triad(a: &mut [f64], b: &[f64], c: &[f64]) {
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a += b + SCALAR * c;
        }
    }
}

// SAFETY: one loop, whose arguments depend on the parameters only.
unsafe impl Kernel for Triad {
    const NAME: &'static str = "triad";
    type Params = Params;
    /// The number of elements updated.
    type Output = u64;

    fn params(size: Size) -> Params {
        Params::new(match size {
            Size::Test => 5_000,
            Size::Small => 10_000,
            Size::Medium => 10_000_000,
            Size::Large => 40_000_000,
            Size::Python => 500_000,
        })
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        let leaf = params.leaf();
        Layout::new()
            .region::<f64>("a", params.len(), leaf, Flow::InOut)
            .region::<f64>("b", params.len(), leaf, Flow::In)
            .region::<f64>("c", params.len(), leaf, Flow::In)
    }

    fn fill(_params: &Params, data: &mut Regions) {
        data.slice::<f64>(A).fill(0.0);
        data.slice::<f64>(B).fill(2.0);
        data.slice::<f64>(C).fill(2.0);
    }

    fn run<T: Team>(params: &Params, team: &T, data: &Regions) -> u64 {
        let isa = Isa::best();
        let (a, b, c) = (data.region::<f64>(A), data.region::<f64>(B), data.region::<f64>(C));
        team.for_each(Schedule::Blocks, a.leaves(), (PartMut(a), Part(b), Part(c)), |_, (a, b, c)| {
            leaf_triad(isa, a, b, c);
        });
        params.len() as u64
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, runs: u64) -> Result<(), Mismatch> {
        Mismatch::unless_equal(|| "elements updated".into(), params.len() as u64, *output)?;
        let expected = 8.0 * runs as f64;
        for (index, name, expected) in [(A, "a", expected), (B, "b", 2.0), (C, "c", 2.0)] {
            let values = data.slice::<f64>(index);
            if let Some(i) = values.iter().position(|value| *value != expected) {
                return Mismatch::unless_equal(|| format!("{name}[{i}]"), expected, values[i]);
            }
        }
        Ok(())
    }

    fn cost(params: &Params) -> Cost {
        Cost {
            read: 24 * params.len() as u64,
            written: 8 * params.len() as u64,
            shared: 0,
            flops: 3 * params.len() as u64,
        }
    }
}
