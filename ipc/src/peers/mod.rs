//! Who takes part in a segment, and who of them has died.
//!
//! - `census`: what robust protocols ask, whoever answers;
//! - `table`: the words in the segment;
//! - `attendance`: who of them does something at present;
//! - `member`: this process's place among them;
//! - `mark`: what tells a forked child that it is not its parent.

mod attendance;
mod census;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod mark;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod member;
mod table;

pub(crate) use attendance::Attendance;
pub(crate) use census::{Census, ID_BITS, PeerId};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) use mark::Mark;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) use member::keep_open;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use member::{JoinError, Member};
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub(crate) use table::Entered;
pub(crate) use table::{SLOTS, Table};
