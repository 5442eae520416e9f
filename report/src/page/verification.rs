//! What the checkers found. Results that are not a pass are shown first and never look like one.

use serde::Serialize;

use super::Press;
use super::table::{Row, Table, Td};
use crate::number;
use crate::records::{CheckResult, Coverage, Status, Verification};
use crate::site::RenderError;

#[derive(Serialize)]
struct Page {
    table: Option<Table>,
    passed: usize,
    total: usize,
}

pub(super) fn render(press: &mut Press<'_>) -> Result<(), RenderError> {
    let records = press.report.verifications;
    let page = Page {
        table: (!records.is_empty()).then(|| table(records)),
        passed: records.iter().filter(|record| record.result == CheckResult::Pass).count(),
        total: records.len(),
    };
    press.page("verification.html", "verification.html", "Verification", &page)
}

fn table(records: &[Verification]) -> Table {
    let head = [
        "Subject",
        "Checker",
        "Scenario",
        "Result",
        "Coverage",
        "#Threads",
        "#Bound",
        "#Executions",
        "#Seconds",
    ];
    let mut table = Table::new("What each checker found", &head);
    let mut sorted: Vec<&Verification> = records.iter().collect();
    sorted.sort_by_cached_key(|record| {
        let urgency = u8::from(record.result == CheckResult::Pass);
        (
            urgency,
            record.subject.clone(),
            record.checker.clone(),
            record.scenario.clone(),
            serde_json::to_string(record).unwrap_or_default(),
        )
    });
    for record in sorted {
        let result = match record.result {
            CheckResult::Pass => "pass",
            CheckResult::Fail => "fail",
            CheckResult::Unknown => "unknown",
            CheckResult::NotDecidable => "not decidable",
            CheckResult::NotRun => "not run",
        };
        let coverage = match record.coverage {
            Coverage::Complete => "complete",
            Coverage::Bounded => "bounded",
            Coverage::Truncated => "truncated",
            Coverage::Sampled => "sampled",
            Coverage::None => "none",
        };
        let mutant = record.mutant.as_ref().map(|mutant| format!("mutant {mutant}")).unwrap_or_default();
        let why = record.reason.as_ref().or(record.cause.as_ref()).cloned().unwrap_or_default();
        let cells = vec![
            Td::text(&record.subject),
            Td::text(&record.checker),
            Td::text(&record.scenario).note(mutant),
            Td::text(result).note(why),
            Td::text(coverage),
            Td::number(record.threads.to_string()),
            Td::number(record.bound.map_or("–".into(), |bound| bound.to_string())),
            Td::number(number::count(record.executions)),
            Td::number(number::short(record.seconds)),
        ];
        let state = match (record.status, record.result) {
            (Status::NotRun, _) => "not-run",
            (Status::Failed, _) | (_, CheckResult::Fail) => "failed",
            _ => "",
        };
        table.rows.push(Row { state, cells });
    }
    table
}
