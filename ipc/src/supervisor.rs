//! The thread that notices when workers end.

use core::fmt;
use std::io;
use std::sync::Arc;

use heddle_primitives::Mutex;
use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
use heddle_primitives::sync::thread;

use crate::link::SharedLink;
use crate::os::{self, Bell};

/// Watches the processes of a set of workers, reaps them, and wakes whoever waits for them.
///
/// One thread polls a pidfd for each process, so a death is noticed as soon as the kernel has taken the process down, and no id that
/// the system may have given to another process is ever looked at.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shared: Arc<State>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What is called after each death was noted, in the supervisor's thread.
#[derive(Clone)]
pub(crate) struct OnDeath(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for OnDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDeath")
    }
}

#[derive(Debug)]
struct State {
    /// Rung when `watched` or `stop` changed.
    changed: Bell,
    watched: Mutex<Vec<SharedLink>>,
    /// Ends the thread once nobody is left to watch.
    stop: AtomicBool,
    on_death: Option<OnDeath>,
}

impl Supervisor {
    pub(crate) fn start(on_death: Option<OnDeath>) -> io::Result<Supervisor> {
        let shared = Arc::new(State {
            changed: Bell::new()?,
            watched: Mutex::new(Vec::new()),
            stop: AtomicBool::new(false),
            on_death,
        });
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
        self.shared.changed.ring();
    }
}

impl Drop for Supervisor {
    /// Waits until every watched process has ended: close or kill them first.
    fn drop(&mut self) {
        // ORDERING: Release: pairs with the Acquire load in `run`; nothing but the flag itself is passed on.
        self.shared.stop.store(true, Ordering::Release);
        self.shared.changed.ring();
        if let Some(thread) = self.thread.take() {
            // It does not panic; were it to, there would be nothing to do about it here.
            let _ = thread.join();
        }
    }
}

impl State {
    fn run(&self) {
        loop {
            // ORDERING: Acquire: pairs with the Release store in `drop`. Read before `watched`, which nobody fills after it.
            let stop = self.stop.load(Ordering::Acquire);
            let watched = self.watched.lock().clone();
            if stop && watched.is_empty() {
                return;
            }
            let pidfds = watched.iter().map(|link| link.pidfd());
            let Some(ended) = os::wait_for_any(pidfds, &self.changed) else { continue };
            for (link, _) in watched.iter().zip(&ended).filter(|(_, ended)| **ended) {
                link.set_death(os::reap(link.pidfd()));
                if let Some(OnDeath(tell)) = &self.on_death {
                    tell();
                }
                self.watched.lock().retain(|other| !Arc::ptr_eq(other, link));
            }
        }
    }
}
