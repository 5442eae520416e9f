//! Which part of `verify` a test and a record belong to.

use heddle_report::records::Verification;

use super::suite::{Checker, is_about_histories};
use crate::flags::VerifyPart;

/// How records name the checker of histories, which looks under several others.
pub const LINEARIZABILITY: &str = "linearizability";

/// The parts that run tests under `checker`, its own first.
pub fn under(checker: Checker) -> &'static [VerifyPart] {
    match checker {
        Checker::Loom => &[VerifyPart::Loom, VerifyPart::Linearize, VerifyPart::Corpus],
        Checker::Shuttle => &[VerifyPart::Shuttle, VerifyPart::Linearize, VerifyPart::Corpus],
        // The others watch the same programs for something else.
        Checker::Tsan => &[VerifyPart::Tsan],
        Checker::Miri => &[VerifyPart::Miri],
        Checker::Threads => &[VerifyPart::Threads, VerifyPart::Linearize],
        Checker::Tests => &[VerifyPart::Tests],
        Checker::Crash => &[VerifyPart::Crash],
    }
}

/// The part that runs `test` under `checker`.
pub fn of_test(checker: Checker, test: &str) -> VerifyPart {
    let parts = under(checker);
    let is_for = |part: &VerifyPart| match part {
        VerifyPart::Linearize => is_about_histories(test),
        VerifyPart::Corpus => is_of_corpus(test),
        _ => false,
    };
    parts.iter().copied().find(is_for).unwrap_or(parts[0])
}

/// The part that a record comes from, if that is known.
pub fn of_record(record: &Verification) -> Option<VerifyPart> {
    if record.mutant.is_some() {
        return Some(VerifyPart::Mutants);
    }
    if record.checker == LINEARIZABILITY {
        return Some(VerifyPart::Linearize);
    }
    let checker = Checker::ALL.into_iter().find(|checker| checker.name() == record.checker)?;
    Some(of_test(checker, &record.subject))
}

/// Broken programs and their repaired twins.
fn is_of_corpus(test: &str) -> bool {
    test == "corpus" || test.starts_with("corpus::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::harvest::blank;

    #[test]
    fn tests_and_their_records_are_of_one_part() {
        assert_eq!(of_test(Checker::Loom, "mutex::guards"), VerifyPart::Loom);
        assert_eq!(of_test(Checker::Tsan, "linearizability::suite::mutex"), VerifyPart::Tsan);
        assert_eq!(of_test(Checker::Shuttle, "linearizability::suite::mutex"), VerifyPart::Linearize);
        assert_eq!(of_test(Checker::Loom, "corpus::dekker"), VerifyPart::Corpus);
        assert_eq!(of_test(Checker::Crash, "planted::vyukov_push"), VerifyPart::Crash);
        let mut record = blank(Checker::Loom, "corpus", "Dekker without a fence");
        assert_eq!(of_record(&record), Some(VerifyPart::Corpus));
        record.subject = "mutex".into();
        assert_eq!(of_record(&record), Some(VerifyPart::Loom));
        record.checker = LINEARIZABILITY.into();
        assert_eq!(of_record(&record), Some(VerifyPart::Linearize));
        record.mutant = Some("RawMutex::lock#load.0 no-acquire".into());
        assert_eq!(of_record(&record), Some(VerifyPart::Mutants));
    }
}
