//! loom.
