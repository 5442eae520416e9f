//! The robust primitives between real processes, some of which are killed.

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
#[path = "sync/mod.rs"]
mod sync;
