//! Tasks one way, replies the other.

use crate::*;
use heddle_ipc::model::{Served, WINDOW};
use heddle_primitives::sync::thread;

/// The worker says that it is ready while the parent waits for that.
#[test]
fn greets() {
    complete("ready", 206).spurious(2).check(|| {
        let (parent, mut worker) = pair();
        let other = thread::spawn(move || {
            assert!(worker.greet());
            worker
        });
        parent.greet().unwrap();
        drop(other.join().unwrap());
    });
}

/// `tasks` calls, one after the other, of a worker that runs until it is dismissed: either side sleeps while the other works.
fn calls(tasks: u64) {
    let (parent, mut worker) = started();
    let other = thread::spawn(move || {
        let served = worker.serve(mix);
        (served, worker)
    });
    for n in 0..tasks {
        taken(submit(&parent, n), n);
    }
    parent.dismiss();
    let (served, worker) = other.join().unwrap();
    assert_eq!(served, Served::Dismissed);
    drop(worker);
}

#[test]
fn calls_one_at_a_time() {
    bounded("one call", 3, 1_529).check(|| calls(1));
    // More than fit the rings.
    bounded("three calls", 2, 2_930).check(|| calls(3));
}

/// Tasks in flight until there is no room, round the end of the rings, and short ones, which have no room of their own.
fn window(tasks: u64) {
    let (parent, mut worker) = started();
    let other = thread::spawn(move || {
        let served = worker.serve(mix);
        (served, worker)
    });
    let mut tickets = std::collections::VecDeque::new();
    for n in 0..tasks {
        if tickets.len() == WINDOW {
            assert_eq!(
                parent.submit::<_, Long>(long(n)).err(),
                Some(SubmitError::Full { rank: 0, capacity: WINDOW })
            );
            let (first, ticket) = tickets.pop_front().unwrap();
            taken(ticket, first);
        }
        tickets.push_back((n, submit(&parent, n)));
    }
    tickets.into_iter().for_each(|(n, ticket)| taken(ticket, n));
    parent.dismiss();
    drop(other.join().unwrap());
}

#[test]
fn as_many_as_there_may_be() {
    bounded("window of tasks", 2, 9_319).check(|| window(3));
}

/// A worker that is told to go, asleep or with a task at hand, goes, and what it answered before is there.
#[test]
fn dismissed() {
    complete("dismissed while idle", 44).spurious(2).check(|| {
        let (parent, mut worker) = started();
        let other = thread::spawn(move || {
            assert_eq!(worker.answer(mix, Step::Answered), Step::Idle);
            worker
        });
        parent.dismiss();
        drop(other.join().unwrap());
    });
    complete("dismissed with a task", 5).check(|| {
        let (parent, mut worker) = started();
        let ticket = submit(&parent, 1);
        let other = thread::spawn(move || {
            let step = worker.answer(mix, Step::Answered);
            (step, worker)
        });
        parent.dismiss();
        let (step, worker) = other.join().unwrap();
        match step {
            Step::Answered => taken(ticket, 1),
            _ => drop(ticket),
        }
        drop(worker);
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_reply_without_a_wake_is_found() {
    Scenario::new("reply without a wake").finds("deadlock", || {
        let (parent, mut worker) = started();
        let ticket = submit(&parent, 1);
        let other = thread::spawn(move || {
            worker.answer(mix, Step::Committed);
            worker
        });
        taken(ticket, 1);
        drop(other.join().unwrap());
    });
}

/// The room of an argument is the parent's again once the task is answered.
fn reuse(early: bool) {
    let (parent, mut worker) = started();
    let first = submit(&parent, 1);
    let other = thread::spawn(move || {
        if early {
            assert_eq!(worker.answer_before_reading(mix(long(1))), Some(long(1)));
        } else {
            answer(&mut worker);
        }
        worker
    });
    taken(first, 1);
    let later = [2, 3].map(|n| submit(&parent, n));
    drop(other.join().unwrap());
    drop(later);
}

#[test]
fn rooms_are_used_again() {
    complete("room of an argument", 206).spurious(2).check(|| reuse(false));
}

#[test]
#[cfg(heddle_loom)]
fn a_room_that_is_read_too_late_is_found() {
    Scenario::new("argument read late")
        .search(Search::Bounded(3))
        .finds("Causality violation", || reuse(true));
}
