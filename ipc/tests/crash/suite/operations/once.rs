//! What is done once, by somebody who lives to see it done.

use heddle_ipc::sync::Once;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use crate::suite::memory::{Gate, InSegment};
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::process;
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

/// A death at doing it; contended: another one is at it; recovery: another one died at it.
pub struct Call;

struct Calling {
    once: Once,
    /// Two numbers that are made equal by what is done.
    done: InSegment<[AtomicU64; 2]>,
    path: Path,
    gate: Gate,
}

impl Operation for Call {
    fn name(&self) -> &'static str {
        "once::call_once"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Recovery, Path::SecondDeath]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let once = Once::new().expect("a segment");
        let done = InSegment::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let calling = Calling { once, done, path, gate: Gate::new() };
        if matches!(path, Path::Recovery | Path::SecondDeath) {
            process::dies(|| calling.attach().call_once(|| process::exit(0)));
        }
        Box::new(calling)
    }
}

impl Calling {
    fn attach(&self) -> Once {
        Once::attach(self.once.address()).expect("its maker lives")
    }

    /// Says whether somebody before had died at it.
    fn call(&self, once: &Once) -> Found {
        let mut found = Found::Whole;
        once.call_once_force(|state| {
            if state.is_after_death() {
                found = Found::Repaired;
            }
            let [one, other] = self.done.get();
            // ORDERING: Relaxed: one at a time does it, and the once orders them.
            one.store(7, Ordering::Relaxed);
            other.store(7, Ordering::Relaxed);
        });
        found
    }
}

impl Scene for Calling {
    fn bystanders(&self) -> usize {
        if self.path == Path::Contended { 2 } else { 0 }
    }

    /// One is at it until the victim sleeps; the other waits like the victim.
    fn bystander(&self, n: usize, cue: &Cue) {
        let once = self.attach();
        if n == 0 {
            once.call_once(|| {
                cue.ready();
                cue.wait();
                self.done.get().iter().for_each(|done| done.store(7, Ordering::Relaxed));
            });
        } else {
            cue.ready();
            self.gate.pass();
            self.call(&once);
        }
    }

    fn victim(&self) {
        let once = self.attach();
        self.gate.open();
        traced(|| self.call(&once));
    }

    fn check(&self, death: Death) -> Found {
        let once = self.attach();
        assert!(once.is_completed() || !death.complete, "what was done is not done");
        let found = self.call(&once);
        assert!(once.is_completed());
        // ORDERING: Relaxed: ordered by the once.
        assert!(self.done.get().iter().all(|done| done.load(Ordering::Relaxed) == 7), "it is done by half");
        once.call_once(|| panic!("twice"));
        found
    }
}
