//! Numbers as people read them.

/// `value` to three significant digits, without an exponent between a thousandth and a million.
///
/// ```
/// use heddle_report::number::short;
/// assert_eq!(short(1.96432), "1.96");
/// assert_eq!(short(123.4), "123");
/// assert_eq!(short(0.0512), "0.0512");
/// ```
#[must_use]
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return "–".into();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = (2.0 - magnitude).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.decimals$}");
    // 9.999 rounds up to a digit more than was asked for.
    let again: f64 = text.parse().unwrap_or(value);
    if decimals > 0 && again.abs().log10().floor() > magnitude {
        return format!("{again:.*}", decimals - 1);
    }
    text
}

/// A ratio and its interval, as `1.97× [1.95, 2.00]`.
#[must_use]
pub fn ratio(ratio: Option<f64>, ci: Option<[f64; 2]>) -> String {
    match (ratio, ci) {
        (Some(ratio), Some(ci)) => format!("{}× {}", short(ratio), interval(ci)),
        (Some(ratio), None) => format!("{}×", short(ratio)),
        _ => "–".into(),
    }
}

/// An interval, as `[1.95, 2.00]`, that no line breaks.
#[must_use]
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("[{},\u{a0}{}]", short(low), short(high))
}

/// A multiple of a unit that suits the size of what is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// How much of the record's unit one of this is.
    pub factor: f64,
    /// Its name.
    pub unit: &'static str,
}

/// The scale in which the largest value of a table is best read; `None` if the unit is not one of those that
/// have multiples.
///
/// ```
/// let scale = heddle_report::number::scale("ns", 91_000_000.0).unwrap();
/// assert_eq!((scale.factor, scale.unit), (1e6, "ms"));
/// ```
#[must_use]
pub fn scale(unit: &str, largest: f64) -> Option<Scale> {
    let scales: &[Scale] = match unit {
        "ns" => &[
            Scale { factor: 1e9, unit: "s" },
            Scale { factor: 1e6, unit: "ms" },
            Scale { factor: 1e3, unit: "µs" },
            Scale { factor: 1.0, unit: "ns" },
        ],
        "bytes" => &[
            Scale { factor: 1_073_741_824.0, unit: "GiB" },
            Scale { factor: 1_048_576.0, unit: "MiB" },
            Scale { factor: 1024.0, unit: "KiB" },
            Scale { factor: 1.0, unit: "bytes" },
        ],
        _ => return None,
    };
    let fits = scales.iter().find(|scale| largest >= scale.factor);
    Some(*fits.unwrap_or(&scales[scales.len() - 1]))
}

/// A value with its unit, as `91.2 ms`.
#[must_use]
pub fn with_unit(value: f64, unit: &str) -> String {
    match scale(unit, value) {
        Some(scale) => format!("{} {}", short(value / scale.factor), scale.unit),
        None => format!("{} {unit}", short(value)),
    }
}

/// Both ends of an interval with their unit, as `72.0–74.1 µs`, that no line breaks.
///
/// ```
/// assert_eq!(heddle_report::number::span([72e3, 74.1e3], "ns"), "72.0\u{2060}–\u{2060}74.1\u{a0}µs");
/// ```
#[must_use]
pub fn span([low, high]: [f64; 2], unit: &str) -> String {
    let [from, to] = [low, high].map(|end| with_unit(end, unit));
    let text = match (from.split_once(' '), to.split_once(' ')) {
        (Some((digits, one)), Some((_, other))) if one == other => format!("{digits}\u{2060}–\u{2060}{to}"),
        _ => format!("{from} – {to}"),
    };
    text.replace(' ', "\u{a0}")
}

/// A count with a thin space every three digits.
///
/// ```
/// assert_eq!(heddle_report::number::count(1234567), "1\u{202f}234\u{202f}567");
/// ```
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Seconds as people say them: `38 s`, `12 min 5 s`, `1 h 3 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
