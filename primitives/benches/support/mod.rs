//! What every bench program shares: figures that criterion cannot give, and pinning.
#![allow(dead_code, reason = "included by several programs, each of which uses a part")]

use std::fs::OpenOptions;
use std::io::Write;

/// Appends a figure beside criterion's to the file that `HEDDLE_EXTRA` names; does nothing where it is unset.
///
/// # Panics
/// If the file cannot be written: a figure that silently disappears would look as if it had never been measured.
pub fn extra(group: &str, variant: &str, workers: u32, metric: &str, unit: &str, better: &str, value: f64) {
    let Some(path) = std::env::var_os("HEDDLE_EXTRA") else { return };
    assert!(value.is_finite(), "{group}/{variant} {metric} is {value}");
    let mut line = serde_json::json!({
        "group": group, "variant": variant, "workers": workers,
        "metric": metric, "unit": unit, "better": better, "value": value,
    })
    .to_string();
    line.push('\n');
    // One write, so that programs that run at the same time do not mix their lines.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!("{}: {error}", path.display());
    }
}

/// True where the harness asks for one timed call instead of criterion's many.
pub fn once() -> bool {
    std::env::var_os("HEDDLE_ONCE").is_some_and(|value| value == "1")
}

/// Pins the calling thread to the `n`-th of the CPUs that the process may use, modulo their number.
pub fn pin(n: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let cpus = allowed();
    let mut set = CpuSet::new();
    set.set(cpus[n % cpus.len()]);
    sched_setaffinity(None, &set).expect("a thread may pin itself to a CPU it may use");
}

/// The CPUs that the process could use when first asked, before any thread was pinned.
pub fn allowed() -> &'static [usize] {
    use std::sync::LazyLock;

    static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let set = rustix::thread::sched_getaffinity(None).expect("the own affinity can be read");
        (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
    });
    &ALLOWED
}
