//! ABA: a thread that pops reads the top A and what is below it, B. Meanwhile others take A and B and put A back. The exchange
//! of A for B succeeds, since A is on top, and B, which somebody has, is on the stack again.
//!
//! Treiber's stack; repaired with a count beside the top that every pop moves (IBM System/370, Principles of Operation).
//! loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use heddle_primitives::sync::atomic::{AtomicBool, AtomicU32};

const BOTTOM: u32 = 2;

struct Stack {
    /// In the low byte the top node's number, above it the count.
    top: AtomicU32,
    below: [AtomicU32; 2],
    taken: [AtomicBool; 2],
    counts: bool,
}

impl Stack {
    fn pop(&self) -> Option<u32> {
        loop {
            let top = self.top.load(Acquire);
            let (node, count) = (top & 0xff, top & !0xff);
            if node == BOTTOM {
                return None;
            }
            let below = self.below[node as usize].load(Relaxed);
            let count = if self.counts { count + 0x100 } else { count };
            if self.top.compare_exchange(top, count | below, Acquire, Relaxed).is_ok() {
                assert!(!self.taken[node as usize].swap(true, Relaxed), "node {node} is taken twice");
                return Some(node);
            }
        }
    }

    fn push(&self, node: u32) {
        self.taken[node as usize].store(false, Relaxed);
        let mut top = self.top.load(Relaxed);
        loop {
            self.below[node as usize].store(top & 0xff, Relaxed);
            match self.top.compare_exchange(top, top & !0xff | node, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(found) => top = found,
            }
        }
    }
}

pub fn stack_aba(broken: bool) {
    let stack = Arc::new(Stack {
        top: AtomicU32::new(0),
        below: [AtomicU32::new(1), AtomicU32::new(BOTTOM)],
        taken: [AtomicBool::new(false), AtomicBool::new(false)],
        counts: !broken,
    });
    team(2, &stack, |stack, n| {
        let first = stack.pop();
        if n == 1 {
            stack.pop();
            first.into_iter().for_each(|node| stack.push(node));
        }
    });
    while stack.pop().is_some() {}
}
