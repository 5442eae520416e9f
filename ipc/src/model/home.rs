//! Where a queue lies that is in no segment: on the heap.

use heddle_primitives::sync::atomic::AtomicU64;

use super::cells::{Cell, Cells, empty_place};
use super::words::Words;
use crate::model::Peer;
use crate::sync::place::Place;

struct Root<T> {
    words: Words,
    ring: Vec<AtomicU64>,
    cells: Vec<Cell<T>>,
}

// SAFETY: the items are used by whoever owns their cell, one at a time.
unsafe impl<T: Send> Send for Root<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Root<T> {}

/// A peer's view of a queue.
pub(crate) struct Home<T> {
    place: Place<Root<T>>,
}

impl<T> Home<T> {
    pub(crate) fn within(peer: &Peer, capacity: usize, spare: usize) -> Home<T> {
        let root = Root {
            words: Words::new(),
            ring: (0..capacity).map(|at| AtomicU64::new(empty_place(at))).collect(),
            cells: (0..capacity + spare).map(|_| Cell::new()).collect(),
        };
        Home { place: Place::within(peer, root) }
    }

    pub(crate) fn seen_by(&self, peer: &Peer) -> Home<T> {
        Home { place: self.place.seen_by(peer) }
    }

    pub(crate) fn census(&self) -> &Peer {
        self.place.census()
    }

    pub(crate) fn words(&self) -> &Words {
        &self.place.words
    }

    pub(crate) fn cells(&self) -> Cells<'_, T> {
        Cells { ends: &self.place.words.ends, ring: &self.place.ring, cells: &self.place.cells }
    }
}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Self {
        Home { place: self.place.clone() }
    }
}
