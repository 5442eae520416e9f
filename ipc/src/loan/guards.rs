//! Blocks that a process has.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::memory::{Read, Write};
use super::pool::{LoanPool, LoanTicket};
use super::words::Held;

/// A block for writing, which nobody else has. Dropping it gives it back unsent.
#[must_use = "the block is given back as soon as this is dropped"]
pub struct Loan<'a, T> {
    pool: &'a LoanPool<T>,
    held: Held,
    len: usize,
    // Ends before the block is another's: under loom that is what ends the access.
    data: ManuallyDrop<Write<T>>,
}

impl<'a, T> Loan<'a, T> {
    #[inline]
    pub(super) fn new(pool: &'a LoanPool<T>, held: Held, len: usize) -> Self {
        Loan { pool, held, len, data: ManuallyDrop::new(pool.memory.write(held.block)) }
    }

    /// Keeps the first `len` elements, to be sent without the rest. No effect if there are no more.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes the block ready to be received, by whoever gets the ticket.
    ///
    /// If the ticket cannot be sent: [`LoanPool::recall`]. A ticket that is lost keeps its block until then.
    #[must_use = "without the ticket nobody can receive the block"]
    #[inline]
    pub fn into_ticket(self) -> LoanTicket {
        let mut loan = ManuallyDrop::new(self);
        // SAFETY: the loan is never dropped, nor used after this.
        unsafe { ManuallyDrop::drop(&mut loan.data) };
        loan.pool.memory.blocks().send(loan.held);
        LoanTicket { block: loan.held.block, turn: loan.held.turn, len: loan.len as u64 }
    }

    /// What is left of a loan whose owner dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        let mut loan = ManuallyDrop::new(self);
        // SAFETY: the loan is never dropped.
        unsafe { ManuallyDrop::drop(&mut loan.data) };
    }
}

impl<T> Deref for Loan<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: this process has the block, by this loan alone.
        unsafe { self.data.slice(self.len) }
    }
}

impl<T> DerefMut for Loan<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { self.data.slice(self.len) }
    }
}

impl<T> Drop for Loan<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.pool.memory.blocks().release(self.held);
    }
}

// SAFETY: a process has the block, whichever of its threads.
unsafe impl<T: Send> Send for Loan<'_, T> {}
// SAFETY: a shared loan gives `&[T]` only.
unsafe impl<T: Sync> Sync for Loan<'_, T> {}

/// A block that was received, for reading. Dropping it gives it back to the pool.
#[must_use = "the block is given back as soon as this is dropped"]
pub struct Received<'a, T> {
    pool: &'a LoanPool<T>,
    held: Held,
    len: usize,
    data: ManuallyDrop<Read<T>>,
}

impl<'a, T> Received<'a, T> {
    #[inline]
    pub(super) fn new(pool: &'a LoanPool<T>, held: Held, len: usize) -> Self {
        Received { pool, held, len, data: ManuallyDrop::new(pool.memory.read(held.block)) }
    }

    /// Makes a loan of the block, to write into it and send it on, or back: the elements that were received, and what is there
    /// behind them.
    pub fn into_loan(self) -> Loan<'a, T> {
        let mut received = ManuallyDrop::new(self);
        // SAFETY: never dropped, nor used after this.
        unsafe { ManuallyDrop::drop(&mut received.data) };
        let pool = received.pool;
        Loan::new(pool, pool.memory.blocks().keep(received.held), pool.memory.len())
    }
}

impl<T> Deref for Received<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: this process has the block, and writes it by nothing.
        unsafe { self.data.slice(self.len) }
    }
}

impl<T> Drop for Received<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.pool.memory.blocks().release(self.held);
    }
}

// SAFETY: as for `Loan`.
unsafe impl<T: Send> Send for Received<'_, T> {}
// SAFETY: as for `Loan`.
unsafe impl<T: Sync> Sync for Received<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan")
            .field("block", &self.held.block)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Received<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("block", &self.held.block)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
