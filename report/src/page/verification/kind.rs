//! Which record means what.

use crate::records::{CheckResult, Coverage, Kills, Status, Step, Verification};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program that ought to be right.
    Scenario,
    /// A program whose outcomes are known, which shows whether the checker sees what it must.
    Canary,
    /// The program with one call changed.
    Mutant,
    /// A call that no scenario reaches, so that no mutant of it was tried.
    Untried,
    /// A program that is broken on purpose.
    Planted,
    /// A checker that is not there.
    Missing,
}

pub(super) fn kind(record: &Verification) -> Kind {
    match record {
        _ if record.mutant.is_some() && record.status == Status::NotRun => Kind::Untried,
        _ if record.mutant.is_some() => Kind::Mutant,
        _ if record.status == Status::NotRun => Kind::Missing,
        // Before the planted: a canary may be a broken program.
        _ if record.subject == "canaries" => Kind::Canary,
        _ if record.planted => Kind::Planted,
        _ => Kind::Scenario,
    }
}

/// Whether a scenario shows something that should not be.
pub(super) fn is_wrong(record: &Verification) -> bool {
    record.result == CheckResult::Fail
}

/// Whether a checker saw what a canary or a broken program has for it to see.
pub(super) fn is_seen(record: &Verification) -> bool {
    let wanted = if record.planted { CheckResult::Fail } else { CheckResult::Pass };
    record.status == Status::Ok && record.result == wanted
}

pub(super) fn result(record: &Verification) -> &'static str {
    match record.result {
        CheckResult::Pass => "pass",
        CheckResult::Fail => "fail",
        CheckResult::Unknown => "gave up",
        CheckResult::NotDecidable => "not decidable",
        CheckResult::NotRun => "not run",
    }
}

/// How the row of a scenario is shown.
pub(super) fn state(record: &Verification) -> &'static str {
    match record.result {
        CheckResult::Pass => "",
        CheckResult::Fail => "failed",
        _ if record.status == Status::Failed => "failed",
        _ => "not-run",
    }
}

/// How far a result reaches, the strongest first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Complete,
    /// The larger bound is the stronger.
    Bound(std::cmp::Reverse<u32>),
    Truncated,
    Sampled,
    Nothing,
}

pub(super) fn reach(record: &Verification) -> Reach {
    match record.coverage {
        Coverage::Complete => Reach::Complete,
        Coverage::Bounded => Reach::Bound(std::cmp::Reverse(record.bound.unwrap_or(0))),
        Coverage::Truncated => Reach::Truncated,
        Coverage::Sampled => Reach::Sampled,
        Coverage::None => Reach::Nothing,
    }
}

impl Reach {
    pub fn words(self) -> String {
        match self {
            Self::Complete => "complete".into(),
            Self::Bound(bound) => format!("bound {}", bound.0),
            Self::Truncated => "truncated".into(),
            Self::Sampled => "sampled".into(),
            Self::Nothing => "nothing run".into(),
        }
    }
}

/// What was found.
pub(super) fn cause(record: &Verification) -> String {
    record.cause.clone().unwrap_or_else(|| "no cause given".into())
}

/// What the checker said of it.
pub(super) fn said(record: &Verification) -> String {
    record.message.as_ref().or(record.reason.as_ref()).cloned().unwrap_or_else(|| "nothing".into())
}

pub(super) fn replay(record: &Verification) -> String {
    record.replay.clone().unwrap_or_else(|| "–".into())
}

/// A number that a checker without threads or executions of its own leaves at zero.
pub(super) fn or_dash(number: u64) -> String {
    if number == 0 { "–".into() } else { crate::number::count(number) }
}

/// The record without what colours a terminal, and without other signs that no page may hold: its text is a program's output.
pub(super) fn cleaned(record: &Verification) -> Verification {
    let some = |text: &Option<String>| text.as_deref().map(clean);
    let step = |step: &Step| Step {
        site: clean(&step.site),
        operation: clean(&step.operation),
        ordering: some(&step.ordering),
        value: clean(&step.value),
        ..*step
    };
    Verification {
        reason: some(&record.reason),
        subject: clean(&record.subject),
        checker: clean(&record.checker),
        scenario: clean(&record.scenario),
        mutant: some(&record.mutant),
        cause: some(&record.cause),
        message: some(&record.message),
        trace: record.trace.as_ref().map(|steps| steps.iter().map(step).collect()),
        replay: some(&record.replay),
        kills: record.kills.as_ref().map(|kills| Kills { path: clean(&kills.path), ..*kills }),
        equivalent: some(&record.equivalent),
        ..*record
    }
}

fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                // Up to the letter that ends the sequence.
                letters.by_ref().find(char::is_ascii_alphabetic);
            }
            '\n' | '\t' => cleaned.push(letter),
            other if other.is_control() || is_noncharacter(other) => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// The signs that Unicode keeps for programs' own use, and HTML forbids.
fn is_noncharacter(letter: char) -> bool {
    let code = u32::from(letter);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// `text`, or its beginning if it is longer than `most` letters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `one` or `many`, as `count` asks for.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", crate::number::count(count as u64), if count == 1 { one } else { many })
}
