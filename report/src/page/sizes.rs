//! Chart c: how the models' times grow with the size, and where one overtakes the sequential program.

use super::figure::{Figure, basis, command, legend, slug};
use super::report::{Report, at_workers};
use super::table::{Table, Td};
use super::{Press, csv, titles, words};
use crate::cells::Cell;
use crate::chart::Frame;
use crate::chart::axis::Axis;
use crate::chart::lines::{self, Lines, Point, Series};
use crate::compare::{Against, Table as Cells};
use crate::names;
use crate::number;
use crate::records::Verdict;

/// Chart c: time against size. `sizes` are tables of the same kernel and way from small to large. None with
/// fewer than two sizes.
pub(super) fn figure(press: &mut Press<'_>, sizes: &[Cells<'_>]) -> Option<Figure> {
    if sizes.len() < 2 {
        return None;
    }
    let report = press.report;
    let shown: Vec<Vec<&Cell>> = sizes
        .iter()
        .map(|table| {
            let cells = at_workers(table, report.team(table));
            cells.into_iter().filter(|cell| cell.prefix().is_empty() && !cell.peer).collect()
        })
        .collect();
    let cases: Vec<String> = sizes.iter().map(|table| names::group(&table[0].key.group).case).collect();
    let mut series: Vec<Series> = Vec::new();
    for (at, cells) in shown.iter().enumerate() {
        for cell in cells {
            let Some(median) = cell.median() else { continue };
            let point = Point { x: at as f64, y: median.value, interval: Some(median.interval) };
            match series.iter_mut().find(|series| series.label == cell.key.variant) {
                Some(series) => series.points.push(point),
                None => series.push(Series {
                    label: cell.key.variant.clone(),
                    style: report.style(&cell.key.variant),
                    points: vec![point],
                }),
            }
        }
    }
    series.retain(|series| series.points.len() > 1);
    series.sort_by_key(|series| names::order(&series.label));
    if series.is_empty() {
        return None;
    }
    let ends = || {
        series
            .iter()
            .flat_map(|series| series.points.iter().flat_map(|point| point.interval.into_iter().flatten()))
    };
    let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(0.0, f64::max));
    let key = &sizes[0].first()?.key;
    let crossings = crossings(&series);
    let names: Vec<&str> = cases.iter().map(String::as_str).collect();
    let lines = Lines {
        x: Axis::places(&names),
        x_caption: "size".into(),
        y: Axis::log_of(&key.unit, low, high, 7),
        y_caption: format!("{}, logarithmic axis", names::metric(&key.metric)),
        ideal: false,
        cores: None,
        crossings: crossings.iter().map(|crossing| crossing.at).collect(),
        series,
    };
    let group = key.group.split('/').next().unwrap_or_default();
    let id = slug(&[group, "sizes"]);
    let title = title(report, sizes, &shown, &names, &crossings);
    let desc = format!(
        "Time of {} at the sizes {}.",
        words::list(&lines.series.iter().map(|series| series.label.as_str()).collect::<Vec<_>>()),
        words::list(&names)
    );
    let frame = Frame { id: &id, title: &title, desc: &desc, quick: report.run.quick };
    let all: Vec<&Cell> = shown.iter().flatten().copied().collect();
    let mut by_size =
        Table::new(format!("{group}: time by size"), &["Size", "Variant", "#Workers", "#Median", "#Rounds"]);
    for cell in &all {
        let Some(median) = cell.median() else { continue };
        by_size.push(vec![
            Td::text(names::group(&cell.key.group).case),
            Td::text(&cell.key.variant),
            Td::number(cell.key.workers.to_string()),
            Td::number(number::with_unit(median.value, &cell.key.unit))
                .note(number::span(median.interval, &cell.key.unit)),
            Td::number(median.rounds.to_string()),
        ]);
    }
    let csv = press.csv(&slug(&[&key.suite, group, "sizes"]), csv::cells(all.iter().copied()));
    Some(Figure {
        svg: lines::draw(&frame, &lines),
        legend: legend(&lines),
        meaning:
            "Median time and its 95 % interval; a ring marks where a model's line crosses the sequential \
                  one. Sizes are steps, not a scale: between them the crossing is a guess."
                .into(),
        basis: basis(&all),
        command: command(&format!("{group}/")),
        id,
        title,
        table: by_size,
        csv,
    })
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
