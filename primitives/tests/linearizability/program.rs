//! Programs of a few threads, each with a list of operations on an object that all of them use.

use super::history::{Call, History, Log};
use super::random::Random;
use super::specification::Specification;
use heddle_primitives::sync::{Arc, thread};

/// An object under test.
pub trait Subject: Clone + Send + Sync + 'static {
    type Specification: Specification;
    /// What one thread has of the object.
    type Hand: Send + 'static;

    /// How many threads use it where there are up to `most`.
    fn threads(&self, most: usize) -> usize {
        most
    }

    /// What it should do with so many threads.
    fn specification(&self, threads: usize) -> Self::Specification;

    /// A new object, as each thread has it.
    fn hands(&self, threads: usize) -> Vec<Self::Hand>;

    /// An operation for the thread of this number.
    fn draw(&self, thread: usize, random: &mut Random) -> Operation<Self>;

    fn perform(hand: &mut Self::Hand, operation: Operation<Self>, log: &mut LogOf<Self>);

    /// The thread has done everything.
    fn leave(_hand: Self::Hand, _log: &mut LogOf<Self>) {}
}

/// A new object that all threads use in the same way.
pub fn shared<T>(object: T, threads: usize) -> Vec<Arc<T>> {
    let object = Arc::new(object);
    (0..threads).map(|_| object.clone()).collect()
}

pub type Operation<S> = <<S as Subject>::Specification as Specification>::Operation;
pub type LogOf<S> = Log<<S as Subject>::Specification>;

/// What each thread does.
pub type Program<S> = Vec<Vec<Operation<S>>>;

/// A random program; the same for the same seed.
pub fn draw<S: Subject>(subject: &S, threads: usize, operations: usize, seed: u64) -> Program<S> {
    let mut random = Random::new(seed);
    let thread = |thread| (0..operations).map(|_| subject.draw(thread, &mut random)).collect();
    (0..subject.threads(threads)).map(thread).collect()
}

/// Runs `program`, with the caller as the first thread.
pub fn run<S: Subject>(subject: &S, program: &Program<S>) -> History<S::Specification> {
    let gate = Gate::new(program.len());
    let mut threads = subject.hands(program.len()).into_iter().zip(program.iter().cloned()).enumerate();
    let first = threads.next();
    let others: Vec<_> = threads
        .map(|(n, (hand, operations))| {
            let gate = gate.clone();
            thread::spawn(move || work::<S>(n, hand, operations, &gate))
        })
        .collect();
    let (_, (hand, operations)) = first.expect("a program has a thread");
    let mut calls = work::<S>(0, hand, operations, &gate);
    for other in others {
        calls.extend(other.join().unwrap());
    }
    History(calls)
}

fn work<S: Subject>(
    thread: usize,
    mut hand: S::Hand,
    operations: Vec<Operation<S>>,
    gate: &Gate,
) -> Vec<Call<S::Specification>> {
    let mut log = Log::new(thread);
    gate.pass();
    for operation in operations {
        S::perform(&mut hand, operation, &mut log);
        gate.between();
    }
    S::leave(hand, &mut log);
    log.into_calls()
}

/// Lets real threads begin together: starting one takes longer than most programs. Checkers choose themselves who begins.
#[derive(Clone)]
struct Gate {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    barrier: std::sync::Arc<std::sync::Barrier>,
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl Gate {
    fn new(threads: usize) -> Self {
        Self { barrier: std::sync::Arc::new(std::sync::Barrier::new(threads)) }
    }

    fn pass(&self) {
        self.barrier.wait();
    }

    /// Between operations others may go on, which the time stamps would seldom show otherwise.
    fn between(&self) {
        thread::yield_now();
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
impl Gate {
    fn new(_threads: usize) -> Self {
        Self {}
    }

    fn pass(&self) {}

    fn between(&self) {}
}
