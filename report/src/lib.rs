//! Records, statistics, charts and pages: a pure function from measurements to a static site.
//!
//! ```text
//! text -> read -> records -> cells -> compare -> summary
//!                              |         |
//!                              +-> page <-+ <- chart
//!                                   |
//!                                  site -> check
//! ```
//!
//! [`render`] takes records and gives files; it reads and writes nothing and measures nothing, and the same
//! records give the same bytes. [`check::check`] is what a rendered site must pass.

#![forbid(unsafe_code)]

pub mod cells;
pub mod chart;
pub mod check;
pub mod compare;
pub mod names;
pub mod number;
mod page;
pub mod read;
pub mod records;
pub mod schema;
mod site;
pub mod stats;
pub mod summary;

pub use site::{Input, Raw, RenderError, RunRecords, Site, render};
pub use summary::summarise;
