//! The plain lock on a futex word: whoever dies with it has it for ever.

use std::time::Duration;

use heddle_primitives::{Mutex, Shared};

use super::STRANDED;
use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::tracer::traced;

pub struct Lock;

struct Locking(InSegment<Mutex<u64, Shared>>);

impl Operation for Lock {
    fn name(&self) -> &'static str {
        "planted::futex_mutex_lock"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn planted(&self) -> Option<&'static str> {
        Some("the lock stays its dead owner's")
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        Box::new(Locking(InSegment::new(Mutex::new_in(0))))
    }
}

impl Scene for Locking {
    fn victim(&self) {
        let mutex = self.0.get();
        traced(|| *mutex.lock() += 1);
    }

    fn check(&self, death: Death) -> Found {
        let count = *self.0.get().lock();
        assert!(count == 1 || !death.complete);
        Found::Whole
    }

    fn limit(&self) -> Duration {
        STRANDED
    }
}
