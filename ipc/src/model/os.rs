//! What the rest of the crate asks of the system, without one: a process is a note of how it ended.
//!
//! Made of primitives that are checked by themselves. Like the kernel's, a poll first puts itself down as a follower of each
//! process and then looks, so that it misses no end.

use std::io;
use std::sync::Arc;

use heddle_primitives::{Event, Mutex};

use crate::exit::Exit;

/// A process that has not ended until [`end`](Pidfd::end) says so.
#[derive(Debug, Default)]
pub(crate) struct Pidfd(Mutex<Process>);

#[derive(Debug, Default)]
struct Process {
    exit: Option<Exit>,
    followers: Vec<Arc<Event>>,
}

impl Pidfd {
    /// What the kernel does once it has taken a process down.
    pub(crate) fn end(&self, exit: Exit) {
        let mut process = self.0.lock();
        process.exit = Some(exit);
        process.followers.drain(..).for_each(|follower| follower.set());
    }

    /// Whether it has ended; if not, `follower` is set once it has.
    fn poll(&self, follower: &Arc<Event>) -> bool {
        let mut process = self.0.lock();
        if process.exit.is_none() {
            process.followers.push(Arc::clone(follower));
        }
        process.exit.is_some()
    }
}

/// How a process ended that has.
pub(crate) fn reap(pidfd: &Pidfd) -> Exit {
    pidfd.0.lock().exit.expect("a poll says that it has ended")
}

/// Something that one thread rings and another waits for beside processes.
#[derive(Debug)]
pub(crate) struct Bell(Arc<Event>);

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        Ok(Bell(Arc::new(Event::new())))
    }

    /// Ends the next or present [`wait_for_any`].
    pub(crate) fn ring(&self) {
        self.0.set();
    }
}

/// Waits until one of these processes has ended or the bell is rung, and says which processes have; the bell is silent again.
pub(crate) fn wait_for_any<'a>(pidfds: impl Iterator<Item = &'a Pidfd>, bell: &'a Bell) -> Option<Vec<bool>> {
    let ended: Vec<bool> = pidfds.map(|pidfd| pidfd.poll(&bell.0)).collect();
    if !ended.contains(&true) {
        // An end rings as well: who calls again finds it.
        bell.0.wait();
    }
    bell.0.clear();
    Some(ended)
}
