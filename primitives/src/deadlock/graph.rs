//! Who holds what and who waits for what.
//!
//! A hold is entered after the lock was taken and struck out before it is let go of, and a wait lasts longer than the waiting.
//! So an entered hold exists; and an entered wait for a lock that is held in a way that keeps the waiter out is one.

use super::{Cycle, Wait};
use crate::held::{Hold, Want};
use std::collections::BTreeMap;

pub(super) struct Graph {
    /// Who holds the lock at an address.
    holders: BTreeMap<usize, Vec<Holder>>,
    /// What a thread waits for.
    waits: BTreeMap<u64, Waiter>,
    /// Counts what has happened to holds.
    now: u64,
}

struct Holder {
    thread: u64,
    hold: Hold,
    since: u64,
}

struct Waiter {
    wait: Wait,
    want: Want,
    /// It ends by itself, so it is there only because others wait behind it.
    limited: bool,
    /// When it was last seen that those who have queued keep this reader out, which since then has not tried again.
    kept_out: Option<u64>,
    /// Its circle is known, and being seen to.
    reported: bool,
}

impl Graph {
    pub(super) const fn new() -> Self {
        Self { holders: BTreeMap::new(), waits: BTreeMap::new(), now: 0 }
    }

    /// `thread` has taken the lock. Holds beside which that is impossible were forgotten with their guards.
    pub(super) fn acquired(&mut self, address: usize, thread: u64, hold: Hold) {
        self.now += 1;
        let holders = self.holders.entry(address).or_default();
        match hold {
            Hold::Exclusive => holders.clear(),
            Hold::Upgradable => holders.retain(|other| other.hold == Hold::Shared),
            Hold::Shared => holders.retain(|other| other.hold != Hold::Exclusive),
        }
        holders.push(Holder { thread, hold, since: self.now });
    }

    /// `thread` is about to let go of the lock.
    pub(super) fn released(&mut self, address: usize, thread: u64, hold: Hold) {
        let Some(holders) = self.holders.get_mut(&address) else { return };
        if let Some(place) = holders.iter().position(|other| (other.thread, other.hold) == (thread, hold)) {
            holders.swap_remove(place);
        }
        if holders.is_empty() {
            self.holders.remove(&address);
        }
    }

    /// Nobody holds the lock.
    pub(super) fn forgotten(&mut self, address: usize) {
        self.holders.remove(&address);
    }

    pub(super) fn waits(&mut self, wait: Wait, want: Want, limited: bool) {
        self.waits.insert(wait.thread, Waiter { wait, want, limited, kept_out: None, reported: false });
    }

    /// `thread` has stopped waiting.
    pub(super) fn stopped(&mut self, thread: u64) {
        let Some(gone) = self.waits.remove(&thread) else { return };
        if gone.limited {
            // It may have let in who waited behind it.
            let behind = self.waits.values_mut().filter(|other| other.wait.address == gone.wait.address);
            behind.for_each(|other| other.kept_out = None);
        }
    }

    /// Whether those who have queued keep the waiting `thread` out now; it does not try for the lock until this is told again.
    pub(super) fn looked(&mut self, thread: u64, kept_out: bool) {
        self.now += 1;
        if let Some(waiter) = self.waits.get_mut(&thread) {
            waiter.kept_out = kept_out.then_some(self.now);
        }
    }

    /// All circles, each from the thread with the lowest number on.
    pub(super) fn cycles(&self) -> Vec<Cycle> {
        let mut cycles: Vec<Cycle> = Vec::new();
        for &thread in self.waits.keys() {
            let Some(mut cycle) = self.cycle_of(thread) else { continue };
            let lowest = (0..cycle.waits.len()).min_by_key(|&n| cycle.waits[n].thread).unwrap_or(0);
            cycle.waits.rotate_left(lowest);
            if !cycles.contains(&cycle) {
                cycles.push(cycle);
            }
        }
        cycles
    }

    /// The circle that `first` waits in.
    fn cycle_of(&self, first: u64) -> Option<Cycle> {
        let mut search = Search { graph: self, first, path: Vec::new(), seen: Vec::new() };
        search.from(first).then_some(Cycle { waits: search.path })
    }

    /// The circle that `thread` waits in, unless that has been reported.
    pub(super) fn unreported(&mut self, thread: u64) -> Option<Cycle> {
        let cycle = self.cycle_of(thread)?;
        if cycle.waits.iter().any(|wait| self.waits[&wait.thread].reported) {
            return None;
        }
        self.waits.get_mut(&thread)?.reported = true;
        Some(cycle)
    }

    fn holders(&self, address: usize) -> &[Holder] {
        self.holders.get(&address).map_or(&[], Vec::as_slice)
    }

    /// The writers and the upgrade that wait for the lock; none if one of them ends by itself.
    fn queued(&self, address: usize) -> Vec<&Waiter> {
        let queues = |other: &&Waiter| matches!(other.want, Want::Exclusive | Want::Upgrade);
        let at = |other: &&Waiter| other.wait.address == address;
        let queued: Vec<&Waiter> = self.waits.values().filter(at).filter(queues).collect();
        if queued.iter().any(|other| other.limited) { Vec::new() } else { queued }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    first: u64,
    /// The waits on the way from the first thread to the one at which the search is.
    path: Vec<Wait>,
    seen: Vec<u64>,
}

impl Search<'_> {
    /// Whether `thread` waits, over however many others, for the first; then the path is the circle.
    fn from(&mut self, thread: u64) -> bool {
        let Some(waiter) = self.graph.waits.get(&thread).filter(|waiter| !waiter.limited) else {
            return false;
        };
        if self.seen.contains(&thread) {
            return false;
        }
        self.seen.push(thread);
        self.path.push(waiter.wait.clone());
        if self.over(waiter, u64::MAX) || self.behind(waiter) {
            return true;
        }
        self.path.pop();
        false
    }

    /// Whether one of those leads to the first who have kept `waiter` out since before `time`.
    fn over(&mut self, waiter: &Waiter, time: u64) -> bool {
        let holders = self.graph.holders(waiter.wait.address);
        let mut holders =
            holders.iter().filter(|holder| holder.since < time && waiter.want.is_kept_out_by(holder.hold));
        holders.any(|holder| holder.thread == self.first || self.from(holder.thread))
    }

    /// Whether one of those leads to the first behind whom the reader `waiter` waits.
    ///
    /// When it looked somebody had queued. Who holds the lock since before that has let none of them in, and none has given up,
    /// since they have no limit: so they still keep the reader out.
    fn behind(&mut self, waiter: &Waiter) -> bool {
        let Some(time) = waiter.kept_out else { return false };
        let Some(place) = self.path.len().checked_sub(1) else { return false };
        let graph = self.graph;
        for queued in graph.queued(waiter.wait.address) {
            self.path[place].behind = true;
            if queued.wait.thread == self.first {
                let holders = graph.holders(waiter.wait.address);
                if holders.iter().any(|holder| holder.since < time && queued.want.is_kept_out_by(holder.hold))
                {
                    return true;
                }
            } else if !self.seen.contains(&queued.wait.thread) {
                self.seen.push(queued.wait.thread);
                self.path.push(queued.wait.clone());
                if self.over(queued, time) {
                    return true;
                }
                self.path.pop();
            }
        }
        self.path[place].behind = false;
        false
    }
}
