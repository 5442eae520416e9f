//! The condition variable: who waits goes on, whoever dies between changing the condition and saying so.

use heddle_ipc::sync::{Condvar, LockError, Mutex, MutexGuard};

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

type Flag = Mutex<u64>;

/// The guard; any number is a good flag.
fn repaired<'a>(locked: Result<MutexGuard<'a, u64>, LockError<MutexGuard<'a, u64>>>) -> MutexGuard<'a, u64> {
    locked.unwrap_or_else(|error| {
        let mut guard = error.into_guard().expect("all repair");
        guard.mark_consistent();
        guard
    })
}

/// A death at changing the condition and notifying, or at waiting.
struct Waiting {
    flag: Flag,
    changed: Condvar,
    sleepers: usize,
    /// Whether the victim waits, and bystander 0 notifies.
    waits: bool,
    gate: Gate,
}

impl Waiting {
    fn prepare(sleepers: usize, waits: bool) -> Box<dyn Scene> {
        let flag = Mutex::new(0).expect("a segment");
        let changed = Condvar::new().expect("a segment");
        Box::new(Waiting { flag, changed, sleepers, waits, gate: Gate::new() })
    }

    fn attach(&self) -> (Flag, Condvar) {
        let flag = Mutex::attach(self.flag.address()).expect("its maker lives");
        (flag, Condvar::attach(self.changed.address()).expect("its maker lives"))
    }
}

fn notify((flag, changed): &(Flag, Condvar)) {
    *repaired(flag.lock()) = 1;
    changed.notify_all();
}

fn wait((flag, changed): &(Flag, Condvar)) {
    let mut guard = repaired(flag.lock());
    while *guard == 0 {
        guard = repaired(changed.wait(guard));
    }
}

impl Scene for Waiting {
    fn bystanders(&self) -> usize {
        self.sleepers
    }

    fn bystander(&self, n: usize, cue: &Cue) {
        let both = self.attach();
        cue.ready();
        if self.waits && n == 0 {
            cue.wait();
            notify(&both);
            return;
        }
        if self.waits {
            self.gate.pass();
        }
        wait(&both);
    }

    fn victim(&self) {
        let both = self.attach();
        self.gate.open();
        if self.waits {
            traced(|| wait(&both));
        } else {
            traced(|| notify(&both));
        }
    }

    /// Where the victim has not come to change the condition, somebody else does.
    fn after(&self) {
        let both = self.attach();
        let changed = *repaired(both.0.lock()) != 0;
        if !changed && !self.waits {
            notify(&both);
        }
    }

    fn check(&self, _: Death) -> Found {
        let both = self.attach();
        notify(&both);
        wait(&both);
        Found::Whole
    }
}

/// A death at changing the condition and saying so; contended: others sleep for it.
pub struct Notify;

impl Operation for Notify {
    fn name(&self) -> &'static str {
        "condvar::notify_all"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        Waiting::prepare(if path == Path::Contended { 2 } else { 0 }, false)
    }
}

/// A death at waiting, while another waits too.
pub struct Wait;

impl Operation for Wait {
    fn name(&self) -> &'static str {
        "condvar::wait"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Contended]
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        Waiting::prepare(2, true)
    }
}
