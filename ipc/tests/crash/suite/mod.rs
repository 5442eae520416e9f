//! - `operation`: what is killed, and how it is told what must hold;
//! - `tracer`: a process that is run instruction by instruction; `process`: forks;
//! - `trial`: one death and what comes of it; `sweep`: every death of an operation;
//! - `record`: what is told of it; `slate`: how the processes of a trial talk; `memory`: what scenes are made in;
//! - `operations`: those that must survive; `planted`: twins that do not, and must be found; `harness`: tests of all this;
//! - `run`: the command line.
//!
//! What it shows is about this build: the instructions of one binary, on the paths that are named.

mod harness;
mod memory;
mod operation;
mod operations;
mod planted;
mod process;
mod record;
pub mod run;
mod slate;
mod sweep;
mod tracer;
mod trial;
