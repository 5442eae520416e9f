//! A thread that reads under a lock under which it reads already: a writer that came in between waits for it, and it waits
//! behind the writer.
//!
//! Any lock whose writers do not starve has this. loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::RwLock;
use heddle_primitives::sync::Arc;

pub fn recursive_read(broken: bool) {
    let lock = Arc::new(RwLock::new(0));
    team(2, &lock, move |lock, n| {
        if n == 0 {
            let outer = lock.read();
            let inner = if broken { lock.read() } else { lock.read_recursive() };
            assert_eq!(*outer, *inner);
        } else {
            *lock.write() += 1;
        }
    });
}
