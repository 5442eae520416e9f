//! A pool of blocks for handing over without a copy.

use core::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::guards::{Loan, Received};
use super::memory::Memory;
use super::words::Held;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use crate::{
    AllocError, Member,
    shm_safe::ShmSafe,
    sync::{Address, AttachError, CreateError},
};

/// Blocks of a fixed number of elements, which processes lend, write, send, receive and read in place.
///
/// Each block is at any time free, or has one owner, who is written in the block's word: nobody else gets at it, and none is had twice.
/// Clones are the same pool. Peers are trusted: they may die at any instruction, but not lie.
///
/// # What happens when somebody dies
///
/// | who, when | what follows |
/// |---|---|
/// | who has a [`Loan`] or a [`Received`] | the block comes back: to whoever finds none free, or calls [`reap`](Self::reap) |
/// | a sender, after [`into_ticket`](Loan::into_ticket) | nothing: the block waits for whoever has the ticket, as a message that was sent should |
/// | a receiver that got the ticket, and has not received the block | the block stays sent; the sender, who kept the ticket, has it back by [`recall`](Self::recall) |
/// | the ticket's last holder, when the sender is dead, too | the block stays sent until [`reap_sent`](Self::reap_sent), for whoever knows that no tickets are under way |
///
/// A pool cannot know by itself whether a ticket still lies in some queue; so what was sent is never taken back without being told.
/// How a death is noticed, and how fast: see [`Member`](crate::Member). A forked child must not use, nor drop, what its parent has.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::loan::{LoanPool, LoanTicket};
/// use heddle_ipc::sync::Address;
/// # use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Job { pool: Address<LoanPool<u64>>, ticket: LoanTicket }
///
/// fn sum(job: Job) -> u64 {
///     let pool = LoanPool::attach(job.pool).expect("its maker lives");
///     pool.receive(job.ticket).expect("sent to nobody else").iter().sum()
/// }
///
/// let pool = LoanPool::<u64>::new(4, 1 << 16)?;
/// let mut loan = pool.try_loan().expect("all are free");
/// loan.fill(2);
/// let job = Job { pool: pool.address(), ticket: loan.into_ticket() };
/// assert_eq!(Workers::start(1)?.call(0, sum, job)?, 2 << 16);
/// assert_eq!(pool.free(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LoanPool<T> {
    pub(super) memory: Memory<T>,
}

/// What the receiver of a block needs: plain data, for any way of sending. It is good for one loan, and once.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, Serialize, Deserialize,
)]
#[repr(C)]
pub struct LoanTicket {
    pub(super) block: u32,
    pub(super) turn: u32,
    pub(super) len: u64,
}

impl LoanTicket {
    /// How many elements were sent.
    pub fn len(self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    /// Whether none were.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
impl<T: ShmSafe + Send> LoanPool<T> {
    /// Creates a pool of `blocks` blocks, of `len` elements each, in a segment of its own. They are all zero at first.
    ///
    /// # Errors
    ///
    /// There is no memory, no descriptor, or no `/proc`.
    ///
    /// # Panics
    ///
    /// `blocks` or `len` is 0, or there are over 2^31 blocks.
    pub fn new(blocks: usize, len: usize) -> Result<Self, CreateError> {
        check(blocks, len);
        Ok(LoanPool { memory: Memory::alone(blocks, len)? })
    }

    /// As [`new`](Self::new), in a segment that this process has joined.
    ///
    /// # Errors
    ///
    /// The segment has no room left.
    ///
    /// # Panics
    ///
    /// As `new`.
    pub fn new_in(member: &Member, blocks: usize, len: usize) -> Result<Self, AllocError> {
        check(blocks, len);
        Ok(LoanPool { memory: Memory::within(member, blocks, len)? })
    }

    /// Attaches to a pool that another process created.
    ///
    /// # Errors
    ///
    /// The process that made the address is gone, or something else lies there.
    pub fn attach(address: Address<Self>) -> Result<Self, AttachError> {
        Ok(LoanPool { memory: Memory::attach(address)? })
    }

    /// What another process needs to attach.
    pub fn address(&self) -> Address<Self> {
        self.memory.address()
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
fn check(blocks: usize, len: usize) {
    assert!((1..=1 << 31).contains(&blocks), "{blocks} blocks");
    assert!(len > 0, "blocks without elements");
}

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
impl<T> LoanPool<T> {
    /// Creates a pool of blocks of one element each.
    pub fn new_in(peer: &crate::model::Peer, blocks: Vec<T>) -> Self {
        LoanPool { memory: Memory::within(peer, blocks) }
    }

    /// The same one, for another peer.
    pub fn seen_by(&self, peer: &crate::model::Peer) -> Self {
        LoanPool { memory: self.memory.seen_by(peer) }
    }
}

impl<T> LoanPool<T> {
    /// Waits for a block. What it holds is what its last user left there.
    #[inline]
    pub fn loan(&self) -> Loan<'_, T> {
        match self.memory.blocks().loan(None) {
            Some(held) => self.lend(held),
            None => unreachable!("there is no deadline"),
        }
    }

    /// Takes a block if there is one, or one whose owner is dead.
    #[inline]
    pub fn try_loan(&self) -> Option<Loan<'_, T>> {
        self.memory.blocks().try_loan().map(|held| self.lend(held))
    }

    /// Waits for a block, for so long at most.
    pub fn try_loan_for(&self, limit: Duration) -> Option<Loan<'_, T>> {
        let deadline = Instant::now().checked_add(limit);
        self.memory.blocks().loan(deadline).map(|held| self.lend(held))
    }

    /// Waits for a block, until then at most.
    pub fn try_loan_until(&self, deadline: Instant) -> Option<Loan<'_, T>> {
        self.memory.blocks().loan(Some(deadline)).map(|held| self.lend(held))
    }

    /// Receives the block of a ticket.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], if the ticket is not of this pool or was used before; whoever has the block now is not disturbed.
    #[inline]
    pub fn receive(&self, ticket: LoanTicket) -> Result<Received<'_, T>, ReceiveError> {
        if ticket.len > self.memory.len() as u64 {
            return Err(ReceiveError { ticket });
        }
        let held = Held { block: ticket.block, turn: ticket.turn };
        let held = self.memory.blocks().receive(held, false).ok_or(ReceiveError { ticket })?;
        Ok(Received::new(self, held, ticket.len as usize))
    }

    /// Has a block back that this process sent and that nobody received, or `None` if somebody has. The ticket is void then.
    ///
    /// For a sender whose receiver died, or whose queue refused the ticket.
    pub fn recall(&self, ticket: LoanTicket) -> Option<Loan<'_, T>> {
        let held = Held { block: ticket.block, turn: ticket.turn };
        self.memory.blocks().receive(held, true).map(|held| self.lend(held))
    }

    /// Frees the blocks that dead processes had loaned or received; returns how many. Whoever finds no block free does the same.
    pub fn reap(&self) -> usize {
        self.memory.blocks().reap(false)
    }

    /// Frees the blocks that processes had sent that are dead, and that nobody received; returns how many. Their tickets are void then: for
    /// whoever knows that none is under way, since what carried them is empty or gone.
    pub fn reap_sent(&self) -> usize {
        self.memory.blocks().reap(true)
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.memory.blocks().words.len()
    }

    /// How many elements a block has.
    pub fn block_len(&self) -> usize {
        self.memory.len()
    }

    /// How many blocks are free; it may have changed by the time that this returns.
    pub fn free(&self) -> usize {
        self.memory.blocks().free()
    }

    #[inline]
    fn lend(&self, held: Held) -> Loan<'_, T> {
        Loan::new(self, held, self.memory.len())
    }
}

impl<T> Clone for LoanPool<T> {
    fn clone(&self) -> Self {
        LoanPool { memory: self.memory.clone() }
    }
}

impl<T> fmt::Debug for LoanPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoanPool")
            .field("blocks", &self.blocks())
            .field("block_len", &self.block_len())
            .field("free", &self.free())
            .finish()
    }
}

/// No block was sent under this ticket, or it was received, recalled or reaped since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nothing is to be received for {ticket:?}")]
pub struct ReceiveError {
    /// The ticket.
    pub ticket: LoanTicket,
}
