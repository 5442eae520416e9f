//! How many CPUs there are for all who may be waited for.

use crate::sync::atomic::{AtomicU64, Ordering};
use rustix::thread::{CpuSet, Pid, sched_getaffinity};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Whether nobody can run while the caller spins; it is `now`.
pub(super) fn alone(shared: bool, now: Instant) -> bool {
    /// How long the answer "one CPU" holds: threads may still pin themselves to several.
    const TRUST: Duration = Duration::from_millis(10);
    static BORN: LazyLock<Instant> = LazyLock::new(Instant::now);
    /// Until when the process is known to have one CPU, in ns after `BORN`; `u64::MAX` once it was seen to have more.
    static ALONE_UNTIL: AtomicU64 = AtomicU64::new(0);

    if shared {
        return *ONLINE == 1;
    }
    // ORDERING: the number is all that is published; a second thread at worst finds out for itself.
    let until = ALONE_UNTIL.load(Ordering::Relaxed);
    if until == u64::MAX {
        return false;
    }
    let now = now.saturating_duration_since(*BORN);
    if now.as_nanos() < until.into() {
        return true;
    }
    let alone = *ONLINE == 1 || of_all_threads() <= 1;
    let until = if alone { (now + TRUST).as_nanos() as u64 } else { u64::MAX };
    // ORDERING: as above.
    ALONE_UNTIL.store(until, Ordering::Relaxed);
    alone
}

/// The CPUs that at least one thread of the process may use. Not those of the calling thread: it may be pinned to one, and
/// the thread that it waits for to another.
fn of_all_threads() -> usize {
    let mut all = CpuSet::new();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let tasks = tasks.filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?));
    for set in tasks.map(Some).chain([None]).filter_map(|task| sched_getaffinity(task).ok()) {
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).for_each(|cpu| all.set(cpu));
    }
    all.count() as usize
}

/// The CPUs of the machine; two if it does not say.
pub(super) static ONLINE: LazyLock<u32> = LazyLock::new(|| {
    let Ok(ranges) = std::fs::read_to_string("/sys/devices/system/cpu/online") else { return 2 };
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    };
    ranges.trim().split(',').map(count).sum::<Option<u32>>().unwrap_or(2)
});
