//! The one place that knows how criterion 0.8 leaves its results on disk.
//!
//! Under `$CRITERION_HOME` every benchmark has a folder with `new/benchmark.json` and `new/sample.json`. Folder
//! names are cut and numbered, so the benchmark is told by the `full_id` in `benchmark.json`. A sample is a list
//! of batches, `iters` calls in `times` nanoseconds each.
//!
//! The value of a turn is the sum of the times over the sum of the calls: plain wall time per call. Criterion's
//! own slope is not defined for flat sampling, and the two must agree whichever way a cell was sampled.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Arguments of a turn of under 0.3 s that runs `id` alone.
pub fn arguments(id: &str) -> Vec<String> {
    let filter = format!("^{}$", id.replace('.', r"\."));
    let fixed =
        "--bench --noplot --warm-up-time 0.05 --measurement-time 0.2 --sample-size 10 --nresamples 1001";
    fixed.split(' ').map(String::from).chain([filter]).collect()
}

/// Nanoseconds per call of the benchmark `id`, from a fresh `CRITERION_HOME`.
///
/// # Errors
/// If the benchmark left no result, or one that is no time.
pub fn read(home: &Path, id: &str) -> Result<f64> {
    let mut folders = vec![home.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let mut names: Vec<_> = entries.collect::<io::Result<Vec<_>>>()?.iter().map(|it| it.path()).collect();
        names.sort();
        for path in names {
            if !path.is_dir() {
                continue;
            }
            if path.ends_with("new") && path.join("benchmark.json").exists() {
                let benchmark: Benchmark = parse(&path.join("benchmark.json"))?;
                if benchmark.full_id == id {
                    return per_call(&parse(&path.join("sample.json"))?);
                }
            }
            folders.push(path);
        }
    }
    bail!("criterion left no result for {id}")
}

fn per_call(sample: &Sample) -> Result<f64> {
    let (times, calls): (f64, f64) = (sample.times.iter().sum(), sample.iters.iter().sum());
    let value = times / calls;
    if sample.times.len() != sample.iters.len() || !(value.is_finite() && value > 0.0) {
        bail!("criterion's sample is no time: {times} ns in {calls} calls");
    }
    Ok(value)
}

fn parse<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Written by criterion 0.8.2, unchanged.
    fn golden() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/criterion")
    }

    #[test]
    fn both_ways_of_sampling_are_read() {
        let linear = read(&golden(), "mandelbrot/medium/thread_pool/1").unwrap();
        assert!((linear - 0.339_654).abs() < 1e-6, "{linear}");
        let flat = read(&golden(), "mandelbrot/medium/slow/2").unwrap();
        assert!((flat - 30_148_172.8).abs() < 1.0, "{flat}");
    }

    #[test]
    fn folders_are_told_by_their_contents() {
        let error = read(&golden(), "mandelbrot_medium/slow/2").unwrap_err();
        assert!(error.to_string().contains("no result"), "{error}");
        assert!(read(Path::new("/nonexistent"), "x").is_err());
    }

    #[test]
    fn a_sample_without_time_is_an_error() {
        let sample = |iters: &[f64], times: &[f64]| Sample { iters: iters.into(), times: times.into() };
        assert!(per_call(&sample(&[], &[])).is_err());
        assert!(per_call(&sample(&[0.0], &[1.0])).is_err());
        assert!(per_call(&sample(&[1.0, 2.0], &[1.0])).is_err());
        assert_eq!(per_call(&sample(&[1.0, 3.0], &[4.0, 4.0])).unwrap(), 2.0);
    }

    #[test]
    fn a_filter_matches_one_id() {
        let last = arguments("memory-cost/idle/threads/1").pop().unwrap();
        assert_eq!(last, "^memory-cost/idle/threads/1$");
    }
}
