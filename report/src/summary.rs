//! Records -> `summary.json`.

use crate::cells::{self, CellError};
use crate::compare::{self, Judgement};
use crate::records::{Measurement, Run, SCHEMA, Summary};
use crate::stats::MARGIN;

/// Significant digits of a ratio in the summary: more than any run can tell, few enough to be stable.
const DIGITS: i32 = 6;

/// Judges a run's measurements. The order of the measurements does not matter.
///
/// # Errors
///
/// When two records cannot both stand: see [`CellError`].
pub fn summarise(run: &Run, measurements: &[Measurement]) -> Result<Summary, CellError> {
    let cells = cells::collect(measurements)?;
    Ok(of_judgements(&compare::judge(&cells, run.quick)))
}

/// The summary of what was judged.
#[must_use]
pub fn of_judgements(judged: &[Judgement]) -> Summary {
    let mut sorted: Vec<&Judgement> = judged.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key).then(a.against.cmp(&b.against)));
    let rows = sorted
        .into_iter()
        .map(|judgement| {
            let mut row = judgement.row.clone();
            row.ratio = row.ratio.map(rounded);
            row.ci = row.ci.map(|ends| ends.map(rounded));
            row
        })
        .collect();
    Summary { schema: SCHEMA, margin: MARGIN, rows }
}

/// The text of `summary.json`: a row a line, so that two summaries can be compared with `diff`.
///
/// # Panics
///
/// Never: a summary holds nothing that JSON cannot hold.
#[must_use]
pub fn to_json(summary: &Summary) -> String {
    let json = |value: &crate::records::SummaryRow| {
        serde_json::to_string(value).expect("a row holds only finite numbers and text")
    };
    let rows: Vec<String> = summary.rows.iter().map(|row| format!("    {}", json(row))).collect();
    let rows = if rows.is_empty() { String::new() } else { format!("\n{}\n  ", rows.join(",\n")) };
    format!(
        "{{\n  \"schema\": {},\n  \"margin\": {},\n  \"rows\": [{rows}]\n}}\n",
        summary.schema, summary.margin
    )
}

/// `value` to six significant digits.
///
/// ```
/// assert_eq!(heddle_report::summary::rounded(0.123_456_789), 0.123_457);
/// ```
#[must_use]
pub fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", (DIGITS - 1) as usize).parse().unwrap_or(value)
}
