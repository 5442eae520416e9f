//! The team that runs a kernel: what its members share, and the collective operations.
//!
//! Every member runs the same function with its own rank. Collective operations ([`Team::for_each`],
//! [`Team::reduce`], [`Team::barrier`]) are called by every member in the same order with the same arguments;
//! that is the contract of [`Kernel`](crate::Kernel), and what makes the loops' disjointness hold.

mod member;
mod solo;

use heddle_ipc::ShmSafe;
use heddle_primitives::sync::atomic::AtomicU64;

use crate::region::{self, Access, Guarded};

pub(crate) use member::Aborted;
pub use member::{Member, TeamState};
pub use solo::Solo;

/// How the leaves of a loop are dealt out. Neither changes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Rank r gets the r-th of `size` contiguous blocks: keeps a worker on the same memory, pays nothing per leaf.
    Blocks,
    /// Each member claims the next leaf when it has done its last: evens out uneven leaves for one atomic
    /// addition a leaf.
    Claimed,
}

/// Members' means of working together.
///
/// # Safety
/// An implementation hands every leaf of a loop to exactly one member once, ends the loop for no member before all
/// have done theirs (what they wrote happens before what follows), gives every member of a team a rank of its own
/// below `size`, and lets one member at a time into the critical section.
pub unsafe trait Team {
    /// This member's number, from 0.
    fn rank(&self) -> usize;

    /// How many members there are.
    fn size(&self) -> usize;

    /// Waits until every member is here. What any of them did before is visible to all after.
    ///
    /// # Panics
    /// Unwinds if the team was aborted because another member failed.
    fn barrier(&self);

    /// Starts a loop and returns its token.
    #[doc(hidden)]
    fn begin(&self) -> usize;

    /// The next leaf of the loop, which may be past its end.
    #[doc(hidden)]
    fn claim(&self, token: usize) -> usize;

    /// Ends the loop with a barrier.
    #[doc(hidden)]
    fn finish(&self, token: usize);

    /// The team's room for partial results, as declared by the layout.
    #[doc(hidden)]
    fn partials(&self) -> (*mut u8, usize);

    /// Adds to a counter that members share and returns nothing: the order of additions is not observable.
    fn add(&self, counter: &AtomicU64, n: u64);

    /// Runs `body` with the region to itself: one member of the team at a time.
    ///
    /// # Panics
    /// If called from within a critical section.
    fn critical<T, R>(&self, region: &Guarded<'_, T>, body: impl FnOnce(&mut [T]) -> R) -> R;

    /// Runs `body` once for each leaf in `0..leaves`, shared among the members, and waits for all of them.
    ///
    /// # Panics
    /// If two accesses conflict.
    fn for_each<A: Access>(
        &self,
        schedule: Schedule,
        leaves: usize,
        access: A,
        mut body: impl for<'l> FnMut(usize, A::Item<'l>),
    ) {
        region::check(&access);
        let token = self.begin();
        let mut run = |leaf| {
            // SAFETY: `begin`, `claim` and the blocks hand each leaf out once, the accesses were checked, and the
            // item cannot outlive the body, which ends before `finish`.
            let item = unsafe { access.item(leaf, self.rank()) };
            body(leaf, item);
        };
        match schedule {
            Schedule::Blocks => block(self.rank(), self.size(), leaves).for_each(&mut run),
            Schedule::Claimed => loop {
                let leaf = self.claim(token);
                if leaf >= leaves {
                    break;
                }
                run(leaf);
            },
        }
        self.finish(token);
    }

    /// As [`Team::for_each`], and combines what `body` returns for each leaf in an order fixed by the number of
    /// leaves alone: a balanced tree over neighbours. Every member gets the same result; `None` for no leaves.
    ///
    /// # Panics
    /// If two accesses conflict, or if the layout reserved too little room for the partial results.
    fn reduce<A: Access, P: ShmSafe>(
        &self,
        schedule: Schedule,
        leaves: usize,
        access: A,
        mut body: impl for<'l> FnMut(usize, A::Item<'l>) -> P,
        combine: impl Fn(P, P) -> P,
    ) -> Option<P> {
        let (start, bytes) = self.partials();
        assert!(
            leaves * size_of::<P>() <= bytes,
            "the layout reserves too little room for {leaves} partials"
        );
        const { assert!(align_of::<P>() <= region::REGION_ALIGN) };
        let start: *mut P = start.cast();
        self.for_each(schedule, leaves, access, |leaf, item| {
            let partial = body(leaf, item);
            // SAFETY: within the reserved room by the assertion.
            let slot = unsafe { start.add(leaf) };
            // SAFETY: this leaf's slot is written by this member only, until the loop's end.
            unsafe { slot.write(partial) };
        });
        let mut tree = Tree::new();
        for leaf in 0..leaves {
            // SAFETY: within the reserved room by the assertion.
            let slot = unsafe { start.add(leaf) };
            // SAFETY: written above; the barrier that ended the loop made it visible.
            tree.push(unsafe { slot.read() }, &combine);
        }
        // Nobody may start to overwrite the slots while another still reads them.
        self.barrier();
        tree.finish(&combine)
    }
}

/// The block of `0..leaves` that `Schedule::Blocks` gives to `rank`.
pub(crate) fn block(rank: usize, size: usize, leaves: usize) -> std::ops::Range<usize> {
    let share = leaves / size;
    let rest = leaves % size;
    let start = rank * share + rank.min(rest);
    start..start + share + usize::from(rank < rest)
}

/// Combines values pushed in order as a balanced binary tree: a binary counter of pending subtrees.
struct Tree<P> {
    pending: Vec<(u32, P)>,
}

impl<P> Tree<P> {
    fn new() -> Tree<P> {
        Tree { pending: Vec::with_capacity(32) }
    }

    fn push(&mut self, value: P, combine: impl Fn(P, P) -> P) {
        let mut height = 0;
        let mut value = value;
        while let Some((_, left)) = self.pending.pop_if(|(h, _)| *h == height) {
            value = combine(left, value);
            height += 1;
        }
        self.pending.push((height, value));
    }

    fn finish(mut self, combine: impl Fn(P, P) -> P) -> Option<P> {
        let (_, mut value) = self.pending.pop()?;
        while let Some((_, left)) = self.pending.pop() {
            value = combine(left, value);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_leaf_once_and_in_order() {
        for size in 1..9 {
            for leaves in 0..40 {
                let dealt: Vec<usize> = (0..size).flat_map(|rank| block(rank, size, leaves)).collect();
                assert_eq!(dealt, (0..leaves).collect::<Vec<_>>(), "{size} members, {leaves} leaves");
                let lens: Vec<usize> = (0..size).map(|rank| block(rank, size, leaves).len()).collect();
                assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn the_tree_has_the_shape_that_its_doc_gives() {
        let shape = |n: usize| {
            let mut tree = Tree::new();
            let join = |a: String, b: String| format!("({a} {b})");
            (0..n).for_each(|i| tree.push(i.to_string(), join));
            tree.finish(join)
        };
        assert_eq!(shape(0), None);
        assert_eq!(shape(1).unwrap(), "0");
        assert_eq!(shape(4).unwrap(), "((0 1) (2 3))");
        assert_eq!(shape(7).unwrap(), "(((0 1) (2 3)) ((4 5) 6))");
    }
}
