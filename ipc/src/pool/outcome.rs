//! From what came of a task to what its caller gets.

use super::error::TaskError;
use super::job::{Sendable, Verdict};
use super::tasks::{Label, Outcome, Stored};

/// The result of a task that is by itself.
#[inline]
pub(crate) fn read_one<R: Sendable>(label: Label, outcome: Outcome) -> Result<R, TaskError> {
    let bytes = done(label, outcome)?;
    postcard::from_bytes(bytes.bytes()).map_err(|source| unreadable(label, &source))
}

/// The results of a chunk of `count` elements, appended to `results`.
pub(crate) fn read_chunk<R: Sendable>(
    label: Label,
    count: usize,
    outcome: Outcome,
    results: &mut impl Extend<R>,
) -> Result<(), TaskError> {
    let bytes = done(label, outcome)?;
    let mut rest = bytes.bytes();
    let mut failed = None;
    results.extend((0..count).map_while(|_| match postcard::take_from_bytes(rest) {
        Ok((result, behind)) => {
            rest = behind;
            Some(result)
        }
        Err(source) => {
            failed = Some(source);
            None
        }
    }));
    failed.map_or(Ok(()), |source| Err(unreadable(label, &source)))
}

fn unreadable(label: Label, source: &postcard::Error) -> TaskError {
    garbage(label, format!("the result cannot be read back: {source}"))
}

fn garbage(Label { name: task, index }: Label, what: String) -> TaskError {
    TaskError::Garbage { task, index, what }
}

/// The bytes of a result, or why there are none.
fn done(label: Label, outcome: Outcome) -> Result<Stored, TaskError> {
    match outcome {
        Outcome::Answered { verdict, bytes, .. } if verdict == Verdict::Done as u32 => Ok(bytes),
        other => Err(why(label, other)),
    }
}

#[cold]
fn why(label: Label, outcome: Outcome) -> TaskError {
    let task = label.name;
    // Which element of a chunk it was.
    let at = |item: u64| label.index.map(|first| first.saturating_add(item as usize));
    match outcome {
        Outcome::Answered { verdict, item, bytes } => {
            let label = Label { name: task, index: at(item) };
            let Label { index, .. } = label;
            match Verdict::from_number(verdict) {
                Some(Verdict::Panicked) => {
                    let message = String::from_utf8_lossy(bytes.bytes()).into_owned();
                    TaskError::Panicked { task, index, message }
                }
                Some(Verdict::NoMemory) => {
                    let len = if let Stored::Missing(len) = bytes { len } else { 0 };
                    TaskError::NoMemory { task, index, len }
                }
                Some(Verdict::BadArgument) => garbage(label, "the argument cannot be read back".to_owned()),
                Some(Verdict::BadResult) => garbage(label, "the result cannot be sent".to_owned()),
                Some(Verdict::NoFunction) => garbage(label, "there is no such function".to_owned()),
                Some(Verdict::Done) | None => garbage(label, format!("verdict {verdict}")),
            }
        }
        Outcome::Died { pid, exit, item } => TaskError::Died { task, index: at(item), pid, exit },
        Outcome::Garbage(what) => garbage(label, what),
        Outcome::Cancelled => TaskError::Cancelled { task },
        Outcome::Overtime(limit) => TaskError::TimedOut { task, limit },
        Outcome::Terminated => TaskError::Terminated { task },
        Outcome::Broken(reason) => TaskError::Broken { task, reason: reason.to_string() },
        Outcome::NoMemory(len) => TaskError::NoMemory { task, index: label.index, len },
    }
}
