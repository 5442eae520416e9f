//! The queue of many producers and many consumers.

use heddle_ipc::queue::Queue;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

const CAPACITY: u64 = 4;
/// The first item of a victim; the next one's is one more.
const VICTIMS: u64 = 100;

/// Longer than a word, so that it could be torn.
type Item = [u64; 3];

fn item(n: u64) -> Item {
    [n, !n, n.rotate_left(32)]
}

struct Queued {
    queue: Queue<Item>,
    /// Items that are in the queue at first, from 0 on.
    filled: u64,
    /// Whether a bystander makes room, or brings an item, once the victim sleeps.
    contended: bool,
    /// Victims so far.
    victims: InSegment<AtomicU64>,
}

impl Queued {
    fn new(filled: u64, contended: bool) -> Queued {
        let queue = Queue::new(CAPACITY as usize).expect("a segment");
        (0..filled).for_each(|n| queue.try_put(item(n)).expect("room"));
        Queued { queue, filled, contended, victims: InSegment::new(AtomicU64::new(0)) }
    }

    /// This process's view.
    fn attach(&self) -> Queue<Item> {
        Queue::attach(self.queue.address()).expect("its maker lives")
    }

    /// The number of this victim, from 0 on.
    fn number(&self) -> u64 {
        // ORDERING: Relaxed: victims come one after another.
        self.victims.get().fetch_add(1, Ordering::Relaxed)
    }

    /// How many victims there were.
    fn victims(&self) -> u64 {
        // ORDERING: Relaxed: they are dead.
        self.victims.get().load(Ordering::Relaxed)
    }
}

/// All that the queue gives, each item whole; and then it has room for as many as ever, which come out in order.
fn drain(queue: &Queue<Item>) -> Vec<u64> {
    let mut drained = Vec::new();
    while let Ok(got) = queue.try_get() {
        assert_eq!(got, item(got[0]), "torn");
        drained.push(got[0]);
    }
    for round in 0..3 {
        for n in 0..CAPACITY {
            queue
                .try_put(item(n))
                .unwrap_or_else(|error| panic!("room for {n} items only in round {round}: {error:?}"));
        }
        let all: Vec<u64> = std::iter::from_fn(|| queue.try_get().ok()).map(|got| got[0]).collect();
        assert_eq!(all, Vec::from_iter(0..CAPACITY));
    }
    drained
}

/// A death at a put.
pub struct Put;

impl Operation for Put {
    fn name(&self) -> &'static str {
        "queue::put"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Helping]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let contended = path == Path::Contended;
        Box::new(Putting(Queued::new(if contended { CAPACITY } else { 1 }, contended)))
    }
}

struct Putting(Queued);

impl Scene for Putting {
    fn bystanders(&self) -> usize {
        usize::from(self.0.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let queue = self.0.attach();
        cue.ready();
        cue.wait();
        assert_eq!(queue.get(), Ok(item(0)));
    }

    fn victim(&self) {
        let (queue, mine) = (self.0.attach(), item(VICTIMS + self.0.number()));
        let put = traced(|| queue.put(mine));
        assert!(put.is_ok());
    }

    /// What was there is there, in order; what a victim put comes once, if its put was over, and else once or not at all, and whenever:
    /// it is as if that put still went on.
    fn check(&self, death: Death) -> Found {
        let (old, mut new): (Vec<u64>, Vec<u64>) =
            drain(&self.0.attach()).into_iter().partition(|n| *n < VICTIMS);
        assert_eq!(old, Vec::from_iter(u64::from(self.0.contended)..self.0.filled));
        let last = VICTIMS + self.0.victims() - 1;
        assert!(new.contains(&last) || !death.complete, "what was put is lost: {new:?}");
        new.sort_unstable();
        assert!(new.is_sorted_by(|a, b| a < b), "twice: {new:?}");
        assert!(new.iter().all(|n| (VICTIMS..=last).contains(n)), "{new:?}");
        Found::Whole
    }
}

/// A death at a get.
pub struct Get;

impl Operation for Get {
    fn name(&self) -> &'static str {
        "queue::get"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Helping]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let contended = path == Path::Contended;
        Box::new(Getting(Queued::new(if contended { 0 } else { 3 }, contended)))
    }
}

struct Getting(Queued);

impl Scene for Getting {
    fn bystanders(&self) -> usize {
        usize::from(self.0.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let queue = self.0.attach();
        cue.ready();
        cue.wait();
        (0..3).for_each(|n| queue.put(item(n)).expect("room"));
    }

    fn victim(&self) {
        let queue = self.0.attach();
        self.0.number();
        let got = traced(|| queue.get());
        assert!(got.is_ok_and(|got| got == item(got[0])));
    }

    /// What nobody got is there, each once; a victim whose get was over has taken one item along, another at most one.
    fn check(&self, death: Death) -> Found {
        let mut drained = drain(&self.0.attach());
        drained.sort_unstable();
        assert!(drained.is_sorted_by(|a, b| a < b) && drained.iter().all(|n| *n < 3), "{drained:?}");
        let lost = 3 - drained.len() as u64;
        assert!(lost <= self.0.victims(), "{drained:?}");
        assert!(lost > 0 || !death.complete, "the item that was got is still there: {drained:?}");
        Found::Whole
    }
}
