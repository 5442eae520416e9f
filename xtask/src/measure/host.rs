//! The machine that a run is made on.

use std::fs;
use std::time::Duration;

use heddle_report::records::Host;

/// What the machine is, and its load before the first round.
pub fn describe() -> Host {
    let cpuinfo = read("/proc/cpuinfo");
    let cpu =
        field(&cpuinfo, "model name").or_else(|| field(&cpuinfo, "Model")).unwrap_or("unknown").to_string();
    let cores = cores();
    let load = load();
    Host {
        name: format!("{cpu}, {cores} {}", if cores == 1 { "core" } else { "cores" }),
        cpu,
        cores,
        memory_bytes: field(&read("/proc/meminfo"), "MemTotal").map_or(0, kibibytes),
        page_bytes: rustix::param::page_size() as u64,
        huge_pages: huge_pages(),
        kernel: format!("{} {}", read("/proc/sys/kernel/ostype"), read("/proc/sys/kernel/osrelease")),
        virtualised: hypervisor(&cpuinfo),
        load_before: load,
        load_after: load,
        steal: 0.0,
    }
}

/// CPUs that this process may use.
pub fn cores() -> u32 {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count()).max(1)
}

/// How many other threads run or want to, averaged over a second.
///
/// Not the load average, which still counts the build of the bench programs minutes later.
pub fn load() -> f64 {
    const SAMPLES: u32 = 20;
    let others = |_| {
        std::thread::sleep(Duration::from_millis(50));
        runnable(&read("/proc/loadavg")).map_or(0, |all| all.saturating_sub(1))
    };
    f64::from((0..SAMPLES).map(others).sum::<u32>()) / f64::from(SAMPLES)
}

/// Threads that run or want to, the reader included: the fourth word is `runnable/all`.
fn runnable(loadavg: &str) -> Option<u32> {
    loadavg.split(' ').nth(3)?.split('/').next()?.parse().ok()
}

/// CPU time so far, to tell later what share was stolen.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    stolen: u64,
    total: u64,
}

impl CpuTime {
    /// The kernel's account until now.
    pub fn now() -> CpuTime {
        CpuTime::parse(&read("/proc/stat"))
    }

    fn parse(stat: &str) -> CpuTime {
        // user nice system idle iowait irq softirq steal; what follows is part of user and nice.
        let first = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> =
            first.split_whitespace().skip(1).take(8).filter_map(|it| it.parse().ok()).collect();
        CpuTime { stolen: ticks.get(7).copied().unwrap_or(0), total: ticks.iter().sum() }
    }

    /// The share of CPU time stolen since `start`, 0 to 1.
    pub fn stolen_since(self, start: CpuTime) -> f64 {
        let total = self.total.saturating_sub(start.total);
        if total == 0 { 0.0 } else { self.stolen.saturating_sub(start.stolen) as f64 / total as f64 }
    }
}

fn huge_pages() -> String {
    let mut sizes: Vec<u64> = fs::read_dir("/sys/kernel/mm/hugepages")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
        })
        .collect();
    sizes.sort_unstable();
    let sizes = sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let policy = read("/sys/kernel/mm/transparent_hugepage/enabled");
    let policy = policy.split(['[', ']']).nth(1).unwrap_or("unknown");
    format!("{sizes} bytes; transparent: {policy}")
}

fn hypervisor(cpuinfo: &str) -> Option<String> {
    let flagged = field(cpuinfo, "flags").is_some_and(|it| it.split(' ').any(|flag| flag == "hypervisor"));
    let named = read("/sys/hypervisor/type");
    match (named.is_empty(), flagged) {
        (false, _) => Some(named),
        (true, true) => Some("yes, by the CPU's hypervisor flag".into()),
        (true, false) => None,
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_string()
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.split_once(':').filter(|(key, _)| key.trim() == name);
    text.lines().find_map(of).map(|(_, value)| value.trim())
}

fn kibibytes(text: &str) -> u64 {
    text.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runnable_threads_are_the_fourth_word() {
        assert_eq!(runnable("1.95 2.10 3.00 5/181 4711"), Some(5));
        assert_eq!(runnable(""), None);
    }

    #[test]
    fn this_machine_has_a_cpu_and_memory() {
        let host = describe();
        assert!(host.cores >= 1 && host.memory_bytes > 1 << 20 && host.page_bytes >= 4096);
        assert!(!host.name.is_empty() && host.kernel.starts_with("Linux "));
    }

    #[test]
    fn steal_is_a_share_of_all_time() {
        let before = CpuTime::parse("cpu  100 0 0 100 0 0 0 0 7 0\ncpu0 1");
        let after = CpuTime::parse("cpu  150 0 0 140 0 0 0 10 9 0\ncpu0 1");
        assert!((after.stolen_since(before) - 0.1).abs() < 1e-12);
        assert_eq!(before.stolen_since(before), 0.0);
    }
}
