//! Axes and drawings: ticks where they belong, nothing outside the picture.

use heddle_report::chart::axis::{self, Axis};
use heddle_report::chart::canvas::text_width;
use heddle_report::chart::dots::{self, Dot, Dots};
use heddle_report::chart::ink::{Ink, Style};
use heddle_report::chart::lines::{self, Lines, Point, Series};
use heddle_report::chart::{Frame, WIDTH};
use heddle_report::names::Family;
use proptest::prelude::*;

const FRAME: Frame<'static> = Frame { id: "f", title: "T", desc: "D", quick: false };

fn style(member: u8) -> Style {
    Style { family: Family::Threads, member, hollow: false }
}

/// Values of an attribute in order, as numbers.
fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
    let needle = format!(" {attribute}=\"");
    svg.match_indices(&needle)
        .map(|(at, _)| svg[at + needle.len()..].split('"').next().unwrap().parse().unwrap())
        .collect()
}

/// Texts of a drawing that cover each other: those at the same height whose ends cross.
fn overlaps(svg: &str) -> Vec<(String, String)> {
    let heights: Vec<f64> = numbers(&svg.replace("<line", "<l").replace("<rect", "<r"), "y");
    let texts = text_ends(svg);
    let mut overlaps = Vec::new();
    for (at, (one, left, right)) in texts.iter().enumerate() {
        for (other_at, (other, from, to)) in texts.iter().enumerate().skip(at + 1) {
            if (heights[at] - heights[other_at]).abs() < 10.0 && left < to && from < right {
                overlaps.push((one.clone(), other.clone()));
            }
        }
    }
    overlaps
}

/// Left and right end of every text of a drawing, by its anchor and a generous width.
fn text_ends(svg: &str) -> Vec<(String, f64, f64)> {
    svg.split("<text ")
        .skip(1)
        .filter(|text| !text.contains("watermark"))
        .map(|text| {
            let words = text.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
            let x = numbers(&format!(" {text}"), "x")[0];
            let width = text_width(&words);
            let left = match text {
                _ if text.contains("text-anchor=\"end\"") => x - width,
                _ if text.contains("text-anchor=\"middle\"") => x - width / 2.0,
                _ => x,
            };
            (words, left, left + width)
        })
        .collect()
}

proptest! {
    #[test]
    fn logarithmic_axes_hold_their_values_and_have_ticks(low in 1e-3..1e9f64, factor in 1.0..1e9f64, most in 4usize..8) {
        let axis = Axis::log(low, low * factor, most, axis::plain);
        let (start, end) = axis.ends();
        prop_assert!(start <= low && low * factor <= end * (1.0 + 1e-9));
        prop_assert!(axis.ticks.len() >= 2, "{:?}", axis.ticks);
        prop_assert!(axis.ticks.len() <= most + 2, "{:?}", axis.ticks);
        for pair in axis.ticks.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{:?}", axis.ticks);
        }
        for (value, _) in &axis.ticks {
            prop_assert!(start * (1.0 - 1e-6) <= *value && *value <= end * (1.0 + 1e-6));
        }
    }

    #[test]
    fn linear_axes_start_at_zero_and_hold_their_values(largest in 1e-6..1e12f64) {
        let axis = Axis::from_zero(largest, axis::plain);
        prop_assert_eq!(axis.ends().0, 0.0);
        prop_assert!(axis.ends().1 >= largest);
        prop_assert!((3..=7).contains(&axis.ticks.len()), "{:?}", axis.ticks);
        for pair in axis.ticks.windows(2) {
            prop_assert!(pair[0].1 != pair[1].1, "{:?}", axis.ticks);
        }
    }

    #[test]
    fn dots_stay_inside_and_labels_do_not_overlap(values in prop::collection::vec(1e0..1e10f64, 1..12), spread in 1.0..1.5f64) {
        let rows: Vec<Dot> = values
            .iter()
            .enumerate()
            .map(|(at, value)| Dot {
                label: format!("process_pool-copied · {at}"),
                style: style(at as u8),
                value: *value,
                interval: [value / spread, value * spread],
            })
            .collect();
        let svg = dots::draw(&FRAME, &Dots { rows, unit: "ns".into(), metric: "time".into(), reference: None });
        for x in ["x", "x1", "x2", "cx"].iter().flat_map(|name| numbers(&svg, name)) {
            prop_assert!((0.0..=f64::from(WIDTH)).contains(&x), "{x}");
        }
        for (words, left, right) in text_ends(&svg) {
            prop_assert_eq!(&overlaps(&svg), &Vec::new());
            prop_assert!(left >= 0.0 && right <= f64::from(WIDTH), "{words}: {left} to {right}");
        }
    }
}

#[test]
fn ticks_of_memory_are_powers_of_two() {
    let axis = Axis::log_of("bytes", 30e3, 450e3, 6);
    let labels: Vec<&str> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
    assert_eq!(labels, ["32 KiB", "64 KiB", "128 KiB", "256 KiB", "512 KiB"]);
}

#[test]
fn counts_have_whole_ticks() {
    let labels =
        |last| Axis::whole(last).ticks.iter().map(|(_, label)| label.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(labels(4), "0 1 2 3 4");
    assert_eq!(labels(16), "0 2 4 6 8 10 12 14 16");
    assert_eq!(labels(0), "0 1");
}

#[test]
fn inks_survive_the_way_through_plotters() {
    for member in 0..9 {
        for family in [Family::Neutral, Family::Threads, Family::Processes, Family::Hybrid, Family::Ours] {
            let style = Style { family, member, hollow: false };
            for ink in [Ink::Series(style), Ink::Line(style)] {
                let token = ink.token();
                assert_eq!(Ink::of_token((token.0, token.1, token.2)), ink);
            }
        }
    }
    for ink in [Ink::Paper, Ink::Grid, Ink::Mark, Ink::Text, Ink::Quiet, Ink::Alarm] {
        let token = ink.token();
        assert_eq!(Ink::of_token((token.0, token.1, token.2)), ink);
    }
}

#[test]
fn a_curve_is_one_line_however_it_is_dashed() {
    let points: Vec<Point> =
        (0..60).map(|at| Point { x: f64::from(at) / 30.0, y: 1.0 + f64::from(at), interval: None }).collect();
    let lines = Lines {
        series: vec![Series { label: "a".into(), style: style(1), points }],
        x: Axis::places(&["small", "medium", "large"]),
        x_caption: "size".into(),
        y: Axis::log(1.0, 200.0, 6, axis::plain),
        y_caption: "time".into(),
        ideal: false,
        cores: None,
        crossings: vec![(1.0, 50.0)],
    };
    let svg = lines::draw(&FRAME, &lines);
    assert_eq!(svg.matches("stroke-dasharray=\"6 3\"").count(), 1);
    assert!(svg.len() < 40_000);
}

#[test]
fn titles_are_escaped() {
    let frame = Frame { id: "f", title: "a < b & \"c\"", desc: "<b>", quick: true };
    let dots = Dots { rows: Vec::new(), unit: "ns".into(), metric: "time".into(), reference: None };
    let svg = dots::draw(&frame, &dots);
    assert!(svg.contains("a &lt; b &amp; &quot;c&quot;") && !svg.contains("<b>"));
    assert!(svg.contains("quick run: not evidence"));
}
