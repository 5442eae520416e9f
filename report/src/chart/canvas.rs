//! The plotters backend that writes the inside of an SVG element.
//!
//! Plotters' own writes integer coordinates, colours as attributes and nothing else; this one has tenths of a
//! unit, so that short intervals keep their length, classes, so that a page may be light or dark, and dashes as
//! an attribute instead of a polyline a dash.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::ink::Ink;

/// Backend pixels in a unit of the chart.
pub const TENTHS: i32 = 10;

/// Height of text in units: what is left of it at 360 pixels is about eleven.
pub const TEXT: i32 = 12;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A drawing surface of `width` x `height` units that appends to a string.
#[derive(Debug)]
pub struct Canvas<'a> {
    out: &'a mut String,
    size: (u32, u32),
}

impl<'a> Canvas<'a> {
    /// A surface that appends its marks to `out`.
    pub fn new(out: &'a mut String, width: u32, height: u32) -> Self {
        Self { out, size: (width * TENTHS as u32, height * TENTHS as u32) }
    }

    fn stroke<S: BackendStyle>(&mut self, style: &S) {
        let ink = Ink::of_token(style.color().rgb);
        let width = units(style.stroke_width() as i32);
        let _ =
            write!(self.out, r#" class="s-{}" stroke="{}" stroke-width="{width}""#, ink.class(), ink.hex());
        if let Some(dashes) = ink.dashes() {
            let _ = write!(self.out, r#" stroke-dasharray="{dashes}""#);
        }
    }

    fn fill(&mut self, color: BackendColor) {
        let ink = Ink::of_token(color.rgb);
        let _ = write!(self.out, r#" class="f-{}" fill="{}""#, ink.class(), ink.hex());
        if color.alpha < 1.0 {
            let _ = write!(self.out, r#" fill-opacity="{}""#, color.alpha);
        }
    }

    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        self.out.push_str(" points=\"");
        for (at, (x, y)) in points.into_iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            let _ = write!(self.out, "{gap}{},{}", units(x), units(y));
        }
        self.out.push('"');
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(units);
        let _ = write!(self.out, r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}""#);
        self.stroke(style);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (left, right) = (upper_left.0.min(bottom_right.0), upper_left.0.max(bottom_right.0));
        let (top, bottom) = (upper_left.1.min(bottom_right.1), upper_left.1.max(bottom_right.1));
        let [x, y, width, height] = [left, top, right - left, bottom - top].map(units);
        let _ = write!(self.out, r#"<rect x="{x}" y="{y}" width="{width}" height="{height}""#);
        if fill {
            self.fill(style.color());
        } else {
            self.out.push_str(r#" fill="none""#);
            self.stroke(style);
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        self.out.push_str(r#"<polyline fill="none""#);
        self.stroke(style);
        self.points(path);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let [x, y, r] = [center.0, center.1, radius as i32].map(units);
        let _ = write!(self.out, r#"<circle cx="{x}" cy="{y}" r="{r}""#);
        if fill {
            self.fill(style.color());
        } else {
            self.out.push_str(r#" fill="none""#);
            self.stroke(style);
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        self.out.push_str("<polygon");
        self.fill(style.color());
        self.points(vert);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, pos: BackendCoord) -> Drawn {
        let ink = Ink::of_token(style.color().rgb);
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // The baseline: four fifths of the height are above it.
        let size = style.size();
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        let (x, y) = (units(pos.0), units(pos.1 + (size * down).round() as i32));
        let _ = write!(
            self.out,
            r#"<text x="{x}" y="{y}" font-size="{}" text-anchor="{anchor}" class="f-{}" fill="{}">{}</text>"#,
            units(size.round() as i32),
            ink.class(),
            ink.hex(),
            super::escape(text)
        );
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok(((text_width(text) * size / f64::from(TEXT)) as u32 * TENTHS as u32, size as u32))
    }
}

/// Width in units that text of the usual height takes at most in the page's sans-serif faces.
#[must_use]
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * f64::from(TEXT) * 0.56
}

/// Backend pixels as units, without a needless decimal.
fn units(tenths: i32) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, tenth) = (tenths.abs() / TENTHS, tenths.abs() % TENTHS);
    if tenth == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{tenth}") }
}
