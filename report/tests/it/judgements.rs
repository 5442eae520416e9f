//! Which cells are judged against which, and the summary that comes of it.

use crate::synthetic::{self, Noise, measured, replica, run, without_value};
use heddle_report::records::{Better, Measurement, Status, Summary, SummaryRow, Verdict};
use heddle_report::{summarise, summary};
use proptest::prelude::*;

/// Rounds of one variant around `value`, a per mille of noise.
fn cell(group: &str, variant: &str, workers: u32, value: f64, rounds: u32) -> Vec<Measurement> {
    let seed = group.bytes().chain(variant.bytes()).map(u64::from).sum::<u64>() + u64::from(workers);
    let mut noise = Noise::new(seed);
    (0..rounds)
        .map(|round| {
            measured("kernels", group, variant, workers, round, value * (0.001 * noise.normal()).exp())
        })
        .collect()
}

fn summed(measurements: &[Measurement]) -> Summary {
    summarise(&run(15, false), measurements).unwrap()
}

fn row<'a>(summary: &'a Summary, variant: &str, baseline: &str) -> Option<&'a SummaryRow> {
    let mut rows = summary.rows.iter().filter(|row| row.variant == variant && row.baseline == baseline);
    let row = rows.next();
    assert!(rows.next().is_none(), "two rows of {variant} against {baseline}");
    row
}

#[test]
fn models_are_judged_against_sequential_and_the_best_peer() {
    let mut all = cell("sum/medium", "sequential", 1, 100.0, 15);
    all.extend(cell("sum/medium", "thread_pool", 2, 50.0, 15));
    all.extend(cell("sum/medium", "rayon", 2, 55.0, 15));
    all.extend(cell("sum/medium", "scoped", 2, 60.0, 15));
    let summary = summed(&all);
    let ours = row(&summary, "thread_pool", "sequential").unwrap();
    assert_eq!((ours.verdict, ours.workers, ours.rounds), (Verdict::Better, 2, 15));
    assert!((ours.ratio.unwrap() - 0.5).abs() < 0.005);
    let peer = row(&summary, "thread_pool", "rayon").unwrap();
    assert!((peer.ratio.unwrap() - 50.0 / 55.0).abs() < 0.005);
    assert!(row(&summary, "rayon", "sequential").is_some(), "peers have their speed-up too");
    assert!(row(&summary, "rayon", "scoped").is_none(), "peers are not judged against peers");
    assert!(row(&summary, "thread_pool", "scoped").is_none(), "only the best peer");
}

#[test]
fn peers_are_compared_at_the_same_number_of_workers() {
    let mut all = cell("sum/medium", "thread_pool", 2, 50.0, 15);
    all.extend(cell("sum/medium", "rayon", 4, 25.0, 15));
    assert!(summed(&all).rows.is_empty());
}

#[test]
fn the_best_peer_is_chosen_on_other_rounds_than_it_is_judged_on() {
    // `rayon` is fast in even rounds only, `scoped` in odd ones only: whoever chooses and judges on the same
    // rounds sees peers of 10, whoever does not sees peers of 20.
    let peer = |variant: &str, fast: u32| -> Vec<Measurement> {
        (0..16)
            .map(|round| {
                measured(
                    "kernels",
                    "sum/medium",
                    variant,
                    2,
                    round,
                    if round % 2 == fast { 10.0 } else { 20.0 },
                )
            })
            .collect()
    };
    let mut all = cell("sum/medium", "thread_pool", 2, 20.0, 16);
    all.extend(peer("rayon", 0));
    all.extend(peer("scoped", 1));
    let summary = summed(&all);
    let judged = row(&summary, "thread_pool", "rayon|scoped").expect("both were chosen, each for one half");
    assert!((judged.ratio.unwrap() - 1.0).abs() < 0.01, "{:?}", judged.ratio);
    assert_eq!(judged.verdict, Verdict::Equivalent);
}

#[test]
fn an_interpreter_is_compared_with_itself_only() {
    let mut all = cell("sum/python", "sequential", 1, 1.0, 15);
    all.extend(cell("sum/python", "cpython-3.11/sequential", 1, 100.0, 15));
    all.extend(cell("sum/python", "cpython-3.11/threads", 2, 104.0, 15));
    all.extend(cell("sum/python", "cpython-3.13/threads", 2, 90.0, 15));
    all.extend(cell("sum/python", "rayon", 2, 0.5, 15));
    let summary = summed(&all);
    let threads = row(&summary, "cpython-3.11/threads", "cpython-3.11/sequential").unwrap();
    assert_eq!(threads.verdict, Verdict::Worse);
    let crossed = |row: &&SummaryRow| row.variant.split('/').count() != row.baseline.split('/').count();
    assert_eq!(summary.rows.iter().find(crossed), None);
    assert!(
        !summary.rows.iter().any(|row| row.variant.starts_with("cpython-3.13")),
        "no baseline of its own"
    );
}

#[test]
fn creation_and_memory_are_judged_against_threads() {
    let mut all: Vec<Measurement> = Vec::new();
    for (variant, value) in [
        ("threads", 30.0),
        ("processes", 900.0),
        ("cpython-3.11/threads", 70.0),
        ("cpython-3.11/processes", 2000.0),
    ] {
        for mut record in cell("spawn-cost/start-join", variant, 1, value, 15) {
            record.suite = "claims".into();
            all.push(record);
        }
    }
    let summary = summed(&all);
    assert_eq!(row(&summary, "processes", "threads").unwrap().verdict, Verdict::Worse);
    let python = row(&summary, "cpython-3.11/processes", "cpython-3.11/threads").unwrap();
    assert!((python.ratio.unwrap() - 2000.0 / 70.0).abs() < 0.2);
}

#[test]
fn a_restless_baseline_makes_every_row_of_its_table_inconclusive() {
    let table = |second: f64| {
        let mut all = cell("sum/medium", "sequential", 1, 100.0, 15);
        all.extend(cell("sum/medium", "sequential", 1, second, 15).into_iter().map(replica));
        all.extend(cell("sum/medium", "thread_pool", 2, 50.0, 15));
        all.extend(cell("sum/large", "sequential", 1, 800.0, 15));
        all.extend(cell("sum/large", "thread_pool", 2, 400.0, 15));
        summed(&all)
    };
    let verdicts = |summary: &Summary, group: &str, variant: &str| {
        let of = |row: &&SummaryRow| row.group == group && row.variant == variant;
        summary.rows.iter().find(of).unwrap().verdict
    };
    let calm = table(101.0);
    assert_eq!(verdicts(&calm, "sum/medium", "sequential"), Verdict::Equivalent);
    assert_eq!(verdicts(&calm, "sum/medium", "thread_pool"), Verdict::Better);
    let restless = table(104.0);
    assert_eq!(verdicts(&restless, "sum/medium", "sequential"), Verdict::Inconclusive);
    assert_eq!(verdicts(&restless, "sum/medium", "thread_pool"), Verdict::Inconclusive);
    assert_eq!(
        verdicts(&restless, "sum/large", "thread_pool"),
        Verdict::Better,
        "another table is not touched"
    );
}

#[test]
fn only_rounds_with_both_values_count() {
    let mut all = cell("sum/medium", "sequential", 1, 100.0, 15);
    let mut ours = cell("sum/medium", "thread_pool", 2, 50.0, 15);
    for record in &mut ours[..10] {
        *record = without_value(record.clone(), Status::Failed, "worker died");
    }
    all.extend(ours);
    let summary = summed(&all);
    let judged = row(&summary, "thread_pool", "sequential").unwrap();
    assert_eq!((judged.rounds, judged.verdict), (5, Verdict::Inconclusive));
}

#[test]
fn a_quick_run_concludes_nothing() {
    let records = synthetic::full(15, true);
    let summary = summarise(&records.run, &records.measurements).unwrap();
    assert!(!summary.rows.is_empty());
    assert!(summary.rows.iter().all(|row| row.verdict == Verdict::Inconclusive));
}

#[test]
fn tables_do_not_mix_metrics() {
    let mut all = cell("sum/medium", "sequential", 1, 100.0, 15);
    for mut record in cell("sum/medium", "thread_pool", 2, 50.0, 15) {
        record.metric = "pss".into();
        record.unit = "bytes".into();
        all.push(record);
    }
    assert!(summed(&all).rows.is_empty());
}

#[test]
fn two_records_of_a_cell_in_a_round_are_refused() {
    let mut all = cell("sum/medium", "sequential", 1, 100.0, 2);
    all.push(all[1].clone());
    let error = summarise(&run(2, false), &all).unwrap_err();
    assert_eq!(error.to_string(), "sum/medium, sequential, 1 workers: two records of `time` in round 1");
}

#[test]
fn a_disputed_direction_is_refused() {
    let mut all = cell("sum/medium", "sequential", 1, 100.0, 2);
    all[1].better = Better::Higher;
    assert!(summarise(&run(2, false), &all).is_err());
}

#[test]
fn the_summary_is_what_it_was() {
    let records = synthetic::small();
    let summary = summarise(&records.run, &records.measurements).unwrap();
    insta::assert_snapshot!(summary::to_json(&summary));
}

#[test]
fn the_text_of_a_summary_reads_back() {
    let records = synthetic::small();
    let summary = summarise(&records.run, &records.measurements).unwrap();
    let back: Summary = serde_json::from_str(&summary::to_json(&summary)).unwrap();
    assert_eq!(back, summary);
    let empty = Summary { rows: Vec::new(), ..summary };
    assert_eq!(serde_json::from_str::<Summary>(&summary::to_json(&empty)).unwrap(), empty);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_records_changes_nothing(order in Just(()).prop_perturb(|(), mut rng| {
        let mut order: Vec<usize> = (0..synthetic::small().measurements.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, rng.random_range(0..=at));
        }
        order
    })) {
        let records = synthetic::small();
        let shuffled: Vec<Measurement> = order.iter().map(|at| records.measurements[*at].clone()).collect();
        let here = summarise(&records.run, &records.measurements).unwrap();
        let there = summarise(&records.run, &shuffled).unwrap();
        prop_assert_eq!(summary::to_json(&here), summary::to_json(&there));
    }

    #[test]
    fn swapping_two_variants_flips_their_verdict(ratio in 0.8..1.25f64) {
        let judged = |ours: f64, theirs: f64| {
            let mut all = cell("sum/medium", "thread_pool", 2, ours, 15);
            all.extend(cell("sum/medium", "rayon", 2, theirs, 15));
            row(&summed(&all), "thread_pool", "rayon").unwrap().verdict
        };
        let flipped = match judged(100.0 * ratio, 100.0) {
            Verdict::Better => Verdict::Worse,
            Verdict::Worse => Verdict::Better,
            other => other,
        };
        // The noise belongs to the name, so near the margin either may be inconclusive.
        let back = judged(100.0, 100.0 * ratio);
        prop_assert!(back == flipped || back == Verdict::Inconclusive || flipped == Verdict::Inconclusive);
    }
}
