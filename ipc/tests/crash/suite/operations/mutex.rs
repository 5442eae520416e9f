//! The robust mutex. Its data are two numbers that are equal whenever nobody holds the lock.

use heddle_ipc::sync::{Address, LockError, Mutex, MutexGuard};

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::process;
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

type Pair = Mutex<[u64; 2]>;

/// One process's view of the mutex: each attaches by itself.
fn attach(address: Address<Pair>) -> Pair {
    Mutex::attach(address).expect("its maker lives")
}

/// The lock, in order again, and whether it was a dead owner's.
fn repaired(mutex: &Pair) -> (MutexGuard<'_, [u64; 2]>, Found) {
    match mutex.lock() {
        Ok(guard) => {
            assert_eq!(guard[0], guard[1], "nobody died with the lock, and yet the data are in pieces");
            (guard, Found::Whole)
        }
        Err(LockError::OwnerDied(mut guard)) => {
            guard[1] = guard[0];
            guard.mark_consistent();
            (guard, Found::Repaired)
        }
        Err(LockError::Unrecoverable) => panic!("all repaired what they found"),
    }
}

/// Twice, so that the first one's unlock is put to the test, too.
fn check(address: Address<Pair>) -> Found {
    let mutex = attach(address);
    let (mut guard, found) = repaired(&mutex);
    guard[0] += 1;
    guard[1] += 1;
    drop(guard);
    assert_eq!(repaired(&mutex).1, Found::Whole, "it was repaired just now");
    found
}

/// A death at taking the lock, up to when it is held.
pub struct Lock;

struct Locking {
    mutex: Pair,
    path: Path,
}

impl Operation for Lock {
    fn name(&self) -> &'static str {
        "mutex::lock"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Recovery, Path::SecondDeath]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let mutex = Mutex::new([0, 0]).expect("a segment");
        if matches!(path, Path::Recovery | Path::SecondDeath) {
            let address = mutex.address();
            process::dies(|| {
                let mutex = attach(address);
                let (mut guard, _) = repaired(&mutex);
                guard[0] += 1;
                process::exit(0);
            });
        }
        Box::new(Locking { mutex, path })
    }
}

impl Scene for Locking {
    fn bystanders(&self) -> usize {
        usize::from(self.path == Path::Contended)
    }

    /// Holds the lock until the victim sleeps or is dead.
    fn bystander(&self, _: usize, cue: &Cue) {
        let mutex = attach(self.mutex.address());
        let (mut guard, _) = repaired(&mutex);
        guard[0] += 1;
        cue.ready();
        cue.wait();
        guard[1] += 1;
    }

    fn victim(&self) {
        let mutex = attach(self.mutex.address());
        let guard = traced(|| repaired(&mutex));
        core::mem::forget(guard);
    }

    fn check(&self, death: Death) -> Found {
        let found = check(self.mutex.address());
        assert!(found == Found::Repaired || !death.complete, "the victim held it");
        found
    }
}

/// A death at letting go of the lock.
pub struct Unlock;

struct Unlocking {
    mutex: Pair,
    /// Open once the victim holds the lock.
    held: Gate,
    waiters: usize,
}

impl Operation for Unlock {
    fn name(&self) -> &'static str {
        "mutex::unlock"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        Box::new(Unlocking {
            mutex: Mutex::new([0, 0]).expect("a segment"),
            held: Gate::new(),
            waiters: if path == Path::Contended { 2 } else { 0 },
        })
    }
}

impl Scene for Unlocking {
    fn bystanders(&self) -> usize {
        self.waiters
    }

    /// Sleeps for the lock, and must get it.
    fn bystander(&self, _: usize, cue: &Cue) {
        let mutex = attach(self.mutex.address());
        cue.ready();
        self.held.pass();
        let (mut guard, _) = repaired(&mutex);
        guard[0] += 1;
        guard[1] += 1;
    }

    fn victim(&self) {
        let mutex = attach(self.mutex.address());
        let (guard, _) = repaired(&mutex);
        self.held.open();
        traced(|| drop(guard));
    }

    fn check(&self, death: Death) -> Found {
        let found = check(self.mutex.address());
        assert!(found == Found::Whole || !death.complete, "it was let go");
        let count = repaired(&attach(self.mutex.address())).0[0];
        assert_eq!(count, self.waiters as u64 + 1, "each waiter was there");
        found
    }
}
