//! Objects with one bug each, which loom and shuttle must lead into a history that nothing explains, and their repaired twins.

use super::checker::assert_linearizable;
use super::fifo::{Fifo, FifoAnswer, FifoOperation};
use super::program::{LogOf, Program, Subject, run, shared};
use super::random::Random;
use super::register::{Register, RegisterAnswer, RegisterOperation};
use super::specification::{Specification, only};
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::verify::{Scenario, Search};
use std::collections::VecDeque;

/// The twin with the bug is found, and the other one passes.
fn tell_apart<S: Subject>(name: &str, twin: impl Fn(bool) -> S, program: Program<S>) {
    let model = |subject: S| {
        let program = program.clone();
        move || assert_linearizable(&subject.specification(program.len()), &run(&subject, &program))
    };
    let repaired = Scenario::new(format!("{name}, repaired")).search(Search::Bounded(2));
    repaired.schedules(200).check(model(twin(false)));
    Scenario::new(name).finds("not linearizable", model(twin(true)));
}

#[test]
fn a_torn_read_is_found() {
    use RegisterOperation::{Read, Write};
    tell_apart("torn register", |bug| TornRegister { bug }, vec![vec![Write(1)], vec![Read]]);
}

#[test]
fn a_lost_update_is_found() {
    use StackOperation::{Pop, Push};
    tell_apart("forgetful stack", |bug| ForgetfulStack { bug }, vec![vec![Push(1), Pop], vec![Push(2), Pop]]);
}

#[test]
fn a_wrong_empty_is_found() {
    use FifoOperation::{Pop, Push};
    tell_apart("hasty queue", |bug| HastyQueue { bug }, vec![vec![Push(1)], vec![Push(2), Pop, Pop]]);
}

/// A pair of numbers, in two words that are written one after the other. Repaired, readers and writers exclude each other.
#[derive(Debug, Clone)]
struct TornRegister {
    bug: bool,
}

#[derive(Default)]
struct Words {
    words: [AtomicU32; 2],
    lock: Mutex<()>,
    bug: bool,
}

impl Subject for TornRegister {
    type Specification = Register;
    type Hand = Arc<Words>;

    fn specification(&self, _threads: usize) -> Register {
        Register
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Words { bug: self.bug, ..Words::default() }, threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> RegisterOperation {
        RegisterOperation::Write(random.fresh())
    }

    fn perform(register: &mut Self::Hand, operation: RegisterOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || {
            let _alone = (!register.bug).then(|| register.lock.lock());
            // ORDERING: so that nothing is missing but that both are one.
            match operation {
                RegisterOperation::Write(value) => {
                    register.words.iter().for_each(|word| word.store(value, Ordering::Release));
                    RegisterAnswer::Done
                }
                _ => RegisterAnswer::Pair([0, 1].map(|n| register.words[n].load(Ordering::Acquire))),
            }
        });
    }
}

/// A stack of values below 16 in the digits of a word. With the bug a change is a load and a store, and what comes between is lost.
#[derive(Debug, Clone)]
struct ForgetfulStack {
    bug: bool,
}

struct Stack;

#[derive(Debug, Clone, PartialEq)]
enum StackOperation {
    Push(u32),
    Pop,
}

impl Specification for Stack {
    type Operation = StackOperation;
    /// What was popped; None of an empty stack, and of a push.
    type Answer = Option<u32>;
    type State = Vec<u32>;

    fn initial(&self) -> Vec<u32> {
        Vec::new()
    }

    fn next(&self, state: &Vec<u32>, operation: &StackOperation, answer: &Option<u32>) -> Vec<Vec<u32>> {
        let mut next = state.clone();
        match operation {
            StackOperation::Push(value) => {
                next.push(*value);
                vec![next]
            }
            StackOperation::Pop => only(next.pop() == *answer, next),
        }
    }
}

impl Subject for ForgetfulStack {
    type Specification = Stack;
    type Hand = (Arc<AtomicU32>, bool);

    fn specification(&self, _threads: usize) -> Stack {
        Stack
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(AtomicU32::new(0), threads).into_iter().map(|digits| (digits, self.bug)).collect()
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> StackOperation {
        StackOperation::Push(random.fresh())
    }

    fn perform((digits, bug): &mut Self::Hand, operation: StackOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || {
            loop {
                // ORDERING: there is one word and nothing else.
                let before = digits.load(Ordering::Relaxed);
                let (after, answer) = match operation {
                    StackOperation::Push(value) => (before * 16 + value, None),
                    StackOperation::Pop => (before / 16, Some(before % 16).filter(|value| *value != 0)),
                };
                // ORDERING: as above.
                if *bug {
                    digits.store(after, Ordering::Relaxed);
                } else if digits
                    .compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
                {
                    continue;
                }
                return answer;
            }
        });
    }
}

/// A queue that counts what it holds, with the bug after the fact and by the count alone: a value that is there but not yet counted lets
/// another one that is counted go unseen.
#[derive(Debug, Clone)]
struct HastyQueue {
    bug: bool,
}

#[derive(Default)]
struct Counted {
    values: Mutex<VecDeque<u32>>,
    count: AtomicU32,
    bug: bool,
}

impl Subject for HastyQueue {
    type Specification = Fifo;
    type Hand = Arc<Counted>;

    fn specification(&self, _threads: usize) -> Fifo {
        Fifo { capacity: 4 }
    }

    fn hands(&self, threads: usize) -> Vec<Self::Hand> {
        shared(Counted { bug: self.bug, ..Counted::default() }, threads)
    }

    fn draw(&self, _thread: usize, random: &mut Random) -> FifoOperation {
        FifoOperation::Push(random.fresh())
    }

    fn perform(queue: &mut Self::Hand, operation: FifoOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match operation {
            FifoOperation::Push(value) => {
                let mut values = queue.values.lock();
                values.push_back(value);
                drop(values);
                // ORDERING: what is counted is reached by the lock.
                queue.count.fetch_add(1, Ordering::Relaxed);
                FifoAnswer::Done
            }
            // ORDERING: newest, as part of a read-modify-write.
            FifoOperation::Pop if queue.bug && queue.count.fetch_add(0, Ordering::Relaxed) == 0 => {
                FifoAnswer::Empty
            }
            FifoOperation::Pop => {
                let taken = queue.values.lock().pop_front();
                taken.map_or(FifoAnswer::Empty, |value| {
                    // ORDERING: as for the push.
                    queue.count.fetch_sub(1, Ordering::Relaxed);
                    FifoAnswer::Value(value)
                })
            }
            other => unreachable!("{other:?} of this queue"),
        });
    }
}
