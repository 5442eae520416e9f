//! Waking a thread outside from the CPU that is to run it.

use super::task::{Task, Work};
use super::worker::WorkerThread;
use crate::Private;
use crate::spin::Spin;
use std::time::Duration;

/// How long a worker that has ended a task waits for another to wake the thread outside in its place.
const HAND_OVER: Duration = Duration::from_micros(1);

/// Wakes the thread outside that sleeps until a task is done.
///
/// Where workers have all the CPUs, such a thread last ran on the CPU of one that is awake. To wake it from another CPU takes an
/// interrupt (27 us on a virtual machine, with the CPU busy), from its own 2 us. So a worker that looks for work is
/// asked to do it: it is not on this CPU, and has nothing better to do.
struct Errand(Task);

impl Work for Errand {
    fn run(&self) {
        self.0.wake();
    }
}

impl WorkerThread {
    /// Wakes who sleeps until `task` is done, from another worker if one looks for work.
    ///
    /// *The wake is not lost.* The errand is a task, so exactly one claims it, who then wakes: a worker that came across it, or the
    /// caller after a while.
    #[cold]
    pub fn wake_outside(&self, task: &Task) {
        if !self.registry().is_somebody_looking() {
            return task.wake();
        }
        // SAFETY: the errand owns all that it uses, and to wake is right in any thread at any time.
        let errand = unsafe { Task::new(Errand(task.clone()), None, None) };
        self.registry().board.post(errand.clone());
        let mut spin = Spin::exponential::<Private>(HAND_OVER, None, 1, 1);
        while errand.is_pending() {
            if !spin.pause() {
                if errand.claim() {
                    task.wake();
                }
                return;
            }
        }
    }
}
