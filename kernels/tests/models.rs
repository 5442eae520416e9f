//! Every model gives the bit-identical answer and data, at any size and number of workers.

use heddle_kernels::kernel::{Kernel, Size, echo, histogram, mandelbrot, sum, triad};
use heddle_kernels::{Job, Model, RunError};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use zerocopy::IntoBytes;

/// Runs the kernel `runs` times and returns the answers' and the regions' bytes, after it has verified itself.
fn outcome<K: Kernel>(model: Model, params: K::Params, workers: usize, runs: usize) -> Vec<Vec<u8>> {
    let mut job =
        Job::<K>::new(model, params, workers).unwrap_or_else(|e| panic!("{model} x {workers}: {e}"));
    let mut bytes = Vec::new();
    for run in 0..runs {
        let output = job.run().unwrap_or_else(|e| panic!("{model} x {workers}, run {run}: {e}"));
        job.verify(&output).unwrap_or_else(|e| panic!("{model} x {workers}, run {run}: {e}"));
        bytes.push(output.as_bytes().to_vec());
    }
    bytes.extend(job.data().non_scratch_bytes());
    bytes
}

/// Compares `model` with `sequential`.
fn same<K: Kernel>(model: Model, params: K::Params, workers: usize) -> Result<(), TestCaseError> {
    let workers = if model == Model::Hybrid { workers.next_multiple_of(2) } else { workers };
    let expected = outcome::<K>(Model::Sequential, params, 1, 2);
    prop_assert_eq!(outcome::<K>(model, params, workers, 2), expected, "{} {} x {}", K::NAME, model, workers);
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(persistence)), ..ProptestConfig::default() }
}

fn parallel_model() -> impl Strategy<Value = Model> {
    prop::sample::select(Model::ALL[1..].to_vec())
}

/// Lengths around nothing, one, a leaf and the number of workers.
fn length(leaf: usize) -> impl Strategy<Value = usize> {
    prop_oneof![0usize..12, leaf - 2..leaf + 3, 4 * leaf - 2..4 * leaf + 10, 0..20 * leaf]
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn sum_is_the_same(model in parallel_model(), workers in 1usize..9, len in length(512)) {
        same::<sum::Sum>(model, sum::Params::new(len), workers)?;
    }

    #[test]
    fn triad_is_the_same(model in parallel_model(), workers in 1usize..9, len in length(128)) {
        same::<triad::Triad>(model, triad::Params::new(len), workers)?;
    }

    #[test]
    fn mandelbrot_is_the_same(model in parallel_model(), workers in 1usize..9, side in 0u32..70, limit in 0u32..60) {
        same::<mandelbrot::Mandelbrot>(model, mandelbrot::Params::new(side, limit), workers)?;
    }

    #[test]
    fn histograms_are_the_same(model in parallel_model(), workers in 1usize..9, len in length(8192)) {
        let params = histogram::Params::new(len);
        same::<histogram::Shared>(model, params, workers)?;
        same::<histogram::Atomic>(model, params, workers)?;
        same::<histogram::Private>(model, params, workers)?;
        let counted = outcome::<histogram::Private>(model, params, 2, 1);
        prop_assert_eq!(outcome::<histogram::Atomic>(model, params, 2, 1), counted.clone());
        prop_assert_eq!(outcome::<histogram::Shared>(model, params, 2, 1), counted);
    }
}

proptest! {
    #![proptest_config(config(12))]
    #[test]
    fn echo_is_the_same(model in parallel_model(), workers in 1usize..9, requests in 0usize..20) {
        same::<echo::Echo>(model, echo::Params::new(requests, std::time::Duration::from_micros(300)), workers)?;
    }
}

#[test]
fn regions_without_elements_are_regions_of_their_own() {
    // All of them lie at one address.
    for model in Model::ALL {
        let workers = if model == Model::Sequential { 1 } else { 2 };
        same::<triad::Triad>(model, triad::Params::new(0), workers).unwrap();
    }
}

#[test]
fn every_model_runs_every_kernel_at_test_size() {
    macro_rules! visit {
        ($kernel:ty) => {
            for model in Model::ALL {
                let workers = if model == Model::Sequential { 1 } else { 4 };
                outcome::<$kernel>(model, <$kernel>::params(Size::Test), workers, 1);
            }
        };
    }
    heddle_kernels::for_each_kernel!(visit);
}

#[test]
fn workers_that_a_model_cannot_have_are_refused() {
    let refused = |model, workers| {
        let result = Job::<sum::Sum>::new(model, sum::Params::new(10), workers);
        matches!(result, Err(RunError::Workers { .. }))
    };
    assert!(Model::ALL.into_iter().all(|model| refused(model, 0)));
    assert!(refused(Model::Sequential, 2));
    assert!(refused(Model::Hybrid, 3));
    assert!(!refused(Model::Hybrid, 4));
}
