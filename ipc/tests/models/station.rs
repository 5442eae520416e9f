//! A pool's bell and station: tasks one way, answers the other, and who is woken by them; workers that die before any of their operations.

use std::sync::Arc;

use crate::*;
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_ipc::model::End;
use heddle_ipc::model::{Hall, TASKS};
use heddle_primitives::sync::thread;

/// What workers do.
fn twice(_: u64, argument: u64) -> u64 {
    2 * argument
}

/// A worker at its station, until it is told to go.
fn worker(hall: &Arc<Hall>) -> thread::JoinHandle<()> {
    let hall = Arc::clone(hall);
    thread::spawn(move || hall.work().serve(twice))
}

#[test]
fn a_caller_waits() {
    bounded("pool, a task with a long argument", 2, 1_113).check(|| {
        let hall = Arc::new(Hall::new());
        let worker = worker(&hall);
        hall.publish(0, 4);
        hall.drive(1);
        assert_eq!(hall.answer(0), [8; 8]);
        hall.close();
        worker.join().unwrap();
    });
    bounded_once("pool, more tasks than cells", 1, 1_373).check(|| {
        let hall = Arc::new(Hall::new());
        let worker = worker(&hall);
        for seq in 0..=TASKS as u64 {
            if seq >= TASKS as u64 {
                hall.drive(seq - TASKS as u64 + 1);
                assert_eq!(hall.answer(seq - TASKS as u64)[0], 2 * (seq - TASKS as u64));
            }
            hall.publish(seq, seq);
        }
        hall.drive(TASKS as u64 + 1);
        assert_eq!(hall.answer(TASKS as u64), [2 * TASKS as u64; 8]);
        hall.close();
        worker.join().unwrap();
    });
}

#[test]
fn a_large_result_asks_for_room() {
    bounded_once("pool, room for a result", 2, 13_133).check(|| {
        let hall = Arc::new(Hall::new());
        let worker = worker(&hall);
        hall.publish_large(0);
        hall.drive(1);
        hall.close();
        worker.join().unwrap();
    });
}

#[test]
fn the_handler_waits() {
    bounded("pool, the handler waits", 2, 1_530).check(|| {
        let hall = Arc::new(Hall::new());
        let worker = worker(&hall);
        hall.publish(0, 4);
        hall.handle(1);
        assert_eq!(hall.answer(0), [8; 8]);
        hall.close();
        worker.join().unwrap();
    });
}

/// A caller stops waiting, and the handler, which sleeps or is about to, is woken by the next answer.
#[test]
fn a_caller_hands_over() {
    bounded_once("pool, a caller hands over", 2, 16_018).check(|| {
        let hall = Arc::new(Hall::new());
        let worker = worker(&hall);
        let handler = thread::spawn({
            let hall = Arc::clone(&hall);
            move || hall.handle(1)
        });
        hall.publish(0, 4);
        // There may be an answer already, which is the caller's to deal with: it has the handler look instead.
        if !hall.hand_over() {
            hall.call_handler();
        }
        handler.join().unwrap();
        assert_eq!(hall.answer(0), [8; 8]);
        hall.close();
        worker.join().unwrap();
    });
}

#[test]
fn a_call_is_not_lost() {
    complete("pool, the handler is called", 20).spurious(1).check(|| {
        use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
        let hall = Arc::new(Hall::new());
        let said = Arc::new(AtomicU32::new(0));
        let handler = thread::spawn({
            let (hall, said) = (Arc::clone(&hall), Arc::clone(&said));
            // What was done before the call is seen after it.
            move || hall.await_call(|| said.load(Ordering::Relaxed) == 1)
        });
        said.store(1, Ordering::Relaxed);
        hall.call_handler();
        handler.join().unwrap();
    });
}

/// The pool takes a task back while the worker may be taking it: one of them has it.
#[test]
fn a_task_is_taken_back() {
    bounded_once("pool, a task is taken back", 2, 1_062).check(|| {
        let hall = Arc::new(Hall::new());
        hall.publish(0, 0);
        hall.publish(1, 5);
        let worker = thread::spawn({
            let hall = Arc::clone(&hall);
            move || {
                let mut ran = Vec::new();
                hall.work().serve(|seq, argument| {
                    ran.push(seq);
                    argument
                });
                ran
            }
        });
        let withdrawn = hall.withdraw(1);
        if withdrawn {
            assert_eq!(hall.argument(1), 5);
        }
        hall.drive(2);
        hall.close();
        let ran = worker.join().unwrap();
        assert_eq!(ran, if withdrawn { vec![0] } else { vec![0, 1] });
    });
}

/// The worker dies before one of its operations; the caller that waits is told, and what became of each task is known.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn the_worker_dies_at_any_operation() {
    // shuttle takes its samples from each, which takes long.
    for step in (0..40).step_by(if cfg!(heddle_shuttle) { 5 } else { 1 }) {
        bounded_once(&format!("pool, the worker dies at {step}"), 1, 20).check(move || dies(step));
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn dies(step: u32) {
    // Not the facade's: what the functions did to the world, which no checker watches.
    #[allow(clippy::disallowed_types, reason = "a note beside the program that is checked")]
    type Plain<T> = std::sync::Mutex<T>;
    let hall = Arc::new(Hall::new());
    let entered = Arc::new(Plain::new(Vec::new()));
    hall.publish(0, 3);
    let victim = thread::spawn({
        let (hall, entered) = (Arc::clone(&hall), Arc::clone(&entered));
        move || {
            let lived = heddle_primitives::verify::dies_at(step, || {
                hall.work().serve(|seq, argument| {
                    entered.lock().unwrap().push(seq);
                    2 * argument
                });
            });
            hall.die();
            lived.is_some()
        }
    });
    hall.publish(1, 5);
    hall.drive(2);
    hall.close();
    let lived = victim.join().unwrap();
    let entered = entered.lock().unwrap().clone();
    let ends = [hall.end(0), hall.end(1)];
    let begun = ends.iter().filter(|&&end| end == End::Begun).count();
    assert!(begun <= 1, "{ends:?}");
    for (seq, end) in (0..).zip(ends) {
        match end {
            End::Answered(answer) => assert_eq!(answer, [[6; 8], [10; 8]][seq as usize]),
            End::Begun => assert!(!lived),
            End::Queued => assert!(!entered.contains(&seq) && !lived, "it had begun"),
            End::Withdrawn => panic!("nobody took it back"),
        }
    }
    if ends[0] == End::Queued {
        assert_eq!(ends[1], End::Queued);
        // The next worker has it.
        hall.renew();
        hall.publish(0, 3);
        let worker = worker(&hall);
        hall.drive(1);
        assert_eq!(hall.answer(0), [6; 8]);
        hall.close();
        worker.join().unwrap();
    }
}
