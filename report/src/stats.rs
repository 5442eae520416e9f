//! What may be concluded from rounds: the ratio of two variants with its interval, the verdict, and the
//! interval of a median.
//!
//! Two variants are compared within a round, as the logarithm of their ratio: what the machine did to the
//! whole round cancels out. The interval is Student's t over the rounds' logarithms. A percentile bootstrap
//! covers less than it says at so few rounds; a t interval does not, and `tests/statistics.rs` simulates it.
//! Ratios are never averaged arithmetically: 0.5 and 2 make 1, not 1.25.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::records::{Better, Verdict};

/// The margin of equivalence, fixed beforehand: a ratio within 1/1.03 to 1.03 is "the same".
pub const MARGIN: f64 = 0.03;

/// Fewer rounds than this are inconclusive whatever they say.
pub const MIN_ROUNDS: u32 = 6;

/// Rounds that evidence wants.
pub const EVIDENCE_ROUNDS: u32 = 15;

const CONFIDENCE: f64 = 0.95;

/// What the rounds say of one variant against another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Geometric mean over rounds of the variant's value over the baseline's; absent without a round.
    pub ratio: Option<f64>,
    /// 95 % interval of `ratio`; absent with fewer than two rounds.
    pub ci: Option<[f64; 2]>,
    /// Rounds compared.
    pub rounds: u32,
    /// The variant's verdict by [`MARGIN`].
    pub verdict: Verdict,
}

impl Comparison {
    /// A comparison of nothing.
    pub const NONE: Self = Self { ratio: None, ci: None, rounds: 0, verdict: Verdict::Inconclusive };

    /// The same comparison the other way round: ratios inverted, the verdict turned.
    ///
    /// ```
    /// use heddle_report::{records::Better, stats::Comparison};
    /// let there = Comparison::of([(2.0, 1.0); 6], Better::Lower);
    /// let back = Comparison::of([(1.0, 2.0); 6], Better::Lower);
    /// assert_eq!(there.inverted().verdict, back.verdict);
    /// ```
    #[must_use]
    pub fn inverted(self) -> Self {
        Self {
            ratio: self.ratio.map(f64::recip),
            ci: self.ci.map(|[low, high]| [high.recip(), low.recip()]),
            rounds: self.rounds,
            verdict: match self.verdict {
                Verdict::Better => Verdict::Worse,
                Verdict::Worse => Verdict::Better,
                other => other,
            },
        }
    }

    /// Compares pairs `(variant, baseline)`, one a round. A pair with a value that has no logarithm (zero,
    /// negative, not finite) is left out.
    ///
    /// ```
    /// use heddle_report::{records::{Better, Verdict}, stats::Comparison};
    /// let pairs = [(51.0, 100.0), (50.0, 101.0), (52.0, 100.0), (50.0, 99.0), (51.0, 102.0), (50.0, 100.0)];
    /// let compared = Comparison::of(pairs, Better::Lower);
    /// assert_eq!(compared.verdict, Verdict::Better);
    /// assert_eq!(compared.rounds, 6);
    /// ```
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>, better: Better) -> Self {
        let logs: Vec<f64> = pairs
            .into_iter()
            .filter(|&(variant, baseline)| has_log(variant) && has_log(baseline))
            .map(|(variant, baseline)| variant.ln() - baseline.ln())
            .collect();
        let rounds = u32::try_from(logs.len()).unwrap_or(u32::MAX);
        if logs.is_empty() {
            return Self::NONE;
        }
        let (mean, interval) = t_interval(&logs);
        Self {
            ratio: Some(mean.exp()),
            ci: interval.map(|[low, high]| [low.exp(), high.exp()]),
            rounds,
            verdict: verdict(interval, rounds, better),
        }
    }

    /// Whether the point ratio lies beyond the margin: the test that an A/A comparison must not fail.
    ///
    /// The point and not the interval, so that a few noisy rounds cannot pass by being noisy.
    #[must_use]
    pub fn beyond_margin(&self) -> bool {
        self.ratio.is_some_and(|ratio| ratio.ln().abs() > MARGIN.ln_1p())
    }

    /// How far the interval stays from 1, as a factor of at least 1: the effect that is certain.
    #[must_use]
    pub fn certain_effect(&self) -> f64 {
        match self.ci {
            Some([low, high]) if low > 1.0 || high < 1.0 => low.ln().abs().min(high.ln().abs()).exp(),
            _ => 1.0,
        }
    }
}

/// Mean and 95 % t interval; no interval from fewer than two values.
///
/// ```
/// let (mean, interval) = heddle_report::stats::t_interval(&[1.0, 2.0, 3.0]);
/// assert_eq!(mean, 2.0);
/// let [low, high] = interval.unwrap();
/// assert!((low + 0.484).abs() < 1e-3 && (high - 4.484).abs() < 1e-3);
/// ```
#[must_use]
pub fn t_interval(values: &[f64]) -> (f64, Option<[f64; 2]>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t_quantile(values.len() - 1) * (variance / n).sqrt();
    (mean, Some([mean - half, mean + half]))
}

/// The two-sided 95 % quantile of Student's t distribution.
///
/// # Panics
///
/// With no degree of freedom.
#[must_use]
pub fn t_quantile(degrees: usize) -> f64 {
    let distribution = StudentsT::new(0.0, 1.0, degrees as f64).expect("at least one degree of freedom");
    distribution.inverse_cdf(0.5 + CONFIDENCE / 2.0)
}

/// A median with the interval that order statistics give it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// The median over rounds.
    pub value: f64,
    /// The narrowest pair of order statistics that covers the median with at least 95 %; under 6 rounds
    /// there is none and this is the range, which covers less.
    pub interval: [f64; 2],
    /// Rounds.
    pub rounds: u32,
}

/// The median of `values` and its interval; none without a value.
///
/// ```
/// let median = heddle_report::stats::median([5.0, 1.0, 4.0, 2.0, 3.0, 6.0]).unwrap();
/// assert_eq!((median.value, median.interval), (3.5, [1.0, 6.0]));
/// ```
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<Median> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return None;
    }
    let value = if n % 2 == 1 { sorted[n / 2] } else { f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]) };
    let skip = skipped_by_median_interval(n);
    let rounds = u32::try_from(n).unwrap_or(u32::MAX);
    Some(Median { value, interval: [sorted[skip], sorted[n - 1 - skip]], rounds })
}

/// How many values may be left out at either end so that the rest still spans the median with 95 %: the
/// number below the median is binomial with one half.
fn skipped_by_median_interval(n: usize) -> usize {
    let mut mass = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut tail = 0.0;
    let mut skip = 0;
    loop {
        tail += mass;
        if 2.0 * tail > 1.0 - CONFIDENCE || 2 * (skip + 1) > n {
            return skip.saturating_sub(1);
        }
        skip += 1;
        mass *= (n + 1 - skip) as f64 / skip as f64;
    }
}

fn verdict(logs: Option<[f64; 2]>, rounds: u32, better: Better) -> Verdict {
    let Some([low, high]) = logs else { return Verdict::Inconclusive };
    if rounds < MIN_ROUNDS {
        return Verdict::Inconclusive;
    }
    let margin = MARGIN.ln_1p();
    let (above, below) = match better {
        Better::Lower => (Verdict::Worse, Verdict::Better),
        Better::Higher => (Verdict::Better, Verdict::Worse),
    };
    if low > margin {
        above
    } else if high < -margin {
        below
    } else if low >= -margin && high <= margin {
        Verdict::Equivalent
    } else {
        Verdict::Inconclusive
    }
}

fn has_log(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
