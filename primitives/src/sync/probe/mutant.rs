//! One change to one call, chosen when the program starts.

use super::Site;
use std::panic::Location;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is changed about a call. A name is what `HEDDLE_MUTANT` has after the `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The reading half loses its Acquire.
    NoAcquire,
    /// The writing half loses its Release.
    NoRelease,
    /// A failing exchange loses its Acquire.
    NoFailureAcquire,
    /// There is no fence.
    NoFence,
    /// A SeqCst fence is an AcqRel one.
    WeakFence,
    /// Nobody is woken.
    NoWake,
    /// One is woken instead of many.
    WakeOne,
    /// The wake comes before the write that it announces, and not after it.
    EarlyWake,
}

use Change::*;

const NAMES: [(&str, Change); 8] = [
    ("no-acquire", NoAcquire),
    ("no-release", NoRelease),
    ("no-failure-acquire", NoFailureAcquire),
    ("no-fence", NoFence),
    ("weak-fence", WeakFence),
    ("no-wake", NoWake),
    ("wake-one", WakeOne),
    ("early-wake", EarlyWake),
];

impl Change {
    /// The ordering that a load has left.
    pub(super) fn of_read(self, order: Ordering) -> Ordering {
        match (self, order) {
            (NoAcquire, Ordering::Acquire) => Ordering::Relaxed,
            _ => order,
        }
    }

    /// The ordering that a store has left.
    pub(super) fn of_write(self, order: Ordering) -> Ordering {
        match (self, order) {
            (NoRelease, Ordering::Release) => Ordering::Relaxed,
            _ => order,
        }
    }

    /// The ordering that a read-modify-write has left.
    pub(super) fn of_exchange(self, order: Ordering) -> Ordering {
        match (self, order) {
            (NoAcquire, Ordering::AcqRel) => Ordering::Release,
            (NoRelease, Ordering::AcqRel) => Ordering::Acquire,
            _ => self.of_write(self.of_read(order)),
        }
    }

    /// What is left of a fence.
    pub(super) fn of_fence(self, order: Ordering) -> Option<Ordering> {
        match (self, order) {
            (NoFence, _) => None,
            (WeakFence, Ordering::SeqCst) => Some(Ordering::AcqRel),
            (NoAcquire, Ordering::AcqRel) => Some(Ordering::Release),
            (NoRelease, Ordering::AcqRel) => Some(Ordering::Acquire),
            _ => Some(order),
        }
    }

    /// How many of `n` sleepers are still woken.
    pub(super) fn of_wake(self, n: u32) -> u32 {
        match self {
            NoWake | EarlyWake => 0,
            WakeOne => n.min(1),
            _ => n,
        }
    }
}

/// A place in a source file, as `file:line:column`.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: u32,
    column: u32,
}

impl Place {
    #[inline]
    fn is(&self, site: &Location<'_>) -> bool {
        self.line == site.line() && self.column == site.column() && self.file == site.file()
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, ':');
        let column = parts.next().and_then(|part| part.parse().ok());
        let line = parts.next().and_then(|part| part.parse().ok());
        match (parts.next(), line, column) {
            (Some(file), Some(line), Some(column)) => Ok(Self { file: file.into(), line, column }),
            _ => Err(format!("{text} is no file:line:column")),
        }
    }
}

/// The change of this process, and where.
#[derive(Debug)]
pub(crate) struct Mutant {
    at: Place,
    change: Change,
    /// The write that an early wake comes before.
    write: Option<Place>,
}

impl FromStr for Mutant {
    type Err = String;

    /// `SITE=CHANGE`, and `SITE=early-wake@SITE` with the write that it comes before.
    fn from_str(text: &str) -> Result<Self, String> {
        let (at, change) = text.split_once('=').ok_or_else(|| format!("{text} is no SITE=CHANGE"))?;
        let (change, write) = change.split_once('@').map_or((change, None), |(c, w)| (c, Some(w)));
        let change = NAMES.iter().find(|(name, _)| *name == change);
        let (_, change) = change.ok_or_else(|| format!("{text} names no change"))?;
        let write = write.map(str::parse).transpose()?;
        if (*change == EarlyWake) != write.is_some() {
            return Err(format!("{text}: an early wake, and nothing else, names a write"));
        }
        Ok(Self { at: at.parse()?, change: *change, write })
    }
}

/// Whether the changed site was reached in this process.
static HIT: AtomicBool = AtomicBool::new(false);

/// The mutant that the environment names.
///
/// # Panics
/// If it names none that can be understood.
pub(crate) fn chosen() -> Option<&'static Mutant> {
    static CHOSEN: OnceLock<Option<Mutant>> = OnceLock::new();
    CHOSEN
        .get_or_init(|| {
            let text = std::env::var("HEDDLE_MUTANT").ok()?;
            Some(text.parse().unwrap_or_else(|error| panic!("HEDDLE_MUTANT: {error}")))
        })
        .as_ref()
}

/// Whether the changed site was reached.
pub(crate) fn was_reached() -> bool {
    // ORDERING: asked when the threads are joined.
    HIT.load(Ordering::Relaxed)
}

/// What is changed at `site`.
#[inline]
pub(super) fn changed(site: Site) -> Option<Change> {
    let mutant = chosen()?;
    if !mutant.at.is(site) {
        return None;
    }
    // ORDERING: see `was_reached`; nothing must be ordered by a mutant.
    HIT.store(true, Ordering::Relaxed);
    Some(mutant.change)
}

/// Makes the wake that comes early, if `site` is the write that it announces.
#[inline]
pub(super) fn before_write(site: Site, address: usize) {
    if chosen().is_some_and(|mutant| mutant.write.as_ref().is_some_and(|write| write.is(site))) {
        wake_early(address);
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn wake_early(address: usize) {
    crate::sync::backend::futex::wake_all_at(address);
}

/// Early wakes are left to the checkers' model of the futex.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn wake_early(_address: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_dropped_apart() {
        assert_eq!(NoAcquire.of_exchange(Ordering::AcqRel), Ordering::Release);
        assert_eq!(NoRelease.of_exchange(Ordering::AcqRel), Ordering::Acquire);
        assert_eq!(NoAcquire.of_exchange(Ordering::Acquire), Ordering::Relaxed);
        assert_eq!(NoRelease.of_exchange(Ordering::Acquire), Ordering::Acquire);
        assert_eq!(WeakFence.of_fence(Ordering::SeqCst), Some(Ordering::AcqRel));
        assert_eq!(NoFence.of_fence(Ordering::SeqCst), None);
        assert_eq!((NoWake.of_wake(3), WakeOne.of_wake(3), WakeOne.of_wake(0)), (0, 1, 0));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let mutant: Mutant = "a/b.rs:12:7=early-wake@c.rs:1:2".parse().unwrap();
        assert_eq!((mutant.at.file.as_str(), mutant.at.line, mutant.at.column), ("a/b.rs", 12, 7));
        assert_eq!(mutant.write.unwrap().file, "c.rs");
        for text in [
            "",
            "a.rs:1:2",
            "a.rs:1=no-wake",
            "a.rs:1:2=stronger",
            "a.rs:1:2=early-wake",
            "a.rs:1:2=no-wake@b.rs:1:1",
        ] {
            assert!(text.parse::<Mutant>().is_err(), "{text}");
        }
    }
}
