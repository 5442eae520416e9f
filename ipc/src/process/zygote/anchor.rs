//! The thread whose child the zygote is.
//!
//! To the kernel a process is the child of the thread that started it, or of another of its process once that has ended; and the signal that a child can
//! ask for at its parent's death comes at the end of that *thread*. A thread that ends only with its process makes the two the same. So the zygote's children,
//! which the kernel takes for children of the thread that started the zygote, need no thread of their own that follows the parent, which is a fifth of
//! what their start costs.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use heddle_primitives::sync::thread;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that waits for things to do until the process ends.
#[derive(Debug)]
pub(super) struct Anchor {
    /// The process that has the thread: a copy of it has not.
    owner: u32,
    jobs: Sender<Job>,
}

impl Anchor {
    pub(super) fn new() -> io::Result<Anchor> {
        let (jobs, received): (Sender<Job>, Receiver<Job>) = channel();
        let work = move || received.into_iter().for_each(|job| job());
        thread::Builder::new().name("heddle-anchor".to_owned()).stack_size(256 << 10).spawn(work)?;
        Ok(Anchor { owner: std::process::id(), jobs })
    }

    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Has the thread do this, and waits for it.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        let job = Box::new(move || drop(answer.send(job())));
        self.jobs.send(job).expect("the thread lives as long as the process");
        answered.recv().expect("the job does not panic")
    }
}
