//! Who notices that workers have ended.

use crate::*;
use heddle_ipc::model::Supervised;
use heddle_ipc::{CallError, Exit};
use heddle_primitives::sync::thread;

const KILLED: Exit = Exit::Signal(9);

/// Whoever waits for a worker that is taken down learns of it, and the supervisor ends with its last worker.
#[test]
fn notices() {
    bounded("supervisor notices an end", 2, 872).check(|| {
        let (parent, worker) = started();
        let supervised = Supervised::start();
        supervised.watch(&parent);
        let ticket = submit(&parent, 1);
        parent.end(KILLED);
        assert!(matches!(ticket.wait(None), Err(CallError::Died { exit: KILLED, .. })));
        drop(supervised);
        assert_eq!(parent.exit(), Some(KILLED));
        drop(worker);
    });
}

/// Dropped, it goes on until all that it watches have ended.
#[test]
fn outlives_its_workers() {
    bounded("supervisor outlives its workers", 2, 17_110).spurious(1).check(|| {
        let (parent, worker) = started();
        let supervised = Supervised::start();
        supervised.watch(&parent);
        let other = thread::spawn({
            let parent = parent.clone();
            move || parent.end(KILLED)
        });
        drop(supervised);
        assert_eq!(parent.exit(), Some(KILLED));
        other.join().unwrap();
        drop(worker);
    });
}
