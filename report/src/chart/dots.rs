//! A dot and an interval a row: how long each model takes, and how sure that is.
//!
//! The label stands above its track and not beside it, so that a telephone has room for both. The axis starts
//! at zero unless the values span more than a factor of [`LOG_FROM`]; then it is logarithmic and says so.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{self, Axis};
use super::canvas::{Canvas, TENTHS, text_width};
use super::ink::{Ink, Style};
use super::{Frame, WIDTH};
use crate::number;

/// Values that differ by more than this factor share a logarithmic axis.
pub const LOG_FROM: f64 = 12.0;

/// One row of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// The name at its left.
    pub label: String,
    /// How it is drawn.
    pub style: Style,
    /// Where the dot is.
    pub value: f64,
    /// Both ends of the interval.
    pub interval: [f64; 2],
}

/// Rows on one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Dots {
    /// From top to bottom.
    pub rows: Vec<Dot>,
    /// The records' unit.
    pub unit: String,
    /// What is measured, for the caption of the axis.
    pub metric: String,
    /// A value to compare all rows with, marked by a line.
    pub reference: Option<f64>,
}

const ROW: u32 = 37;
const SIDE: i32 = 8;

/// Draws the chart.
///
/// ```
/// use heddle_report::chart::{Frame, dots::{Dot, Dots, draw}, ink::Style};
/// use heddle_report::names::Family;
/// let style = Style { family: Family::Threads, member: 0, hollow: false };
/// let dot = Dot { label: "threads".into(), style, value: 9e6, interval: [8.9e6, 9.2e6] };
/// let dots = Dots { rows: vec![dot], unit: "ns".into(), metric: "time".into(), reference: None };
/// let frame = Frame { id: "time", title: "Time", desc: "One dot.", quick: false };
/// assert!(draw(&frame, &dots).contains("9.00 ms"));
/// ```
#[must_use]
pub fn draw(frame: &Frame<'_>, dots: &Dots) -> String {
    let height = ROW * dots.rows.len().max(1) as u32 + 42;
    let mut drawing = String::new();
    super::drawn(marks(&mut drawing, height, dots));
    frame.wrap(WIDTH, height, &drawing)
}

fn marks(drawing: &mut String, height: u32, dots: &Dots) -> super::Drawn {
    let root = Canvas::new(drawing, WIDTH, height).into_drawing_area();
    let x = axis_of(dots);
    let ticks = x.ticks.clone();
    let (start, end) = x.ends();
    let log = x.is_log();
    let caption = caption(dots, log);
    let rows = dots.rows.len().max(1) as f64;
    let chart = ChartBuilder::on(&root)
        .margin_left(SIDE * TENTHS)
        .margin_right(SIDE * TENTHS)
        .margin_top(4 * TENTHS)
        .margin_bottom(38 * TENTHS)
        .build_cartesian_2d(x, Axis::bare(rows..0.0))?;
    let plot = chart.plotting_area();

    let mut row = LabelRow::default();
    for (value, label) in &ticks {
        plot.draw(&PathElement::new([(*value, 0.0), (*value, rows)], Ink::Grid.line(8)))?;
        let (at, below) = chart.backend_coord(&(*value, rows));
        if let Some(anchor) = row.place(at, label) {
            let style = Ink::Quiet.words(anchor, VPos::Top);
            root.draw(&Text::new(label.clone(), (at, below + 4 * TENTHS), style))?;
        }
    }
    let (right, below) = chart.backend_coord(&(end, rows));
    root.draw(&Text::new(caption, (right, below + 21 * TENTHS), Ink::Quiet.words(HPos::Right, VPos::Top)))?;
    if let Some(reference) = dots.reference {
        plot.draw(&PathElement::new([(reference, 0.0), (reference, rows)], Ink::Mark.line(10)))?;
    }

    for (at, row) in dots.rows.iter().enumerate() {
        let track = at as f64 + 0.76;
        let ink_of = Ink::Series(row.style);
        plot.draw(&PathElement::new([(start, track), (end, track)], Ink::Grid.line(8)))?;
        if !log {
            plot.draw(&PathElement::new([(0.0, track), (row.value, track)], ink_of.line(12)))?;
        }
        let [low, high] = row.interval;
        plot.draw(&PathElement::new([(low, track), (high, track)], ink_of.line(40)))?;
        plot.draw(&marker((row.value, track), row.style, 45))?;
        let (_, top) = chart.backend_coord(&(start, at as f64));
        let y = top + 17 * TENTHS;
        root.draw(&Text::new(
            row.label.clone(),
            (SIDE * TENTHS, y),
            Ink::Text.words(HPos::Left, VPos::Bottom),
        ))?;
        let value = number::with_unit(row.value, &dots.unit);
        let corner = (WIDTH as i32 * TENTHS - SIDE * TENTHS, y);
        root.draw(&Text::new(value, corner, Ink::Text.words(HPos::Right, VPos::Bottom)))?;
    }
    Ok(())
}

/// A marker whose shape tells the members of a family apart, `radius` tenths of a unit in size.
pub(super) fn marker<'a, DB: DrawingBackend + 'a>(
    at: (f64, f64),
    style: Style,
    radius: i32,
) -> DynElement<'a, DB, (f64, f64)> {
    let ink = Ink::Series(style);
    let r = radius;
    let corners: Vec<(i32, i32)> = match style.member % 5 {
        0 => Vec::new(),
        1 => vec![(-r, -r), (r, -r), (r, r), (-r, r)],
        2 => vec![(0, -r * 5 / 4), (r * 6 / 5, r), (-r * 6 / 5, r)],
        3 => vec![(0, -r * 7 / 5), (r * 7 / 5, 0), (0, r * 7 / 5), (-r * 7 / 5, 0)],
        _ => vec![(-r * 6 / 5, -r), (r * 6 / 5, -r), (0, r * 5 / 4)],
    };
    let inner = if style.hollow { Ink::Paper } else { ink };
    if corners.is_empty() {
        return (EmptyElement::at(at)
            + Circle::new((0, 0), r, inner.area())
            + Circle::new((0, 0), r, ink.line(15)))
        .into_dyn();
    }
    let mut outline = corners.clone();
    outline.push(corners[0]);
    outline.push(corners[1]);
    (EmptyElement::at(at) + Polygon::new(corners, inner.area()) + PathElement::new(outline, ink.line(15)))
        .into_dyn()
}

/// Labels below an axis, from left to right. Each stays inside the chart and clear of the one before it.
#[derive(Debug, Default)]
pub(super) struct LabelRow {
    /// Where the last label ends, in units.
    end: f64,
}

impl LabelRow {
    /// Where a label hangs that belongs to `at` tenths of a unit; none if there is no room for it.
    pub(super) fn place(&mut self, at: i32, label: &str) -> Option<HPos> {
        let at = f64::from(at) / f64::from(TENTHS);
        let (width, room) = (text_width(label), f64::from(WIDTH));
        let (anchor, left) = match at {
            _ if at < width / 2.0 => (HPos::Left, at),
            _ if at + width / 2.0 > room => (HPos::Right, at - width),
            _ => (HPos::Center, at - width / 2.0),
        };
        let free = self.end == 0.0 || left >= self.end + 4.0;
        if free {
            self.end = left + width;
        }
        free.then_some(anchor)
    }
}

fn axis_of(dots: &Dots) -> Axis {
    let ends = dots.rows.iter().flat_map(|row| [row.value, row.interval[0], row.interval[1]]);
    let ends: Vec<f64> = ends.chain(dots.reference).filter(|value| value.is_finite()).collect();
    let largest = ends.iter().copied().fold(0.0, f64::max);
    let smallest = ends.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest > 0.0 && largest > smallest * LOG_FROM {
        return Axis::log_of(&dots.unit, smallest, largest, 6);
    }
    let factor = number::scale(&dots.unit, largest).map_or(1.0, |scale| scale.factor);
    let mut axis = Axis::from_zero(largest / factor, axis::plain);
    axis.rescale(factor);
    axis
}

fn caption(dots: &Dots, log: bool) -> String {
    if log {
        return format!("{}, logarithmic axis", dots.metric);
    }
    let largest = dots.rows.iter().map(|row| row.value.max(row.interval[1])).fold(0.0, f64::max);
    let largest = largest.max(dots.reference.unwrap_or(0.0));
    let unit = number::scale(&dots.unit, largest).map_or(dots.unit.as_str(), |scale| scale.unit);
    format!("{} in {unit}, from zero", dots.metric)
}
