//! What locks that several may hold tell where nobody wants to know: nothing.

use super::{Hold, Want};

#[inline(always)]
pub(crate) fn acquired_as(_: usize, _: Hold) {}

#[inline(always)]
pub(crate) fn released_as(_: usize, _: Hold) {}

pub(crate) struct Waiting;

impl Waiting {
    #[inline(always)]
    pub(crate) fn begin_as(_: usize, _: &'static str, _: Want) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn begin_limited(_: usize, _: &'static str, _: Want) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn look(&mut self, take: impl FnOnce() -> bool, _: impl FnOnce() -> bool) -> bool {
        take()
    }

    #[inline(always)]
    pub(crate) fn stir(&mut self) {}
}
