//! Record files that are fine, and every way in which they can be bad: the error names file and line.

use crate::synthetic::{self, verification};
use heddle_report::RunRecords;
use heddle_report::read::{self, ReadError};
use heddle_report::records::{CheckResult, Verification};

const FILE: &str = "runs/a/measurements.jsonl";

fn line() -> String {
    let record = synthetic::measured("kernels", "sum/medium", "sequential", 1, 0, 12.5);
    serde_json::to_string(&record).unwrap()
}

fn error(text: &str) -> ReadError {
    read::measurements(text, FILE).unwrap_err()
}

/// The message for a file whose second line is `line`.
fn message(bad: &str) -> String {
    error(&format!("{}\n{bad}\n", line())).to_string()
}

#[test]
fn whole_records_read_back() {
    let records = synthetic::full(2, false);
    let again = RunRecords::read("runs/a", records.raw.clone()).unwrap();
    assert_eq!(again, records);
    assert_eq!(read::measurements("", FILE), Ok(Vec::new()));
}

#[test]
fn a_cut_off_line_is_an_error_of_its_own() {
    let whole = format!("{}\n", line());
    for cut in [1, 20, line().len()] {
        let text = format!("{whole}{}", &line()[..cut]);
        let found = error(&text);
        assert_eq!(found, ReadError::CutOff { file: FILE.into(), line: 2, whole: whole.len() });
        let ReadError::CutOff { whole, .. } = found else { unreachable!() };
        assert!(read::measurements(&text[..whole], FILE).is_ok(), "what resuming keeps is fine");
    }
    assert_eq!(
        error(&line()).to_string(),
        "runs/a/measurements.jsonl:1: the last line is cut off (no newline at its end)"
    );
}

#[test]
fn a_line_cut_in_the_middle_of_the_file_is_malformed() {
    let text = format!("{}\n{}\n", &line()[..30], line());
    assert!(matches!(error(&text), ReadError::Malformed { line: 1, .. }));
}

#[test]
fn newer_schemas_are_refused() {
    let newer = line().replace("\"schema\":1", "\"schema\":2,\"colour\":\"red\"");
    assert_eq!(message(&newer), format!("{FILE}:2: schema 2 is newer than the 1 this program knows"));
    let never = line().replace("\"schema\":1", "\"schema\":0");
    assert_eq!(message(&never), format!("{FILE}:2: schema 0 is not one that ever was"));
    let absent = line().replace("\"schema\":1,", "");
    assert_eq!(message(&absent), format!("{FILE}:2: missing field `schema`"));
}

#[test]
fn values_must_be_finite() {
    for value in ["NaN", "nan", "inf", "-Infinity", "1e999"] {
        let bad = line().replace("12.5", value);
        assert_eq!(message(&bad), format!("{FILE}:2: the value is not a finite number"), "{value}");
    }
}

#[test]
fn values_and_states_must_agree() {
    let cases = [
        (line().replace(",\"value\":12.5", ""), "status is `ok` but there is no value"),
        (line().replace("12.5", "null"), "status is `ok` but there is no value"),
        (line().replace("\"ok\"", "\"failed\""), "status is not `ok` but no reason is given"),
        (
            line().replace("\"ok\"", "\"not_run\",\"reason\":\"\""),
            "status is not `ok` but no reason is given",
        ),
        (
            line().replace("\"ok\"", "\"failed\",\"reason\":\"died\""),
            "there is a value although status is not `ok`",
        ),
        (line().replace("\"ok\"", "\"ok\",\"reason\":\"died\""), "status is `ok` but there is a reason"),
        (line().replace("\"workers\":1", "\"workers\":0"), "workers is 0; a cell has at least 1"),
    ];
    for (bad, wanted) in cases {
        assert_ne!(bad, line(), "the case spoils nothing");
        assert_eq!(message(&bad), format!("{FILE}:2: {wanted}"));
    }
}

#[test]
fn fields_must_be_known_and_of_their_type() {
    let extra = message(&line().replace("\"round\":0", "\"round\":0,\"colour\":\"red\""));
    assert!(extra.starts_with(&format!("{FILE}:2: unknown field `colour`")), "{extra}");
    let wrong = message(&line().replace("\"round\":0", "\"round\":\"first\""));
    assert!(wrong.starts_with(&format!("{FILE}:2: invalid type: string \"first\"")), "{wrong}");
    for bad in ["", "[]", "12", "{\"schema\":1}"] {
        assert!(message(bad).starts_with(&format!("{FILE}:2: ")), "{bad}");
    }
}

#[test]
fn verification_records_are_judged_the_same_way() {
    let text = synthetic::full(1, false).raw.verification.unwrap();
    let records = read::verifications(&text, "v").unwrap();
    assert_eq!(records.len(), text.lines().count());
    let lied = text.replacen("\"result\":\"pass\"", "\"result\":\"not-run\"", 1);
    assert_eq!(
        read::verifications(&lied, "v").unwrap_err().to_string(),
        "v:1: status is `ok` but the result is `not-run`"
    );
    let absent = records.iter().position(|record| record.result == CheckResult::NotRun).unwrap() + 1;
    let passed = text.replace("\"result\":\"not-run\"", "\"result\":\"pass\"");
    match read::verifications(&passed, "v") {
        Err(ReadError::Inconsistent { line, .. }) => assert_eq!(line, absent),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_judged_has_a_reason_and_a_pass_has_none() {
    let mut record = verification::passed("seqlock", "tsan", "reads are whole");
    record.reason = Some("ThreadSanitizer does not understand fences".into());
    let line = |record: &Verification| serde_json::to_string(record).unwrap() + "\n";
    let error = read::verifications(&line(&record), "v").unwrap_err().to_string();
    assert_eq!(error, "v:1: status is `ok` but there is a reason");
    record.result = CheckResult::NotDecidable;
    assert_eq!(read::verifications(&line(&record), "v").unwrap(), [record]);
}

#[test]
fn a_run_names_the_line_of_a_wrong_field() {
    let text = synthetic::full(1, false).raw.run;
    assert!(read::run(&text, "run.json").is_ok());
    let at = text.lines().position(|line| line.contains("\"cores\"")).unwrap() + 1;
    let wrong = text.replace("\"cores\": 2", "\"cores\": \"two\"");
    let message = read::run(&wrong, "run.json").unwrap_err().to_string();
    assert!(message.starts_with(&format!("run.json:{at}: invalid type")), "{message}");
    let newer = text.replace("\"schema\": 1", "\"schema\": 9");
    let message = read::run(&newer, "run.json").unwrap_err().to_string();
    assert_eq!(message, "run.json:2: schema 9 is newer than the 1 this program knows");
    assert!(matches!(read::run(&text[..40], "run.json"), Err(ReadError::Malformed { .. })));
}
