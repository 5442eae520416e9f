//! Colours and the styles of series. Plotters knows colours only, so each ink travels through it as a colour
//! that is a token: [`super::canvas`] turns it into a class, which the page's style sheet colours for light and
//! dark, and a colour of its own for an SVG that is taken out of its page.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::canvas::{TENTHS, TEXT};
use crate::names::Family;

/// What something is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The background: the inside of a hollow marker.
    Paper,
    /// Lines behind the data.
    Grid,
    /// Lines that are part of the statement: the ideal, the cores, the baseline.
    Mark,
    /// Words.
    Text,
    /// Words that matter less: ticks, captions.
    Quiet,
    /// What went wrong.
    Alarm,
    /// The solid parts of a series: markers and intervals.
    Series(Style),
    /// The line of a series, dashed as its style says.
    Line(Style),
}

/// How a series is told from others: colour by family, marker and dashes by its place in the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The family, which gives the colour.
    pub family: Family,
    /// The place in the family, which gives marker and dashes.
    pub member: u8,
    /// Whether markers are hollow: interpreted code.
    pub hollow: bool,
}

const FAMILIES: [Family; 5] =
    [Family::Neutral, Family::Threads, Family::Processes, Family::Hybrid, Family::Ours];

impl Ink {
    /// The token that plotters carries.
    #[must_use]
    pub fn token(self) -> RGBColor {
        let (kind, style) = match self {
            Self::Paper => (0, None),
            Self::Grid => (1, None),
            Self::Mark => (2, None),
            Self::Text => (3, None),
            Self::Quiet => (4, None),
            Self::Series(style) => (5, Some(style)),
            Self::Line(style) => (6, Some(style)),
            Self::Alarm => (7, None),
        };
        let family = style
            .map_or(0, |style| FAMILIES.iter().position(|family| *family == style.family).unwrap_or(0) as u8);
        RGBColor(kind, family, style.map_or(0, |style| style.member))
    }

    /// The ink of a token.
    #[must_use]
    pub fn of_token((kind, family, member): (u8, u8, u8)) -> Self {
        let family = FAMILIES.get(usize::from(family)).copied().unwrap_or(Family::Neutral);
        let style = Style { family, member, hollow: false };
        match kind {
            0 => Self::Paper,
            1 => Self::Grid,
            2 => Self::Mark,
            3 => Self::Text,
            5 => Self::Series(style),
            6 => Self::Line(style),
            7 => Self::Alarm,
            _ => Self::Quiet,
        }
    }

    /// The style sheet's name for the colour.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Grid => "grid",
            Self::Mark => "mark",
            Self::Text => "ink",
            Self::Quiet => "quiet",
            Self::Alarm => "alarm",
            Self::Series(style) | Self::Line(style) => style.family.class(),
        }
    }

    /// The colour outside a page: Okabe and Ito's, on white.
    #[must_use]
    pub fn hex(self) -> &'static str {
        match self {
            Self::Paper => "#ffffff",
            Self::Grid => "#dddddd",
            Self::Mark => "#777777",
            Self::Text => "#222222",
            Self::Quiet => "#666666",
            Self::Alarm => "#8f2d00",
            Self::Series(style) | Self::Line(style) => match style.family {
                Family::Neutral => "#555555",
                Family::Threads => "#0072b2",
                Family::Processes => "#d55e00",
                Family::Hybrid => "#009e73",
                Family::Ours => "#cc79a7",
            },
        }
    }

    /// Dashes in units of the chart; none for a solid line.
    #[must_use]
    pub fn dashes(self) -> Option<&'static str> {
        match self {
            Self::Mark => Some("2 3"),
            Self::Line(style) => match style.member % 4 {
                0 => None,
                1 => Some("6 3"),
                2 => Some("2 2.5"),
                _ => Some("8 3 2 3"),
            },
            _ => None,
        }
    }

    /// A line of this ink, `width` tenths of a unit wide.
    #[must_use]
    pub fn line(self, width: u32) -> ShapeStyle {
        ShapeStyle { color: self.token().into(), filled: false, stroke_width: width }
    }

    /// Words of this ink, hung from one of their corners or edges.
    #[must_use]
    pub fn words(self, h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
        TextStyle {
            font: ("sans-serif", TEXT * TENTHS).into_font(),
            color: self.token().to_backend_color(),
            pos: Pos::new(h_pos, v_pos),
        }
    }

    /// An area of this ink.
    #[must_use]
    pub fn area(self) -> ShapeStyle {
        ShapeStyle { color: self.token().into(), filled: true, stroke_width: 0 }
    }
}
