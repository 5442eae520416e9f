//! What every checker runs: the parent's and the worker's side of the lanes, the slots of tasks, deaths and who notices them, and
//! the header of a segment, on the heap and without processes (`heddle_ipc::model`). Run with
//! `cargo xtask verify --manifest-path ipc/Cargo.toml`.
//!
//! The main thread takes part, so a scenario of two threads spawns one. What comes before is done by the main thread alone, playing
//! both sides; that costs a checker nothing. Broken programs are for loom and shuttle to find, since elsewhere a race is undefined.
#![cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]

mod barrier;
mod condvar;
mod deaths;
mod event;
mod header;
mod lane;
mod loan;
mod mutex;
mod once;
mod queue;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod random;
mod reentrant;
mod ring;
mod rwlock;
mod semaphore;
mod slots;
mod station;
mod supervisor;
mod value;

use heddle_ipc::model::{Parent, Step, Worker, pair};
use heddle_ipc::{SubmitError, Ticket};
use heddle_primitives::verify::{Scenario, Search};

/// An argument or a result that is too long for the head of a message.
type Long = [u64; 5];

/// The argument of the `n`th task.
fn long(n: u64) -> Long {
    [n, n + 1, n + 2, n + 3, n + 4]
}

/// What workers do: something that depends on each word.
fn mix(argument: Long) -> Long {
    argument.map(|word| word * 10 + argument[4])
}

/// A worker that has greeted.
fn started() -> (Parent, Worker) {
    let (parent, mut worker) = pair();
    assert!(worker.greet());
    parent.greet().unwrap();
    (parent, worker)
}

fn submit(parent: &Parent, n: u64) -> Ticket<Long> {
    parent.submit(long(n)).unwrap()
}

/// Has `worker` answer its next task.
fn answer(worker: &mut Worker) {
    assert_eq!(worker.answer(mix, Step::Answered), Step::Answered);
}

fn taken(ticket: Ticket<Long>, n: u64) {
    assert_eq!(ticket.wait(None), Ok(mix(long(n))));
}

/// Has both sides do one more task, in this thread, unless the parent has too many unanswered.
fn one_more(parent: &Parent, worker: &mut Worker, n: u64) -> Option<Ticket<Long>> {
    match parent.submit(long(n)) {
        Ok(ticket) => {
            answer(worker);
            Some(ticket)
        }
        Err(SubmitError::Full { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A scenario that loom searches completely, in at least so many executions.
fn complete(name: &str, at_least: u64) -> Scenario {
    // Others run as many as they are told to.
    // So many of them that shuttle's share of each is small in everyday runs; longer ones go on from there.
    Scenario::new(name).at_least(if cfg!(heddle_loom) { at_least } else { 0 }).schedules(300)
}

/// A scenario that loom searches up to a bound, with the first waits spurious as well.
fn bounded(name: &str, preemptions: usize, at_least: u64) -> Scenario {
    complete(name, at_least).search(Search::Bounded(preemptions)).spurious(2)
}

/// The same without spurious waits.
fn bounded_once(name: &str, preemptions: usize, at_least: u64) -> Scenario {
    complete(name, at_least).search(Search::Bounded(preemptions))
}

/// Checks `model` with a peer that dies before its operation number 0, 1, ...; it returns whether the peer lived. There are as many steps as
/// minimums, and with the last one it lives always: so every operation had its death.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn dies_at_each(
    scenario: impl Fn(u32) -> Scenario,
    minimums: &[u64],
    model: impl Fn(u32) -> bool + Clone + Send + Sync + 'static,
) {
    let mut lived = Default::default();
    for (step, &at_least) in (0..).zip(minimums) {
        let model = model.clone();
        let scenario = scenario(step).at_least(if cfg!(heddle_loom) { at_least } else { 0 }).schedules(200);
        lived = scenario.outcomes(move || model(step));
    }
    // A mutant may take more steps, which is no fault.
    if cfg!(heddle_loom) && std::env::var_os("HEDDLE_EFFORT").is_none() {
        assert_eq!(lived.into_iter().collect::<Vec<_>>(), [true], "more steps than minimums");
    }
}
