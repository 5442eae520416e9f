//! Shared memory, and worker processes whose death is an error instead of a hang.
//!
//! Things that fit together. A [`Segment`] is memory that several processes map: sealed, so that it cannot shrink under a
//! mapping, and nameless, so that nothing is left of it. [`Workers`] are processes that run plain functions of this
//! program, one after the other, for a round trip of less than a microsecond while they are awake; large data goes to them as an
//! [`Offset`] into a segment. A [`process::Process`] runs one function, as Python's does.
//!
//! ```
//! use heddle_ipc::{Offset, Segment, SegmentRef, Workers, worker};
//! use zerocopy::{FromBytes, Immutable, IntoBytes};
//!
//! #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
//! #[repr(C)]
//! struct Sum { segment: SegmentRef, numbers: Offset<[u64]> }
//!
//! fn sum(task: Sum) -> u64 {
//!     let segment = worker::attach(task.segment).expect("the parent holds it");
//!     let numbers = segment.slice(task.numbers).expect("from this segment");
//!     // SAFETY: nobody writes the numbers while tasks run.
//!     unsafe { numbers.as_ref() }.iter().sum()
//! }
//!
//! let segment = Segment::create("numbers", 1 << 16)?;
//! let numbers = segment.arena().alloc::<u64>(1000)?;
//! // SAFETY: nobody else has the memory yet.
//! unsafe { segment.slice(numbers)?.as_mut() }.fill(3);
//!
//! let workers = Workers::start(2)?;
//! let halves = [(0, 0, 500), (1, 500, 1000)].map(|(rank, begin, end)| {
//!     let numbers = numbers.range(begin, end).expect("within");
//!     workers.submit(rank, sum, Sum { segment: segment.share(), numbers }).expect("a worker with room")
//! });
//! assert_eq!(workers.wait_all(halves.into(), None)?, [1500, 1500]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a worker starts
//!
//! The same executable is started again, by `/proc/self/exe`, with an environment variable that says where its control
//! segment is. A function in `.init_array`, which runs before `main`, finds the variable, serves tasks, and exits. So any program of
//! the workspace can have workers without a line in its `main`: also tests and benches, whose `main` belongs to libtest and criterion.
//! [`Workers::start`] first checks that the function ran in its own process; were it lost in linking, the worker
//! would run the program's `main` instead, and perhaps start workers of its own.
//!
//! A task names its function by the distance from the base of the executable's image, which holds for every plain `fn`, generic
//! ones included, without registering it. It is safe because both sides are of the same build: the worker compares the linker's
//! build id, or else the executable's device, inode, size and time of change, and refuses to work for another one.
//!
//! What was decided against: a registry (`init(&[...])` first thing in `main`) does not reach tests and benches, and one that
//! is collected by the linker loses the entries of crates that `main` never names. `fork` without exec copies locks in whatever
//! state other threads left them, and takes 17 ms once a GB is resident. A zygote, which copies itself before there are threads, starts a worker
//! in a sixth of the time: [`process::StartMethod`].
//!
//! What it costs to run before `main`:
//! - Constructors that the linker put behind this crate's have not run in a worker. std does not mind; a C library that is
//!   set up by one may.
//! - std has not prepared the main thread: it has no name, and an overflow of its stack is a plain SIGSEGV without std's message.
//! - Functions in shared libraries (`dylib`) have no offset in the executable, and are refused as [`SubmitError::NotPlain`].
//! - Only Linux: memfd, pidfd (5.3) and `/proc` are needed.
//!
//! # What happens when somebody dies
//!
//! | who, when | what follows |
//! |---|---|
//! | a worker, at any time | a supervisor thread polls its pidfd, reaps it and wakes the waiter. Answers that it committed are delivered; then [`CallError::Died`] with task and signal |
//! | a worker, before it is ready | [`StartError::Died`]; the others are ended |
//! | a task panics | [`CallError::Panicked`] with the message; the worker goes on |
//! | a task never ends | [`CallError::TimedOut`] at the caller's deadline; [`Workers::restart`] replaces the worker |
//! | a worker writes nonsense into its rings | [`CallError::Garbage`], from then on; `restart` |
//! | the parent, at any time | each worker polls the parent's pidfd in a thread of its own and exits, or is killed by the kernel if it comes from a zygote; also in the middle of a task |
//! | a program started by a worker | knows nothing: the variable is removed before the first task |
//!
//! A wait without a deadline ends if the worker answers, dies, or breaks its ring in a way that can be seen. One that lives on and
//! merely never answers, or that lost the task by scribbling over its own ring, is waited for for ever: set a deadline.
//!
//! # What is trusted
//!
//! Peers may crash at any instruction, but not lie: they are this program. What they write is checked as far as memory safety of
//! the parent goes (lengths, numbers, offsets), and a lie is an error; a worker takes the function that it is told to run on
//! trust.

#![cfg_attr(
    any(heddle_loom, heddle_shuttle, heddle_mutants),
    allow(
        dead_code,
        rustdoc::broken_intra_doc_links,
        reason = "processes and mappings are left out of verification builds"
    )
)]

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod arena;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub mod connection;
mod control;
mod cursor;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod entry;
mod error;
mod exit;
mod header;
mod image;
mod lane;
mod link;
pub mod loan;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub mod manager;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub mod model;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub mod named;
mod offset;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod os;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "model/os.rs"]
mod os;
mod peers;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub mod process;
pub mod queue;
pub mod ring;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod segment;
mod serve;
mod shm_safe;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod start_error;
mod supervisor;
pub mod sync;
mod task;
mod ticket;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub mod worker;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod workers;

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use arena::{ALLOC_ALIGN, AllocError, Arena};
pub use error::{CallError, SubmitError};
pub use exit::Exit;
pub use image::Identity;
pub use offset::Offset;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use peers::{JoinError, Member};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use segment::{BoundsError, CreateError, OpenError, Segment, SegmentRef};
pub use shm_safe::{Shareable, ShmSafe};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use start_error::StartError;
pub use task::MAX_INLINE;
pub use ticket::Ticket;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use workers::{Builder, Workers};
