//! A queue that drops what came last: the receiver finds it empty, then the sender puts something in and closes it, then the
//! receiver finds it closed, and goes.
//!
//! Repaired by looking in the other order. loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::AtomicBool;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Release};

struct Queue {
    items: Mutex<Vec<u32>>,
    closed: AtomicBool,
}

impl Queue {
    /// An item, or whether there may be more later.
    fn try_receive(&self, broken: bool) -> Result<u32, bool> {
        let closed_before = self.closed.load(Acquire);
        let item = self.items.lock().pop();
        let closed = if broken { self.closed.load(Acquire) } else { closed_before };
        item.ok_or(!closed)
    }
}

pub fn drop_on_close(broken: bool) {
    let queue = Arc::new(Queue { items: Mutex::new(Vec::new()), closed: AtomicBool::new(false) });
    team(2, &queue, move |queue, n| {
        if n == 1 {
            queue.items.lock().push(7);
            queue.closed.store(true, Release);
        } else if queue.try_receive(broken) == Err(false) {
            assert!(queue.items.lock().is_empty(), "an item is dropped");
        }
    });
}
