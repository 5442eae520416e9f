//! Mandelbrot set: compute without memory, and leaves that differ a hundredfold in cost.
//!
//! The image is n x n points of [-2, 0.5] x [-1.25, 1.25]; pixel (i, j) starts at the centre of its cell. A point's
//! count is the number of iterations of z = z^2 + c, from z = 0, that begin with |z|^2 <= 4, at most `limit`. The
//! answer is the sum of all counts, exactly; the counts themselves lie in the image.
//!
//! A row is computed in groups of [`LANES`] points, which share their early exit; every point's arithmetic is its own,
//! so the grouping cannot be seen in the result.

mod group;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Cost, Kernel, Size};
use crate::Mismatch;
use crate::isa::Isa;
use crate::region::{Flow, Layout, PartMut, Regions};
use crate::team::{Schedule, Team};

/// Points computed together.
pub const LANES: usize = 32;

/// Iterations between looks at whether all points of a group have escaped.
pub(crate) const STRIDE: u32 = 8;

const IMAGE: usize = 0;

/// The kernel.
#[derive(Debug)]
pub struct Mandelbrot;

/// A job: points a side, and the most iterations of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Params {
    side: u32,
    limit: u32,
}

impl Params {
    /// An image of `side` x `side` points with at most `limit` iterations each.
    ///
    /// # Panics
    /// If `limit` is over 65535, which an image's cell cannot hold.
    pub fn new(side: u32, limit: u32) -> Params {
        assert!(limit <= u32::from(u16::MAX), "a count has 16 bits");
        Params { side, limit }
    }

    /// Points a side.
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The most iterations of a point.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The real part of column `j`.
    #[inline]
    pub fn x(&self, j: u32) -> f64 {
        -2.0 + 2.5 * (f64::from(j) + 0.5) / f64::from(self.side)
    }

    /// The imaginary part of row `i`.
    pub fn y(&self, i: u32) -> f64 {
        -1.25 + 2.5 * (f64::from(i) + 0.5) / f64::from(self.side)
    }
}

/// The count of one point, by the definition.
pub fn point(cx: f64, cy: f64, limit: u32) -> u32 {
    let (mut x, mut y) = (0.0f64, 0.0f64);
    for count in 0..limit {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return count;
        }
        y = 2.0 * x * y + cy;
        x = xx - yy + cx;
    }
    limit
}

/// Computes one row into `counts` and returns its sum.
///
/// # Panics
/// If the CPU lacks the instruction set.
pub fn row(isa: Isa, params: Params, i: u32, counts: &mut [u16]) -> u64 {
    let group = group::of(isa);
    let cy = params.y(i);
    let mut total = 0u64;
    for (number, cells) in counts.chunks_mut(LANES).enumerate() {
        // Lanes past the end of the row are computed and dropped.
        let first = (number * LANES) as u32;
        let cx = std::array::from_fn(|lane| params.x(first + lane as u32));
        for (cell, count) in cells.iter_mut().zip(group(&cx, cy, params.limit)) {
            *cell = count as u16;
            total += u64::from(*cell);
        }
    }
    total
}

// SAFETY: one reduction, whose arguments depend on the parameters only.
unsafe impl Kernel for Mandelbrot {
    const NAME: &'static str = "mandelbrot";
    type Params = Params;
    /// The sum of all counts.
    type Output = u64;

    fn params(size: Size) -> Params {
        match size {
            Size::Test => Params::new(64, 100),
            Size::Small => Params::new(256, 200),
            Size::Medium => Params::new(2048, 200),
            Size::Large => Params::new(8192, 200),
            Size::Python => Params::new(160, 200),
        }
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        let side = params.side as usize;
        Layout::new().region::<u16>("image", side * side, side.max(1), Flow::Out).partials::<u64>(side)
    }

    fn fill(_params: &Params, _data: &mut Regions) {}

    fn run<T: Team>(params: &Params, team: &T, data: &Regions) -> u64 {
        let isa = Isa::best();
        let image = data.region::<u16>(IMAGE);
        team.reduce(
            Schedule::Claimed,
            params.side as usize,
            PartMut(image),
            |i, counts| row(isa, *params, i as u32, counts),
            |a, b| a + b,
        )
        .unwrap_or(0)
    }

    fn verify(params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        let image = data.slice::<u16>(IMAGE);
        let total: u64 = image.iter().map(|count| u64::from(*count)).sum();
        Mismatch::unless_equal(|| "sum of the image against the answer".into(), total, *output)?;
        // The scalar loop over every point would cost more than the runs it judges; a lattice coprime to lanes and
        // rows meets every lane and every stretch of rows.
        let side = params.side as usize;
        let step = if side <= 256 { 1 } else { 61 };
        for index in (0..side * side).step_by(step) {
            let (i, j) = ((index / side) as u32, (index % side) as u32);
            let expected = point(params.x(j), params.y(i), params.limit);
            Mismatch::unless_equal(|| format!("point ({i}, {j})"), expected, u32::from(image[index]))?;
        }
        Ok(())
    }

    fn cost(params: &Params) -> Cost {
        let points = u64::from(params.side) * u64::from(params.side);
        Cost { written: 2 * points, ..Cost::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_equal_the_scalar_loop_under_every_instruction_set(
            side in 1u32..150, limit in 0u32..300, row_at in 0.0f64..1.0
        ) {
            let params = Params::new(side, limit);
            let i = (f64::from(side) * row_at) as u32;
            let expected: Vec<u16> =
                (0..side).map(|j| point(params.x(j), params.y(i), limit) as u16).collect();
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                let mut counts = vec![0; side as usize];
                let total = row(isa, params, i, &mut counts);
                prop_assert_eq!(&counts, &expected);
                prop_assert_eq!(total, expected.iter().map(|c| u64::from(*c)).sum::<u64>());
            }
        }
    }

    #[test]
    fn the_area_is_the_known_one() {
        // 1.50659 by pixel counting: Ewing and Schober, Numer. Math. 61 (1992). A limit of 2000 leaves in a few points
        // too many, and the cells at the boundary are worth about 1 %.
        let params = Params::new(400, 2000);
        let mut inside = 0;
        let mut counts = vec![0; 400];
        for i in 0..400 {
            row(Isa::best(), params, i, &mut counts);
            inside += counts.iter().filter(|count| **count == 2000).count();
        }
        let area = inside as f64 * (2.5 / 400.0) * (2.5 / 400.0);
        assert!((area - 1.50659).abs() < 0.02, "{area}");
    }
}
