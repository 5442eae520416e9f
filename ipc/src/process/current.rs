//! Who this process is, and whose child.

use std::sync::OnceLock;
use std::time::Instant;

use crate::os::{self, Pidfd};

/// The name of a process that nobody here has started.
const MAIN: &str = "MainProcess";

static SELF: OnceLock<Me> = OnceLock::new();

/// What a child knows of itself.
#[derive(Debug)]
struct Me {
    /// To notice that this is a copy of the child, which the program has forked.
    pid: u32,
    name: String,
    number: String,
    daemon: bool,
    parent: Parent,
}

#[derive(Debug)]
struct Parent {
    pid: u32,
    name: String,
    /// `None` if it had ended before it could be watched.
    pidfd: Option<Pidfd>,
}

/// Notes in a child who it is.
pub(crate) fn introduce(name: String, number: String, daemon: bool, parent: u32, parent_name: String) {
    // If it is not the parent any more, it has ended, and the id may be another process's.
    let pidfd = os::pidfd(parent).ok().filter(|_| os::parent() == parent);
    let parent = Parent { pid: parent, name: parent_name, pidfd };
    let me = Me { pid: std::process::id(), name, number, daemon, parent };
    SELF.set(me).expect("introduced once");
}

fn me() -> Option<&'static Me> {
    SELF.get().filter(|me| me.pid == std::process::id())
}

/// A process, as seen by itself.
#[derive(Clone, Copy, Debug)]
pub struct CurrentProcess {
    me: Option<&'static Me>,
}

/// Who this process is.
///
/// ```
/// use heddle_ipc::process::{Process, current_process};
///
/// assert_eq!(current_process().name(), "MainProcess");
/// let child = Process::builder().name("clerk").spawn(|()| current_process().name().to_owned(), ())?;
/// assert_eq!(child.join()?, "clerk");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn current_process() -> CurrentProcess {
    CurrentProcess { me: me() }
}

impl CurrentProcess {
    /// The name that its parent gave it; `MainProcess` if it is nobody's child.
    pub fn name(&self) -> &str {
        self.me.map_or(MAIN, |me| &me.name)
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Whether it is a [`Process`](super::Process) of another one.
    pub fn is_child(&self) -> bool {
        self.me.is_some()
    }

    /// Whether it was [started](super::Builder::daemon) as a daemon.
    pub fn is_daemon(&self) -> bool {
        self.me.is_some_and(|me| me.daemon)
    }

    /// Which child of which child of the first process it is, as in `1:2`.
    pub(super) fn number(&self) -> Option<&str> {
        self.me.map(|me| &*me.number)
    }
}

/// The process that started this one.
#[derive(Clone, Copy, Debug)]
pub struct ParentProcess {
    parent: &'static Parent,
}

/// The process that started this one as its child; `None` in a process that was started otherwise.
///
/// Children [end with their parent](super::Builder::ends_with_parent) unless told otherwise, so this is for those that do not.
pub fn parent_process() -> Option<ParentProcess> {
    me().map(|me| ParentProcess { parent: &me.parent })
}

impl ParentProcess {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.parent.name
    }

    /// Its id; another process's, perhaps, once it has ended.
    pub fn pid(&self) -> u32 {
        self.parent.pid
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        !self.wait_until(Some(Instant::now()))
    }

    /// Waits until it has ended.
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// Waits until it has ended, at most until the deadline; whether it has.
    pub fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.parent.pidfd.as_ref().is_none_or(|pidfd| os::wait_for_end(pidfd, deadline))
    }
}
