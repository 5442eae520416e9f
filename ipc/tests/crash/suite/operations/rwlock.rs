//! The lock of readers and writers. Its data are two numbers that are equal whenever nobody writes.

use heddle_ipc::sync::{LockError, ReadError, RwLock};

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::process;
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

type Pair = RwLock<[u64; 2]>;

fn attach(lock: &Pair) -> Pair {
    RwLock::attach(lock.address()).expect("its maker lives")
}

/// Writes, after having repaired what a dead writer left.
fn write(lock: &Pair, before: impl FnOnce(), after: impl FnOnce()) -> Found {
    let (mut guard, found) = match lock.write() {
        Ok(guard) => (guard, Found::Whole),
        Err(LockError::OwnerDied(mut guard)) => {
            guard[1] = guard[0];
            guard.mark_consistent();
            (guard, Found::Repaired)
        }
        Err(LockError::Unrecoverable) => panic!("all repaired what they found"),
    };
    before();
    assert_eq!(guard[0], guard[1], "in pieces");
    guard[0] += 1;
    guard[1] += 1;
    drop(guard);
    after();
    found
}

fn read(lock: &Pair) -> Result<[u64; 2], ReadError> {
    lock.read().map(|guard| *guard)
}

/// Repairs if need be; then all can read and write.
fn check(lock: &Pair) -> Found {
    let lock = attach(lock);
    let found = match read(&lock) {
        Ok(pair) => {
            assert_eq!(pair[0], pair[1], "in pieces");
            Found::Whole
        }
        Err(ReadError::WriterDied) => Found::Repaired,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(write(&lock, || (), || ()), found);
    let pair = read(&lock).expect("repaired just now");
    assert_eq!(pair[0], pair[1]);
    found
}

/// What the victim does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Reads,
    Writes,
}

struct Using {
    lock: Pair,
    what: What,
    path: Path,
    gate: Gate,
}

fn prepare(what: What, path: Path) -> Box<dyn Scene> {
    let lock = RwLock::new([0, 0]).expect("a segment");
    if matches!(path, Path::Recovery | Path::SecondDeath) {
        process::dies(|| {
            let lock = attach(&lock);
            let mut guard = lock.write().expect("nobody died");
            guard[0] += 1;
            process::exit(0);
        });
    }
    Box::new(Using { lock, what, path, gate: Gate::new() })
}

impl Scene for Using {
    fn bystanders(&self) -> usize {
        if self.path == Path::Contended { 2 } else { 0 }
    }

    /// One writes until the victim sleeps, the other comes to read when the victim is on its way.
    fn bystander(&self, n: usize, cue: &Cue) {
        let lock = attach(&self.lock);
        if n == 0 {
            let wait = || {
                cue.ready();
                cue.wait();
            };
            write(&lock, wait, || ());
            return;
        }
        cue.ready();
        self.gate.pass();
        // A victim may have died at writing.
        if read(&lock).is_err() {
            write(&lock, || (), || ());
        }
    }

    fn victim(&self) {
        let lock = attach(&self.lock);
        self.gate.open();
        match self.what {
            What::Reads => _ = traced(|| read(&lock)),
            What::Writes => _ = traced(|| write(&lock, || (), || ())),
        }
    }

    fn check(&self, death: Death) -> Found {
        let found = check(&self.lock);
        assert!(found == Found::Whole || !death.complete || self.what == What::Reads, "it was let go");
        found
    }
}

/// A death at reading: taking the lock, looking, letting go.
pub struct Read;

impl Operation for Read {
    fn name(&self) -> &'static str {
        "rwlock::read"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Recovery]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        prepare(What::Reads, path)
    }
}

/// A death at writing: taking the lock, changing both numbers, letting go.
pub struct Write;

impl Operation for Write {
    fn name(&self) -> &'static str {
        "rwlock::write"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Recovery, Path::SecondDeath]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        prepare(What::Writes, path)
    }
}
