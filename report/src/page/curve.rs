//! Curves over the cases of a group: what the charts over sizes and over delays have in common.

use super::figure::{Figure, basis, command, legend, slug};
use super::table::{Table, Td};
use super::{Press, csv};
use crate::cells::Cell;
use crate::chart::Frame;
use crate::chart::axis::Axis;
use crate::chart::lines::{self, Lines, Point, Series};
use crate::compare::Table as Cells;
use crate::names;
use crate::number;

use super::report::{Report, at_workers};

/// The same quantity in several cases of one subject, a line a variant.
pub(super) struct Curve<'b> {
    /// What is shown of each case, in the order of the cases.
    pub shown: Vec<Vec<&'b Cell>>,
    /// The names of the cases.
    pub cases: Vec<String>,
    /// A line for each variant that has a value in two cases or more.
    pub series: Vec<Series>,
}

/// What a chart of a curve says beside its lines.
pub(super) struct Caption<'a> {
    pub id: String,
    /// The finding.
    pub title: String,
    /// What the cases are: the caption of the axis and the head of the table's first column.
    pub cases: &'a str,
    /// The caption of the table.
    pub table: String,
    /// How to read the chart.
    pub meaning: String,
    /// Where to mark lines that cross.
    pub crossings: Vec<(f64, f64)>,
}

impl<'b> Curve<'b> {
    /// The curve of what `pick` keeps in `tables`, one for each case in their order; none with fewer than two cases.
    pub fn new(report: &Report<'_>, tables: &[Cells<'b>], pick: impl Fn(&Cell) -> bool) -> Option<Curve<'b>> {
        if tables.len() < 2 {
            return None;
        }
        let shown: Vec<Vec<&Cell>> = tables
            .iter()
            .map(|table| {
                let cells = at_workers(table, report.team(table));
                cells.into_iter().filter(|cell| pick(cell)).collect()
            })
            .collect();
        let cases = tables.iter().map(|table| names::group(&table[0].key.group).case).collect();
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
        if series.is_empty() { None } else { Some(Curve { shown, cases, series }) }
    }

    /// The chart with all that a figure must carry.
    pub fn figure(self, press: &mut Press<'_>, caption: Caption<'_>) -> Option<Figure> {
        let key = &self.shown.iter().flatten().next()?.key;
        let subject = key.group.split('/').next().unwrap_or_default();
        let ends = || {
            let points = self.series.iter().flat_map(|series| &series.points);
            points.flat_map(|point| point.interval.into_iter().flatten())
        };
        let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(0.0, f64::max));
        let names: Vec<&str> = self.cases.iter().map(String::as_str).collect();
        let lines = Lines {
            x: Axis::places(&names),
            x_caption: caption.cases.to_lowercase(),
            y: Axis::log_of(&key.unit, low, high, 7),
            y_caption: format!("{}, logarithmic axis", names::metric(&key.metric)),
            ideal: false,
            cores: None,
            crossings: caption.crossings,
            series: self.series,
        };
        let labels: Vec<&str> = lines.series.iter().map(|series| series.label.as_str()).collect();
        let desc = format!(
            "The {} of {} by {}: {}.",
            names::metric(&key.metric),
            super::words::list(&labels),
            lines.x_caption,
            super::words::list(&names)
        );
        let frame =
            Frame { id: &caption.id, title: &caption.title, desc: &desc, quick: press.report.run.quick };
        let all: Vec<&Cell> = self.shown.iter().flatten().copied().collect();
        let mut table =
            Table::new(caption.table, &[caption.cases, "Variant", "#Workers", "#Median", "#Rounds"]);
        for cell in &all {
            let Some(median) = cell.median() else { continue };
            table.push(vec![
                Td::text(names::group(&cell.key.group).case),
                Td::text(&cell.key.variant),
                Td::number(cell.key.workers.to_string()),
                Td::number(number::with_unit(median.value, &cell.key.unit))
                    .note(number::span(median.interval, &cell.key.unit)),
                Td::number(median.rounds.to_string()),
            ]);
        }
        Some(Figure {
            svg: lines::draw(&frame, &lines),
            legend: legend(&lines),
            meaning: caption.meaning,
            basis: basis(&all),
            command: command(&format!("{subject}/")),
            table,
            csv: press
                .csv(&format!("{}__{}", slug(&[&key.suite]), caption.id), csv::cells(all.iter().copied())),
            id: caption.id,
            title: caption.title,
        })
    }
}
