//! The statistics against simulation, tables and properties.

use crate::synthetic::Noise;
use heddle_report::records::{Better, Verdict};
use heddle_report::stats::{Comparison, MARGIN, median, t_interval, t_quantile};
use proptest::prelude::*;

/// Pairs whose true ratio is `truth`, each round with weather of its own.
fn rounds(noise: &mut Noise, rounds: usize, truth: f64, spread: f64) -> Vec<(f64, f64)> {
    (0..rounds)
        .map(|_| {
            let weather = (0.2 * noise.normal()).exp();
            (1e6 * truth * weather * (spread * noise.normal()).exp(), 1e6 * weather)
        })
        .collect()
}

#[test]
fn quantiles_agree_with_the_printed_table() {
    // Two-sided 95 %, as in any table of Student's t.
    for (degrees, printed) in
        [(1, 12.706), (2, 4.303), (5, 2.571), (9, 2.262), (14, 2.145), (30, 2.042), (120, 1.980)]
    {
        let computed = t_quantile(degrees);
        assert!((computed - printed).abs() < 6e-4, "{degrees} degrees: {computed}, printed {printed}");
    }
}

#[test]
fn the_interval_covers_the_true_ratio_as_often_as_it_says() {
    for n in [6, 10, 15] {
        let mut noise = Noise::new(11 + n as u64);
        let tries = 4000;
        let covered = (0..tries)
            .filter(|_| {
                let compared = Comparison::of(rounds(&mut noise, n, 1.7, 0.05), Better::Lower);
                let [low, high] = compared.ci.unwrap();
                low <= 1.7 && 1.7 <= high
            })
            .count();
        let share = covered as f64 / f64::from(tries);
        // Three standard errors of a share of 95 % over 4000 tries are 1 %.
        assert!((0.94..=0.96).contains(&share), "{n} rounds: covered {share}");
    }
}

#[test]
fn the_median_interval_covers_at_least_as_often_as_it_says() {
    for n in [6, 9, 15, 30] {
        let mut noise = Noise::new(n as u64);
        let tries = 4000;
        let covered = (0..tries)
            .filter(|_| {
                let [low, high] = median((0..n).map(|_| noise.normal().exp())).unwrap().interval;
                low <= 1.0 && 1.0 <= high
            })
            .count();
        let share = covered as f64 / f64::from(tries);
        assert!(share >= 0.94, "{n} rounds: covered {share}");
    }
}

#[test]
fn comparing_a_thing_with_itself_is_rarely_a_difference() {
    let mut noise = Noise::new(5);
    let tries = 4000;
    let wrong = (0..tries)
        .filter(|_| {
            let compared = Comparison::of(rounds(&mut noise, 15, 1.0, 0.05), Better::Lower);
            matches!(compared.verdict, Verdict::Better | Verdict::Worse)
        })
        .count();
    assert!(wrong <= tries / 20, "{wrong} of {tries}");
}

#[test]
fn verdicts_follow_the_margin() {
    let steady = |ratio: f64| Comparison::of(vec![(ratio, 1.0); 6], Better::Lower).verdict;
    assert_eq!(steady(1.0 + MARGIN - 1e-6), Verdict::Equivalent);
    assert_eq!(steady(1.0 + MARGIN + 1e-6), Verdict::Worse);
    assert_eq!(steady(1.0 / (1.0 + MARGIN) + 1e-6), Verdict::Equivalent);
    assert_eq!(steady(1.0 / (1.0 + MARGIN) - 1e-6), Verdict::Better);
    let more = Comparison::of(vec![(2.0, 1.0); 6], Better::Higher).verdict;
    assert_eq!(more, Verdict::Better, "twice the throughput is better");
}

#[test]
fn few_rounds_are_inconclusive_whatever_they_say() {
    let compared = Comparison::of(vec![(1.0, 100.0); 5], Better::Lower);
    assert_eq!(compared.verdict, Verdict::Inconclusive);
    assert_eq!(compared.rounds, 5);
    assert_eq!(Comparison::of([(1.0, 2.0)], Better::Lower).ci, None);
    assert_eq!(Comparison::of([], Better::Lower), Comparison::NONE);
}

#[test]
fn values_without_a_logarithm_are_left_out() {
    let pairs = [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0), (2.0, 1.0)];
    let compared = Comparison::of(pairs, Better::Lower);
    assert_eq!((compared.rounds, compared.ratio), (1, Some(2.0)));
}

#[test]
fn ratios_are_averaged_as_factors() {
    let compared = Comparison::of([(2.0, 1.0), (1.0, 2.0)], Better::Lower);
    assert!((compared.ratio.unwrap() - 1.0).abs() < 1e-12);
}

fn values() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((1e-3..1e9f64, 1e-3..1e9f64), 2..30)
}

/// Pairs near each other, so that every verdict occurs.
fn alike() -> impl Strategy<Value = Vec<(f64, f64)>> {
    (0.9..1.1f64, prop::collection::vec((1e2..1e6f64, 0.99..1.01f64), 2..30)).prop_map(|(ratio, rounds)| {
        rounds.into_iter().map(|(value, noise)| (value * ratio * noise, value)).collect()
    })
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Whether rounding may tip the verdict: an end of the interval lies on the margin's edge.
fn on_the_edge(compared: &Comparison) -> bool {
    let edge = MARGIN.ln_1p();
    compared.ci.is_some_and(|ends| ends.iter().any(|end| (end.ln().abs() - edge).abs() < 1e-9))
}

proptest! {
    #[test]
    fn swapping_sides_inverts_the_ratio_and_flips_the_verdict(pairs in prop_oneof![values(), alike()]) {
        let there = Comparison::of(pairs.clone(), Better::Lower);
        let back = Comparison::of(pairs.into_iter().map(|(a, b)| (b, a)), Better::Lower).inverted();
        prop_assert!(near(there.ratio.unwrap().ln(), back.ratio.unwrap().ln()));
        for end in 0..2 {
            prop_assert!(near(there.ci.unwrap()[end].ln(), back.ci.unwrap()[end].ln()));
        }
        prop_assert!(on_the_edge(&there) || there.verdict == back.verdict);
    }

    #[test]
    fn scaling_both_sides_changes_nothing(pairs in prop_oneof![values(), alike()], scale in 1e-6..1e6f64) {
        let here = Comparison::of(pairs.clone(), Better::Lower);
        let there = Comparison::of(pairs.into_iter().map(|(a, b)| (a * scale, b * scale)), Better::Lower);
        prop_assert!(near(here.ratio.unwrap().ln(), there.ratio.unwrap().ln()));
        prop_assert!(on_the_edge(&here) || here.verdict == there.verdict);
    }

    #[test]
    fn a_slower_variant_never_gets_a_better_verdict(pairs in alike(), factor in 1.0..1.2f64) {
        let rank = |verdict| match verdict {
            Verdict::Better => 0,
            Verdict::Equivalent | Verdict::Inconclusive => 1,
            Verdict::Worse => 2,
        };
        let here = Comparison::of(pairs.clone(), Better::Lower);
        let there = Comparison::of(pairs.into_iter().map(|(a, b)| (a * factor, b)), Better::Lower);
        prop_assert!(on_the_edge(&here) || on_the_edge(&there) || rank(here.verdict) <= rank(there.verdict));
    }

    #[test]
    fn the_direction_of_improvement_turns_the_verdict(pairs in alike()) {
        let lower = Comparison::of(pairs.clone(), Better::Lower);
        let higher = Comparison::of(pairs, Better::Higher);
        prop_assert_eq!(lower.ratio, higher.ratio);
        let turned = match lower.verdict {
            Verdict::Better => Verdict::Worse,
            Verdict::Worse => Verdict::Better,
            other => other,
        };
        prop_assert_eq!(turned, higher.verdict);
    }

    #[test]
    fn a_median_lies_in_its_interval(values in prop::collection::vec(0.0..1e9f64, 1..60)) {
        let found = median(values.clone()).unwrap();
        prop_assert!(found.interval[0] <= found.value && found.value <= found.interval[1]);
        let below = values.iter().filter(|value| **value < found.value).count();
        let above = values.iter().filter(|value| **value > found.value).count();
        prop_assert!(below <= values.len() / 2 && above <= values.len() / 2);
    }

    #[test]
    fn the_mean_lies_in_its_interval(values in prop::collection::vec(-1e3..1e3f64, 2..60)) {
        let (mean, interval) = t_interval(&values);
        let [low, high] = interval.unwrap();
        prop_assert!(low <= mean && mean <= high);
    }
}
