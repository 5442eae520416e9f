//! Chart c: how the models' times grow with the size, and where one overtakes the sequential program.

use super::curve::{Caption, Curve};
use super::figure::{Figure, slug};
use super::report::Report;
use super::{Press, titles, words};
use crate::cells::Cell;
use crate::chart::lines::Series;
use crate::compare::{Against, Table as Cells};
use crate::records::Verdict;

/// Chart c: time against size. `sizes` are tables of the same kernel and way from small to large. None with
/// fewer than two sizes.
pub(super) fn figure(press: &mut Press<'_>, sizes: &[Cells<'_>]) -> Option<Figure> {
    let report = press.report;
    let curve = Curve::new(report, sizes, |cell| cell.prefix().is_empty() && !cell.peer)?;
    let key = &sizes[0].first()?.key;
    let group = key.group.split('/').next().unwrap_or_default();
    let crossings = crossings(&curve.series);
    let names: Vec<&str> = curve.cases.iter().map(String::as_str).collect();
    let caption = Caption {
        id: slug(&[group, "sizes"]),
        title: title(report, sizes, &curve.shown, &names, &crossings),
        cases: "Size",
        table: format!("{group}: time by size"),
        meaning:
            "Median time and its 95 % interval; a ring marks where a model's line crosses the sequential \
                  one. Sizes are steps, not a scale: between them the crossing is a guess."
                .into(),
        crossings: crossings.iter().map(|crossing| crossing.at).collect(),
    };
    curve.figure(press, caption)
}

/// Where a model's line crosses the sequential one.
struct Crossing {
    model: String,
    /// The size before it, by place.
    after: usize,
    at: (f64, f64),
    /// Whether the model is faster beyond it.
    wins: bool,
}

fn crossings(series: &[Series]) -> Vec<Crossing> {
    let Some(sequential) = series.iter().find(|series| series.label == "sequential") else {
        return Vec::new();
    };
    let at =
        |series: &Series, x: f64| series.points.iter().find(|point| point.x == x).map(|point| point.y.ln());
    let mut crossings = Vec::new();
    for model in series.iter().filter(|series| series.label != "sequential") {
        for pair in sequential.points.windows(2) {
            let (x0, x1) = (pair[0].x, pair[1].x);
            let (Some(m0), Some(m1)) = (at(model, x0), at(model, x1)) else { continue };
            let (s0, s1) = (pair[0].y.ln(), pair[1].y.ln());
            let (before, after) = (m0 - s0, m1 - s1);
            if before * after < 0.0 {
                let share = before / (before - after);
                let y = (s0 + share * (s1 - s0)).exp();
                crossings.push(Crossing {
                    model: model.label.clone(),
                    after: x0 as usize,
                    at: (x0 + share * (x1 - x0), y),
                    wins: after < 0.0,
                });
            }
        }
    }
    crossings
}

fn title(
    report: &Report<'_>,
    sizes: &[Cells<'_>],
    shown: &[Vec<&Cell>],
    names: &[&str],
    crossings: &[Crossing],
) -> String {
    let trusted = sizes.iter().all(|table| titles::trusted(report, table));
    let verdict = |size: usize, model: &str| {
        let cell = shown[size].iter().find(|cell| cell.key.variant == model)?;
        report.judgement(cell, Against::Baseline).map(|judgement| judgement.row.verdict)
    };
    let certain: Vec<&Crossing> = crossings
        .iter()
        .filter(|crossing| crossing.wins)
        .filter(|crossing| verdict(crossing.after, &crossing.model) == Some(Verdict::Worse))
        .filter(|crossing| verdict(crossing.after + 1, &crossing.model) == Some(Verdict::Better))
        .collect();
    let (first, last) = (names[0], names[names.len() - 1]);
    if let Some(step) = certain.iter().map(|crossing| crossing.after).min() {
        let models: Vec<&str> = certain
            .iter()
            .filter(|crossing| crossing.after == step)
            .map(|crossing| crossing.model.as_str())
            .collect();
        let (from, to) = (names[step], names[step + 1]);
        return format!("Overtaking sequential between {from} and {to}: {}", words::list(&models));
    }
    let models: Vec<&str> = shown[0]
        .iter()
        .map(|cell| cell.key.variant.as_str())
        .filter(|variant| *variant != "sequential")
        .collect();
    let everywhere = |wanted: Verdict| {
        !models.is_empty()
            && models.iter().all(|model| (0..shown.len()).all(|size| verdict(size, model) == Some(wanted)))
    };
    match () {
        () if !trusted => "Inconclusive: where models overtake sequential".into(),
        () if everywhere(Verdict::Better) => format!("Every model beats sequential from {first} to {last}"),
        () if everywhere(Verdict::Worse) => format!("No model beats sequential from {first} to {last}"),
        () => format!("No model is certain to overtake sequential between {first} and {last}"),
    }
}
