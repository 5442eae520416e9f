//! What shuttle has of its own: cells that notice overlapping accesses.
//!
//! shuttle explores schedules and knows no orderings: every atomic is sequentially consistent and a fence does nothing.

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;

pub use shuttle::sync::Arc;
pub use shuttle::sync::atomic as raw;
pub use shuttle::sync::atomic::fence;
pub use shuttle::thread;

/// The current thread's number.
pub fn current_index() -> usize {
    super::number_in(shuttle::thread::current().id())
}

/// loom's need; shuttle's search is not reduced.
#[derive(Debug)]
pub struct Tokens;

impl Tokens {
    pub fn new() -> Self {
        Self
    }

    pub fn after_load(&self) {}
    pub fn after_write(&self) {}
    pub fn after_failed_exchange(&self) {}
}

/// Orders the events of one futex: each call is a point where another thread may come first.
#[derive(Debug)]
pub struct Turn(raw::AtomicBool);

impl Turn {
    pub fn new() -> Self {
        Self(raw::AtomicBool::new(false))
    }

    /// A load, because shuttle's PCT takes a yield for a wish to be last.
    pub fn take(&self) {
        self.0.load(Relaxed);
    }
}

/// Where one sleeper waits for one wake. A channel, because shuttle lets a parked thread run at any time, which would make a
/// loop around parking endless.
#[derive(Debug)]
pub struct Parker {
    woken: shuttle::sync::mpsc::Receiver<()>,
    wake: shuttle::sync::mpsc::Sender<()>,
}

// SAFETY: the sleeper alone uses the receiver.
unsafe impl Sync for Parker {}

impl Parker {
    pub fn new() -> Self {
        let (wake, woken) = shuttle::sync::mpsc::channel();
        Self { woken, wake }
    }

    pub fn park(&self) {
        let _ = self.woken.recv();
    }

    pub fn unpark(&self) {
        let _ = self.wake.send(());
    }
}

/// Reports accesses to a cell that overlap. The count is of readers, or -1 for a writer.
#[derive(Debug, Default)]
pub struct Watch {
    users: StdArc<AtomicI32>,
    turn: Option<Turn>,
}

#[derive(Debug)]
pub struct Reading(StdArc<AtomicI32>);

#[derive(Debug)]
pub struct Writing(StdArc<AtomicI32>);

impl Watch {
    pub fn new() -> Self {
        Self { users: StdArc::new(AtomicI32::new(0)), turn: Some(Turn::new()) }
    }

    #[track_caller]
    pub fn read(&self) -> Reading {
        let before = self.users.fetch_add(1, Relaxed);
        assert!(before >= 0, "a cell is read while another thread writes it");
        self.let_others_collide();
        Reading(self.users.clone())
    }

    #[track_caller]
    pub fn write(&self) -> Writing {
        let before = self.users.swap(-1, Relaxed);
        assert!(before == 0, "a cell is written while another thread uses it");
        self.let_others_collide();
        Writing(self.users.clone())
    }

    fn let_others_collide(&self) {
        if let Some(turn) = &self.turn {
            turn.take();
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.store(0, Relaxed);
    }
}
