//! Records, statistics, charts and pages: a pure function from measurements to a static site.

pub mod cells;
pub mod chart;
pub mod compare;
pub mod names;
pub mod number;
pub mod read;
pub mod records;
pub mod schema;
pub mod stats;
pub mod summary;
