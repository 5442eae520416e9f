//! An execution of several threads: time runs downwards, a lane a thread, a labelled step a row.
//!
//! The last step is marked, because it is the one at which a checker stopped the execution. An arrow leads from a
//! step that releases to one that acquires what it released.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::canvas::{TEXT, text_width};
use super::ink::{Ink, Style};
use super::{Frame, escape};
use crate::names::Family;
use crate::records::Step;

/// Width of a drawing in its own units, which are pixels: narrower screens scroll.
pub const WIDTH: u32 = 520;

/// The steps that are drawn at most: the last ones.
pub const MOST: usize = 40;

/// Height of a row.
const ROW: f64 = 20.0;
/// Height of the first row's middle: the lanes' names stand above it.
const TOP: f64 = 36.0;
/// Where the numbers of steps end, and the first lane is.
const NUMBERS: f64 = 28.0;
const LANES: f64 = 44.0;
/// The width that all lanes share at most, and the distance of two of them.
const LANES_WIDTH: f64 = 112.0;
const LANE: f64 = 34.0;
/// Free space between a lane, a label, a site and the edge.
const GAP: f64 = 12.0;
/// The widest site.
const SITE: f64 = 160.0;
/// Radius of a step's dot.
const DOT: f64 = 4.0;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// In words, below the last step.
    pub words: String,
    /// The earlier step, counted from 0, that the last one collides with.
    pub with: Option<usize>,
}

/// Draws the last [`MOST`] steps of an execution.
#[must_use]
pub fn draw(frame: &Frame<'_>, steps: &[Step], ending: &Ending) -> String {
    let layout = Layout::of(steps);
    let mut out = String::new();
    layout.lanes(&mut out);
    layout.last(&mut out, ending);
    layout.arrows(&mut out);
    layout.dots(&mut out);
    layout.labels(&mut out);
    frame.wrap(WIDTH, layout.height(), &out)
}

/// What a step does, as `swap AcqRel #1 = 2`: the object has a number, since its address says nothing.
#[must_use]
pub fn label(step: &Step) -> String {
    let mut label = step.operation.clone();
    if let Some(ordering) = &step.ordering {
        let _ = write!(label, " {ordering}");
    }
    // A fence is about no object.
    if step.operation != "fence" {
        let _ = write!(label, " #{} = {}", step.object, step.value);
    }
    label
}

/// A site without its column and its folders but the last: `raw/mod.rs:159`.
///
/// ```
/// assert_eq!(heddle_report::chart::spacetime::place("primitives/src/raw/mod.rs:159:14"), "raw/mod.rs:159");
/// ```
#[must_use]
pub fn place(site: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let without_column = match site.rsplit_once(':') {
        Some((rest, column))
            if digits(column) && rest.rsplit_once(':').is_some_and(|(_, line)| digits(line)) =>
        {
            rest
        }
        _ => site,
    };
    let second = without_column.rmatch_indices('/').nth(1);
    second.map_or(without_column, |(slash, _)| &without_column[slash + 1..])
}

struct Layout<'a> {
    steps: &'a [Step],
    /// How many steps are left out before the first.
    before: usize,
    /// The threads that have a step, a lane each.
    threads: Vec<u32>,
    /// The distance of two lanes.
    lane: f64,
}

impl<'a> Layout<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let before = steps.len().saturating_sub(MOST);
        let steps = &steps[before..];
        let threads: BTreeSet<u32> = steps.iter().map(|step| step.thread).collect();
        let threads: Vec<u32> = threads.into_iter().collect();
        let gaps = threads.len().saturating_sub(1).max(1);
        Self { steps, before, threads, lane: (LANES_WIDTH / gaps as f64).min(LANE) }
    }

    /// One row more than there are steps says how it ended.
    fn height(&self) -> u32 {
        (TOP + ROW * (self.steps.len() as f64 + 0.75)).ceil() as u32
    }

    fn x(&self, thread: u32) -> f64 {
        LANES + self.lane * self.threads.iter().position(|other| *other == thread).unwrap_or(0) as f64
    }

    fn y(row: usize) -> f64 {
        TOP + ROW * row as f64
    }

    /// Where labels begin.
    fn labels_at(&self) -> f64 {
        LANES + self.lane * self.threads.len().saturating_sub(1) as f64 + GAP + DOT
    }

    fn lanes(&self, out: &mut String) {
        let bottom = self.steps.len().checked_sub(1).map_or(TOP, Self::y);
        let _ = write!(out, r#"<g class="s-grid" stroke="{}" stroke-width="1.5">"#, Ink::Grid.hex());
        for thread in &self.threads {
            let x = self.x(*thread);
            let _ = write!(out, r#"<path d="M{x:.1} {:.0}V{bottom:.0}"/>"#, TOP - 14.0);
        }
        out.push_str("</g>");
        let _ = write!(
            out,
            r#"<g class="f-ink" fill="{}" font-size="{TEXT}" text-anchor="middle" font-weight="600">"#,
            Ink::Text.hex()
        );
        let mut free = f64::NEG_INFINITY;
        for thread in &self.threads {
            let (x, name) = (self.x(*thread), format!("T{thread}"));
            let half = text_width(&name) / 2.0;
            // Names of lanes that are too close are left out.
            if x - half >= free {
                let _ = write!(out, r#"<text x="{x:.1}" y="{:.0}">{name}</text>"#, TOP - 20.0);
                free = x + half;
            }
        }
        out.push_str("</g>");
    }

    /// The mark of the last step, and of the one that it collides with.
    fn last(&self, out: &mut String, ending: &Ending) {
        let Some(row) = self.steps.len().checked_sub(1) else { return };
        let (hex, y) = (Ink::Alarm.hex(), Self::y(row));
        let _ = write!(
            out,
            r#"<rect class="f-alarm" fill="{hex}" fill-opacity="0.12" x="0" y="{:.0}" width="{WIDTH}" height="{ROW:.0}"/>"#,
            y - ROW / 2.0
        );
        let _ = write!(out, r#"<g class="s-alarm" stroke="{hex}" stroke-width="2" fill="none">"#);
        let with = ending.with.and_then(|with| with.checked_sub(self.before)).filter(|with| *with < row);
        for row in [Some(row), with].into_iter().flatten() {
            let (x, y) = (self.x(self.steps[row].thread), Self::y(row));
            let _ = write!(out, r#"<circle cx="{x:.1}" cy="{y:.0}" r="{:.1}"/>"#, DOT + 3.5);
        }
        out.push_str("</g>");
        let at = self.labels_at();
        let text = clipped(&format!("↑ {}", ending.words), f64::from(WIDTH) - at - GAP);
        let _ = write!(
            out,
            r#"<text class="f-alarm" fill="{hex}" font-weight="600" font-size="{TEXT}" x="{at:.1}" y="{:.0}">{}</text>"#,
            y + ROW,
            escape(&text)
        );
    }

    fn arrows(&self, out: &mut String) {
        let ink = Ink::Series(Style { family: Family::Threads, member: 0, hollow: false });
        let (class, hex) = (ink.class(), ink.hex());
        let _ = write!(
            out,
            r#"<g class="s-{class} f-{class}" stroke="{hex}" fill="{hex}" stroke-width="1.5" stroke-linejoin="round">"#
        );
        for (row, step) in self.steps.iter().enumerate() {
            let Some(from) = step.after.and_then(|after| (after as usize).checked_sub(self.before)) else {
                continue;
            };
            if from >= row {
                continue;
            }
            let (x0, y0) = (self.x(self.steps[from].thread), Self::y(from));
            let (x1, y1) = (self.x(step.thread), Self::y(row));
            let length = (x1 - x0).hypot(y1 - y0);
            let (dx, dy) = ((x1 - x0) / length, (y1 - y0) / length);
            let at = |back: f64, aside: f64| (x1 - back * dx - aside * dy, y1 - back * dy + aside * dx);
            let (tip, neck) = (at(DOT + 1.0, 0.0), at(DOT + 7.0, 0.0));
            let (left, right) = (at(DOT + 8.0, 3.5), at(DOT + 8.0, -3.5));
            let _ = write!(
                out,
                r#"<path d="M{x0:.1} {y0:.0}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z"/>"#,
                neck.0, neck.1, tip.0, tip.1, left.0, left.1, right.0, right.1
            );
        }
        out.push_str("</g>");
    }

    fn dots(&self, out: &mut String) {
        let _ = write!(out, r#"<g class="f-ink" fill="{}">"#, Ink::Text.hex());
        for (row, step) in self.steps.iter().enumerate() {
            let _ = write!(
                out,
                r#"<circle cx="{:.1}" cy="{:.0}" r="{DOT}"/>"#,
                self.x(step.thread),
                Self::y(row)
            );
        }
        out.push_str("</g>");
    }

    fn labels(&self, out: &mut String) {
        let sites: Vec<String> =
            self.steps.iter().map(|step| clipped_left(place(&step.site), SITE)).collect();
        let widest = |words: &[String]| words.iter().map(|words| text_width(words)).fold(0.0, f64::max);
        let at = self.labels_at();
        let room = f64::from(WIDTH) - widest(&sites) - 2.0 * GAP - at;
        let labels: Vec<String> = self.steps.iter().map(|step| clipped(&label(step), room)).collect();
        let sites_at = at + widest(&labels) + GAP;
        // The baseline stands a third of the height below the middle.
        let down = 0.35 * f64::from(TEXT);
        let mut texts = |ink: Ink, anchor: &str, x: f64, words: &mut dyn Iterator<Item = String>| {
            let _ = write!(
                out,
                r#"<g class="f-{}" fill="{}" font-size="{TEXT}" text-anchor="{anchor}">"#,
                ink.class(),
                ink.hex()
            );
            for (row, words) in words.enumerate() {
                let y = Self::y(row) + down;
                let _ = write!(out, r#"<text x="{x:.1}" y="{y:.1}">{}</text>"#, escape(&words));
            }
            out.push_str("</g>");
        };
        let mut numbers = (self.before + 1..).take(self.steps.len()).map(|number| number.to_string());
        texts(Ink::Quiet, "end", NUMBERS, &mut numbers);
        texts(Ink::Text, "start", at, &mut labels.into_iter());
        texts(Ink::Quiet, "start", sites_at, &mut sites.into_iter());
    }
}

/// As much of the beginning as fits into `room`.
fn clipped(text: &str, room: f64) -> String {
    if text_width(text) <= room {
        return text.to_owned();
    }
    let most = (room / text_width("m")) as usize;
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// As much of the end as fits into `room`.
fn clipped_left(text: &str, room: f64) -> String {
    if text_width(text) <= room {
        return text.to_owned();
    }
    let most = ((room / text_width("m")) as usize).saturating_sub(1);
    let skipped = text.chars().count().saturating_sub(most);
    ['…'].into_iter().chain(text.chars().skip(skipped)).collect()
}
