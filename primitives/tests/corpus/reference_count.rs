//! A reference count that goes down without orderings: whoever frees the object does so while another still reads it.
//!
//! Boost's `shared_ptr` and Rust's `Arc` take Release for each decrement, and Acquire before the end.
//! loom finds it. shuttle cannot: the order of the steps is right, and it knows no other.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use heddle_primitives::sync::{Arc, fence};

const FREED: u32 = u32::MAX;

pub fn reference_count(broken: bool) {
    let shared = Arc::new((Plain::new(), AtomicU32::new(2)));
    team(2, &shared, move |(object, count), _| {
        object.get();
        if count.fetch_sub(1, if broken { Relaxed } else { Release }) == 1 {
            if !broken {
                fence(Acquire);
            }
            object.set(FREED);
        }
    });
}
