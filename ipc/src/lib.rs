//! Processes that share memory, messages and locks, and survive each other's deaths: what Python's `multiprocessing` offers, for Rust.
//!
//! | module | what it has | what a death does |
//! |---|---|---|
//! | [`process`] | [`Process`](process::Process): one function in a process of its own | an error that names exit code or signal |
//! | [`pool`] | [`Pool`](pool::Pool): many functions in a few processes; futures | costs one task, retried where that was allowed |
//! | [`Workers`] | the bare workers below a pool: plain data there and back in 0.6 us | an error that names task and signal |
//! | [`sync`] | mutex, condition variable, semaphore, barrier and the rest in shared memory | the next owner is told; nobody waits for the dead |
//! | [`queue`] | queues of many producers and consumers | wedges nothing, loses nothing that was acknowledged |
//! | [`ring`] | messages of any size from one process to one other, without copies | what was committed is received, then the end |
//! | [`connection`] | pipes of objects, bytes and descriptors; [`Listener`](connection::Listener) and [`Client`](connection::Client) | the same |
//! | [`loan`] | large blocks, handed over without a copy | blocks of the dead are lent again |
//! | [`named`] | [`SharedMemory`](named::SharedMemory) by name, for unrelated processes | leftovers are listed and cleaned |
//! | [`manager`] | dictionaries, lists, queues and locks in a server process | locks of the dead are released, and the next owner told |
//! | [`Segment`], [`Arena`], [`Offset`], [`Member`] | the memory that all of it lies in, and who takes part | the kernel says who is dead |
//!
//! A [`Segment`] is memory that several processes map: sealed, so that it cannot shrink under a mapping, and nameless, so that nothing
//! is left of it. [`Workers`] are processes that run plain functions of this program, one after the other, for a round trip of less than a
//! microsecond while they are awake; large data goes to them as an [`Offset`] into a segment.
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
//! What the primitives, queues and pools do is said at each. How it is known that a process is dead, how long that takes, and what is not covered:
//! [`Member`]. `cargo xtask verify --only crash` kills processes between any two instructions of most such operations (`tests/crash` lists them) and
//! looks at what is left; the protocols run under loom and shuttle with deaths at any of their steps.
//!
//! # What is trusted
//!
//! Two tiers, told apart by type:
//!
//! - **Peers that may crash at any instruction, but do not lie**: they are this program, or one that the user trusts as much. They share locks,
//!   queues, loans and values in place ([`sync`], [`queue`], [`loan`], [`Segment`], [`Member`]); whoever maps such memory can write to it everywhere. What they write is
//!   checked as far as memory safety goes (lengths, numbers, offsets), and a lie is an error; a worker takes the function that it is told to run on trust.
//! - **Peers that may write anything**: [`ring`] and [`connection`] only. Each side keeps its own cursors to itself, reads what the other wrote once, checks it,
//!   and copies it out before it looks at it. A peer that scribbles gets an error for itself, at worst.
//!
//! # For who comes from Python
//!
//! | `multiprocessing` | here | differences |
//! |---|---|---|
//! | `Process`, its methods and attributes | [`process::Process`], [`process::Builder`] | runs a plain function, whose result can be had; dropping it is described there; no subclasses |
//! | `current_process`, `active_children`, `parent_process` | [`process::current_process`], [`process::active_children`], [`process::parent_process`] | - |
//! | `get_context`, `set_start_method` | [`process::StartMethod`] | `Spawn` and `Zygote` (Python's `forkserver`); no bare `fork`, which copies locks in any state |
//! | `set_executable`, `freeze_support`, `cpu_count` | - | a child is always this program; `std::thread::available_parallelism` |
//! | `Pipe`, `Connection` | [`connection::pipe`], [`connection::Connection`] | objects by serde; time-outs; no `fileno`, since messages do not pass the kernel |
//! | `connection.wait`, `Listener`, `Client` | [`connection::wait`], [`connection::Listener`], [`connection::Client`] | the kernel says who connects, so there is no `authkey`; one machine only |
//! | `reduction.send_handle`, `recv_handle` | [`Connection::send_fd`](connection::Connection::send_fd), [`recv_fd`](connection::Connection::recv_fd) | - |
//! | `Queue`, `SimpleQueue`, `JoinableQueue` | [`queue::Queue`], [`queue::SimpleQueue`], [`queue::JoinableQueue`] | always bounded; no feeder thread, so neither `join_thread` nor its deadlocks; a task whose process dies comes again |
//! | - | [`queue::channel`], [`ring`], [`loan`] | ends that learn that nobody is left; no copies |
//! | `Lock`, `RLock` | [`sync::Mutex`], [`sync::ReentrantMutex`] | guard their data; an owner's death is told |
//! | `Condition`, `Event`, `Barrier` | [`sync::Condvar`], [`sync::Event`], [`sync::Barrier`] | a dead member breaks the barrier |
//! | `Semaphore`, `BoundedSemaphore` | [`sync::Semaphore`], [`sync::BoundedSemaphore`] | permits have holders and come back with their deaths; at most [`sync::MAX_PERMITS`] |
//! | - | [`sync::RwLock`], [`sync::Once`] | - |
//! | `Value`, `Array` | [`sync::Value`], [`sync::Array`] | plain data of any type |
//! | `RawValue`, `RawArray` | [`Arena::place`], [`Arena::alloc`] | - |
//! | `shared_memory.SharedMemory` | [`named::SharedMemory`] | created whole or not at all; no resource tracker: [`named::list`], [`named::clean`] |
//! | `shared_memory.ShareableList` | [`sync::Array`] | elements of one type; items of any type are for a [`manager::List`] |
//! | `Manager` and its proxies | [`manager::Manager`], [`manager::Dict`], [`manager::List`], [`manager::Namespace`], [`manager::Value`], [`manager::Queue`], [`manager::Lock`] | typed by serde; its other locks are those of [`sync`] |
//! | `BaseManager.register` | - | code of one's own in the server is a [`process::Process`] with a [`connection::Listener`] |
//! | `Pool`, `AsyncResult` | [`pool::Pool`], [`pool::AsyncResult`] | a death costs one task; retries; errors name the task |
//! | `pool.ThreadPool`, `dummy` | [`heddle_primitives::ThreadPool`] | - |
//! | `concurrent.futures.ProcessPoolExecutor` | [`pool::Executor`], [`pool::as_completed`], [`pool::wait`] | a death breaks nothing; results are also `Future`s |
//! | `TimeoutError`, `BufferTooShort`, `AuthenticationError` | each operation's own error | - |
//! | `get_logger`, `log_to_stderr` | - | whatever goes wrong is a value |

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
pub mod pool;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "pool/words.rs"]
mod pool;
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
