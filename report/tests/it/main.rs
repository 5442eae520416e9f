//! One program for all tests of the crate, because linking it takes longer than running it.

#[path = "../synthetic/mod.rs"]
mod synthetic;

mod charts;
mod judgements;
mod pages;
mod reading;
mod schemas;
mod spacetime;
mod spoiled;
mod statistics;
mod verification;
