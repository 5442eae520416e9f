//! Why there is no process, and why it has no result.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::exit::Exit;

/// Why a process was not started. Nothing is left of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The code by which a child is recognised before `main` did not run in this program, so it would not in the child.
    #[error(
        "the entry before `main` did not run in this program, so a child would not be recognised: was `.init_array` dropped \
         when linking, or is this crate in a library that was loaded later?"
    )]
    NoEntry,
    /// The function captures something, or belongs to a shared library.
    #[error(
        "{function} cannot be called in another process: it captures something, or is not code of this executable"
    )]
    NotPlain {
        /// The function's type.
        function: &'static str,
    },
    /// The name is empty, or has a NUL in it.
    #[error("{name:?} cannot name a process")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// Such a variable cannot be set: it is empty, or has a `=` or a NUL in its name, or a NUL in its value.
    #[error("{name:?} cannot be an environment variable with that value")]
    Environment {
        /// The variable's name.
        name: String,
    },
    /// There is no such directory.
    #[error("{} cannot be the current directory", path.display())]
    CurrentDir {
        /// The directory asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The argument refuses to be serialized.
    #[error("the argument cannot be serialized")]
    Argument {
        /// Why.
        source: postcard::Error,
    },
    /// There is no memory, or no descriptor, for the argument.
    #[error("no room for the argument")]
    Memory {
        /// What the system said.
        source: io::Error,
    },
    /// A pipe for a standard stream could not be made.
    #[error("no pipe for a standard stream")]
    Pipe {
        /// What the system said.
        source: io::Error,
    },
    /// The process could not be started.
    #[error("the process could not be started")]
    Spawn {
        /// What the system said.
        source: io::Error,
    },
}

/// Why a process has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The function panicked.
    #[error("{name} (process {pid}) panicked: {message}")]
    Panicked {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// The panic's message.
        message: String,
    },
    /// The process ended without a result: it exited, or a signal killed it.
    #[error("{name} (process {pid}) ended with {exit} {}", if *begun { "while its function ran" } else { "before its function began" })]
    Ended {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// How it ended.
        exit: Exit,
        /// Whether the function was called: if not, nothing of it has happened.
        begun: bool,
    },
    /// The process lives.
    #[error("{name} (process {pid}) did not end in time")]
    TimedOut {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
    },
    /// The argument's type does not read what it has written.
    #[error("{name} (process {pid}) could not read its argument: {what}")]
    Argument {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// Why.
        what: String,
    },
    /// The function returned, but there was no room for the result, or it refuses to be serialized.
    #[error("{name} (process {pid}) could not write its result: {what}")]
    Result {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// Why.
        what: String,
    },
    /// What the process left as its result is none: the result's type does not read what it has written, or the process wrote where it must not.
    #[error("{name} (process {pid}) left garbage as its result: {what}")]
    Garbage {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// What was wrong with it.
        what: String,
    },
}
