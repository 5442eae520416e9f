//! The counts of a group of points, one function per instruction set.
//!
//! Compilers vectorise this loop or not as lanes and registers happen to fit (181 ms against 50 ms for the same source under
//! AVX-512), so the wide ones are written with intrinsics. All of them do the same multiplications, additions and subtractions
//! in the same order, none fused.

use super::{LANES, STRIDE};
use crate::isa::Isa;

/// Counts of the points (`cx[lane]`, `cy`), as doubles that hold whole numbers.
pub(super) type Group = fn(cx: &[f64; LANES], cy: f64, limit: u32) -> [f64; LANES];

/// The function for an instruction set.
///
/// # Panics
/// If the CPU lacks it.
pub(super) fn of(isa: Isa) -> Group {
    assert!(isa.is_available(), "this CPU lacks {isa:?}");
    match isa {
        Isa::Baseline => portable,
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the assertion above found AVX2.
        Isa::Avx2 => |cx, cy, limit| unsafe { x86::avx2(cx, cy, limit) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the assertion above found AVX-512F.
        Isa::Avx512 => |cx, cy, limit| unsafe { x86::avx512(cx, cy, limit) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => portable,
    }
}

fn portable(cx: &[f64; LANES], cy: f64, limit: u32) -> [f64; LANES] {
    let mut x = [0.0f64; LANES];
    let mut y = [0.0f64; LANES];
    // 1 while the point has not escaped, then 0 for ever: it may come back, its count may not.
    let mut alive = [1.0f64; LANES];
    let mut count = [0.0f64; LANES];
    let mut left = limit;
    while left > 0 {
        let steps = left.min(STRIDE);
        left -= steps;
        for _ in 0..steps {
            for lane in 0..LANES {
                let (xx, yy) = (x[lane] * x[lane], y[lane] * y[lane]);
                alive[lane] = if xx + yy <= 4.0 { alive[lane] } else { 0.0 };
                count[lane] += alive[lane];
                y[lane] = 2.0 * x[lane] * y[lane] + cy;
                x[lane] = xx - yy + cx[lane];
            }
        }
        if alive.iter().all(|alive| *alive == 0.0) {
            break;
        }
    }
    count
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, STRIDE};

    /// Writes `portable` with one vector type. Four vectors are in flight together, since a step of one is a chain of
    /// four operations.
    macro_rules! group {
        ($name:ident, $features:literal, $vector:ty, $mask:ty, $lanes:literal, $in_flight:literal,
         splat $splat:ident, load $load:ident, store $store:ident, mul $mul:ident, add $add:ident, sub $sub:ident,
         everyone $everyone:expr, within $within:expr, counted $counted:expr, nobody $nobody:expr) => {
            #[target_feature(enable = $features)]
            pub(super) fn $name(cx: &[f64; LANES], cy: f64, limit: u32) -> [f64; LANES] {
                const VECTORS: usize = $in_flight;
                const WIDTH: usize = $lanes * VECTORS;
                const { assert!(LANES.is_multiple_of(WIDTH)) };
                let mut counts = [0.0f64; LANES];
                let (cy, four, two) = ($splat(cy), $splat(4.0), $splat(2.0));
                for (cx, counts) in cx.as_chunks::<WIDTH>().0.iter().zip(counts.as_chunks_mut::<WIDTH>().0) {
                    let mut c = [$splat(0.0); VECTORS];
                    for (c, part) in c.iter_mut().zip(cx.as_chunks::<$lanes>().0) {
                        // SAFETY: the chunk has as many doubles as the vector; the load is unaligned.
                        *c = unsafe { $load(part.as_ptr()) };
                    }
                    let mut x = [$splat(0.0); VECTORS];
                    let mut y = [$splat(0.0); VECTORS];
                    let mut count = [$splat(0.0); VECTORS];
                    let mut alive: [$mask; VECTORS] = [$everyone; VECTORS];
                    let mut left = limit;
                    while left > 0 {
                        let steps = left.min(STRIDE);
                        left -= steps;
                        for _ in 0..steps {
                            for v in 0..VECTORS {
                                let (xx, yy) = ($mul(x[v], x[v]), $mul(y[v], y[v]));
                                alive[v] = $within($add(xx, yy), four, alive[v]);
                                count[v] = $counted(count[v], alive[v]);
                                y[v] = $add($mul($mul(two, x[v]), y[v]), cy);
                                x[v] = $add($sub(xx, yy), c[v]);
                            }
                        }
                        if alive.iter().all(|alive| $nobody(*alive)) {
                            break;
                        }
                    }
                    for (count, part) in count.iter().zip(counts.as_chunks_mut::<$lanes>().0) {
                        // SAFETY: as for the load.
                        unsafe { $store(part.as_mut_ptr(), *count) };
                    }
                }
                counts
            }
        };
    }

    group!(
        avx2, "avx2", __m256d, __m256d, 4, 2,
        splat _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd,
        mul _mm256_mul_pd, add _mm256_add_pd, sub _mm256_sub_pd,
        everyone _mm256_castsi256_pd(_mm256_set1_epi64x(-1)),
        within |a, b, alive| _mm256_and_pd(alive, _mm256_cmp_pd::<_CMP_LE_OQ>(a, b)),
        counted |count, alive| _mm256_add_pd(count, _mm256_and_pd(alive, _mm256_set1_pd(1.0))),
        nobody |alive| _mm256_movemask_pd(alive) == 0
    );

    group!(
        avx512, "avx512f", __m512d, __mmask8, 8, 4,
        splat _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd,
        mul _mm512_mul_pd, add _mm512_add_pd, sub _mm512_sub_pd,
        everyone 0xFF,
        within |a, b, alive| _mm512_mask_cmp_pd_mask::<_CMP_LE_OQ>(alive, a, b),
        counted |count, alive| _mm512_mask_add_pd(count, alive, count, _mm512_set1_pd(1.0)),
        nobody |alive| alive == 0
    );
}
