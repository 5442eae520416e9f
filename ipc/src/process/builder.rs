//! How to start a process.

use core::any::type_name;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::{self, Role};
use crate::image::Image;
use crate::process::child::LetterRef;
use crate::process::children::Child;
use crate::process::current::current_process;
use crate::process::error::SpawnError;
use crate::process::handle::Process;
use crate::process::job::Job;
use crate::process::launch::{self, Given, StartMethod};
use crate::process::letter::{Head, Letter, WriteError};

/// A standard stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// The parent's.
    Inherit,
    /// Nothing to read, and what is written disappears.
    Null,
    /// A pipe, of which the parent has the other end.
    Piped,
}

/// How to start a [`Process`]: what [`Process::builder`] returns. It can be used for several.
///
/// ```
/// use std::io::Read;
/// use heddle_ipc::process::{Process, StartMethod, Stream};
///
/// let mut process = Process::builder()
///     .name("greeter")
///     .start_method(StartMethod::Zygote)
///     .stdout(Stream::Piped)
///     .environment("WHOM", "world")
///     .spawn(|greeting: String| println!("{greeting}, {}", std::env::var("WHOM").unwrap()), "hello".to_owned())?;
/// let mut said = String::new();
/// process.take_stdout().unwrap().read_to_string(&mut said)?;
/// assert_eq!(said, "hello, world\n");
/// process.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    name: Option<String>,
    daemon: bool,
    ends_with_parent: bool,
    streams: [Stream; 3],
    clear_environment: bool,
    environment: Vec<(OsString, Option<OsString>)>,
    directory: Option<PathBuf>,
    method: StartMethod,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: None,
            daemon: false,
            ends_with_parent: true,
            streams: [Stream::Null, Stream::Inherit, Stream::Inherit],
            clear_environment: false,
            environment: Vec::new(),
            directory: None,
            method: StartMethod::default(),
        }
    }
}

impl Builder {
    /// The name, for people and for [`current_process`]; it need not be unique. Unless set `Process-1` and so on, and in these
    /// `Process-1:1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether dropping the handle ends the process, by SIGTERM and a second later by SIGKILL, instead of waiting for it; no unless set.
    /// Unlike Python's, a daemon may have children.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// Whether the process ends when this one does, however this one does; yes unless set. It then ends without running anything else, also in the middle
    /// of its function. One that does not must have begun by then: its argument ends with this process.
    pub fn ends_with_parent(mut self, ends: bool) -> Self {
        self.ends_with_parent = ends;
        self
    }

    /// The standard input; [`Stream::Null`] unless set, since two processes that read from one terminal get in each other's way.
    pub fn stdin(mut self, stream: Stream) -> Self {
        self.streams[0] = stream;
        self
    }

    /// The standard output; [`Stream::Inherit`] unless set. What std holds back of it is written at the end.
    pub fn stdout(mut self, stream: Stream) -> Self {
        self.streams[1] = stream;
        self
    }

    /// The standard error; [`Stream::Inherit`] unless set.
    pub fn stderr(mut self, stream: Stream) -> Self {
        self.streams[2] = stream;
        self
    }

    /// Sets a variable in the process's environment, which is otherwise that of this process. It is set before the function runs, but the dynamic
    /// loader and the C library have read theirs by then.
    pub fn environment(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable from the process's environment.
    pub fn environment_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Removes all variables, those of this process and those that were set here before.
    pub fn environment_clear(mut self) -> Self {
        self.environment.clear();
        self.clear_environment = true;
        self
    }

    /// The current directory; this process's unless set.
    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// How the process comes into being; [`StartMethod::Spawn`] unless set.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// Starts a process that calls `f(argument)`. It returns as soon as there is a process, which may not have begun yet.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; nothing was started then.
    pub fn spawn<F, A, R>(&self, f: F, argument: A) -> Result<Process<R>, SpawnError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let job = Job::new::<F, A, R>(f).ok_or(SpawnError::NotPlain { function: type_name::<F>() })?;
        let head = self.head(job)?;
        let letter = Letter::write(&head, &argument).map_err(|error| match error {
            WriteError::Value(source) => SpawnError::Argument { source },
            WriteError::Os(source) => SpawnError::Memory { source },
        })?;
        drop(argument);
        let (child, stdin, stdout, stderr) = self.start(head.name, letter)?;
        Ok(Process::new(child, stdin, stdout, stderr))
    }

    /// What the child is told.
    fn head(&self, job: Job) -> Result<Head, SpawnError> {
        if !entry::ran() {
            return Err(SpawnError::NoEntry);
        }
        let bytes = |text: &OsStr| text.as_bytes().to_vec();
        let number = number();
        let name = self.name.clone().unwrap_or_else(|| format!("Process-{number}"));
        if name.is_empty() || name.contains('\0') {
            return Err(SpawnError::Name { name });
        }
        for (name, value) in &self.environment {
            let bad = |text: &OsStr| text.as_bytes().contains(&0);
            let value_is_bad = value.as_ref().is_some_and(|value| bad(value));
            if name.is_empty() || name.as_bytes().contains(&b'=') || bad(name) || value_is_bad {
                return Err(SpawnError::Environment { name: name.to_string_lossy().into_owned() });
            }
        }
        if let Some(path) = &self.directory {
            let is_directory = std::fs::metadata(path).and_then(|found| match found.is_dir() {
                true => Ok(()),
                false => Err(io::ErrorKind::NotADirectory.into()),
            });
            is_directory.map_err(|source| SpawnError::CurrentDir { path: path.clone(), source })?;
        }
        Ok(Head {
            identity: Image::current().identity().words(),
            trampoline: job.trampoline,
            function: job.function,
            name,
            number,
            parent_name: current_process().name().to_owned(),
            daemon: self.daemon,
            ends_with_parent: self.ends_with_parent,
            clear_environment: self.clear_environment,
            environment: self
                .environment
                .iter()
                .map(|(name, value)| (bytes(name), value.clone().map(OsString::into_vec)))
                .collect(),
            directory: self.directory.as_ref().map(|path| bytes(path.as_os_str())),
        })
    }

    /// Starts the process that gets this letter.
    #[allow(clippy::type_complexity, reason = "a child and its pipes, for one caller")]
    fn start(
        &self,
        name: String,
        letter: Letter,
    ) -> Result<(Child, Option<PipeWriter>, Option<PipeReader>, Option<PipeReader>), SpawnError> {
        Child::sweep();
        let pipe = |source| SpawnError::Pipe { source };
        let (stdin, to) = input(self.streams[0]).map_err(pipe)?;
        let (stdout, from) = output(self.streams[1]).map_err(pipe)?;
        let (stderr, from_err) = output(self.streams[2]).map_err(pipe)?;
        let role = Role::Process(LetterRef {
            pid: std::process::id(),
            fd: letter.file.as_raw_fd() as u32,
            len: letter.len,
        });
        let started = launch::start(self.method, &role, &name, [stdin, stdout, stderr])
            .map_err(|source| SpawnError::Spawn { source })?;
        Ok((Child::new(name, self.daemon, started, letter), to, from, from_err))
    }
}

/// The number of the next child.
fn number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // ORDERING: Relaxed: numbers differ, and say nothing about other memory.
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    match current_process().number() {
        Some(number) => format!("{number}:{next}"),
        None => next.to_string(),
    }
}

fn input(stream: Stream) -> io::Result<(Given, Option<PipeWriter>)> {
    Ok(match stream {
        Stream::Inherit => (Given::Same, None),
        Stream::Null => (Given::Null, None),
        Stream::Piped => {
            let (theirs, ours) = io::pipe()?;
            (Given::Fd(theirs.into()), Some(ours))
        }
    })
}

fn output(stream: Stream) -> io::Result<(Given, Option<PipeReader>)> {
    Ok(match stream {
        Stream::Inherit => (Given::Same, None),
        Stream::Null => (Given::Null, None),
        Stream::Piped => {
            let (ours, theirs) = io::pipe()?;
            (Given::Fd(theirs.into()), Some(ours))
        }
    })
}
