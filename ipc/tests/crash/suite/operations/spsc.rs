//! The ring between one producer and one consumer, in memory that both map.

use core::mem::MaybeUninit;
use std::time::{Duration, Instant};

use heddle_ipc::Shareable;
use heddle_primitives::Shared;
use heddle_primitives::spsc::{Buffer, Consumer, Indices, PopError, Producer};
use heddle_primitives::sync::cell::UnsafeCell;

use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

const CAPACITY: usize = 4;

/// Longer than a word, so that it could be torn.
type Item = [u64; 3];

fn item(n: u64) -> Item {
    [n, !n, n.rotate_left(32)]
}

#[repr(C)]
struct Words {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<Item>>; CAPACITY],
}

// SAFETY: `repr(C)`, counters and plain data, of which any bytes are a value; slots are used through the one producer and consumer.
unsafe impl Shareable for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

/// A ring in a segment.
#[derive(Clone)]
struct Ring(InSegment<Words>);

impl Ring {
    /// With the items `0..filled` in it.
    fn new(filled: u64) -> Ring {
        let words = Words {
            indices: Indices::new(),
            slots: [const { UnsafeCell::new(MaybeUninit::uninit()) }; CAPACITY],
        };
        let ring = Ring(InSegment::new(words));
        let mut producer = ring.producer();
        (0..filled).for_each(|n| producer.push(item(n)).expect("room"));
        // Its end is another process's from now on, and dropping it would close it.
        core::mem::forget(producer);
        ring
    }

    fn producer(&self) -> Producer<Item, Ring> {
        // SAFETY: one process at a time has this end: the next one takes it over when the one before is dead.
        unsafe { Producer::from_buffer(self.clone()) }
    }

    fn consumer(&self) -> Consumer<Item, Ring> {
        // SAFETY: as above.
        unsafe { Consumer::from_buffer(self.clone()) }
    }
}

// SAFETY: one ring, mapped as long as `self` lives.
unsafe impl Buffer<Item> for Ring {
    type Scope = Shared;

    fn indices(&self) -> &Indices<Shared> {
        &self.0.get().indices
    }

    fn slots(&self) -> &[UnsafeCell<MaybeUninit<Item>>] {
        &self.0.get().slots
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// A producer that dies at a push.
pub struct Push;

impl Operation for Push {
    fn name(&self) -> &'static str {
        "spsc::push"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        // Contended: the ring is full, and its consumer takes something only while the producer sleeps.
        let contended = path == Path::Contended;
        Box::new(Pushing { ring: Ring::new(if contended { CAPACITY as u64 } else { 2 }), contended })
    }
}

struct Pushing {
    ring: Ring,
    contended: bool,
}

impl Scene for Pushing {
    fn bystanders(&self) -> usize {
        usize::from(self.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let mut consumer = self.ring.consumer();
        cue.ready();
        cue.wait();
        assert_eq!(consumer.recv(), Ok(item(0)));
        core::mem::forget(consumer);
    }

    fn victim(&self) {
        let mut producer = self.ring.producer();
        // Not at every turn of a loop that only passes the time.
        producer.set_spin(Duration::ZERO);
        let next = self.ring.indices().len() as u64;
        let sent = traced(|| producer.send(item(next)));
        assert!(sent.is_ok());
    }

    /// What was in the ring is there, in order and whole, and then what was pushed, if it was.
    fn check(&self, death: Death) -> Found {
        let mut consumer = self.ring.consumer();
        let (first, last) = if self.contended { (1, CAPACITY as u64) } else { (0, 2) };
        // Somebody has noticed the death: who sleeps on the ring must wake.
        self.ring.indices().close_producer();
        for n in first..last {
            assert_eq!(consumer.recv_until(soon()), Ok(item(n)));
        }
        let came = match consumer.recv_until(soon()) {
            Ok(found) => {
                assert_eq!(found, item(last), "torn or twice");
                assert!(consumer.recv_until(soon()).is_err(), "something was never pushed");
                true
            }
            Err(_) => false,
        };
        assert!(came || !death.complete, "what was pushed is lost");
        Found::Whole
    }
}

/// A consumer that dies at a pop.
pub struct Pop;

impl Operation for Pop {
    fn name(&self) -> &'static str {
        "spsc::pop"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        // Contended: the ring is empty, and its producer puts something in only while the consumer sleeps.
        let contended = path == Path::Contended;
        Box::new(Popping { ring: Ring::new(if contended { 0 } else { 3 }), contended })
    }
}

struct Popping {
    ring: Ring,
    contended: bool,
}

impl Scene for Popping {
    fn bystanders(&self) -> usize {
        usize::from(self.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let mut producer = self.ring.producer();
        cue.ready();
        cue.wait();
        (0..3).for_each(|n| producer.send(item(n)).expect("room"));
        core::mem::forget(producer);
    }

    fn victim(&self) {
        let mut consumer = self.ring.consumer();
        consumer.set_spin(Duration::ZERO);
        assert_eq!(traced(|| consumer.recv()), Ok(item(0)));
    }

    /// Whoever takes the end over finds what was not taken, in order and whole; the first may be lost only with whom it went to.
    fn check(&self, death: Death) -> Found {
        let mut consumer = self.ring.consumer();
        let first = consumer.pop();
        let expected = if first == Ok(item(0)) && !death.complete { 0 } else { 1 };
        assert_eq!(first, Ok(item(expected)));
        for n in expected + 1..3 {
            assert_eq!(consumer.pop(), Ok(item(n)));
        }
        assert_eq!(consumer.pop(), Err(PopError::Empty));
        // The room is free again.
        let mut producer = self.ring.producer();
        (0..CAPACITY as u64).for_each(|n| producer.push(item(n)).expect("room"));
        Found::Whole
    }
}
