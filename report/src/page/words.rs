//! The sentences that state findings, by rule: what they say follows from a verdict, never from a template.

use crate::compare::Judgement;
use crate::names;
use crate::number;
use crate::records::{Better, SummaryRow, Verdict};
use crate::stats::Comparison;

/// The word for a verdict.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Equivalent => "equivalent",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// What a judgement says, as a sentence without its full stop.
pub(super) fn sentence(judgement: &Judgement) -> String {
    let row = &judgement.row;
    let who = with_workers(&row.variant, row.workers);
    let Some(ratio) = row.ratio else {
        return format!(
            "Inconclusive: too few rounds to judge {who} by {}",
            row.baseline.replace('|', " or ")
        );
    };
    let interval = row.ci.map_or(String::new(), |ci| format!(" {}", number::interval(shown(row, ci))));
    let factor = number::short(shown_ratio(row, ratio));
    match row.verdict {
        Verdict::Equivalent => {
            format!("{who}: the same {} as {}, {factor}×{interval}", names::metric(&row.metric), row.baseline)
        }
        Verdict::Inconclusive => {
            format!(
                "Inconclusive: {who} at {factor}× the {} of {}{interval}",
                names::metric(&row.metric),
                row.baseline
            )
        }
        Verdict::Better | Verdict::Worse => match (row.metric.as_str(), row.better) {
            ("time", Better::Lower) if ratio < 1.0 => {
                format!("{who}: {factor}× as fast as {}{interval}", row.baseline)
            }
            ("time", Better::Lower) => format!("{who}: {factor}× as long as {}{interval}", row.baseline),
            _ => format!("{who}: {factor}× the {} of {}{interval}", names::metric(&row.metric), row.baseline),
        },
    }
}

/// Two families against each other; `ours` and `theirs` are how the sentence calls them.
pub(super) fn head_to_head(ours: &str, theirs: &str, compared: &Comparison, trusted: bool) -> String {
    let (Some(ratio), Some(ci)) = (compared.ratio, compared.ci) else {
        return format!("Inconclusive: too few rounds to tell {ours} from {theirs}");
    };
    let verdict = if trusted { compared.verdict } else { Verdict::Inconclusive };
    let figures = format!("{}× {}", number::short(ratio), number::interval(ci));
    let inverse = {
        let back = compared.inverted();
        number::ratio(back.ratio, back.ci)
    };
    match verdict {
        Verdict::Equivalent => format!("{} and {theirs} take the same time: {figures}", capital(ours)),
        Verdict::Better => format!("{} are {inverse} as fast as {theirs}", capital(ours)),
        Verdict::Worse => format!("{} are {figures} as fast as {ours}", capital(theirs)),
        Verdict::Inconclusive => {
            format!("Inconclusive: {ours} take {figures} the time of {theirs}")
        }
    }
}

/// A variant with its workers.
pub(super) fn with_workers(variant: &str, workers: u32) -> String {
    match workers {
        1 => variant.to_owned(),
        _ => format!("{variant} with {workers} workers"),
    }
}

/// Names as a list in a sentence: `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Times are told as a speed where the variant is faster.
fn is_speed(row: &SummaryRow) -> bool {
    row.metric == "time" && row.verdict == Verdict::Better && row.better == Better::Lower
}

fn shown_ratio(row: &SummaryRow, ratio: f64) -> f64 {
    if is_speed(row) { ratio.recip() } else { ratio }
}

fn shown(row: &SummaryRow, [low, high]: [f64; 2]) -> [f64; 2] {
    if is_speed(row) { [high.recip(), low.recip()] } else { [low, high] }
}
