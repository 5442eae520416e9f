//! What is killed: an operation, the ways through it, and what must hold afterwards.

use core::fmt;
use std::time::Duration;

use libc::pid_t;

use crate::suite::slate::Cue;

/// Which way through its code an operation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Nobody is in the way.
    Fast,
    /// Somebody else is, so that it retries or sleeps.
    Contended,
    /// It meets what somebody left who died at the same operation.
    Helping,
    /// It repairs what somebody left who died, and dies at that.
    Recovery,
    /// It repairs what somebody left who died at repairing.
    SecondDeath,
}

impl Path {
    /// Whether two die, one after the other.
    pub fn takes_two(self) -> bool {
        matches!(self, Path::Helping | Path::SecondDeath)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Path::Fast => "fast",
            Path::Contended => "contended",
            Path::Helping => "helping",
            Path::Recovery => "recovery",
            Path::SecondDeath => "second death",
        })
    }
}

/// Something that a process may die at.
pub trait Operation {
    /// What it is part of and what it is called, as `mutex::lock`.
    fn name(&self) -> &'static str;

    /// The paths that its scenes lead to. The first is the base: each other one must come to code that none before it came to.
    fn paths(&self) -> &'static [Path];

    /// For a broken twin: what is wrong with it. It must be found then.
    fn planted(&self) -> Option<&'static str> {
        None
    }

    /// Fresh shared memory, in the state that leads to `path`.
    fn prepare(&self, path: Path) -> Box<dyn Scene>;
}

/// Shared memory in some state, and what processes do there. Bystanders, victim and survivor are processes of their own,
/// forks of the one that prepared the scene; memory that is not shared is as it was left there.
pub trait Scene {
    /// How many processes are there beside the victim, from before it starts.
    fn bystanders(&self) -> usize {
        0
    }

    /// What bystander `n` does. It says [`Cue::ready`] where it wants to be found by the victim, and sleeps soon after.
    fn bystander(&self, n: usize, cue: &Cue) {
        let _ = (n, cue);
    }

    /// What the process does that dies: whatever comes first, and then the operation itself, [`traced`](crate::suite::tracer::traced).
    fn victim(&self) {}

    /// The victim, if it is a process that a bystander has started, and no fork that runs [`victim`](Scene::victim). Its operation begins
    /// at [`begin`](crate::suite::tracer::begin), and ends where it sleeps next.
    fn found(&self) -> Option<pid_t> {
        None
    }

    /// Sets a victim going that was found.
    fn go(&self) {}

    /// What somebody does as soon as the victim is dead, in the process that prepared the scene: nothing that could wait.
    fn after(&self) {}

    /// What a survivor does once the victim is dead and the bystanders have come to their end. It panics if something is not as it must be.
    fn check(&self, death: Death) -> Found;

    /// How long the bystanders and the survivor may take before they count as stranded.
    fn limit(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// How far the victim had come.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    /// Whether the operation was over, so that whoever called it would have been told.
    pub complete: bool,
}

/// What a survivor met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing to repair.
    Whole,
    /// Something that the victim left, which it repaired.
    Repaired,
}
