//! What names mean: models and their families, kernels, sizes. Nothing here is needed for a new kernel or
//! model to be reported; an unknown name is shown as it is.

/// A family of models: one colour, the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Sequential code, peers, and whatever is none of the others.
    Neutral,
    /// Threads of one process.
    Threads,
    /// Processes over shared memory.
    Processes,
    /// Processes of threads.
    Hybrid,
    /// This project's own primitives and channels.
    Ours,
}

impl Family {
    /// The style sheet's name for it.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Hybrid => "hybrid",
            Self::Ours => "ours",
        }
    }
}

/// The family of a variant, whatever interpreter it runs on.
///
/// ```
/// use heddle_report::names::{Family, family};
/// assert_eq!(family("process_pool-copied"), Family::Processes);
/// assert_eq!(family("cpython-3.11/executor-threads"), Family::Threads);
/// assert_eq!(family("rayon"), Family::Neutral);
/// ```
#[must_use]
pub fn family(variant: &str) -> Family {
    let model = &variant[crate::cells::prefix(variant).len()..];
    match model {
        _ if model.starts_with("hybrid") || model.starts_with("mpi") => Family::Hybrid,
        _ if model.starts_with("heddle") => Family::Ours,
        _ if model.contains("thread") => Family::Threads,
        _ if model.contains("process") => Family::Processes,
        _ => Family::Neutral,
    }
}

/// The place of a variant in tables and legends: `sequential`, the models in their usual order, other native
/// variants, then interpreters.
#[must_use]
pub fn order(variant: &str) -> (bool, String, usize, String) {
    const USUAL: [&str; 9] = [
        "sequential",
        "heddle",
        "threads",
        "thread_pool",
        "processes",
        "process_pool",
        "process_pool-copied",
        "hybrid",
        "mpi",
    ];
    let prefix = crate::cells::prefix(variant);
    let model = &variant[prefix.len()..];
    let at = USUAL.iter().position(|usual| *usual == model).unwrap_or(USUAL.len());
    (!prefix.is_empty(), prefix.to_owned(), at, model.to_owned())
}

/// What a group's name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The kernel or primitive: one page or section.
    pub subject: String,
    /// The way of sharing or handing over, where the name has one after a dash; else empty.
    pub way: String,
    /// What follows the slash: a size or a scenario.
    pub case: String,
}

/// Takes a group's name apart.
///
/// ```
/// let group = heddle_report::names::group("histogram-shared/medium");
/// assert_eq!((&*group.subject, &*group.way, &*group.case), ("histogram", "shared", "medium"));
/// ```
#[must_use]
pub fn group(name: &str) -> Group {
    let (first, case) = name.split_once('/').unwrap_or((name, ""));
    let (subject, way) = first.split_once('-').unwrap_or((first, ""));
    Group { subject: subject.to_owned(), way: way.to_owned(), case: case.to_owned() }
}

/// How a metric is written in a sentence.
#[must_use]
pub fn metric(name: &str) -> &str {
    match name {
        "pss" => "PSS",
        "rss" => "RSS",
        "cpu" | "cpu-time" => "CPU time",
        other => other,
    }
}

/// Sorts sizes from small to large, then the size for CPython, then durations from short to long, then whatever else by name.
#[must_use]
pub fn size_order(case: &str) -> (usize, u64, String) {
    let at = SIZES.iter().position(|size| *size == case).unwrap_or(SIZES.len());
    (at, nanoseconds(case).unwrap_or(u64::MAX), case.to_owned())
}

/// The duration that a case stands for, in nanoseconds, if it does.
///
/// ```
/// use heddle_report::names::nanoseconds;
/// assert_eq!((nanoseconds("10us"), nanoseconds("1ms"), nanoseconds("one-cpu")), (Some(10_000), Some(1_000_000), None));
/// ```
#[must_use]
pub fn nanoseconds(case: &str) -> Option<u64> {
    let digits = case.find(|letter: char| !letter.is_ascii_digit())?;
    let unit = match &case[digits..] {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    case[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

/// The sizes whose times make a curve, in order.
pub const CURVE: [&str; 3] = ["small", "medium", "large"];

const SIZES: [&str; 4] = ["small", "medium", "large", "python"];

/// One line on what a kernel stands for; a kernel that is not listed gets a line without one.
#[must_use]
pub fn about(kernel: &str) -> &'static str {
    match kernel {
        "mandelbrot" => "Uneven computation: some rows cost a hundred times what others do.",
        "triad" => "Memory bandwidth: three arrays streamed, next to no arithmetic.",
        "sum" => "Reduction: one pass over an array, partial results combined in a fixed order.",
        "histogram" => {
            "Shared state: counts in one shared table, in atomics, or in private tables merged at the end."
        }
        "echo" => "Waiting: requests to a server that answers after a set delay.",
        _ => "",
    }
}
