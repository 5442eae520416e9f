//! How a task ends, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

/// The end of a task that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything is fine; exit code 0.
    Fine,
    /// Something that was asked for could not be measured; exit code 3.
    NotMeasured,
    /// A check failed; exit code 1. Worse than the others, so that it is what the end of several tasks tells of.
    CheckFailed,
}

/// The request itself, or the records that it names, are at fault; exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Something that was asked for could not be had; exit code 3.
#[derive(Debug)]
pub struct Unmeasured(pub String);

impl fmt::Display for Unmeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unmeasured {}

/// Builds a [`Usage`] error.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Builds an [`Unmeasured`] error.
pub fn unmeasured(message: impl Into<String>) -> anyhow::Error {
    Unmeasured(message.into()).into()
}

/// Prints the error, if there is one, and chooses the exit code.
pub fn exit_code(done: anyhow::Result<Outcome>) -> ExitCode {
    match done {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::from(1),
        Ok(Outcome::NotMeasured) => ExitCode::from(3),
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Usage>() {
                ExitCode::from(2)
            } else if error.is::<Unmeasured>() {
                ExitCode::from(3)
            } else {
                ExitCode::from(1)
            }
        }
    }
}
