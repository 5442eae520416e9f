//! Workers that stop for ever after any step, and who waits for them.
//!
//! A process that is killed between two instructions leaves what it had written, in the order in which it wrote it, which on memory
//! that is read with acquire is what another thread sees that reads in between. So a death is a side that does nothing more, after
//! which the supervisor notes it. That no instruction in between is worse is for `tests/soak.rs`, which kills processes.

use crate::*;
use heddle_ipc::{CallError, Exit};
use heddle_primitives::sync::thread;

const KILLED: Exit = Exit::Signal(9);

/// What was on the ring when the worker died is delivered; else whoever waits learns of the death.
fn judge(answer: Result<Long, CallError>, n: u64, reached: Step) {
    match answer {
        Ok(answer) => assert!(reached >= Step::Committed && answer == mix(long(n)), "{reached:?} {answer:?}"),
        Err(CallError::Died { exit, running, .. }) => {
            assert!(reached < Step::Committed && exit == KILLED, "{reached:?} {exit}");
            assert_eq!(running, std::any::type_name::<Long>());
        }
        Err(error) => panic!("{error}"),
    }
}

fn stops_after(last: Step) {
    let (parent, mut worker) = started();
    let ticket = submit(&parent, 1);
    let other = thread::spawn({
        let parent = parent.clone();
        move || {
            assert_eq!(worker.answer(mix, last), last);
            parent.bury(KILLED);
            worker
        }
    });
    judge(ticket.wait(None), 1, last);
    let worker = other.join().unwrap();
    assert_eq!(parent.exit(), Some(KILLED));
    assert!(matches!(parent.submit::<_, Long>(long(2)), Err(SubmitError::Dead { exit: KILLED, .. })));
    drop(worker);
}

#[test]
fn noticed_after_each_step() {
    for last in Step::ALL {
        let at_least = match last {
            Step::Answered => 4_847,
            Step::Committed => 730,
            _ => 78,
        };
        let scenario = complete(&format!("worker stops when {last:?}"), at_least);
        scenario.spurious(2).check(move || stops_after(last));
    }
}

/// Two threads wait, and the worker dies between the two answers.
#[test]
fn noticed_by_all_who_wait() {
    bounded("worker dies, two wait", 2, 1_042).check(|| {
        let (parent, mut worker) = started();
        let (first, second) = (submit(&parent, 1), submit(&parent, 2));
        let dies = thread::spawn({
            let parent = parent.clone();
            move || {
                answer(&mut worker);
                parent.bury(KILLED);
                worker
            }
        });
        let other = thread::spawn(move || judge(second.wait(None), 2, Step::Idle));
        judge(first.wait(None), 1, Step::Answered);
        other.join().unwrap();
        drop(dies.join().unwrap());
    });
}

/// A task that is sent while its worker dies is refused or ends in the death.
#[test]
fn dies_while_a_task_is_sent() {
    complete("worker dies, a task is sent", 420).spurious(2).check(|| {
        let (parent, worker) = started();
        let other = thread::spawn({
            let parent = parent.clone();
            move || {
                parent.bury(KILLED);
            }
        });
        match parent.submit(long(1)) {
            Ok(ticket) => judge(ticket.wait(None), 1, Step::Idle),
            Err(error) => assert!(matches!(error, SubmitError::Dead { exit: KILLED, .. }), "{error}"),
        }
        other.join().unwrap();
        drop(worker);
    });
}

/// A worker that dies before it is ready.
#[test]
fn dies_before_it_is_ready() {
    complete("worker dies before it is ready", 78).check(|| {
        let (parent, worker) = pair();
        let other = thread::spawn({
            let parent = parent.clone();
            move || parent.bury(KILLED)
        });
        let greeted = parent.greet().unwrap_err();
        assert!(greeted.contains("Died") && greeted.contains("handshake"), "{greeted}");
        other.join().unwrap();
        drop(worker);
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_death_that_is_noted_too_late_is_found() {
    Scenario::new("death noted late").finds("closed, but it lives", || {
        let (parent, worker) = started();
        let ticket = submit(&parent, 1);
        let other = thread::spawn({
            let parent = parent.clone();
            move || parent.bury_too_late(KILLED)
        });
        judge(ticket.wait(None), 1, Step::Idle);
        other.join().unwrap();
        drop(worker);
    });
}

/// An answer that nobody asked for is an error and no hang, and so is all that comes later.
#[test]
fn nonsense_is_an_error() {
    complete("nonsense", 206).spurious(2).check(|| {
        let (parent, mut worker) = started();
        let ticket = submit(&parent, 1);
        let other = thread::spawn(move || {
            worker.answer_unasked(2);
            worker
        });
        assert!(matches!(ticket.wait(None), Err(CallError::Garbage { .. })));
        drop(other.join().unwrap());
        let later = submit(&parent, 2);
        assert!(later.is_done());
        assert!(matches!(later.wait(None), Err(CallError::Garbage { .. })));
    });
}
