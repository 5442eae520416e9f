//! Where a pool of blocks lies that is in no segment: on the heap. Each block is one element.

use heddle_primitives::CachePadded;
use heddle_primitives::sync::atomic::AtomicU64;
use heddle_primitives::sync::cell::{ConstPtr, MutPtr, UnsafeCell};

use super::words::Blocks;
use crate::model::Peer;
use crate::sync::place::Place;
use crate::sync::signal::Signal;

type Line = CachePadded<AtomicU64>;

struct Root<T> {
    freed: Signal,
    words: Vec<Line>,
    blocks: Vec<UnsafeCell<T>>,
}

// SAFETY: a block is used by whoever owns it, one at a time.
unsafe impl<T: Send> Send for Root<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Root<T> {}

/// A peer's view of a pool.
pub(crate) struct Memory<T> {
    place: Place<Root<T>>,
}

impl<T> Memory<T> {
    pub(crate) fn within(peer: &Peer, blocks: Vec<T>) -> Memory<T> {
        let root = Root {
            freed: Signal::new(),
            words: blocks.iter().map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
            blocks: blocks.into_iter().map(UnsafeCell::new).collect(),
        };
        Memory { place: Place::within(peer, root) }
    }

    pub(crate) fn seen_by(&self, peer: &Peer) -> Memory<T> {
        Memory { place: self.place.seen_by(peer) }
    }

    pub(crate) fn blocks(&self) -> Blocks<'_, Peer, Line> {
        Blocks { census: self.place.census(), words: &self.place.words, freed: &self.place.freed }
    }

    pub(crate) fn len(&self) -> usize {
        1
    }

    pub(crate) fn write(&self, block: u32) -> Write<T> {
        Write(self.place.blocks[block as usize].get_mut())
    }

    pub(crate) fn read(&self, block: u32) -> Read<T> {
        Read(self.place.blocks[block as usize].get())
    }
}

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Memory { place: self.place.clone() }
    }
}

/// A block that is written.
pub(crate) struct Write<T>(MutPtr<T>);

impl<T> Write<T> {
    /// # Safety
    ///
    /// Nobody else uses the block while the result lives.
    #[allow(clippy::mut_from_ref, reason = "the caller's promise")]
    pub(crate) unsafe fn slice(&self, len: usize) -> &mut [T] {
        // SAFETY: the caller's promise.
        &mut core::slice::from_mut(unsafe { self.0.deref() })[..len]
    }
}

/// A block that is read.
pub(crate) struct Read<T>(ConstPtr<T>);

impl<T> Read<T> {
    /// # Safety
    ///
    /// Nobody writes the block while the result lives.
    pub(crate) unsafe fn slice(&self, len: usize) -> &[T] {
        // SAFETY: the caller's promise.
        &core::slice::from_ref(unsafe { self.0.deref() })[..len]
    }
}
