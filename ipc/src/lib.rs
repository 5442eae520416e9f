//! Shared memory, and worker processes that survive the death of a peer.

mod arena;
mod bell;
mod control;
mod entry;
mod error;
mod exit;
mod header;
mod image;
mod lane;
mod link;
mod offset;
mod os;
mod segment;
mod shm_safe;
mod supervisor;
mod task;
mod ticket;
pub mod worker;
mod workers;

pub use arena::{ALLOC_ALIGN, AllocError, Arena};
pub use error::{CallError, StartError, SubmitError};
pub use exit::Exit;
pub use image::Identity;
pub use offset::Offset;
pub use segment::{BoundsError, CreateError, OpenError, Segment, SegmentRef};
pub use shm_safe::{Shareable, ShmSafe};
pub use task::MAX_INLINE;
pub use ticket::Ticket;
pub use workers::{Builder, Workers};
