//! Figures: a chart with all that a figure must carry.

use serde::Serialize;

use super::report::{Report, at_workers};
use super::table::{self, Table, Td};
use super::{Press, csv, words};
use crate::cells::Cell;
use crate::chart::axis::{self, Axis};
use crate::chart::dots::{self, Dot, Dots};
use crate::chart::lines::{self, Lines, Point, Series};
use crate::chart::{Frame, canvas};
use crate::compare::{Against, Table as Cells, best_against_best, cross_fit, restless};
use crate::names::{self, Family};
use crate::number;
use crate::records::{Better, Verdict};
use crate::stats::MIN_ROUNDS;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub id: String,
    /// The finding.
    pub title: String,
    /// How to read the chart.
    pub meaning: String,
    pub svg: String,
    pub legend: Vec<Entry>,
    /// Unit, rounds, interval.
    pub basis: String,
    pub table: Table,
    /// Path of the CSV file, from the run's root.
    pub csv: String,
    pub command: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub swatch: String,
    pub label: String,
}

/// Workers from which on both axes of a speed-up chart are logarithmic.
const MANY_WORKERS: u32 = 16;

/// Chart a: one dot and interval for every variant of a table, as told by `pick`, at the table's number of
/// workers. None without a value to show.
pub(super) fn dots(
    press: &mut Press<'_>,
    table: Cells<'_>,
    id_prefix: &str,
    title: String,
    pick: impl Fn(&Cell) -> bool,
) -> Option<Figure> {
    let report = press.report;
    let shown: Vec<&Cell> =
        at_workers(table, report.team(table)).into_iter().filter(|cell| pick(cell)).collect();
    let key = &shown.first()?.key;
    let rows: Vec<Dot> = shown
        .iter()
        .filter_map(|cell| {
            let median = cell.median()?;
            Some(Dot {
                label: label(cell, &shown),
                style: report.style(&cell.key.variant),
                value: median.value,
                interval: median.interval,
            })
        })
        .collect();
    let sequential = shown.iter().find(|cell| cell.model() == "sequential");
    let dots = Dots {
        rows,
        unit: key.unit.clone(),
        metric: names::metric(&key.metric).to_owned(),
        reference: sequential.and_then(|cell| cell.median()).map(|median| median.value),
    };
    let id = format!("{id_prefix}{}", slug(&[&key.group, &key.metric]));
    let better = if shown[0].better == Better::Lower { "less" } else { "more" };
    let reference = if dots.reference.is_some() { " The dashed line is the sequential program." } else { "" };
    let interval = if few(&shown) { "range" } else { "its 95 % interval" };
    let meaning = format!(
        "Median and {interval}; {better} is better. A number after a name counts its workers.{reference}"
    );
    let desc = described(&shown);
    let frame = Frame { id: &id, title: &title, desc: &desc, quick: report.run.quick };
    let svg = dots::draw(&frame, &dots);
    let table = table::medians(format!("{}: {}", key.group, key.metric), &shown);
    let csv = press.csv(&slug(&[&key.suite, &key.group, &key.metric]), csv_of(table_of(&shown, report)));
    Some(Figure {
        basis: basis(&shown),
        command: command(&key.group),
        id,
        title,
        meaning,
        svg,
        legend: Vec::new(),
        table,
        csv,
    })
}

/// Chart b: speed-up against the sequential program over the number of workers. None if no model was run
/// with two different numbers.
pub(super) fn speedup(press: &mut Press<'_>, table: Cells<'_>) -> Option<Figure> {
    let report = press.report;
    let mut judged: Vec<(&Cell, &crate::compare::Judgement)> = table
        .iter()
        .filter(|cell| cell.prefix().is_empty() && cell.better == Better::Lower)
        .filter_map(|cell| Some((cell, report.judgement(cell, Against::Baseline)?)))
        .filter(|(_, judgement)| judgement.row.baseline == "sequential" && judgement.row.ratio.is_some())
        .collect();
    judged.sort_by_key(|(cell, _)| (names::order(&cell.key.variant), cell.key.workers));
    let key = &judged.first()?.0.key;
    let mut series: Vec<Series> = Vec::new();
    for (cell, judgement) in &judged {
        let point = Point {
            x: f64::from(cell.key.workers),
            y: judgement.row.ratio?.recip(),
            interval: judgement.row.ci.map(|[low, high]| [high.recip(), low.recip()]),
        };
        match series.last_mut().filter(|series| series.label == cell.key.variant) {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                label: cell.key.variant.clone(),
                style: report.style(&cell.key.variant),
                points: vec![point],
            }),
        }
    }
    if series.iter().all(|series| series.points.len() < 2) {
        return None;
    }
    let points = || series.iter().flat_map(|series| &series.points);
    let most = points().map(|point| point.x).fold(1.0, f64::max);
    let ends = || points().flat_map(|point| point.interval.into_iter().flatten().chain([point.y]));
    let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(0.0, f64::max));
    let many = most > f64::from(MANY_WORKERS);
    let label = |value: f64| if value.fract() == 0.0 { format!("{value}") } else { number::short(value) };
    let (x, y) = if many {
        (
            Axis::log(1.0, most, 6, label),
            Axis::log(low.min(1.0), high, 7, |value| format!("{}×", axis::plain(value))),
        )
    } else {
        let top = high.max(f64::from(report.run.host.cores).min(most));
        (Axis::whole(most as u32), Axis::from_zero(top, |value| format!("{}×", axis::plain(value))))
    };
    let lines = Lines {
        x,
        x_caption: "workers".into(),
        y,
        y_caption: if many { "speed-up, both axes logarithmic".into() } else { "speed-up, from zero".into() },
        ideal: true,
        cores: Some(f64::from(report.run.host.cores)),
        crossings: Vec::new(),
        series,
    };
    let id = slug(&[&key.group, "speed-up"]);
    let title = speedup_title(report, table);
    let desc = format!(
        "Speed-up over the sequential program against the number of workers, for {}.",
        words::list(&lines.series.iter().map(|series| series.label.as_str()).collect::<Vec<_>>())
    );
    let frame = Frame { id: &id, title: &title, desc: &desc, quick: report.run.quick };
    let mut shown = Table::new(
        format!("{}: speed-up over sequential", key.group),
        &["Variant", "#Workers", "#Speed-up", "#95 % interval", "#Rounds"],
    );
    for (cell, judgement) in &judged {
        let row = &judgement.row;
        shown.push(vec![
            Td::text(&cell.key.variant).note(&cell.key.params),
            Td::number(cell.key.workers.to_string()),
            Td::number(number::ratio(row.ratio.map(f64::recip), None)),
            Td::number(
                row.ci.map_or("–".into(), |[low, high]| number::interval([high.recip(), low.recip()])),
            ),
            Td::number(row.rounds.to_string()),
        ]);
    }
    let rounds = rounds(judged.iter().map(|(_, judgement)| judgement.row.rounds as usize));
    let csv = press.csv(
        &slug(&[&key.suite, &key.group, "speed-up"]),
        csv::ratios(judged.iter().map(|(_, judgement)| *judgement)),
    );
    Some(Figure {
        svg: lines::draw(&frame, &lines),
        legend: legend(&lines),
        meaning:
            "Sequential time over the model's time, compared within each round; the line marked ideal gains \
                  a whole core's worth with every worker. Beyond the cores there is nothing left to gain for \
                  work that computes."
                .into(),
        basis: format!("ratio of times · {rounds} · geometric mean with 95 % t interval"),
        command: command(&key.group),
        id,
        title,
        table: shown,
        csv,
    })
}

/// Chart c: time against size. `sizes` are tables of the same kernel and way from small to large. None with
/// fewer than two sizes.
pub(super) fn sizes(press: &mut Press<'_>, sizes: &[Cells<'_>]) -> Option<Figure> {
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
    let title = sizes_title(report, sizes, &shown, &names, &crossings);
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

/// The title of chart a for a kernel: threads and processes against each other, the best of either chosen on
/// other rounds than it is judged on; else the best model against the sequential program.
pub(super) fn kernel_title(report: &Report<'_>, table: Cells<'_>) -> String {
    match families(report, table) {
        Some((_, _, compared)) => {
            words::head_to_head("processes", "threads", &compared, trusted(report, table))
        }
        None => speedup_title(report, table),
    }
}

/// Processes against threads at the table's number of workers: who stands for either, and the comparison.
pub(super) fn families(
    report: &Report<'_>,
    table: Cells<'_>,
) -> Option<(String, String, crate::stats::Comparison)> {
    let team = report.team(table);
    let of = |family: Family| -> Vec<&Cell> {
        table
            .iter()
            .filter(|cell| !cell.peer && cell.prefix().is_empty() && cell.key.workers == team)
            .filter(|cell| names::family(&cell.key.variant) == family)
            .collect()
    };
    best_against_best(&of(Family::Processes), &of(Family::Threads))
}

/// The title of charts whose suite has no models: the judgement whose effect is the largest that is certain.
pub(super) fn suite_title(report: &Report<'_>, table: Cells<'_>) -> String {
    let judgements = table.iter().flat_map(|cell| {
        [Against::Baseline, Against::BestPeer]
            .into_iter()
            .filter_map(|against| report.judgement(cell, against))
    });
    let (native, others): (Vec<_>, Vec<_>) =
        judgements.partition(|judgement| !judgement.row.variant.contains('/'));
    let judgements = if native.is_empty() { others } else { native };
    let certain = judgements.iter().filter(|judgement| judgement.row.verdict != Verdict::Inconclusive);
    let strongest = certain.max_by(|a, b| {
        let effect = super::findings::effect;
        effect(&a.row).total_cmp(&effect(&b.row)).then_with(|| b.key.cmp(&a.key))
    });
    match strongest.or(judgements.first()) {
        Some(judgement) => words::sentence(judgement),
        None => {
            let metric = names::metric(&table[0].key.metric);
            format!("{metric} of {}: nothing to compare with", table[0].key.group)
        }
    }
}

/// Whether verdicts of this table may be told at all: not in a quick run, nor if the sequential program was
/// too restless.
pub(super) fn trusted(report: &Report<'_>, table: Cells<'_>) -> bool {
    let sequential = table.iter().filter(|cell| cell.key.variant == "sequential");
    !report.run.quick && !sequential.into_iter().any(restless)
}

fn speedup_title(report: &Report<'_>, table: Cells<'_>) -> String {
    let team = report.team(table);
    let models: Vec<&Cell> = table
        .iter()
        .filter(|cell| !cell.peer && cell.prefix().is_empty() && cell.key.workers == team)
        .filter(|cell| cell.model() != "sequential")
        .collect();
    let sequential: Vec<&Cell> = table.iter().filter(|cell| cell.key.variant == "sequential").collect();
    let Some((best, _, compared)) = best_against_best(&models, &sequential) else {
        return match cross_fit(&table.iter().collect::<Vec<_>>()) {
            Some(_) => "Not comparable: there is no sequential program or no model with a value".into(),
            None => "Nothing was measured".into(),
        };
    };
    if compared.ratio.is_none() {
        return "Inconclusive: too few rounds to choose a model and judge it".into();
    }
    let back = compared.inverted();
    let speedup = number::ratio(back.ratio, back.ci);
    let best = words::list(&best.split('|').collect::<Vec<_>>()).replace(" and ", " or ");
    let workers = if team == 1 { "1 worker".into() } else { format!("{team} workers") };
    let verdict = if trusted(report, table) { compared.verdict } else { Verdict::Inconclusive };
    match verdict {
        Verdict::Better => format!("Best: {best}, {speedup} as fast as sequential with {workers}"),
        Verdict::Worse => format!("No model beats sequential: {best} reaches {speedup} with {workers}"),
        Verdict::Equivalent => {
            format!("No model beats sequential: {best} equals it at {speedup} with {workers}")
        }
        Verdict::Inconclusive => format!("Inconclusive: {best} at {speedup} of sequential with {workers}"),
    }
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

fn sizes_title(
    report: &Report<'_>,
    sizes: &[Cells<'_>],
    shown: &[Vec<&Cell>],
    names: &[&str],
    crossings: &[Crossing],
) -> String {
    let trusted = sizes.iter().all(|table| trusted(report, table));
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

fn legend(lines: &Lines) -> Vec<Entry> {
    let entry = |series: &Series| Entry { swatch: lines::swatch(series.style), label: series.label.clone() };
    let ideal = lines.ideal.then(|| Entry { swatch: lines::ideal_swatch(), label: "ideal".into() });
    lines.series.iter().map(entry).chain(ideal).collect()
}

/// The name of a row, with workers where there are several and parameters where the name alone is not unique.
fn label(cell: &Cell, all: &[&Cell]) -> String {
    let key = &cell.key;
    let mut label = key.variant.clone();
    if key.workers > 1 {
        label = format!("{label} · {}", key.workers);
    }
    let same = all.iter().filter(|other| other.key.variant == key.variant).count();
    if same > 1 && !key.params.is_empty() {
        label = format!("{label} · {}", key.params);
    }
    let room = (f64::from(crate::chart::WIDTH) * 0.78 / canvas::text_width("m")) as usize;
    if label.chars().count() > room {
        label = label.chars().take(room - 1).chain(['…']).collect();
    }
    label
}

fn described(cells: &[&Cell]) -> String {
    let values: Vec<String> = cells
        .iter()
        .filter_map(|cell| {
            let median = cell.median()?;
            Some(format!("{} {}", label(cell, cells), number::with_unit(median.value, &cell.key.unit)))
        })
        .collect();
    format!("One dot and interval a variant: {}.", values.join(", "))
}

fn basis(cells: &[&Cell]) -> String {
    let rounds = rounds(cells.iter().map(|cell| cell.values.len()));
    let unit = cells.first().map_or("", |cell| cell.key.unit.as_str());
    let interval = if few(cells) { "its range" } else { "95 % interval of order statistics" };
    format!("recorded in {unit} · {rounds} · median with {interval}")
}

/// Whether some cell has too few rounds for an interval of its median.
fn few(cells: &[&Cell]) -> bool {
    cells.iter().any(|cell| cell.values.len() < MIN_ROUNDS as usize)
}

/// How many rounds the cells have, in words.
fn rounds(counts: impl Iterator<Item = usize>) -> String {
    let counts: Vec<usize> = counts.collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(1), Some(1)) => "1 round".into(),
        (Some(least), Some(most)) if least == most => format!("{least} rounds"),
        (Some(least), Some(most)) => format!("{least} to {most} rounds"),
        _ => "no rounds".into(),
    }
}

fn table_of<'b>(shown: &[&'b Cell], report: &'b Report<'_>) -> Vec<&'b Cell> {
    let Some(key) = shown.first().map(|cell| &cell.key) else { return Vec::new() };
    report
        .cells
        .iter()
        .filter(|cell| {
            (&cell.key.suite, &cell.key.group, &cell.key.metric) == (&key.suite, &key.group, &key.metric)
        })
        .collect()
}

fn csv_of(cells: Vec<&Cell>) -> String {
    csv::cells(cells)
}

/// The command that measures a group again and renders it.
pub(super) fn command(group: &str) -> String {
    format!("cargo xtask report --filter '^{group}'")
}

/// Names joined so that they may be a file name and a fragment, different for different names.
pub(super) fn slug(parts: &[&str]) -> String {
    let letters = |part: &&str| -> String {
        part.chars()
            .map(|letter| match letter {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => letter.to_string(),
                '/' => "_".to_owned(),
                other => format!(".{:x}", other as u32),
            })
            .collect()
    };
    parts.iter().map(letters).collect::<Vec<_>>().join("__")
}

impl Press<'_> {
    /// Puts a CSV file into the site and returns its path.
    pub(super) fn csv(&mut self, name: &str, text: String) -> String {
        let path = format!("data/{name}.csv");
        self.files.insert(path.clone(), text.into_bytes());
        path
    }
}
