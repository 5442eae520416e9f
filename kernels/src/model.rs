//! The concurrency models: ways to make a team.
//!
//! | model | members | kept between runs |
//! |---|---|---|
//! | `sequential` | the caller | - |
//! | `threads` | the caller and threads spawned for the run | nothing |
//! | `thread_pool` | the caller and waiting threads | the threads |
//! | `processes` | processes started for the run | nothing but the data |
//! | `process_pool` | waiting processes; the data resides in their segment | the processes and their mapping |
//! | `process_pool-copied` | the same; the data is copied into the segment and back by every run | the same |
//! | `hybrid` | two waiting processes with equally many waiting threads each | the processes and their threads |
//!
//! Where members are threads the caller is rank 0, as in OpenMP. Where they are processes it only waits: that it outlives
//! a crash of any member is what processes are for.

mod cpus;
mod local;
mod processes;
mod thread_pool;

pub(crate) use cpus::Cpus;
pub(crate) use local::{Ranks, on_pool, on_scoped_threads, solo};
pub(crate) use processes::{MemberArgs, Processes};
pub use thread_pool::ThreadPool;

/// A concurrency model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// The caller alone.
    Sequential,
    /// Threads spawned for each run.
    Threads,
    /// Threads that wait for the next run.
    ThreadPool,
    /// Processes started for each run.
    Processes,
    /// Processes that wait for the next run, with the data resident in their segment.
    ProcessPool,
    /// As `ProcessPool`, with the data handed over and back by every run.
    ProcessPoolCopied,
    /// Two waiting processes with several waiting threads each.
    Hybrid,
}

/// Processes of the hybrid model.
pub const HYBRID_PROCESSES: usize = 2;

impl Model {
    /// Every model.
    pub const ALL: [Model; 7] = [
        Model::Sequential,
        Model::Threads,
        Model::ThreadPool,
        Model::Processes,
        Model::ProcessPool,
        Model::ProcessPoolCopied,
        Model::Hybrid,
    ];

    /// The model's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Model::Sequential => "sequential",
            Model::Threads => "threads",
            Model::ThreadPool => "thread_pool",
            Model::Processes => "processes",
            Model::ProcessPool => "process_pool",
            Model::ProcessPoolCopied => "process_pool-copied",
            Model::Hybrid => "hybrid",
        }
    }

    /// The model of that name.
    ///
    /// ```
    /// use heddle_kernels::Model;
    ///
    /// assert!(Model::ALL.iter().all(|model| Model::from_name(model.name()) == Some(*model)));
    /// assert_eq!(Model::from_name("fibres"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Model> {
        Model::ALL.into_iter().find(|model| model.name() == name)
    }

    /// What keeps it from running with so many workers, if anything.
    pub fn refuses(self, workers: usize) -> Option<&'static str> {
        match self {
            _ if workers == 0 => Some("a team has at least one member"),
            _ if workers > 4096 => Some("a team has at most 4096 members"),
            Model::Sequential if workers != 1 => Some("it has one member"),
            Model::Hybrid if !workers.is_multiple_of(HYBRID_PROCESSES) => {
                Some("its two processes have equally many threads")
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
