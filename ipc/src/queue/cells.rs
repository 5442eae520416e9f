//! A queue of many producers and many consumers that no death can wedge.

use core::mem::MaybeUninit;

use heddle_primitives::CachePadded;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;

use crate::peers::{Census, ID_BITS, PeerId};

/// Bits of a position in a word. A step that expects an old word could be mistaken only after so many items exactly.
const POSITION_BITS: u32 = 64 - 2 - ID_BITS;
const POSITIONS: u64 = (1 << POSITION_BITS) - 1;

/// The indices that lie in shared memory: each a hint that anybody advances, and that may lag behind.
#[repr(C)]
pub(crate) struct Ends {
    /// The first position that may not have been taken.
    head: CachePadded<AtomicU64>,
    /// The first position that may not have been filled.
    tail: CachePadded<AtomicU64>,
}

impl Ends {
    pub(crate) fn new() -> Ends {
        Ends { head: CachePadded::new(AtomicU64::new(0)), tail: CachePadded::new(AtomicU64::new(0)) }
    }
}

/// Room for an item, and whose it is.
#[repr(C)]
pub(crate) struct Cell<T> {
    owner: AtomicU64,
    item: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Cell<T> {
    /// A free cell; all zero is one, too.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Cell<T> {
        Cell { owner: AtomicU64::new(0), item: UnsafeCell::new(MaybeUninit::uninit()) }
    }
}

/// A cell's owner word: the state in bits 0-1, a peer's id in bits 2-29, a position above.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Nobody's: word 0.
    Free,
    /// This peer is about to fill it; there is no item.
    Fills(PeerId),
    /// There is an item, which this peer has put at this position of the ring, or was about to.
    Queued(PeerId, u64),
    /// There is an item, which this peer takes out.
    Takes(PeerId),
}

impl Owner {
    #[inline]
    fn word(self) -> u64 {
        let pack =
            |state: u64, peer: PeerId, at: u64| state | u64::from(peer.word()) << 2 | at << (2 + ID_BITS);
        match self {
            Owner::Free => 0,
            Owner::Fills(peer) => pack(1, peer, 0),
            Owner::Queued(peer, at) => pack(2, peer, at),
            Owner::Takes(peer) => pack(3, peer, 0),
        }
    }

    #[inline]
    fn of(word: u64) -> Owner {
        let Some(peer) = PeerId::from_word((word >> 2) as u32) else { return Owner::Free };
        match word & 3 {
            1 => Owner::Fills(peer),
            2 => Owner::Queued(peer, word >> (2 + ID_BITS)),
            3 => Owner::Takes(peer),
            _ => Owner::Free,
        }
    }
}

/// A place of the ring: a position in bits 0-33, and above the cell that lies there, counted from 1, or 0 for none yet.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: u64,
    cell: Option<usize>,
}

impl Entry {
    #[inline]
    fn word(self) -> u64 {
        let cell = self.cell.map_or(0, |cell| cell as u64 + 1);
        self.at | cell << POSITION_BITS
    }

    #[inline]
    fn of(word: u64) -> Entry {
        Entry { at: word & POSITIONS, cell: (word >> POSITION_BITS).checked_sub(1).map(|cell| cell as usize) }
    }
}

/// A view of a queue's memory.
///
/// An item is in one of the cells, and the ring says in which order they are to be taken. Who puts one
///
/// 1. claims a free cell by an exchange of its owner word, and fills it;
/// 2. writes into the owner word at which position it is going to be;
/// 3. puts the cell's number at that position of the ring by an exchange. From here on the item is in the queue.
///
/// Who takes one
///
/// 4. finds the cell at the head of the ring, still owned as of that position, and makes it its own by an exchange: the item is its own;
/// 5. copies it out and frees the cell. From here on the item is gone.
///
/// That a position has been taken is seen by the cell's owner word, and anybody who sees it clears the place in the ring for the next
/// round and advances the head; and anybody who sees the tail's position filled advances the tail. So nobody waits for another's
/// step, and whoever dies leaves only a cell behind: one that it was about to fill is freed by whoever finds no other
/// ([`claim`](Cells::claim)); one with an item that is not in the ring, because it died between 2 and 3 or between 4 and 5, is taken by a
/// consumer ([`salvage`](Cells::salvage)). So an item whose `put` has returned is returned by exactly one `get`, unless the one that got it
/// dies with it after step 5; an item whose producer dies in `put` may come or not; and an item whose consumer dies in `get`
/// comes again, out of order.
///
/// Positions are never used twice within 2^34 items, and both words carry one, so that an exchange that was prepared long ago fails.
///
/// Source: the bounded queue of indices is that of R. Nikolaev, A Scalable, Portable, and Memory-Efficient Lock-Free FIFO Queue (2019),
/// reduced to one ring and helped by everybody as in M. Michael and M. Scott (1996); the owner words are our own.
pub(crate) struct Cells<'a, T> {
    pub(crate) ends: &'a Ends,
    /// One place for each item that the queue may hold; entry `n` is at first the empty place of position `n`.
    pub(crate) ring: &'a [AtomicU64],
    /// As many, and some for those who are at work.
    pub(crate) cells: &'a [Cell<T>],
}

impl<T> Clone for Cells<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cells<'_, T> {}

/// The ring of an empty queue.
pub(crate) fn empty_place(at: usize) -> u64 {
    Entry { at: at as u64, cell: None }.word()
}

impl<T: Copy> Cells<'_, T> {
    /// Puts an item at the end, if there is room. `hint` is where to look for a free cell first, and learns where the next may be.
    pub(crate) fn put(&self, census: &impl Census, hint: &mut usize, item: T) -> bool {
        let Some(cell) = self.claim(census, hint) else { return false };
        self.fill(cell, item);
        let linked = self.link(census, cell);
        if !linked {
            // ORDERING: Release: pairs with the Acquire in `claim`: the item's bytes are nobody's any more.
            self.cells[cell].owner.store(Owner::Free.word(), Ordering::Release);
        }
        linked
    }

    /// Takes the first item out, if there is one: its cell, which is the caller's.
    pub(crate) fn take(&self, census: &impl Census) -> Option<usize> {
        let mine = Owner::Takes(census.me()).word();
        loop {
            // ORDERING: Acquire: pairs with the Release in `advance`: the places below are as new as the head.
            let head = self.ends.head.load(Ordering::Acquire);
            let (place, entry) = self.place(head);
            if entry.at != head & POSITIONS {
                self.catch_up(&self.ends.head, head, entry.at);
                continue;
            }
            let index = entry.cell?;
            let cell = self.cells.get(index)?;
            // ORDERING: Acquire: pairs with the Release in `link`: the cell's item, if it is that of this position.
            let owner = cell.owner.load(Ordering::Acquire);
            if !is_queued_at(owner, head) {
                self.clear(place, entry, head);
                continue;
            }
            // ORDERING: Acquire, success: as above. Relaxed, failure: another took it.
            if cell.owner.compare_exchange(owner, mine, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                self.clear(place, entry, head);
                return Some(index);
            }
        }
    }

    /// Copies the item out of a cell that is the caller's.
    pub(crate) fn read(&self, cell: usize) -> T {
        let item = self.cells[cell].item.get();
        // SAFETY: the cell is the caller's, so nobody writes to it.
        let item = unsafe { item.deref() };
        // SAFETY: whoever queued it had filled it.
        unsafe { item.assume_init() }
    }

    /// Frees a cell that is the caller's.
    pub(crate) fn free(&self, cell: usize) {
        // ORDERING: Release: pairs with the Acquire in `claim`: the item has been read.
        self.cells[cell].owner.store(Owner::Free.word(), Ordering::Release);
    }

    /// Takes an item that is in no ring, because who had it died. Costs a system call for each cell that another peer is at.
    pub(crate) fn salvage(&self, census: &impl Census) -> Option<usize> {
        let me = census.me();
        self.cells.iter().position(|cell| {
            // ORDERING: Acquire: pairs with the Release in `link`, for the item.
            let word = cell.owner.load(Ordering::Acquire);
            let stranded = match Owner::of(word) {
                Owner::Takes(peer) => peer != me && census.is_dead(peer),
                Owner::Queued(peer, at) => {
                    peer != me
                        && !self.is_linked(at, cell)
                        && census.is_dead(peer)
                        && !self.is_linked(at, cell)
                }
                Owner::Free | Owner::Fills(_) => false,
            };
            stranded
                && cell
                    .owner
                    // ORDERING: Acquire, success: as above. Relaxed, failure: another was faster.
                    .compare_exchange(word, Owner::Takes(me).word(), Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })
    }

    /// How many items there are; others may put and take meanwhile.
    pub(crate) fn len(&self) -> usize {
        // ORDERING: Relaxed, both: a hint.
        let (head, tail) = (self.ends.head.load(Ordering::Relaxed), self.ends.tail.load(Ordering::Relaxed));
        usize::try_from(tail.saturating_sub(head)).map_or(self.ring.len(), |len| len.min(self.ring.len()))
    }

    /// Whether no cell has an item, in the ring or taken out and not freed, or is about to get one from somebody who lives.
    pub(crate) fn is_idle(&self, census: &impl Census) -> bool {
        self.cells.iter().all(|cell| {
            // ORDERING: Acquire: pairs with the Release in `free`: what was done with the item.
            match Owner::of(cell.owner.load(Ordering::Acquire)) {
                Owner::Free => true,
                Owner::Fills(peer) => peer != census.me() && census.is_dead(peer),
                Owner::Queued(..) | Owner::Takes(_) => false,
            }
        })
    }

    /// Makes a free cell the caller's, or one that a dead peer was about to fill.
    fn claim(&self, census: &impl Census, hint: &mut usize) -> Option<usize> {
        let mine = Owner::Fills(census.me()).word();
        let take = |index: usize, word: u64| {
            self.cells[index]
                .owner
                // ORDERING: Acquire, success: pairs with the Release in `free`: the last item has been read. Relaxed, failure: another has it.
                .compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        let first = *hint % self.cells.len();
        for index in (first..self.cells.len()).chain(0..first) {
            // ORDERING: Relaxed: decides only what the exchange expects.
            let word = self.cells[index].owner.load(Ordering::Relaxed);
            if word == Owner::Free.word() && take(index, word) {
                *hint = index + 1;
                return Some(index);
            }
        }
        (0..self.cells.len()).find(|&index| {
            // ORDERING: Relaxed: as above.
            let word = self.cells[index].owner.load(Ordering::Relaxed);
            matches!(Owner::of(word), Owner::Fills(peer) if peer != census.me() && census.is_dead(peer))
                && take(index, word)
        })
    }

    fn fill(&self, cell: usize, item: T) {
        let room = self.cells[cell].item.get_mut();
        // SAFETY: the cell is the caller's, so nobody else uses it.
        unsafe { room.deref() }.write(item);
    }

    /// Puts a cell that is the caller's, with its item, at the end of the ring; `false` if there is no room, and then it still is
    /// the caller's.
    fn link(&self, census: &impl Census, index: usize) -> bool {
        loop {
            // ORDERING: Acquire: pairs with the Release in `catch_up`: the places below are as new as the tail.
            let tail = self.ends.tail.load(Ordering::Acquire);
            let at = tail & POSITIONS;
            let (place, entry) = self.place(tail);
            if entry == (Entry { at, cell: None }) {
                let queued = Owner::Queued(census.me(), at).word();
                // ORDERING: Release: pairs with the Acquire in `take`: the item is in its cell.
                self.cells[index].owner.store(queued, Ordering::Release);
                let linked = Entry { at, cell: Some(index) }.word();
                // ORDERING: Release, success: pairs with the Acquire in `place`: the owner word is that of this position, or a later one.
                // Relaxed, failure: another has the position.
                let done = place
                    .compare_exchange(entry.word(), linked, Ordering::Release, Ordering::Relaxed)
                    .is_ok();
                if done {
                    self.advance(&self.ends.tail, tail);
                    return true;
                }
            } else if entry.at == at {
                self.advance(&self.ends.tail, tail);
            } else if entry.at == at.wrapping_sub(self.ring.len() as u64) & POSITIONS {
                // The last round's item: still there, or taken and not cleared.
                let before = tail.wrapping_sub(self.ring.len() as u64);
                let waits = entry.cell.and_then(|cell| self.cells.get(cell)).is_none_or(|cell| {
                    // ORDERING: Acquire: pairs with the exchanges that take it.
                    is_queued_at(cell.owner.load(Ordering::Acquire), before)
                });
                if waits {
                    return false;
                }
                self.clear(place, entry, before);
            } else {
                self.catch_up(&self.ends.tail, tail, entry.at);
            }
        }
    }

    /// The place of a position, and what is there.
    #[inline]
    fn place(&self, at: u64) -> (&AtomicU64, Entry) {
        let place = &self.ring[(at % self.ring.len() as u64) as usize];
        // ORDERING: Acquire: pairs with the Release in `link` and `clear`.
        (place, Entry::of(place.load(Ordering::Acquire)))
    }

    /// Whether the cell lies in the ring at this position.
    fn is_linked(&self, at: u64, cell: &Cell<T>) -> bool {
        // The ring's length need not divide the number of positions: look everywhere.
        self.ring.iter().any(|place| {
            // ORDERING: Acquire: as in `place`.
            let entry = Entry::of(place.load(Ordering::Acquire));
            entry.at == at
                && entry
                    .cell
                    .and_then(|index| self.cells.get(index))
                    .is_some_and(|other| core::ptr::eq(other, cell))
        })
    }

    /// Makes the place of a position whose item is taken the empty one of the next round.
    fn clear(&self, place: &AtomicU64, entry: Entry, head: u64) {
        let next = Entry { at: head.wrapping_add(self.ring.len() as u64) & POSITIONS, cell: None };
        // ORDERING: Release, success: pairs with the Acquire in `place`. Relaxed, failure: another has cleared it.
        let _ = place.compare_exchange(entry.word(), next.word(), Ordering::Release, Ordering::Relaxed);
        self.advance(&self.ends.head, head);
    }

    /// Has an end go on from `at`, unless it has.
    #[inline]
    fn advance(&self, end: &AtomicU64, at: u64) {
        // ORDERING: Release, success: pairs with the Acquire loads of the ends. Relaxed, failure: another has done it.
        let _ = end.compare_exchange(at, at.wrapping_add(1), Ordering::Release, Ordering::Relaxed);
    }

    /// Has an end go on that lags behind what was found at its place.
    fn catch_up(&self, end: &AtomicU64, at: u64, found: u64) {
        let ahead = found.wrapping_sub(at) & POSITIONS;
        if ahead <= POSITIONS / 2 {
            self.advance(end, at);
        }
    }
}

#[inline]
fn is_queued_at(owner: u64, at: u64) -> bool {
    matches!(Owner::of(owner), Owner::Queued(_, position) if position == at & POSITIONS)
}
