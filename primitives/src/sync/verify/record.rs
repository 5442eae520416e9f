//! A line of JSON for each scenario, for whoever set `HEDDLE_RECORDS`.

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
use super::Coverage;
use super::{Failure, Searched};
use std::time::Duration;

/// What a checker found in one scenario.
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub(super) struct Record(serde_json::Map<String, serde_json::Value>);

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
impl Record {
    /// Of the search that has just ended.
    pub fn new(scenario: &str, took: Duration) -> Self {
        let mut record = Self(serde_json::Map::new());
        record.set("scenario", scenario);
        record.set("checker", super::engine::CHECKER);
        record.set("seconds", took.as_secs_f64());
        record.set("mutant_reached", crate::sync::probe::mutant::was_reached());
        #[cfg(any(heddle_loom, heddle_shuttle))]
        record.set("threads", crate::sync::probe::trace::threads());
        record
    }

    /// Nothing was found.
    pub fn passed(&mut self, searched: &Searched) {
        self.set("result", "pass");
        self.set("executions", searched.executions);
        let coverage = match searched.coverage {
            Coverage::Complete => "complete",
            Coverage::Bounded(bound) => {
                self.set("bound", bound);
                "bounded"
            }
            Coverage::Truncated => "truncated",
            Coverage::Sampled => "sampled",
        };
        self.set("coverage", coverage);
    }

    /// Something was found that should not be there.
    pub fn failed(&mut self, failure: &Failure) {
        self.set("result", "fail");
        self.evidence(failure);
    }

    /// Something was found that was planted.
    pub fn found(&mut self, failure: &Failure) {
        self.set("result", "pass");
        self.evidence(failure);
    }

    /// A bug was planted whose message contains `cause`.
    pub fn expected(&mut self, cause: &str) {
        self.set("expected", cause);
    }

    /// The record must not look like a pass.
    pub fn is_red(&mut self, problem: &str) {
        self.set("result", "fail");
        self.set("problem", problem);
    }

    /// Appends the line.
    ///
    /// # Panics
    /// If the file that the environment names cannot be written to.
    pub fn write(self) {
        use std::fs::TryLockError;
        use std::io::Write;

        let Some(path) = std::env::var_os("HEDDLE_RECORDS") else { return };
        let line = serde_json::Value::Object(self.0).to_string() + "\n";
        let append = || {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
            // A line may take several writes, and Miri runs its seeds side by side. It has no lock that waits.
            while let Err(held) = file.try_lock() {
                match held {
                    TryLockError::WouldBlock => std::thread::yield_now(),
                    TryLockError::Error(error) => return Err(error),
                }
            }
            file.write_all(line.as_bytes())
        };
        append().unwrap_or_else(|error| panic!("HEDDLE_RECORDS: {error}"));
    }

    fn evidence(&mut self, failure: &Failure) {
        self.set("executions", failure.at);
        self.set("message", failure.message.as_str());
        self.set("replay", failure.replay.clone());
        #[cfg(any(heddle_loom, heddle_shuttle))]
        self.set("trace", crate::sync::probe::trace::records());
    }

    fn set(&mut self, key: &str, value: impl Into<serde_json::Value>) {
        self.0.insert(key.into(), value.into());
    }
}

/// Other builds keep no records.
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(super) struct Record;

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
impl Record {
    pub fn new(_scenario: &str, _took: Duration) -> Self {
        Self
    }

    pub fn passed(&mut self, searched: &Searched) {
        let Searched { executions: _, coverage: _, everyday: _ } = searched;
    }

    pub fn failed(&mut self, failure: &Failure) {
        let Failure { at: _, message: _, replay: _ } = failure;
    }

    pub fn found(&mut self, failure: &Failure) {
        self.failed(failure);
    }

    pub fn expected(&mut self, _cause: &str) {}

    pub fn is_red(&mut self, _problem: &str) {}

    pub fn write(self) {}
}
