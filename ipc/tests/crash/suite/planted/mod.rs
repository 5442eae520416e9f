//! Twins that do not survive a death, and must be found: were one missed, the rest would prove nothing.

mod event;
mod futex_mutex;
mod reserve_commit;
mod vyukov;

use std::time::Duration;

use crate::suite::operation::Operation;

pub const ALL: &[&dyn Operation] =
    &[&event::Set, &futex_mutex::Lock, &reserve_commit::Push, &vyukov::Push, &vyukov::Pop];

/// After so long somebody who ought to go on is stranded. Here most are, so it is short; that somebody is just slow only hides that a
/// twin was found for another reason.
const STRANDED: Duration = Duration::from_millis(400);
