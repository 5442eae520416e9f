//! Compute and I/O kernels, each written once and run by every concurrency model.
//!
//! A [`Kernel`] is one SPMD function over a [`Team`]: every member runs it with its rank. A [`Model`] is a way to
//! make a team: of one, of threads, of processes over one segment, of both. Leaves, lanes and the reduction tree
//! are fixed by the kernel's parameters, never by the workers or the instruction set, so every model gives the
//! bit-identical answer.
//!
//! ```
//! use heddle_kernels::{Job, Model, kernel::sum};
//!
//! let params = sum::Params::new(10_000);
//! let mut one = Job::<sum::Sum>::new(Model::Sequential, params, 1)?;
//! let mut two = Job::<sum::Sum>::new(Model::Threads, params, 2)?;
//! assert_eq!(one.run()?, two.run()?);
//! # Ok::<(), heddle_kernels::RunError>(())
//! ```
//!
//! The data of a job lies in a sealed shared segment under every model, so that all of them work on the same kind
//! of pages.

pub mod isa;
pub mod kernel;
pub mod model;
pub mod region;
pub mod team;

mod error;
mod job;

pub use error::{Mismatch, RunError};
pub use job::Job;
pub use kernel::Kernel;
pub use model::Model;
pub use team::Team;
