//! shuttle.
