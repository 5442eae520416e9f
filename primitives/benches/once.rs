//! What has been done once: the test, beside std's and parking_lot's.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "no peers under a checker"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod support;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use crate::support;
    use criterion::{BenchmarkId, Criterion};
    use std::cell::Cell;
    use std::hint::black_box;

    /// Times `read`, which returns 7 and adds nothing to the calls after the first.
    fn completed<T: Default>(c: &mut Criterion, variant: &str, read: impl Fn(&T, &dyn Fn() -> u64) -> u64) {
        support::pin(0);
        c.benchmark_group("once/completed").bench_function(BenchmarkId::new(variant, 1), |b| {
            let (once, calls) = (T::default(), Cell::new(0));
            let init = || {
                calls.set(calls.get() + 1);
                7
            };
            assert_eq!(read(&once, &init), 7);
            b.iter(|| read(black_box(&once), &init));
            assert_eq!(calls.get(), 1);
        });
        support::unpin();
    }

    struct Once<O>(O);

    macro_rules! default {
        ($once:ty) => {
            impl Default for Once<$once> {
                fn default() -> Self {
                    Self(<$once>::new())
                }
            }
        };
    }
    default!(std::sync::Once);
    default!(parking_lot::Once);
    default!(heddle_primitives::Once);

    macro_rules! variants {
        ($c:ident, $($variant:literal => $once:ty, $place:ty);* $(;)?) => {
            $(
                completed::<Once<$once>>(&mut $c, $variant, |once, init| {
                    once.0.call_once(|| _ = init());
                    7
                });
                completed::<$place>(&mut $c, concat!($variant, "-lock"), |place, init| *place.get_or_init(init));
            )*
        };
    }

    pub fn run() {
        support::allowed();
        let mut c = Criterion::default().configure_from_args();
        variants! { c,
            "heddle" => heddle_primitives::Once, heddle_primitives::OnceLock<u64>;
            "std" => std::sync::Once, std::sync::OnceLock<u64>;
        }
        completed::<Once<parking_lot::Once>>(&mut c, "parking_lot", |once, init| {
            once.0.call_once(|| _ = init());
            7
        });
        c.final_summary();
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
