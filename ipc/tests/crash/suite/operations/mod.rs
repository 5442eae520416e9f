//! What must survive a death anywhere. To add one: a file that implements `Operation`, and its line in [`ALL`].

mod mutex;
mod spsc;

use crate::suite::operation::Operation;

pub const ALL: &[&dyn Operation] = &[&mutex::Lock, &mutex::Unlock, &spsc::Push, &spsc::Pop];
