//! Two processes that fill each other's pipe before either reads: both wait for room.
//!
//! The parent that writes all of a filter's input before it reads any output. The pipes are rings as in memory that processes
//! share, with threads for processes. loom and shuttle find it.

use heddle_primitives::Shared;
use heddle_primitives::spsc::{Buffer, Consumer, Indices, Producer};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::{Arc, thread};
use std::mem::MaybeUninit;

/// What both processes map, with room for one number.
struct Segment {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<u32>>; 1],
}

// SAFETY: the ends use a slot one at a time.
unsafe impl Sync for Segment {}
// SAFETY: plain numbers.
unsafe impl Send for Segment {}

struct Mapping(Arc<Segment>);

// SAFETY: the fields are never replaced, one is a power of two, and nobody else uses them.
unsafe impl Buffer<u32> for Mapping {
    type Scope = Shared;

    fn indices(&self) -> &Indices<Shared> {
        &self.0.indices
    }

    fn slots(&self) -> &[UnsafeCell<MaybeUninit<u32>>] {
        &self.0.slots
    }
}

fn pipe() -> (Producer<u32, Mapping>, Consumer<u32, Mapping>) {
    let slots = [UnsafeCell::new(MaybeUninit::uninit())];
    let segment = Arc::new(Segment { indices: Indices::new(), slots });
    let other = Mapping(segment.clone());
    // SAFETY: the memory is that of an empty queue, which has no other producer.
    let producer = unsafe { Producer::from_buffer(other) };
    // SAFETY: as above, no other consumer.
    (producer, unsafe { Consumer::from_buffer(Mapping(segment)) })
}

pub fn full_pipes(broken: bool) {
    let (mut to_child, mut from_parent) = pipe();
    let (mut to_parent, mut from_child) = pipe();
    let child = thread::spawn(move || {
        for n in 0..2 {
            to_parent.send(n).unwrap();
        }
        for n in 0..2 {
            assert_eq!(from_parent.recv(), Ok(n));
        }
    });
    let mut receive = move || (0..2).for_each(|n| assert_eq!(from_child.recv(), Ok(n)));
    if !broken {
        receive();
    }
    for n in 0..2 {
        to_child.send(n).unwrap();
    }
    if broken {
        receive();
    }
    child.join().unwrap();
}
