//! Starts this executable again, in one of two ways.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::entry::{self, Role};
use crate::os::{self, Pidfd};
use crate::process::{sys, zygote};

/// How a child comes into being.
///
/// | | [`Spawn`](StartMethod::Spawn) | [`Zygote`](StartMethod::Zygote) |
/// |---|---|---|
/// | what | `/proc/self/exe` is executed by `posix_spawn` | a process that was executed before copies itself |
/// | takes | about 1 ms | about 0.2 ms, and once 1 ms for the zygote |
/// | descriptors | standard streams, and whatever is not closed on exec | standard streams, and nothing else |
/// | environment, current directory, CPUs | the parent's | the parent's |
/// | limits, priority, umask, credentials | the parent's | the parent's when the zygote was started |
/// | constructors before ours in `.init_array` | run in each child | ran in the zygote: what they drew at random is the same in its children |
/// | layout of addresses | its own | the zygote's |
/// | once the parent has executed another program | goes on | ends, if it [ends with its parent](super::Builder::ends_with_parent) |
/// | arguments in a list of processes | the child's name | the zygote's |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartMethod {
    /// The executable is started again.
    #[default]
    Spawn,
    /// A helper process, which was started in that way at the first use, copies itself before it has threads or has done anything
    /// else. It ends with this process, and is replaced if somebody kills it, or if the environment or the current directory of this
    /// process has changed. Its children are this process's, as if it had started them.
    ///
    /// glibc is needed, and a kernel with `CONFIG_CHECKPOINT_RESTORE`, as distributions have; elsewhere it is an error of the kind
    /// [`Unsupported`](std::io::ErrorKind::Unsupported).
    Zygote,
}

/// What a child gets as a standard stream.
#[derive(Debug)]
pub(crate) enum Given {
    /// What this process has.
    Same,
    /// Nothing to read, and what is written disappears.
    Null,
    /// This.
    Fd(OwnedFd),
}

impl Given {
    pub(crate) const SAME: [Given; 3] = [Given::Same, Given::Same, Given::Same];
}

impl From<Given> for Stdio {
    fn from(given: Given) -> Self {
        match given {
            Given::Same => Stdio::inherit(),
            Given::Null => Stdio::null(),
            Given::Fd(fd) => Stdio::from(fd),
        }
    }
}

/// A child process of this one, not yet reaped by anybody.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) pidfd: Pidfd,
}

/// Starts `program`, which is to be this executable, in this role, shown to people under this name.
pub(crate) fn spawn(program: &Path, role: &Role, name: &str, streams: [Given; 3]) -> io::Result<Started> {
    let mut command = Command::new(program);
    // No `pre_exec`: std would have to fork then, which takes 15 ms for a process of 1 GB, instead of 1.
    command.env(entry::VARIABLE, role.to_string());
    // For people who look at a list of processes; the child itself reads neither.
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    let [stdin, stdout, stderr] = streams;
    command.arg(name).stdin(stdin).stdout(stdout).stderr(stderr);
    let mut child = command.spawn()?;
    // The child has not been waited for, so the id is still its own. Dropping the handle neither kills nor reaps it.
    let pidfd = os::pidfd(child.id()).inspect_err(|_| {
        // Nobody would watch it.
        let _ = child.kill().and_then(|()| child.wait());
    })?;
    Ok(Started { pid: child.id(), pidfd })
}

/// The executable that this process runs, even if its file was replaced: resolved by the new process.
pub(crate) const OWN: &str = "/proc/self/exe";

/// Starts this executable in one way or the other.
pub(crate) fn start(
    method: StartMethod,
    role: &Role,
    name: &str,
    streams: [Given; 3],
) -> io::Result<Started> {
    match method {
        StartMethod::Spawn => spawn(Path::new(OWN), role, name, streams),
        StartMethod::Zygote => {
            let fds = core::array::from_fn(|number| match &streams[number] {
                // One that this process has closed is nothing.
                Given::Same => sys::standard(number),
                Given::Null => None,
                Given::Fd(fd) => Some(fd.as_fd()),
            });
            zygote::start(role, fds)
        }
    }
}
