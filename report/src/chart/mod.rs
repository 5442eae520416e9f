//! Charts: data -> inline SVG that takes its colours from the page.
//!
//! - [`canvas`]: the plotters backend that writes the SVG;
//! - [`ink`]: colours and the styles of series, as tokens that plotters carries;
//! - [`axis`]: scales and ticks of our own;
//! - [`dots`]: a dot and an interval a row;
//! - [`lines`]: curves with markers and intervals;
//! - [`spacetime`]: the steps of an execution, a lane a thread.
//!
//! All charts but the last are [`WIDTH`] units wide and drawn for a column of 328 pixels: on a telephone a unit is about a
//! pixel, on a desk they stand two in a row at little more.

pub mod axis;
pub mod canvas;
pub mod dots;
pub mod ink;
pub mod lines;
pub mod spacetime;

use std::fmt::Write as _;

/// Width of every chart of measurements in its own units.
pub const WIDTH: u32 = 340;

/// What stands around a drawing: what it is called and whether it may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Unique on its page; the ids of the title and the description derive from it.
    pub id: &'a str,
    /// The accessible name: the finding.
    pub title: &'a str,
    /// What is drawn, for whoever cannot see it.
    pub desc: &'a str,
    /// Whether the run was quick, which is written across the drawing.
    pub quick: bool,
}

/// What is written across whatever a quick run yields.
pub const WATERMARK: &str = "quick run: not evidence";

impl Frame<'_> {
    /// Wraps a drawing of `width` x `height` units into an SVG element.
    fn wrap(&self, width: u32, height: u32, drawing: &str) -> String {
        let mut svg = String::new();
        let id = escape(self.id);
        let _ = write!(
            svg,
            r#"<svg class="chart" role="img" aria-labelledby="{id}-title {id}-desc" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">"#
        );
        let _ = write!(
            svg,
            r#"<title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>"#,
            escape(self.title),
            escape(self.desc)
        );
        if self.quick {
            let (x, y) = (width / 2, height / 2);
            // As steep as leaves the words, 270 units of them, inside a low chart too.
            let steep = ((f64::from(height) - 40.0) / 270.0).clamp(0.0, 0.4).asin().to_degrees().round();
            let _ = write!(
                svg,
                r#"<text class="watermark" x="{x}" y="{y}" text-anchor="middle" font-size="25" fill-opacity="0.22" transform="rotate(-{steep} {x} {y})">{WATERMARK}</text>"#
            );
        }
        svg.push_str(drawing);
        svg.push_str("</svg>");
        svg
    }
}

/// What drawing on a canvas yields.
type Drawn = Result<(), plotters::drawing::DrawingAreaErrorKind<std::convert::Infallible>>;

/// A canvas is a string: drawing on one cannot fail.
fn drawn(result: Drawn) {
    if let Err(error) = result {
        unreachable!("a canvas of fixed size is neither shared nor without a layout: {error}");
    }
}

/// Text as it may stand in markup, in attributes too.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
