//! Records, statistics, charts and pages: a pure function from measurements to a static site.

pub mod records;
