//! What hands values over.

use crate::pair::{SLEEPS, pair};
use heddle_primitives::oneshot::{Receiver, RecvError, Sender, Slot};
use heddle_primitives::spsc::{self, Buffer, Consumer, Indices, Producer};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::*;
use std::cell::RefCell;
use std::mem::MaybeUninit;

#[test]
fn oneshot() {
    const SLOTS: usize = 600;

    struct Slots {
        slept: [Slot<usize, Shared>; 2 * SLEEPS],
        raced: [Slot<[usize; 5], Shared>; SLOTS],
    }
    let fresh =
        || Slots { slept: [const { Slot::new_in() }; 2 * SLEEPS], raced: [const { Slot::new_in() }; SLOTS] };
    pair("queues::oneshot", fresh, |side, slots| {
        side.sleep_and_wake(
            |round, other_sleeps| {
                // SAFETY: the slot is fresh, and this its only sender: the sides take turns.
                let sender = unsafe { Sender::from_home(&slots.slept[round]) };
                other_sleeps();
                if round / 2 % 4 == 3 {
                    drop(sender);
                } else {
                    sender.send(round).unwrap();
                }
            },
            |round| {
                // SAFETY: as above, and this is the receiver.
                let receiver = unsafe { Receiver::from_home(&slots.slept[round]) };
                let expected = if round / 2 % 4 == 3 { Err(RecvError) } else { Ok(round) };
                assert_eq!(receiver.recv(), expected);
            },
        );
        for (n, slot) in slots.raced.iter().enumerate() {
            side.dawdle();
            if n % 2 == side.number {
                // SAFETY: as above.
                let sender = unsafe { Sender::from_home(slot) };
                // Some are dropped instead; a receiver is never dropped before it has heard.
                if n % 7 != 0 {
                    sender.send([n; 5]).unwrap();
                }
            } else {
                // SAFETY: as above.
                let receiver = unsafe { Receiver::from_home(slot) };
                let expected = if n % 7 == 0 { Err(RecvError) } else { Ok([n; 5]) };
                assert_eq!(receiver.recv(), expected);
            }
        }
    });
}

/// A queue in the region itself.
struct Ring {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<u64>>; 32],
}

impl Ring {
    fn fresh() -> Self {
        Self { indices: Indices::new(), slots: [const { UnsafeCell::new(MaybeUninit::uninit()) }; 32] }
    }
}

// SAFETY: counters and slots are where the region is, which stays mapped; numbers have no invalid bytes.
unsafe impl Buffer<u64> for &Ring {
    type Scope = Shared;

    fn indices(&self) -> &Indices<Shared> {
        &self.indices
    }

    fn slots(&self) -> &[UnsafeCell<MaybeUninit<u64>>] {
        &self.slots
    }
}

#[test]
fn spsc() {
    const VALUES: u64 = 10_000;

    // Side 0 sends into the first and side 1 into the second.
    let fresh = || [Ring::fresh(), Ring::fresh()];
    pair("queues::spsc", fresh, |side, rings| {
        // SAFETY: this side makes the only producer of its own ring and the only consumer of the other's, once.
        let mut producer = unsafe { Producer::from_buffer(&rings[side.number]) };
        // SAFETY: as above.
        let mut consumer = unsafe { Consumer::from_buffer(&rings[1 - side.number]) };
        let capacity = producer.capacity() as u64;
        // A receiver waits for a value, and a sender for room. Who sleeps and wakes is the other one in each round.
        let ends = RefCell::new((&mut producer, &mut consumer));
        side.sleep_and_wake(
            |round, other_sleeps| {
                let (producer, consumer) = &mut *ends.borrow_mut();
                other_sleeps();
                if round / 2 % 2 == 0 {
                    producer.send(round as u64).unwrap();
                } else {
                    (0..=capacity).for_each(|n| assert_eq!(consumer.recv(), Ok(n)));
                }
            },
            |round| {
                let (producer, consumer) = &mut *ends.borrow_mut();
                if round / 2 % 2 == 0 {
                    assert_eq!(consumer.recv(), Ok(round as u64));
                } else {
                    (0..=capacity).for_each(|n| producer.send(n).unwrap());
                }
            },
        );
        // One way after the other: two that send what nobody receives would wait for each other.
        for sends in [side.number == 0, side.number == 1] {
            side.meet();
            for n in 0..VALUES {
                if n % 8 == 0 {
                    side.dawdle();
                }
                if sends {
                    producer.send(n).unwrap();
                } else {
                    assert_eq!(consumer.recv(), Ok(n));
                }
            }
        }
        // An end that is dropped is noticed by the other.
        if side.number == 0 {
            drop(producer);
            assert_eq!(consumer.recv(), Ok(1));
        } else {
            assert_eq!(consumer.recv(), Err(spsc::RecvError));
            producer.send(1).unwrap();
        }
    });
}
