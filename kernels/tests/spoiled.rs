//! Verifiers reject spoiled outputs: zeroed, dropped, duplicated and swapped leaves, and wrong answers.

use heddle_kernels::kernel::{Kernel, Size, echo, histogram, mandelbrot, sum, triad};
use heddle_kernels::region::Regions;
use heddle_kernels::{Job, Model};

/// Runs the kernel, checks that it verifies, spoils the data or the answer, and checks that it no longer does.
fn rejects<K: Kernel>(what: &str, spoil: impl FnOnce(&mut Regions<'_>, &mut K::Output)) {
    let mut job = Job::<K>::new(Model::Sequential, K::params(Size::Test), 1).unwrap();
    let mut output = job.run().unwrap();
    job.verify(&output).unwrap();
    spoil(&mut job.data(), &mut output);
    assert!(job.verify(&output).is_err(), "{} accepts {what}", K::NAME);
}

#[test]
fn sum_rejects() {
    rejects::<sum::Sum>("a dropped element", |_, output| *output -= sum::element(4_321));
    rejects::<sum::Sum>("a dropped leaf", |_, output| *output -= (0..512).map(sum::element).sum::<f64>());
    rejects::<sum::Sum>("zero", |_, output| *output = 0.0);
    rejects::<sum::Sum>("NaN", |_, output| *output = f64::NAN);
    rejects::<sum::Sum>("a spoiled input", |data, _| data.slice::<f64>(0)[17] = 0.5);
}

#[test]
fn triad_rejects() {
    rejects::<triad::Triad>("a zeroed leaf", |data, _| data.slice::<f64>(0)[128..256].fill(0.0));
    rejects::<triad::Triad>("a leaf done twice", |data, _| data.slice::<f64>(0)[..128].fill(16.0));
    rejects::<triad::Triad>("a spoiled input", |data, _| data.slice::<f64>(2)[4_999] = 1.0);
    rejects::<triad::Triad>("a wrong count", |_, output| *output -= 1);
}

#[test]
fn mandelbrot_rejects() {
    rejects::<mandelbrot::Mandelbrot>("a zeroed row", |data, _| data.slice::<u16>(0)[640..704].fill(0));
    rejects::<mandelbrot::Mandelbrot>("swapped rows", |data, _| {
        let (above, below) = data.slice::<u16>(0).split_at_mut(20 * 64);
        above[..64].swap_with_slice(&mut below[..64]);
    });
    rejects::<mandelbrot::Mandelbrot>("a wrong total", |_, output| *output += 1);
    rejects::<mandelbrot::Mandelbrot>("a zeroed image with its own total", |data, output| {
        data.slice::<u16>(0).fill(0);
        *output = 0;
    });
}

#[test]
fn histograms_reject() {
    fn all<K: Kernel<Output = u64>>() {
        rejects::<K>("a dropped key", |data, _| data.slice::<u64>(1)[3] -= 1);
        rejects::<K>("a lost update with the right total", |data, _| {
            data.slice::<u64>(1)[3] -= 1;
            data.slice::<u64>(1)[4] += 1;
        });
        rejects::<K>("doubled counts", |data, _| {
            data.slice::<u64>(1).iter_mut().for_each(|count| *count *= 2)
        });
        rejects::<K>("a wrong total", |_, output| *output -= 1);
    }
    all::<histogram::Shared>();
    all::<histogram::Atomic>();
    all::<histogram::Private>();
}

#[test]
fn echo_rejects() {
    rejects::<echo::Echo>("a missing reply", |data, _| data.slice::<u64>(0)[5] = 0);
    rejects::<echo::Echo>("swapped replies", |data, _| data.slice::<u64>(0).swap(0, 1));
    rejects::<echo::Echo>("a wrong sum", |_, output| *output ^= 1);
}
