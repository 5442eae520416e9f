//! The kernels, and what a kernel is.
//!
//! | kernel | what it separates |
//! |---|---|
//! | [`mandelbrot`] | uneven compute: leaves differ a hundredfold in cost |
//! | [`triad`] | memory bandwidth, read and written |
//! | [`sum`] | memory bandwidth, read only, and a reduction whose order must not depend on the workers |
//! | [`histogram`] | state that members share, by a lock, by atomics, or not at all |
//! | [`echo`] | waiting for I/O |

pub mod cut;
pub mod echo;
pub mod histogram;
pub mod mandelbrot;
pub mod sum;
pub mod triad;

use heddle_ipc::ShmSafe;

use crate::region::{Layout, Regions};
use crate::{Mismatch, Team};

/// How large a job is. What a size means in elements is the kernel's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Size {
    /// Milliseconds at most: for tests.
    Test,
    /// Fits the caches.
    Small,
    /// The size that figures are quoted for.
    Medium,
    /// Well beyond the caches, or seconds of work.
    Large,
    /// What pure Python does in under two seconds: for contrasting CPython's models with each other.
    Python,
}

impl Size {
    /// Every size.
    pub const ALL: [Size; 5] = [Size::Test, Size::Small, Size::Medium, Size::Large, Size::Python];

    /// The size's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Size::Test => "test",
            Size::Small => "small",
            Size::Medium => "medium",
            Size::Large => "large",
            Size::Python => "python",
        }
    }
}

/// What one run of a kernel has to move and compute at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes read from regions.
    pub read: u64,
    /// Bytes written to regions.
    pub written: u64,
    /// Bytes changed atomically or under a lock.
    pub shared: u64,
    /// Floating-point operations; 0 where the count depends on the data.
    pub flops: u64,
}

/// A computation that is written once and run by every model.
///
/// The stages of a job: [`layout`](Kernel::layout) says what memory it needs, [`fill`](Kernel::fill) writes the
/// inputs, [`run`](Kernel::run) is called by every member of a team, any number of times, and
/// [`verify`](Kernel::verify) judges regions and output independently of how they came about.
///
/// # Safety
/// `run` is SPMD: for the same parameters and data every member calls the same collective operations of the team in
/// the same order with the same arguments (bodies may differ in what they compute, not in which regions they were
/// given). It touches regions only through those operations.
pub unsafe trait Kernel: Sized + 'static {
    /// The name in records.
    const NAME: &'static str;

    /// What determines a job: plain data that can be handed to a process.
    type Params: ShmSafe + Send + Sync + PartialEq + std::fmt::Debug;

    /// The answer: plain data, compared bit by bit between models.
    type Output: ShmSafe + Send + PartialEq + std::fmt::Debug;

    /// The parameters of a size.
    fn params(size: Size) -> Self::Params;

    /// The regions of a job for `workers` members.
    fn layout(params: &Self::Params, workers: usize) -> Layout;

    /// Writes the inputs. The regions are all zero before the first call.
    fn fill(params: &Self::Params, data: &mut Regions);

    /// Starts what a job needs besides memory, and completes the parameters with how to reach it. The harness keeps
    /// it for as long as the job lives.
    ///
    /// # Errors
    /// Whatever kept it from starting.
    fn service(_params: &mut Self::Params) -> std::io::Result<Option<Box<dyn Send>>> {
        Ok(None)
    }

    /// What every member runs; all return the same answer.
    fn run<T: Team>(params: &Self::Params, team: &T, data: &Regions) -> Self::Output;

    /// Judges the output and the regions after `runs` runs (at least 1) since `fill`.
    ///
    /// # Errors
    /// The first thing found wrong.
    fn verify(
        params: &Self::Params,
        data: &mut Regions,
        output: &Self::Output,
        runs: u64,
    ) -> Result<(), Mismatch>;

    /// The least that one run must move and compute.
    fn cost(params: &Self::Params) -> Cost;
}

/// Calls `$visit!(path::of::Kernel)` for each kernel: the one list of them.
#[macro_export]
macro_rules! for_each_kernel {
    ($visit:ident) => {
        $visit!($crate::kernel::mandelbrot::Mandelbrot);
        $visit!($crate::kernel::triad::Triad);
        $visit!($crate::kernel::sum::Sum);
        $visit!($crate::kernel::histogram::Shared);
        $visit!($crate::kernel::histogram::Atomic);
        $visit!($crate::kernel::histogram::Private);
        $visit!($crate::kernel::echo::Echo);
    };
}
