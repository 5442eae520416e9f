//! A supervisor of workers that are no processes.

use super::Parent;
use crate::supervisor::Supervisor;

/// A thread that notices ends and tells whoever waits. Dropping it waits until every worker that it watches has ended.
#[derive(Debug)]
pub struct Supervised(Supervisor);

impl Supervised {
    /// Starts the thread, which watches nobody yet.
    pub fn start() -> Supervised {
        Supervised(Supervisor::start(None).expect("a thread more"))
    }

    /// Watches this worker too.
    pub fn watch(&self, parent: &Parent) {
        self.0.watch([parent.link.clone()]);
    }
}
