//! What of a pool is words, without processes: for verification builds, in the place of the whole.

pub(crate) mod bell;
pub(crate) mod station;
