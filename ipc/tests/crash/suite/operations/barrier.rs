//! The barrier: all pass, or all learn that it is broken.

use heddle_ipc::sync::{Barrier, BarrierError};

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

/// A death at waiting; fast: the victim is the last to come.
pub struct Wait;

struct Waiting {
    barrier: Barrier,
    others: usize,
    first: bool,
    gate: Gate,
}

impl Operation for Wait {
    fn name(&self) -> &'static str {
        "barrier::wait"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let others = 2;
        let barrier = Barrier::new(others + 1).expect("a segment");
        Box::new(Waiting { barrier, others, first: path == Path::Contended, gate: Gate::new() })
    }
}

impl Waiting {
    fn attach(&self) -> Barrier {
        Barrier::attach(self.barrier.address()).expect("its maker lives")
    }
}

impl Scene for Waiting {
    fn bystanders(&self) -> usize {
        self.others
    }

    /// Passes, or learns that a member died. Then it does the same once more: a second round without the victim breaks in any case.
    fn bystander(&self, _: usize, cue: &Cue) {
        let barrier = self.attach();
        barrier.join();
        cue.ready();
        if self.first {
            cue.wait();
        }
        let (passed, again) = (barrier.wait(), barrier.wait());
        assert!(passed.is_ok() || passed == Err(BarrierError::Broken), "{passed:?}");
        assert_eq!(again, Err(BarrierError::Broken), "the victim is dead, and was needed");
        core::mem::forget(barrier);
    }

    fn victim(&self) {
        let barrier = self.attach();
        barrier.join();
        self.gate.open();
        let passed = traced(|| barrier.wait());
        assert!(passed.is_ok(), "{passed:?}");
        core::mem::forget(barrier);
    }

    /// After a reset it serves whoever is left.
    fn check(&self, _: Death) -> Found {
        let barrier = self.attach();
        assert!(barrier.is_broken());
        barrier.reset();
        assert!(!barrier.is_broken());
        assert_eq!(barrier.n_waiting(), 0);
        Found::Repaired
    }
}
