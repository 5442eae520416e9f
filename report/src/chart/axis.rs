//! Scales and their ticks. Plotters' own logarithmic axis prints no label over less than a decade and repeats
//! itself over others, so a logarithmic axis here is a linear one over logarithms with ticks of ours.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged};

use crate::number;

/// A scale from data to position, with its ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Position of both ends: data, or its decimal logarithm.
    range: Range<f64>,
    log: bool,
    /// Data value and label of every tick.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A linear axis from zero to above `largest`.
    #[must_use]
    pub fn from_zero(largest: f64, label: impl Fn(f64) -> String) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = nice_step(largest / 4.0);
        let end = (largest * 1.02 / step).ceil() * step;
        let count = (end / step).round() as u32;
        let ticks = (0..=count).map(|at| f64::from(at) * step).map(|value| (value, label(value))).collect();
        Self { range: 0.0..end, log: false, ticks }
    }

    /// A logarithmic axis that holds `smallest` and `largest`, both positive, with ticks at 1, 2 and 5 or at
    /// decades, at most `most` of them where that is possible.
    ///
    /// ```
    /// use heddle_report::chart::axis::Axis;
    /// let axis = Axis::log(3.0, 40.0, 6, |value| value.to_string());
    /// let ticks: Vec<f64> = axis.ticks.iter().map(|(value, _)| *value).collect();
    /// assert_eq!(ticks, [5.0, 10.0, 20.0, 50.0]);
    /// ```
    #[must_use]
    pub fn log(smallest: f64, largest: f64, most: usize, label: impl Fn(f64) -> String) -> Self {
        let decades = |digits: &'static [f64], every: i32| {
            move |low: f64, high: f64| -> Vec<f64> {
                let powers = low.floor() as i32 - 1..=high.ceil() as i32 + 1;
                let powers = powers.filter(|power| power.rem_euclid(every) == 0);
                powers.flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power))).collect()
            }
        };
        let candidates: [&dyn Fn(f64, f64) -> Vec<f64>; 6] = [
            &decades(&[1.0, 2.0, 5.0], 1),
            &decades(&[1.0, 3.0], 1),
            &decades(&[1.0], 1),
            &decades(&[1.0], 2),
            &decades(&[1.0], 3),
            &decades(&[1.0], 4),
        ];
        Self::log_at(smallest, largest, most, &candidates, label)
    }

    /// A logarithmic axis in a record's unit: bytes at powers of two, all else at powers of ten.
    #[must_use]
    pub fn log_of(unit: &str, smallest: f64, largest: f64, most: usize) -> Self {
        let label = |value: f64| with_unit(value, unit);
        if unit != "bytes" {
            return Self::log(smallest, largest, most, label);
        }
        let powers = |every: i32| {
            move |low: f64, high: f64| -> Vec<f64> {
                let bits = 10f64.log2();
                let powers = (low * bits).floor() as i32 - every..=(high * bits).ceil() as i32 + every;
                powers.filter(|power| power.rem_euclid(every) == 0).map(|power| 2f64.powi(power)).collect()
            }
        };
        let candidates: [&dyn Fn(f64, f64) -> Vec<f64>; 4] =
            [&powers(1), &powers(2), &powers(5), &powers(10)];
        Self::log_at(smallest, largest, most, &candidates, label)
    }

    /// Takes the first of the candidates that has not too many ticks; each gives the ticks around a range of
    /// decimal logarithms.
    fn log_at(
        smallest: f64,
        largest: f64,
        most: usize,
        candidates: &[&dyn Fn(f64, f64) -> Vec<f64>],
        label: impl Fn(f64) -> String,
    ) -> Self {
        let usable = |value: f64| value.is_finite() && value > 0.0;
        let (smallest, largest) =
            if usable(smallest) && usable(largest) { (smallest, largest) } else { (0.5, 2.0) };
        let (low, high) = (smallest.log10(), largest.log10());
        let pad = ((high - low) * 0.06).max(0.03);
        let (mut low, mut high) = (low - pad, high + pad);
        let within = |values: &[f64], low: f64, high: f64| {
            values.iter().filter(|value| (low..=high).contains(&value.log10())).count()
        };
        let mut chosen = Vec::new();
        for candidate in candidates {
            chosen = candidate(low, high);
            if within(&chosen, low, high) <= most {
                break;
            }
        }
        if within(&chosen, low, high) < 2 {
            // Less than a tick's distance: widen to the ticks on both sides.
            let below = chosen.iter().rev().find(|value| value.log10() <= low);
            let above = chosen.iter().find(|value| value.log10() >= high);
            low = below.map_or(low, |value| value.log10());
            high = above.map_or(high, |value| value.log10());
        }
        // Up to the next tick if that is near, so that the last value is not the edge.
        if let Some(next) = chosen.iter().map(|value| value.log10()).find(|&tick| tick > high)
            && next - high < (high - low) * 0.12
        {
            high = next;
        }
        let slack = 1e-9;
        let ticks = chosen
            .into_iter()
            .filter(|value| (low - slack..=high + slack).contains(&value.log10()))
            .map(|value| (value, label(value)))
            .collect();
        Self { range: low..high, log: true, ticks }
    }

    /// A linear axis from zero to `last` with ticks at whole numbers: a count.
    #[must_use]
    pub fn whole(last: u32) -> Self {
        let last = last.max(1);
        let step = (1..).find(|step| last.div_ceil(*step) <= 8).unwrap_or(last);
        let ticks =
            (0..=last).step_by(step as usize).map(|value| (f64::from(value), value.to_string())).collect();
        Self { range: 0.0..f64::from(last) * 1.06, log: false, ticks }
    }

    /// An axis of named places at 0, 1, 2 and so on.
    #[must_use]
    pub fn places(names: &[&str]) -> Self {
        let end = names.len().saturating_sub(1) as f64;
        let ticks = names.iter().enumerate().map(|(at, name)| (at as f64, (*name).to_owned())).collect();
        Self { range: -0.25..end + 0.25, log: false, ticks }
    }

    /// An axis without ticks from one end to the other, either of which may be the smaller.
    #[must_use]
    pub fn bare(range: Range<f64>) -> Self {
        Self { range, log: false, ticks: Vec::new() }
    }

    /// Makes a linear axis that was laid out in a larger unit take values in the smaller: ticks stay where
    /// their labels say.
    pub fn rescale(&mut self, factor: f64) {
        self.range = self.range.start * factor..self.range.end * factor;
        for (value, _) in &mut self.ticks {
            *value *= factor;
        }
    }

    /// Whether equal distances are equal factors.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// The data values at both ends.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        if self.log {
            (10f64.powf(self.range.start), 10f64.powf(self.range.end))
        } else {
            (self.range.start, self.range.end)
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let position = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { *value };
        let share = (position - self.range.start) / (self.range.end - self.range.start);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        let (start, end) = self.ends();
        start..end
    }
}

/// The label of a value in a unit, with as many decimals as its step needs.
#[must_use]
pub fn plain(value: f64) -> String {
    if value == 0.0 { "0".into() } else { trimmed(&number::short(value)) }
}

/// The label of a value with its unit, for axes on which the unit changes along the way.
#[must_use]
pub fn with_unit(value: f64, unit: &str) -> String {
    let text = number::with_unit(value * (1.0 + 1e-12), unit);
    match text.split_once(' ') {
        Some((digits, unit)) => format!("{} {unit}", trimmed(digits)),
        None => text,
    }
}

/// Without trailing zeros after the decimal point.
fn trimmed(text: &str) -> String {
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// The 1-2-5 number at or above `least`.
fn nice_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * decade >= least * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * decade
}
