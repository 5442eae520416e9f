//! A child process with its result.

use core::fmt;
use core::marker::PhantomData;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heddle_primitives::sync::thread;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::process::builder::Builder;
use crate::process::children::Child;
use crate::process::error::{JoinError, SpawnError};
use crate::process::letter::{Mapped, Reply, Verdict};

/// A process that runs one function, and whose result is an `R`.
///
/// It is this executable, started again, which calls the function instead of `main`. The function captures nothing; argument and result are
/// serialized by serde into memory that both processes share, and may be as large as that.
///
/// **Who waits.** [`join`](Process::join) returns the result. A handle that is dropped instead waits until its process has ended, as Python does at the
/// end of a program; that of a [daemon](Builder::daemon) ends it, and so does every handle that is dropped while its thread
/// panics, since the process may wait for something that will not come any more. [`detach`](Process::detach) lets go of a process. So nothing is
/// left when the handles are gone. There is no waiting at the end of the program: handles that are leaked, or lie in statics, end with it if they
/// [end with their parent](Builder::ends_with_parent), and else go on.
///
/// **Deaths.** A process that is killed, or exits, or panics before the result is there is a [`JoinError`] that says so. A result that was there is
/// returned, however the process ended afterwards.
///
/// **Threads.** All methods may be called by several threads at once. In a copy of this process that was made by `fork`, handles do nothing when dropped.
///
/// ```
/// use heddle_ipc::process::Process;
///
/// fn count(words: Vec<String>) -> usize {
///     words.iter().map(String::len).sum()
/// }
///
/// let process = Process::spawn(count, vec!["warp".to_owned(), "weft".to_owned()])?;
/// assert_eq!(process.join()?, 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it waits for the process, and throws the result away"]
pub struct Process<R> {
    child: Child,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    /// Whether dropping the handle does nothing.
    released: bool,
    of: PhantomData<fn() -> R>,
}

impl Process<()> {
    /// Sets out to start a process otherwise than by default.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<R: Serialize + DeserializeOwned + 'static> Process<R> {
    /// Starts a process that calls `f(argument)`, with the defaults of [`Builder`].
    ///
    /// `f` is a function, a closure that captures nothing, or a function pointer.
    ///
    /// ```compile_fail
    /// let captured = [1_u64; 4];
    /// let process = heddle_ipc::process::Process::spawn(move |x: u64| x + captured[0], 1).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; nothing was started then.
    pub fn spawn<F, A>(f: F, argument: A) -> Result<Process<R>, SpawnError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned + 'static,
    {
        Builder::default().spawn(f, argument)
    }

    /// Waits until the process has ended, and returns the result.
    ///
    /// Closes the pipe to its standard input first, if there is one that was not [taken](Process::take_stdin), and those from its output.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(mut self) -> Result<R, JoinError> {
        self.stdin = None;
        self.stdout = None;
        self.stderr = None;
        self.join_until(None)
    }

    /// As [`join_until`](Process::join_until), with a limit from now on.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join_timeout(&self, limit: Duration) -> Result<R, JoinError> {
        self.join_until(Instant::now().checked_add(limit))
    }

    /// Waits until the process has ended, at most until the deadline, and returns the result. It may be called again, also after it has
    /// returned a result.
    ///
    /// A process that writes more to a piped stream than a pipe holds (64 KiB) does not end before somebody reads it.
    ///
    /// # Errors
    ///
    /// [`JoinError::TimedOut`] while it lives; else see [`JoinError`].
    pub fn join_until(&self, deadline: Option<Instant>) -> Result<R, JoinError> {
        let (name, pid) = (self.name(), self.pid());
        let Some(exit) = self.child.wait_until(deadline) else {
            return Err(JoinError::TimedOut { name: name.to_owned(), pid });
        };
        let broken = |what: String| JoinError::Garbage { name: name.to_owned(), pid, what };
        match self.child.reply() {
            Ok(Reply::Committed { verdict, bytes }) => self.read(verdict, &bytes),
            Ok(Reply::NotBegun) => Err(JoinError::Ended { name: name.to_owned(), pid, exit, begun: false }),
            Ok(Reply::Begun) => Err(JoinError::Ended { name: name.to_owned(), pid, exit, begun: true }),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// What a committed reply says.
    fn read(&self, verdict: Verdict, bytes: &Mapped) -> Result<R, JoinError> {
        let (name, pid) = (self.name().to_owned(), self.pid());
        let text = || String::from_utf8_lossy(bytes.as_slice()).into_owned();
        match verdict {
            Verdict::Returned => postcard::from_bytes(bytes.as_slice()).map_err(|error| JoinError::Garbage {
                name,
                pid,
                what: error.to_string(),
            }),
            Verdict::Panicked => Err(JoinError::Panicked { name, pid, message: text() }),
            Verdict::NoArgument => Err(JoinError::Argument { name, pid, what: text() }),
            Verdict::NoResult => Err(JoinError::Result { name, pid, what: text() }),
        }
    }
}

impl<R> Process<R> {
    pub(super) fn new(
        child: Child,
        stdin: Option<PipeWriter>,
        stdout: Option<PipeReader>,
        stderr: Option<PipeReader>,
    ) -> Process<R> {
        Process { child, stdin, stdout, stderr, released: false, of: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.child.name()
    }

    /// Its process id. It is the process's own until the process has been reaped, which is when its [`exit`](Process::exit) is known.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Whether it was started as a [daemon](Builder::daemon).
    pub fn is_daemon(&self) -> bool {
        self.child.is_daemon()
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// How it ended; `None` if it has not.
    pub fn exit(&self) -> Option<Exit> {
        self.child.exit()
    }

    /// Asks it to end, by SIGTERM. One that has ended already is no error.
    ///
    /// # Errors
    ///
    /// The system refuses, which it does for a process that has taken on another user's rights.
    pub fn terminate(&self) -> io::Result<()> {
        self.child.terminate()
    }

    /// Ends it, by SIGKILL. One that has ended already is no error.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Process::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.child.kill()
    }

    /// A descriptor that is readable once it has ended, for polling it beside others.
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.child.sentinel()
    }

    /// The process without its result.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// The end of the pipe that is its standard input, if it was [started](Builder::stdin) with one, and it was not taken before.
    pub fn take_stdin(&mut self) -> Option<PipeWriter> {
        self.stdin.take()
    }

    /// The end of the pipe that is its standard output, as [`take_stdin`](Process::take_stdin).
    pub fn take_stdout(&mut self) -> Option<PipeReader> {
        self.stdout.take()
    }

    /// The end of the pipe that is its standard error, as [`take_stdin`](Process::take_stdin).
    pub fn take_stderr(&mut self) -> Option<PipeReader> {
        self.stderr.take()
    }

    /// Lets go of the process, which goes on until it is done or its parent ends. Its result is thrown away. Once it has
    /// ended it is reaped when the next process is started, or [`active_children`](super::active_children) is called.
    pub fn detach(mut self) -> Child {
        self.released = true;
        self.child.detach();
        self.child.clone()
    }
}

impl<R> AsFd for Process<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sentinel()
    }
}

impl<R> Drop for Process<R> {
    fn drop(&mut self) {
        if self.released || !self.child.is_ours() {
            return;
        }
        // It may be reading, or writing what nobody reads.
        self.stdin = None;
        self.stdout = None;
        self.stderr = None;
        if self.is_daemon() || thread::panicking() {
            self.child.end();
        } else {
            self.child.wait_until(None);
        }
        self.child.forget();
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("exit", &self.exit())
            .field("daemon", &self.is_daemon())
            .finish_non_exhaustive()
    }
}
