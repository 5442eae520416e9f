//! Curves: one line and marker a series, with intervals, the ideal, the number of cores and crossings marked.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Canvas, TENTHS};
use super::dots::{LabelRow, marker};
use super::ink::{Ink, Style};
use super::{Frame, WIDTH};

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Position along the horizontal axis.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// Both ends of its interval, where there is one.
    pub interval: Option<[f64; 2]>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name, for the legend beside the chart.
    pub label: String,
    /// How it is drawn.
    pub style: Style,
    /// From left to right.
    pub points: Vec<Point>,
}

/// Curves over a pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// The curves, in the order of the legend.
    pub series: Vec<Series>,
    /// The horizontal axis.
    pub x: Axis,
    /// What it counts.
    pub x_caption: String,
    /// The vertical axis.
    pub y: Axis,
    /// What it counts.
    pub y_caption: String,
    /// Whether to draw the line on which y is x.
    pub ideal: bool,
    /// Where the cores end.
    pub cores: Option<f64>,
    /// Crossings to mark with a ring.
    pub crossings: Vec<(f64, f64)>,
}

const HEIGHT: u32 = 270;
const LEFT: i32 = 54;
const RIGHT: i32 = 12;
const TOP: i32 = 30;
const BOTTOM: i32 = 40;

/// Draws the chart.
#[must_use]
pub fn draw(frame: &Frame<'_>, lines: &Lines) -> String {
    let mut drawing = String::new();
    super::drawn(marks(&mut drawing, lines));
    frame.wrap(WIDTH, HEIGHT, &drawing)
}

fn marks(drawing: &mut String, lines: &Lines) -> super::Drawn {
    let root = Canvas::new(drawing, WIDTH, HEIGHT).into_drawing_area();
    let chart = ChartBuilder::on(&root)
        .margin_left(LEFT * TENTHS)
        .margin_right(RIGHT * TENTHS)
        .margin_top(TOP * TENTHS)
        .margin_bottom(BOTTOM * TENTHS)
        .build_cartesian_2d(lines.x.clone(), lines.y.clone())?;
    let plot = chart.plotting_area();
    let ((left, right), (bottom, top)) = (lines.x.ends(), lines.y.ends());

    for (value, label) in &lines.y.ticks {
        plot.draw(&PathElement::new([(left, *value), (right, *value)], Ink::Grid.line(8)))?;
        let (x, y) = chart.backend_coord(&(left, *value));
        let style = Ink::Quiet.words(HPos::Right, VPos::Center);
        root.draw(&Text::new(label.clone(), (x - 5 * TENTHS, y), style))?;
    }
    let mut row = LabelRow::default();
    for (value, label) in &lines.x.ticks {
        let (x, y) = chart.backend_coord(&(*value, bottom));
        if let Some(anchor) = row.place(x, label) {
            let style = Ink::Quiet.words(anchor, VPos::Top);
            root.draw(&Text::new(label.clone(), (x, y + 5 * TENTHS), style))?;
        }
    }
    let (x, y) = chart.backend_coord(&(right, bottom));
    let style = Ink::Quiet.words(HPos::Right, VPos::Top);
    root.draw(&Text::new(lines.x_caption.clone(), (x, y + 22 * TENTHS), style))?;
    let style = Ink::Quiet.words(HPos::Left, VPos::Top);
    root.draw(&Text::new(lines.y_caption.clone(), (2 * TENTHS, 2 * TENTHS), style))?;

    if let Some(cores) = lines.cores.filter(|cores| (left..=right).contains(cores)) {
        plot.draw(&PathElement::new([(cores, bottom), (cores, top)], Ink::Mark.line(10)))?;
        let (x, y) = chart.backend_coord(&(cores, top));
        let beyond = x > (WIDTH as i32 - 70) * TENTHS;
        let (side, gap) = if beyond { (HPos::Right, -4) } else { (HPos::Left, 4) };
        let name = if cores == 1.0 { "1 core".to_owned() } else { format!("{cores} cores") };
        let style = Ink::Quiet.words(side, VPos::Top);
        root.draw(&Text::new(name, (x + gap * TENTHS, y), style))?;
    }
    if lines.ideal {
        let (from, to) = (left.max(bottom), right.min(top));
        plot.draw(&PathElement::new([(from, from), (to, to)], Ink::Mark.line(10)))?;
    }
    for series in &lines.series {
        let path: Vec<(f64, f64)> = series.points.iter().map(|point| (point.x, point.y)).collect();
        if path.len() > 1 {
            plot.draw(&PathElement::new(path, Ink::Line(series.style).line(18)))?;
        }
    }
    for series in &lines.series {
        for point in &series.points {
            if let Some([low, high]) = point.interval {
                let ends = [(point.x, low), (point.x, high)];
                plot.draw(&PathElement::new(ends, Ink::Series(series.style).line(18)))?;
            }
            plot.draw(&marker((point.x, point.y), series.style, 38))?;
        }
    }
    for &crossing in &lines.crossings {
        plot.draw(&(EmptyElement::at(crossing) + Circle::new((0, 0), 85, Ink::Text.line(14))))?;
    }
    Ok(())
}

/// A line and a marker for a legend, `aria-hidden`: the name stands beside it.
#[must_use]
pub fn swatch(style: Style) -> String {
    swatch_of(Ink::Line(style), Some(style))
}

/// The line of the ideal for a legend, `aria-hidden`.
#[must_use]
pub fn ideal_swatch() -> String {
    swatch_of(Ink::Mark, None)
}

fn swatch_of(line: Ink, style: Option<Style>) -> String {
    let mut drawing = String::new();
    let root = Canvas::new(&mut drawing, 30, 12).into_drawing_area();
    let drawn = (|| -> super::Drawn {
        let chart = ChartBuilder::on(&root).build_cartesian_2d(Axis::bare(0.0..1.0), Axis::bare(0.0..1.0))?;
        let plot = chart.plotting_area();
        plot.draw(&PathElement::new([(0.03, 0.5), (0.97, 0.5)], line.line(18)))?;
        style.map_or(Ok(()), |style| plot.draw(&marker((0.5, 0.5), style, 36)))
    })();
    super::drawn(drawn);
    drop(root);
    format!(
        r#"<svg class="swatch" aria-hidden="true" viewBox="0 0 30 12" width="30" height="12">{drawing}</svg>"#
    )
}
