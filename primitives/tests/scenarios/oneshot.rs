//! The channel for one value.
#![allow(clippy::disallowed_types, reason = "what a scenario counts is none of the checker's business")]

use super::Plain;
use heddle_primitives::oneshot::{Home, Receiver, RecvError, RecvTimeoutError, Sender, Slot, TryRecvError};
use heddle_primitives::sync::thread;
use heddle_primitives::{Private, oneshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Instant;

/// A slot that counts how often it is released, and lives on, so that nothing worse happens if that is twice. The plain value is
/// read where the slot is used and written where it is released: the checker sees a release that is not after all uses.
struct Counting<T>(*const (Slot<T>, AtomicU32, Plain));

impl<T> Clone for Counting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Counting<T> {}

// SAFETY: an address; the scenario frees the slot when both threads are done.
unsafe impl<T: Send> Send for Counting<T> {}

// SAFETY: as above, so the slot outlives all uses.
unsafe impl<T> Home<T> for Counting<T> {
    type Scope = Private;

    unsafe fn slot(&self) -> &Slot<T> {
        // SAFETY: as above.
        let (slot, _, in_use) = unsafe { &*self.0 };
        in_use.get();
        slot
    }

    unsafe fn release(self) {
        // SAFETY: as above.
        let (_, released, in_use) = unsafe { &*self.0 };
        in_use.set(1);
        released.fetch_add(1, SeqCst);
    }
}

type Ends<T> = (Sender<T, Counting<T>>, Receiver<T, Counting<T>>);

/// Runs `ends` on a channel, after which both ends are gone: the slot was released once.
fn released_once<T>(ends: impl FnOnce(Ends<T>)) {
    let home = Counting(Box::into_raw(Box::new((Slot::new(), AtomicU32::new(0), Plain::new()))));
    // SAFETY: the slot is new, and these are its only ends.
    let sender = unsafe { Sender::from_home(home) };
    // SAFETY: as above.
    ends((sender, unsafe { Receiver::from_home(home) }));
    // SAFETY: both ends are gone.
    let slot = unsafe { Box::from_raw(home.0.cast_mut()) };
    assert_eq!(slot.1.load(SeqCst), 1, "released so often");
}

pub fn oneshot_passes_a_value() {
    released_once(|(sender, receiver)| {
        let other = thread::spawn(move || sender.send(Box::new(7)).unwrap());
        assert_eq!(*receiver.recv().unwrap(), 7);
        other.join().unwrap();
    });
}

/// On the heap: whoever is last frees what the other may still hold the address of.
pub fn oneshot_on_the_heap() {
    let (sender, receiver) = oneshot::channel();
    let other = thread::spawn(move || sender.send(Box::new(7)).unwrap());
    assert_eq!(*receiver.recv().unwrap(), 7);
    other.join().unwrap();
}

pub fn oneshot_sender_leaves() {
    released_once(|(sender, receiver): Ends<Box<u32>>| {
        let other = thread::spawn(move || drop(sender));
        assert_eq!(receiver.recv(), Err(RecvError));
        other.join().unwrap();
    });
}

/// A send and a drop of the receiver at the same time: the value is dropped once, by one of them.
pub fn oneshot_receiver_leaves() {
    let value = Arc::new(());
    let sent = value.clone();
    released_once(|(sender, receiver)| {
        let other = thread::spawn(move || {
            if let Err(error) = sender.send(sent) {
                assert_eq!(Arc::strong_count(&error.into_inner()), 2);
            }
        });
        drop(receiver);
        other.join().unwrap();
    });
    assert_eq!(Arc::strong_count(&value), 1);
}

pub fn oneshot_both_leave() {
    released_once(|(sender, receiver): Ends<Box<u32>>| {
        let other = thread::spawn(move || drop(sender));
        drop(receiver);
        other.join().unwrap();
    });
}

/// A receiver that may time out, tries once more and leaves.
pub fn oneshot_times_out_or_receives() {
    let value = Arc::new(());
    let sent = value.clone();
    released_once(|(sender, receiver)| {
        let other = thread::spawn(move || sender.send(sent).is_ok());
        let received = match receiver.recv_deadline(Instant::now()) {
            Ok(_) => true,
            Err(RecvTimeoutError::Timeout) => match receiver.try_recv() {
                Ok(_) => true,
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Disconnected) => panic!("the sender sends"),
            },
            Err(RecvTimeoutError::Disconnected) => panic!("the sender sends"),
        };
        assert!(!received || receiver.is_closed());
        drop(receiver);
        assert!(other.join().unwrap() || !received);
    });
    assert_eq!(Arc::strong_count(&value), 1);
}

/// A receiver that has timed out is woken in its next wait.
pub fn oneshot_waits_again() {
    released_once(|(sender, receiver)| {
        let other = thread::spawn(move || sender.send(Box::new(7)).unwrap());
        match receiver.recv_deadline(Instant::now()) {
            Ok(value) => {
                assert_eq!(*value, 7);
                assert_eq!(receiver.recv(), Err(RecvError));
            }
            Err(_) => assert_eq!(*receiver.recv().unwrap(), 7),
        }
        other.join().unwrap();
    });
}
