//! Loops that follow each other: every leaf of every loop is done once, under every model and schedule.

use heddle_kernels::kernel::{Cost, Kernel, Size, cut::Cut};
use heddle_kernels::region::{All, Flow, Layout, PartMut, Regions};
use heddle_kernels::team::Schedule;
use heddle_kernels::{Job, Mismatch, Model, Team};
use heddle_primitives::sync::hint::spin_loop;

/// Loops of a run: more than the claim counters that a team has.
const LOOPS: u64 = 7;

/// Adds one to every element in each of several loops, by turns claimed and in blocks, and sums twice in between.
struct Repeated;

// SAFETY: the same loops in every member, with arguments that depend on the parameters only.
unsafe impl Kernel for Repeated {
    const NAME: &'static str = "repeated";
    type Params = Cut<1, 3>;
    type Output = u64;

    fn params(_size: Size) -> Self::Params {
        Cut::new(100)
    }

    fn layout(params: &Self::Params, _workers: usize) -> Layout {
        let leaf = params.leaf();
        Layout::new()
            .region::<u64>("counts", params.len(), leaf, Flow::InOut)
            .partials::<u64>(params.len().div_ceil(leaf))
    }

    fn fill(_params: &Self::Params, _data: &mut Regions<'_>) {}

    fn run<T: Team>(_params: &Self::Params, team: &T, data: &Regions<'_>) -> u64 {
        let counts = data.region::<u64>(0);
        let mut total = 0;
        for i in 0..LOOPS {
            let schedule = if i % 3 == 2 { Schedule::Blocks } else { Schedule::Claimed };
            team.for_each(schedule, counts.leaves(), PartMut(counts), |_, leaf| {
                leaf.iter_mut().for_each(|count| *count += 1);
            });
            // Rank 1 is still combining when the others begin the next reduction.
            let slowly = |a: u64, b: u64| {
                (0..if team.rank() == 1 { 100 } else { 0 }).for_each(|_| spin_loop());
                a + b
            };
            for factor in [1, 1_000] {
                let scaled = |leaf: usize, all: &[u64]| factor * all[leaf];
                let sum = team.reduce(schedule, counts.leaves(), All(counts), scaled, slowly);
                total += sum.unwrap_or(0);
            }
        }
        total
    }

    fn verify(
        params: &Self::Params,
        data: &mut Regions<'_>,
        output: &u64,
        runs: u64,
    ) -> Result<(), Mismatch> {
        for (i, found) in data.slice::<u64>(0).iter().enumerate() {
            Mismatch::unless_equal(|| format!("element {i}"), LOOPS * runs, *found)?;
        }
        // Each loop sees all elements at the number of loops so far.
        let leaves = params.len().div_ceil(params.leaf()) as u64;
        let expected: u64 = ((runs - 1) * LOOPS + 1..=runs * LOOPS).map(|count| 1_001 * count * leaves).sum();
        Mismatch::unless_equal(|| "sum over the loops".into(), expected, *output)
    }

    fn cost(_params: &Self::Params) -> Cost {
        Cost::default()
    }
}

#[test]
fn every_leaf_of_every_loop_is_done_once() {
    for model in Model::ALL {
        for workers in if model == Model::Sequential { 1..2 } else { 2..7 } {
            if model.refuses(workers).is_some() {
                continue;
            }
            let mut job = Job::<Repeated>::new(model, Repeated::params(Size::Test), workers).unwrap();
            for run in 0..5 {
                let output = job.run().unwrap();
                job.verify(&output).unwrap_or_else(|e| panic!("{model} x {workers}, run {run}: {e}"));
            }
        }
    }
}
