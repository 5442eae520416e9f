//! Which CPU a member runs on, where a figure needs each member to have one of its own.

use std::cell::Cell;
use std::sync::LazyLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The CPUs that a team is spread over, as a set of numbers below 256; empty to leave that to the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Cpus([u64; 4]);

/// The CPUs that the process could use when it was first asked: members that are pinned must not narrow it.
static ALLOWED: LazyLock<Cpus> = LazyLock::new(|| {
    let mut cpus = Cpus::default();
    if let Ok(set) = sched_getaffinity(None) {
        for cpu in (0..256).filter(|cpu| set.is_set(*cpu)) {
            cpus.0[cpu / 64] |= 1 << (cpu % 64);
        }
    }
    cpus
});

thread_local! {
    static PINNED: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Cpus {
    /// The CPUs that the process may use.
    pub(crate) fn allowed() -> Cpus {
        *ALLOWED
    }

    /// How many there are.
    pub(crate) fn count(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Keeps the calling thread on the CPU that is rank's turn; does nothing for an empty set, or where the thread is there
    /// already. That the system refuses is no error: the figure is noisier then.
    pub(crate) fn pin(self, rank: usize) {
        let Some(turn) = rank.checked_rem(self.count()) else { return };
        let cpu = (0..256).filter(|cpu| self.contains(*cpu)).nth(turn);
        if cpu == PINNED.get() {
            return;
        }
        let mut set = CpuSet::new();
        set.set(cpu.expect("turn is below their number"));
        if sched_setaffinity(None, &set).is_ok() {
            PINNED.set(cpu);
        }
    }

    /// Lets the calling thread, if it was pinned, run on any of these again: threads that it starts inherit where it may run,
    /// and would have to wait for its CPU before they could leave it.
    pub(crate) fn release(self) {
        if PINNED.get().is_none() {
            return;
        }
        let mut set = CpuSet::new();
        (0..256).filter(|cpu| self.contains(*cpu)).for_each(|cpu| set.set(cpu));
        if sched_setaffinity(None, &set).is_ok() {
            PINNED.set(None);
        }
    }

    fn contains(self, cpu: usize) -> bool {
        self.0[cpu / 64] & (1 << (cpu % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heddle_primitives::sync::thread;

    #[test]
    fn ranks_take_turns_and_an_empty_set_leaves_the_thread_alone() {
        let all = Cpus::allowed();
        let mine = || sched_getaffinity(None).unwrap();
        thread::spawn(move || {
            let before = mine();
            Cpus::default().pin(3);
            assert_eq!(mine(), before);
            for rank in 0..2 * all.count() {
                all.pin(rank);
                assert_eq!(mine().count(), 1);
            }
            let last = mine();
            all.pin(all.count() - 1);
            assert_eq!(mine(), last, "ranks wrap around");
            all.release();
            assert_eq!(mine(), before);
        })
        .join()
        .unwrap();
    }
}
