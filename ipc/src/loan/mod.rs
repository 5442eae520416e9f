//! Large data handed from process to process without a copy.
//!
//! A [`LoanPool`] has blocks of a fixed size, which all processes that attach to it map. Whoever wants to send something takes a block as a
//! [`Loan`], writes into it, and turns it into a [`LoanTicket`], a few bytes for any queue, ring or connection. Whoever gets the ticket
//! [receives](LoanPool::receive) the block, reads it in place, and gives it back by dropping it. What that costs does not depend on the block's size.
//!
//! - `words`: who has which block;
//! - `memory`: where the blocks lie;
//! - `pool`: the pool and its guards.

mod guards;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod memory;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "../model/loans.rs"]
mod memory;
mod pool;
mod words;

pub use guards::{Loan, Received};
pub use pool::{LoanPool, LoanTicket, ReceiveError};
