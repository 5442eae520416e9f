//! The children of this process, whether or not somebody holds them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use heddle_primitives::Mutex;
use heddle_primitives::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;
use crate::os;
use crate::process::launch::Started;
use crate::process::letter::{Letter, Reply};
use crate::process::sys;

/// How long a child that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// Children that have not been reaped, or whose handles live.
static CHILDREN: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A child process, without its result. Clones are the same.
#[derive(Clone, Debug)]
pub struct Child {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    daemon: bool,
    started: Started,
    /// The process whose child it is: in a copy of that, which the program has forked, it is none of ours.
    owner: u32,
    letter: Letter,
    exit: OnceLock<Exit>,
    /// Held while it is reaped, which can be done once.
    reaping: Mutex<()>,
    /// Nobody waits for it, so it is reaped by the way.
    detached: AtomicBool,
}

/// The children of this process that live.
///
/// Reaps those that have ended, as starting another does. Other threads may start children and join them meanwhile.
///
/// ```
/// use heddle_ipc::process::{Process, active_children};
///
/// let child = Process::builder().name("sleeper").spawn(std::thread::sleep, std::time::Duration::from_secs(60))?;
/// assert!(active_children().iter().any(|child| child.name() == "sleeper"));
/// child.terminate()?;
/// assert!(child.join().is_err());
/// assert!(active_children().iter().all(|child| child.name() != "sleeper"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn active_children() -> Vec<Child> {
    let mut children = CHILDREN.lock();
    children.retain(|child| child.is_ours() && child.is_alive());
    children.clone()
}

impl Child {
    /// Notes a child that was just started.
    pub(super) fn new(name: String, daemon: bool, started: Started, letter: Letter) -> Child {
        let child = Child {
            inner: Arc::new(Inner {
                name,
                daemon,
                started,
                owner: std::process::id(),
                letter,
                exit: OnceLock::new(),
                reaping: Mutex::new(()),
                detached: AtomicBool::new(false),
            }),
        };
        CHILDREN.lock().push(child.clone());
        child
    }

    /// Reaps children that nobody waits for.
    pub(super) fn sweep() {
        CHILDREN.lock().retain(|child| {
            // ORDERING: Relaxed: a child that was detached just now is reaped the next time.
            let held = !child.inner.detached.load(Ordering::Relaxed);
            child.is_ours() && (held || child.is_alive())
        });
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its process id. It is the child's own until the child has been reaped, which is when its [`exit`](Child::exit) is known.
    pub fn pid(&self) -> u32 {
        self.inner.started.pid
    }

    /// Whether it was [started](super::Builder::daemon) as a daemon.
    pub fn is_daemon(&self) -> bool {
        self.inner.daemon
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        self.exit().is_none()
    }

    /// How it ended; `None` if it has not.
    pub fn exit(&self) -> Option<Exit> {
        self.wait_until(Some(Instant::now()))
    }

    /// Waits until it has ended, at most until the deadline.
    pub fn wait_until(&self, deadline: Option<Instant>) -> Option<Exit> {
        let Inner { exit, reaping, started, .. } = &*self.inner;
        if exit.get().is_none() && os::wait_for_end(&started.pidfd, deadline) {
            let _turn = reaping.lock();
            exit.get_or_init(|| os::reap(&started.pidfd));
        }
        exit.get().copied()
    }

    /// Asks it to end, by SIGTERM. One that has ended already is no error.
    ///
    /// # Errors
    ///
    /// The system refuses, which it does for a child that has taken on another user's rights.
    pub fn terminate(&self) -> io::Result<()> {
        sys::terminate(&self.inner.started.pidfd)
    }

    /// Ends it, by SIGKILL. One that has ended already is no error.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Child::terminate).
    pub fn kill(&self) -> io::Result<()> {
        os::kill(&self.inner.started.pidfd)
    }

    /// A descriptor that is readable once it has ended, for polling it beside others.
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.inner.started.pidfd.as_fd()
    }

    pub(super) fn reply(&self) -> io::Result<Reply> {
        self.inner.letter.reply()
    }

    /// Whether this process started it, and is not a copy of the one that did.
    pub(super) fn is_ours(&self) -> bool {
        self.inner.owner == std::process::id()
    }

    /// Asks it to end, kills it if it does not, and waits until it has.
    pub(super) fn end(&self) {
        let asked = self.terminate().is_ok();
        if !asked || self.wait_until(Instant::now().checked_add(GRACE)).is_none() {
            let _ = self.kill();
            self.wait_until(None);
        }
    }

    /// Leaves it alone.
    pub(super) fn detach(&self) {
        // ORDERING: Relaxed: see `sweep`.
        self.inner.detached.store(true, Ordering::Relaxed);
    }

    /// Strikes it off the list, once it has ended.
    pub(super) fn forget(&self) {
        CHILDREN.lock().retain(|child| !Arc::ptr_eq(&child.inner, &self.inner));
    }
}
