//! Figures: a chart with all that a figure must carry.

use serde::Serialize;

use super::report::{Report, at_workers};
use super::table::{self, Table, Td};
use super::{Press, csv, titles, words};
use crate::cells::Cell;
use crate::chart::axis::{self, Axis};
use crate::chart::dots::{self, Dot, Dots};
use crate::chart::lines::{self, Lines, Point, Series};
use crate::chart::{Frame, canvas};
use crate::compare::{Against, Table as Cells};
use crate::names;
use crate::number;
use crate::records::Better;
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
    let csv = press.csv(&slug(&[&key.suite, &key.group, &key.metric]), csv::cells(table_of(&shown, report)));
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
    let title = titles::speedup_title(report, table);
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

pub(super) fn legend(lines: &Lines) -> Vec<Entry> {
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

pub(super) fn basis(cells: &[&Cell]) -> String {
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
