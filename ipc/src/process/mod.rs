//! Processes that run one function each: Python's `multiprocessing.Process`.
//!
//! | Python | here |
//! |---|---|
//! | `Process(target=f, args=a, name=n, daemon=d).start()` | [`Process::spawn`], [`Process::builder`] |
//! | `join()`, `join(timeout)` | [`Process::join`], which returns what `f` did; [`join_timeout`](Process::join_timeout), [`join_until`](Process::join_until) |
//! | `terminate()`, `kill()`, `is_alive()`, `name`, `pid`, `daemon`, `sentinel` | the same |
//! | `exitcode` | [`Process::exit`]: a code or a signal |
//! | `close()` | dropping the handle |
//! | `current_process()`, `active_children()`, `parent_process()` | [`current_process`], [`active_children`], [`parent_process`] |
//! | `set_start_method("spawn" or "forkserver")` | [`Builder::start_method`] with [`StartMethod::Spawn`] or [`StartMethod::Zygote`] |
//! | `"fork"` | not offered: it copies locks in whatever state other threads left them |
//! | at exit of the program, children are joined and daemons terminated | when the handle is dropped; see [`Process`] |
//! | a daemon may have no children | it may |
//! | `run()` overridden in a subclass, `freeze_support()`, `set_executable()` | no counterpart: a function says what runs, and the executable is this one |
//!
//! How a child starts, and what it costs to run before `main`, is said at the [crate](crate#how-a-worker-starts). One process that serves many calls is one of
//! [`Workers`](crate::Workers).
//!
//! # What happens when somebody dies
//!
//! | who, when | what follows |
//! |---|---|
//! | the process, before its function began | [`JoinError::Ended`] with how, and `begun: false` |
//! | the process, while its function runs | [`JoinError::Ended`] with how, and `begun: true` |
//! | the process, once the result is there | the result |
//! | the function panics | [`JoinError::Panicked`] with the message, and exit code 101 |
//! | the parent | the process ends in the middle of what it does, unless [told otherwise](Builder::ends_with_parent) |
//! | the zygote, idle | the next start takes up another one |
//! | the zygote, in the middle of a start | the child that it has made goes on; if it has made none, another one makes it |
//!
//! Modules:
//! - `handle`, `builder`, `error`: a process as its parent holds it;
//! - `children`: the list of them;
//! - `current`: who this process is;
//! - `letter`, `job`: the function, its argument and its result as bytes;
//! - `child`: the life of a child;
//! - `launch`, `zygote`: how a process comes into being, for workers too;
//! - `sys`: the calls to the system.

mod builder;
pub(crate) mod child;
mod children;
pub(crate) mod current;
mod error;
mod handle;
mod job;
pub(crate) mod launch;
mod letter;
pub(crate) mod sys;
pub(crate) mod zygote;

pub use builder::{Builder, Stream};
pub use children::{Child, active_children};
pub use current::{CurrentProcess, ParentProcess, current_process, parent_process};
pub use error::{JoinError, SpawnError};
pub use handle::Process;
pub use launch::StartMethod;
