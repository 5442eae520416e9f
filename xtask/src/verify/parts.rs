//! Which part of `verify` a test and a record belong to.

use heddle_report::records::Verification;

use super::suite::{Checker, is_about_histories};
use crate::flags::VerifyPart;

/// How records name the checker of histories, which looks under several others.
pub const LINEARIZABILITY: &str = "linearizability";

/// The part that runs `test` under `checker`.
pub fn of_test(checker: Checker, test: &str) -> VerifyPart {
    match checker {
        // The others watch the same programs for something else.
        Checker::Loom | Checker::Shuttle | Checker::Threads if is_about_histories(test) => {
            VerifyPart::Linearize
        }
        Checker::Loom | Checker::Shuttle if is_of_corpus(test) => VerifyPart::Corpus,
        Checker::Loom => VerifyPart::Loom,
        Checker::Shuttle => VerifyPart::Shuttle,
        Checker::Miri => VerifyPart::Miri,
        Checker::Tsan => VerifyPart::Tsan,
        Checker::Threads => VerifyPart::Threads,
        Checker::Tests => VerifyPart::Tests,
    }
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
