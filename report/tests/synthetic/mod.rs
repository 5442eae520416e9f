//! Synthetic records: plausible, deterministic, and with a known truth. Used by tests and by the example
//! `sample`, which renders them for the eye.

#![allow(dead_code, reason = "each program that includes this file uses a part of it")]

pub mod verification;

use std::collections::BTreeMap;

use heddle_report::records::{Better, Cells, Host, Measurement, Python, Run, SCHEMA, Status, Verification};
use heddle_report::{Raw, RunRecords};

/// A small generator of noise: xorshift, summed to something like a normal distribution.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A record with a value.
pub fn measured(
    suite: &str,
    group: &str,
    variant: &str,
    workers: u32,
    round: u32,
    value: f64,
) -> Measurement {
    Measurement {
        schema: SCHEMA,
        status: Status::Ok,
        reason: None,
        suite: suite.into(),
        group: group.into(),
        variant: variant.into(),
        peer: matches!(variant, "rayon" | "scoped" | "std" | "parking_lot" | "rtrb"),
        workers,
        params: BTreeMap::new(),
        round,
        metric: "time".into(),
        unit: "ns".into(),
        better: Better::Lower,
        value: Some(value),
    }
}

/// The same record without a value.
pub fn without_value(mut record: Measurement, status: Status, reason: &str) -> Measurement {
    record.status = status;
    record.reason = Some(reason.into());
    record.value = None;
    record
}

/// Marks the second run of a baseline in the same round.
pub fn replica(mut record: Measurement) -> Measurement {
    record.params.insert("replica".into(), 1.into());
    record
}

/// A run of `rounds` rounds.
pub fn run(rounds: u32, quick: bool) -> Run {
    Run {
        schema: SCHEMA,
        id: "20260304T050607Z-0123abc".into(),
        started: "2026-03-04T05:06:07Z".into(),
        seconds: 1130.0,
        quick,
        seed: 42,
        rounds,
        budget_seconds: 1200.0,
        flags: vec!["--full".into()],
        revision: "0123abcdef0123abcdef0123abcdef0123abcdef".into(),
        dirty: None,
        rustc: "rustc 1.95.0".into(),
        rustflags: String::new(),
        host: Host {
            name: "Example CPU, 2 cores".into(),
            cpu: "Example CPU @ 2.80GHz".into(),
            cores: 2,
            memory_bytes: 8 << 30,
            page_bytes: 4096,
            huge_pages: "2 MiB, madvise".into(),
            kernel: "Linux 6.12.0".into(),
            virtualised: Some("kvm".into()),
            load_before: 0.08,
            load_after: 1.7,
            steal: 0.001,
        },
        pythons: vec![Python {
            name: "cpython-3.11".into(),
            version: "3.11.2".into(),
            gil: true,
            start_method: "fork".into(),
        }],
        cells: Cells { expected: 246, ok: 241, failed: 2, not_run: 3 },
        complete: true,
        left_out: vec!["echo/large: 4 of 15 rounds".into()],
    }
}

/// A run with its raw text made from its records.
pub fn records(run: Run, measurements: Vec<Measurement>, verifications: Vec<Verification>) -> RunRecords {
    let lines = |records: Vec<String>| records.into_iter().map(|line| line + "\n").collect::<String>();
    let json = |value: &dyn erased::Json| value.json();
    let raw = Raw {
        run: serde_json::to_string_pretty(&run).unwrap() + "\n",
        measurements: lines(measurements.iter().map(|record| json(record)).collect()),
        verification: (!verifications.is_empty())
            .then(|| lines(verifications.iter().map(|record| json(record)).collect())),
    };
    RunRecords { run, measurements, verifications, raw }
}

mod erased {
    pub trait Json {
        fn json(&self) -> String;
    }
    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap()
        }
    }
}

/// Everything a full run has: all kernels, models and suites, with failed and not-run cells among them.
pub fn full(rounds: u32, quick: bool) -> RunRecords {
    let mut noise = Noise::new(7);
    let mut all = Vec::new();
    for round in 0..rounds {
        // What the machine does to a whole round.
        let weather = (0.03 * noise.normal()).exp();
        let mut put = |suite: &str, group: &str, variant: &str, workers: u32, value: f64| {
            let value = (value * weather * (0.006 * noise.normal()).exp() * 10.0).round() / 10.0;
            all.push(measured(suite, group, variant, workers, round, value));
            if variant.ends_with("sequential") || variant == "heddle" {
                let again = (value * (0.004 * noise.normal()).exp() * 10.0).round() / 10.0;
                all.push(replica(measured(suite, group, variant, workers, round, again)));
            }
        };
        // Work in ns at medium size, overhead of handing over, share that runs side by side.
        let kernels = [
            ("mandelbrot", 182e6, 0.0, 0.995),
            ("triad", 41e6, 19e6, 0.42),
            ("sum", 24e6, 9e6, 0.55),
            ("histogram-shared", 60e6, 8e6, 0.2),
            ("histogram-atomic", 95e6, 8e6, 0.75),
            ("histogram-private", 48e6, 8e6, 0.93),
        ];
        for (kernel, medium, copied, parallel) in kernels {
            for (size, factor) in [("small", 0.0004), ("medium", 1.0), ("large", 8.0)] {
                let group = format!("{kernel}/{size}");
                let work = medium * factor;
                put("kernels", &group, "sequential", 1, work);
                for workers in [1_u32, 2, 4] {
                    let cores = f64::from(workers.min(2));
                    let time = work * (1.0 - parallel + parallel / cores);
                    let over = if workers > 2 { 1.02 } else { 1.0 };
                    put("kernels", &group, "threads", workers, time * over + 38e3 * f64::from(workers));
                    put("kernels", &group, "thread_pool", workers, time * over + 2.1e3);
                    put("kernels", &group, "processes", workers, time * over + 1.1e6 * f64::from(workers));
                    put("kernels", &group, "process_pool", workers, time * over * 1.004 + 2.6e3);
                    let handing = copied * factor + 9e3;
                    put("kernels", &group, "process_pool-copied", workers, time * over + handing);
                    put("kernels", &group, "rayon", workers, time * over * 1.01 + 3e3);
                    put(
                        "kernels",
                        &group,
                        "scoped",
                        workers,
                        time * over * 0.998 + 40e3 * f64::from(workers),
                    );
                    if workers != 1 {
                        put("kernels", &group, "hybrid", workers, time * over * 1.03 + 1.3e6);
                    }
                }
            }
            let group = format!("{kernel}/python");
            let work = medium * 0.02;
            put("kernels", &group, "sequential", 1, work);
            put("kernels", &group, "thread_pool", 2, work * (1.0 - parallel / 2.0));
            put("kernels", &group, "process_pool", 2, work * (1.0 - parallel / 2.0) * 1.01);
            let python = work * 71.0;
            put("kernels", &group, "cpython-3.11/sequential", 1, python);
            put("kernels", &group, "cpython-3.11/threads", 2, python * 1.04);
            put("kernels", &group, "cpython-3.11/thread_pool", 2, python * 1.03);
            put("kernels", &group, "cpython-3.11/processes-fork", 2, python * 0.56 + 21e6);
            put("kernels", &group, "cpython-3.11/processes-spawn", 2, python * 0.56 + 190e6);
            put("kernels", &group, "cpython-3.11/process_pool", 2, python * 0.55 + 3e6);
        }
        for (size, requests) in [("small", 20.0), ("medium", 200.0), ("large", 1000.0)] {
            let group = format!("echo/{size}");
            put("kernels", &group, "sequential", 1, requests * 2.09e6);
            for workers in [2_u32, 100] {
                let time = requests * 2.09e6 / f64::from(workers);
                for (model, cost) in
                    [("threads", 40e3), ("thread_pool", 4e3), ("processes", 1.2e6), ("process_pool", 5e3)]
                {
                    put("kernels", &group, model, workers, time + cost * f64::from(workers) * 0.5);
                }
            }
        }
        for (case, base) in [("uncontended", 9.8), ("contended-500-500", 410.0)] {
            let group = format!("mutex/{case}");
            let workers = if case == "uncontended" { 1 } else { 2 };
            put("primitives", &group, "heddle", workers, base);
            put("primitives", &group, "heddle-fair", workers, base * 1.31);
            put("primitives", &group, "std", workers, base * 1.01);
            put("primitives", &group, "parking_lot", workers, base * 1.12);
        }
        put("ipc", "spsc/round-trip", "heddle", 2, 142.0);
        put("ipc", "spsc/round-trip", "rtrb", 2, 139.0);
        put("ipc", "workers/round-trip", "heddle", 2, 610.0);
        put("claims", "spawn-cost/start-join", "threads", 1, 36e3);
        put("claims", "spawn-cost/start-join", "processes", 1, 1.05e6);
        put("claims", "spawn-cost/start-join", "cpython-3.11/threads", 1, 78e3);
        put("claims", "spawn-cost/start-join", "cpython-3.11/processes-fork", 1, 1.9e6);
        put("claims", "spawn-cost/start-join", "cpython-3.11/processes-spawn", 1, 95e6);
        for (variant, bytes) in [
            ("threads", 31e3),
            ("thread_pool", 34e3),
            ("processes", 410e3),
            ("process_pool", 402e3),
            ("hybrid", 223e3),
        ] {
            for workers in [1_u32, 2, 4] {
                if variant == "hybrid" && workers == 1 {
                    continue;
                }
                let value =
                    (bytes * (1.0 + 0.2 / f64::from(workers)) * (0.01 * noise.normal()).exp()).round();
                let mut record = measured("claims", "memory-cost/idle", variant, workers, round, value);
                record.metric = "pss".into();
                record.unit = "bytes".into();
                all.push(record);
            }
        }
        let died = measured("kernels", "sum/large", "hybrid", 8, round, 1.0);
        all.push(without_value(died, Status::Failed, "worker 3 was killed by SIGKILL during region 2"));
        let garbled = measured("kernels", "histogram-shared/medium", "hybrid", 8, round, 1.0);
        all.push(without_value(garbled, Status::Failed, "answer differs from sequential in bin <7>"));
        for group in ["echo/medium", "mandelbrot/medium", "triad/medium"] {
            let absent = measured("kernels", group, "mpi", 2, round, 1.0);
            all.push(without_value(absent, Status::NotRun, "no mpirun on the PATH"));
        }
    }
    records(run(rounds, quick), all, verification::every_kind())
}

/// One kernel at two sizes, few rounds: what golden pages are made of.
pub fn small() -> RunRecords {
    let mut noise = Noise::new(3);
    let mut all = Vec::new();
    for round in 0..6 {
        let mut put = |group: &str, variant: &str, workers: u32, value: f64| {
            let value = (value * (0.003 * noise.normal()).exp()).round();
            all.push(measured("kernels", group, variant, workers, round, value));
        };
        for (size, work) in [("small", 6e4), ("medium", 9e7)] {
            let group = format!("mandelbrot/{size}");
            put(&group, "sequential", 1, work);
            put(&group, "thread_pool", 1, work * 1.001 + 2e3);
            put(&group, "thread_pool", 2, work * 0.505 + 2e3);
            put(&group, "process_pool", 2, work * 0.506 + 5e4);
            put(&group, "rayon", 2, work * 0.51 + 3e3);
        }
        put("mandelbrot/python", "cpython-3.11/sequential", 1, 1.1e8);
        put("mandelbrot/python", "cpython-3.11/threads", 2, 1.13e8);
        let again =
            measured("kernels", "mandelbrot/medium", "sequential", 1, round, 9.01e7 + f64::from(round) * 1e4);
        all.push(replica(again));
        let died = measured("kernels", "mandelbrot/medium", "hybrid", 2, round, 1.0);
        all.push(without_value(died, Status::Failed, "worker 1 was killed by SIGKILL"));
        let absent = measured("kernels", "mandelbrot/medium", "mpi", 2, round, 1.0);
        all.push(without_value(absent, Status::NotRun, "no mpirun on the PATH"));
    }
    let mut run = run(6, false);
    run.cells = Cells { expected: 14, ok: 12, failed: 1, not_run: 1 };
    run.left_out.clear();
    records(run, all, Vec::new())
}
