//! The semaphore, whose permits come back from the dead.

use heddle_ipc::sync::Semaphore;

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::process;
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

const PERMITS: usize = 2;

fn attach(semaphore: &Semaphore) -> Semaphore {
    Semaphore::attach(semaphore.address()).expect("its maker lives")
}

/// There are as many permits as ever, no more and no less.
fn check(semaphore: &Semaphore) -> Found {
    let semaphore = attach(semaphore);
    let found = if semaphore.available() < PERMITS { Found::Repaired } else { Found::Whole };
    let permits = [(); PERMITS].map(|()| semaphore.acquire());
    assert!(semaphore.try_acquire().is_none(), "a permit too many");
    drop(permits);
    assert_eq!(semaphore.available(), PERMITS);
    found
}

/// A death at acquiring, up to when the permit is held.
pub struct Acquire;

struct Acquiring {
    semaphore: Semaphore,
    path: Path,
}

impl Operation for Acquire {
    fn name(&self) -> &'static str {
        "semaphore::acquire"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Recovery, Path::SecondDeath]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let semaphore = Semaphore::new(PERMITS).expect("a segment");
        if matches!(path, Path::Recovery | Path::SecondDeath) {
            process::dies(|| {
                let semaphore = attach(&semaphore);
                let held = [(); PERMITS].map(|()| semaphore.acquire());
                core::mem::forget(held);
                process::exit(0);
            });
        }
        Box::new(Acquiring { semaphore, path })
    }
}

impl Scene for Acquiring {
    fn bystanders(&self) -> usize {
        usize::from(self.path == Path::Contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let semaphore = attach(&self.semaphore);
        let held = [(); PERMITS].map(|()| semaphore.acquire());
        cue.ready();
        cue.wait();
        drop(held);
        // Else it would leave the segment with what its end leaves undone.
        core::mem::forget(semaphore);
    }

    fn victim(&self) {
        let semaphore = attach(&self.semaphore);
        core::mem::forget(traced(|| semaphore.acquire()));
    }

    fn check(&self, death: Death) -> Found {
        assert_eq!(check(&self.semaphore), Found::Whole, "a dead holder's permit counts as available");
        // Then its permit was taken over.
        if death.complete { Found::Repaired } else { Found::Whole }
    }
}

/// A death at giving a permit back; contended: others sleep for one.
pub struct Release;

struct Releasing {
    semaphore: Semaphore,
    waiters: usize,
    held: Gate,
}

impl Operation for Release {
    fn name(&self) -> &'static str {
        "semaphore::release"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let waiters = if path == Path::Contended { 2 } else { 0 };
        Box::new(Releasing {
            semaphore: Semaphore::new(PERMITS).expect("a segment"),
            waiters,
            held: Gate::new(),
        })
    }
}

impl Scene for Releasing {
    fn bystanders(&self) -> usize {
        self.waiters
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let semaphore = attach(&self.semaphore);
        cue.ready();
        self.held.pass();
        let permit = semaphore.acquire();
        assert!(semaphore.available() < PERMITS);
        drop(permit);
    }

    fn victim(&self) {
        let semaphore = attach(&self.semaphore);
        let permits = [(); PERMITS].map(|()| semaphore.acquire());
        self.held.open();
        traced(|| drop(permits));
    }

    fn check(&self, _: Death) -> Found {
        check(&self.semaphore)
    }
}
