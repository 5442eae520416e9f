//! A thread that waits for another to end, and holds the lock that the other still needs.
//!
//! loom and shuttle find it.

use heddle_primitives::Mutex;
use heddle_primitives::sync::{Arc, thread};

pub fn join_under_lock(broken: bool) {
    let total = Arc::new(Mutex::new(0));
    let others = total.clone();
    let other = thread::spawn(move || *others.lock() += 1);
    let mut guard = total.lock();
    *guard += 1;
    if !broken {
        drop(guard);
    }
    other.join().unwrap();
}
