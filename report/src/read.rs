//! The text of a record file -> typed records, or an error that names file and line.
//!
//! A record file is only ever appended to, so its last line may be cut off by an interruption. That is an
//! error here too ([`ReadError::CutOff`]), but one of its own: whoever resumes a run may cut the file back to
//! its whole lines, knowingly; whoever renders one must not.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::records::{Measurement, Run, SCHEMA, Status, Verification};

/// Why a record file cannot be used. Every message starts with `file:line:`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The last line has no newline: whoever wrote it was interrupted.
    #[error("{file}:{line}: the last line is cut off (no newline at its end)")]
    CutOff {
        /// The file, as the caller names it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Bytes of the whole lines before it: cut there to keep them.
        whole: usize,
    },
    /// Written by a newer program.
    #[error("{file}:{line}: schema {found} is newer than the {SCHEMA} this program knows")]
    Newer {
        /// The file, as the caller names it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The schema that the record carries.
        found: u64,
    },
    /// A value that no figure can be made of.
    #[error("{file}:{line}: the value is not a finite number")]
    NotFinite {
        /// The file, as the caller names it.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Not JSON, or not a record: an unknown or missing field, a wrong type.
    #[error("{file}:{line}: {reason}")]
    Malformed {
        /// The file, as the caller names it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The fields contradict each other.
    #[error("{file}:{line}: {reason}")]
    Inconsistent {
        /// The file, as the caller names it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Which fields, and how.
        reason: String,
    },
}

/// Reads the text of a `measurements.jsonl`; `file` is what errors call it.
///
/// # Errors
///
/// The first line that is cut off, newer, not finite, malformed or contradicts itself.
///
/// ```
/// let line = r#"{"schema":2,"status":"ok"}"#.to_owned() + "\n";
/// let error = heddle_report::read::measurements(&line, "measurements.jsonl").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "measurements.jsonl:1: schema 2 is newer than the 1 this program knows",
/// );
/// ```
pub fn measurements(text: &str, file: &str) -> Result<Vec<Measurement>, ReadError> {
    lines(text, file, |record: &Measurement| {
        status_agrees(record.status, record.reason.as_deref())?;
        match (record.status, record.value) {
            (Status::Ok, None) => return Err("status is `ok` but there is no value".into()),
            (Status::Failed | Status::NotRun, Some(_)) => {
                return Err("there is a value although status is not `ok`".into());
            }
            _ => {}
        }
        if record.workers == 0 { Err("workers is 0; a cell has at least 1".into()) } else { Ok(()) }
    })
}

/// Reads the text of a `verification.jsonl`; `file` is what errors call it.
///
/// # Errors
///
/// As [`measurements`].
pub fn verifications(text: &str, file: &str) -> Result<Vec<Verification>, ReadError> {
    use crate::records::CheckResult;
    lines(text, file, |record: &Verification| {
        // What cannot be judged was run, and has a reason all the same.
        if (record.status, record.result) != (Status::Ok, CheckResult::NotDecidable) {
            status_agrees(record.status, record.reason.as_deref())?;
        }
        match (record.status, record.result) {
            (Status::Ok, CheckResult::NotRun) => Err("status is `ok` but the result is `not-run`".into()),
            (Status::NotRun, result) if result != CheckResult::NotRun => {
                Err("status is `not_run` but there is a result".into())
            }
            (Status::Failed, CheckResult::Pass) => Err("status is `failed` but the result is `pass`".into()),
            _ => Ok(()),
        }
    })
}

/// Reads the text of a `run.json`; `file` is what errors call it.
///
/// # Errors
///
/// As [`measurements`], except that a missing newline at the end is fine: the file is written at once.
pub fn run(text: &str, file: &str) -> Result<Run, ReadError> {
    let malformed = |error: &serde_json::Error| ReadError::Malformed {
        file: file.to_owned(),
        line: error.line().max(1),
        reason: without_position(error),
    };
    let value: Value = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let line_of_schema = text.lines().position(|line| line.contains("\"schema\"")).map_or(1, |at| at + 1);
    schema_known(&value, file, line_of_schema)?;
    // From the text again, because only that knows the line of a wrong field.
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn lines<T: DeserializeOwned>(
    text: &str,
    file: &str,
    agrees: impl Fn(&T) -> Result<(), String>,
) -> Result<Vec<T>, ReadError> {
    let mut records = Vec::new();
    let mut whole = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let Some(line) = line.strip_suffix('\n') else {
            return Err(ReadError::CutOff { file: file.to_owned(), line: number, whole });
        };
        whole += line.len() + 1;
        let malformed = |error: serde_json::Error| {
            if value_is_not_finite(line) {
                return ReadError::NotFinite { file: file.to_owned(), line: number };
            }
            ReadError::Malformed { file: file.to_owned(), line: number, reason: without_position(&error) }
        };
        let value: Value = serde_json::from_str(line).map_err(malformed)?;
        schema_known(&value, file, number)?;
        let record: T = serde_json::from_value(value).map_err(malformed)?;
        agrees(&record).map_err(|reason| ReadError::Inconsistent {
            file: file.to_owned(),
            line: number,
            reason,
        })?;
        records.push(record);
    }
    Ok(records)
}

fn status_agrees(status: Status, reason: Option<&str>) -> Result<(), String> {
    match (status, reason) {
        (Status::Ok, Some(_)) => Err("status is `ok` but there is a reason".into()),
        (Status::Failed | Status::NotRun, None | Some("")) => {
            Err("status is not `ok` but no reason is given".into())
        }
        _ => Ok(()),
    }
}

fn schema_known(value: &Value, file: &str, line: usize) -> Result<(), ReadError> {
    let malformed =
        |reason: &str| ReadError::Malformed { file: file.to_owned(), line, reason: reason.to_owned() };
    let Value::Object(fields) = value else { return Err(malformed("not a JSON object")) };
    let Some(schema) = fields.get("schema") else { return Err(malformed("missing field `schema`")) };
    match schema.as_u64() {
        Some(found) if found > u64::from(SCHEMA) => {
            Err(ReadError::Newer { file: file.to_owned(), line, found })
        }
        Some(found) if found == u64::from(SCHEMA) => Ok(()),
        _ => Err(malformed(&format!("schema {schema} is not one that ever was"))),
    }
}

/// Whether what stands after `"value":` is one of the spellings of a number that JSON cannot hold.
fn value_is_not_finite(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("\"value\"") else { return false };
    let Some(rest) = rest.trim_start().strip_prefix(':') else { return false };
    let word: String = rest.trim_start().chars().take_while(|c| !",}] ".contains(*c)).collect();
    word == "null" || word.parse::<f64>().is_ok_and(|value| !value.is_finite())
}

/// The parser's message without its own "at line 1 column 9", which would contradict our line.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
