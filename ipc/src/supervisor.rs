//! The thread that notices when workers end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use heddle_primitives::Mutex;
use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
use heddle_primitives::sync::thread;
use rustix::event::{EventfdFlags, PollFd, PollFlags};

use crate::link::SharedLink;
use crate::os;

/// Watches the processes of a set of workers, reaps them, and wakes whoever waits for them.
///
/// One thread polls a pidfd for each process, so a death is noticed as soon as the kernel has taken the process down, and no id that
/// the system may have given to another process is ever looked at.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shared: Arc<State>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    /// Readable when `watched` or `stop` changed.
    changed: OwnedFd,
    watched: Mutex<Vec<SharedLink>>,
    /// Ends the thread once nobody is left to watch.
    stop: AtomicBool,
}

impl Supervisor {
    pub(crate) fn start() -> io::Result<Supervisor> {
        let changed = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared =
            Arc::new(State { changed, watched: Mutex::new(Vec::new()), stop: AtomicBool::new(false) });
        let state = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("heddle-supervise".to_owned())
            .stack_size(64 << 10)
            .spawn(move || state.run())?;
        Ok(Supervisor { shared, thread: Some(thread) })
    }

    /// Watches these processes too, until they end.
    pub(crate) fn watch(&self, links: impl IntoIterator<Item = SharedLink>) {
        self.shared.watched.lock().extend(links);
        self.shared.notify();
    }
}

impl Drop for Supervisor {
    /// Waits until every watched process has ended: close or kill them first.
    fn drop(&mut self) {
        // ORDERING: Release: pairs with the Acquire load in `run`; nothing but the flag itself is passed on.
        self.shared.stop.store(true, Ordering::Release);
        self.shared.notify();
        if let Some(thread) = self.thread.take() {
            // It does not panic; were it to, there would be nothing to do about it here.
            let _ = thread.join();
        }
    }
}

impl State {
    fn notify(&self) {
        // Fails only if the counter is at its limit: then it is readable already.
        let _ = rustix::io::write(&self.changed, &1_u64.to_ne_bytes());
    }

    fn run(&self) {
        loop {
            // ORDERING: Acquire: pairs with the Release store in `drop`. Read before `watched`, which nobody fills after it.
            let stop = self.stop.load(Ordering::Acquire);
            let watched = self.watched.lock().clone();
            if stop && watched.is_empty() {
                return;
            }
            let mut fds: Vec<PollFd<'_>> = watched
                .iter()
                .map(|link| PollFd::from_borrowed_fd(link.pidfd(), PollFlags::IN))
                .chain([PollFd::new(&self.changed, PollFlags::IN)])
                .collect();
            if rustix::event::poll(&mut fds, None).is_err() {
                // Interrupted, or no memory for the moment.
                continue;
            }
            let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ended.last() == Some(&true) {
                let _ = rustix::io::read(&self.changed, &mut [0_u8; 8]);
            }
            for (link, _) in watched.iter().zip(&ended).filter(|(_, ended)| **ended) {
                link.set_death(os::reap(link.pidfd()));
                self.watched.lock().retain(|other| !Arc::ptr_eq(other, link));
            }
        }
    }
}
