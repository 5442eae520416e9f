//! The slots of tasks: each pair of transitions that can meet.
//!
//! A slot that is free may be used again at once, and with it the rooms of its argument and its result, so each scenario does that:
//! whoever finds the slot free plays the worker too and writes there.

use crate::*;
use heddle_primitives::sync::thread;
use std::time::Instant;

/// Task 1 is answered or not, task 2 is sent; what the other thread does with task 3 is about the slot of task 1.
fn two_sent() -> (Parent, Worker, Ticket<Long>, Ticket<Long>) {
    let (parent, worker) = started();
    let (first, second) = (submit(&parent, 1), submit(&parent, 2));
    (parent, worker, first, second)
}

/// One thread takes a reply while another sends a task into the same slot: READY to FREE, FREE to PENDING.
#[test]
fn taken_and_sent() {
    complete("take a reply, send a task", 4_800).check(|| {
        let (parent, mut worker, first, second) = two_sent();
        answer(&mut worker);
        let other = thread::spawn({
            let parent = parent.clone();
            move || {
                answer(&mut worker);
                let third = one_more(&parent, &mut worker, 3);
                (worker, third)
            }
        });
        taken(first, 1);
        let (worker, third) = other.join().unwrap();
        taken(second, 2);
        third.into_iter().for_each(|third| taken(third, 3));
        drop(worker);
    });
}

/// The same about the room of the argument: the worker has read it, the parent has taken the reply, and another thread of the parent
/// writes the next argument there.
#[test]
fn answered_taken_and_sent() {
    complete("answer, take the reply, send a task", 2_197).check(|| {
        let (parent, mut worker, first, second) = two_sent();
        let other = thread::spawn({
            let parent = parent.clone();
            move || match parent.submit::<_, Long>(long(3)) {
                Ok(ticket) => Some(ticket),
                Err(SubmitError::Full { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        });
        answer(&mut worker);
        taken(first, 1);
        let third = other.join().unwrap();
        answer(&mut worker);
        taken(second, 2);
        if let Some(third) = third {
            answer(&mut worker);
            taken(third, 3);
        }
        drop(worker);
    });
}

/// One thread receives the reply of a task whose ticket is gone, while another sends a task: ABANDONED to FREE, FREE to PENDING.
#[test]
fn thrown_away_and_sent() {
    complete("throw a reply away, send a task", 666).check(|| {
        let (parent, mut worker, first, second) = two_sent();
        answer(&mut worker);
        answer(&mut worker);
        drop(first);
        let other = thread::spawn({
            let parent = parent.clone();
            move || {
                let third = one_more(&parent, &mut worker, 3);
                (worker, third)
            }
        });
        taken(second, 2);
        let (worker, third) = other.join().unwrap();
        third.into_iter().for_each(|third| taken(third, 3));
        drop(worker);
    });
}

/// One thread drops a ticket while another receives its reply: PENDING to ABANDONED or to READY, READY to FREE.
#[test]
fn dropped_and_received() {
    complete("drop a ticket, receive its reply", 729).check(|| {
        let (parent, mut worker, first, second) = two_sent();
        answer(&mut worker);
        answer(&mut worker);
        let other = thread::spawn({
            let parent = parent.clone();
            move || {
                drop(first);
                let third = one_more(&parent, &mut worker, 3);
                (worker, third)
            }
        });
        taken(second, 2);
        let (worker, third) = other.join().unwrap();
        third.into_iter().for_each(|third| taken(third, 3));
        // Nothing is lost: all slots are free again.
        let free = [4, 5].map(|n| submit(&parent, n));
        drop((worker, free));
    });
}

/// Two threads wait for one worker, and one receives for both.
#[test]
fn two_wait() {
    complete("two wait, both answered", 53).check(|| {
        let (_parent, mut worker, first, second) = two_sent();
        answer(&mut worker);
        answer(&mut worker);
        let other = thread::spawn(move || taken(first, 1));
        taken(second, 2);
        other.join().unwrap();
        drop(worker);
    });
    bounded("two wait for a worker", 2, 1_521).check(|| {
        let (_parent, mut worker, first, second) = two_sent();
        let other = thread::spawn(move || taken(second, 2));
        let worker = thread::spawn(move || {
            answer(&mut worker);
            answer(&mut worker);
            worker
        });
        taken(first, 1);
        other.join().unwrap();
        drop(worker.join().unwrap());
    });
}

/// Two threads send: two tasks, in some order, in two slots.
#[test]
fn two_send() {
    complete("two send", 53).check(|| {
        let (parent, mut worker) = started();
        let other = thread::spawn({
            let parent = parent.clone();
            move || submit(&parent, 7)
        });
        let mine = submit(&parent, 8);
        let other = other.join().unwrap();
        answer(&mut worker);
        answer(&mut worker);
        taken(other, 7);
        taken(mine, 8);
    });
}

/// Whoever asks whether there is an answer gets it at once if so, while another thread receives.
#[test]
fn asked_and_received() {
    bounded("ask and receive", 3, 264).check(|| {
        let (_parent, mut worker, first, second) = two_sent();
        answer(&mut worker);
        let other = thread::spawn(move || {
            answer(&mut worker);
            if !second.is_done() {
                return (worker, Some(second));
            }
            assert!(second.is_done());
            taken(second, 2);
            (worker, None)
        });
        taken(first, 1);
        let (worker, second) = other.join().unwrap();
        if let Some(second) = second {
            assert!(second.is_done());
            taken(second, 2);
        }
        drop(worker);
    });
}

/// A wait that times out leaves the reply for the next, and a ticket that is dropped then is thrown away.
#[test]
fn timed_out() {
    complete("time out", 3_431).spurious(2).check(|| {
        let (parent, mut worker) = started();
        let mut first = submit(&parent, 1);
        let other = thread::spawn(move || {
            answer(&mut worker);
            worker
        });
        let answered = heddle_ipc::model::settle(&mut first, Some(Instant::now()));
        match answered {
            Ok(answer) => assert_eq!(answer, mix(long(1))),
            Err(heddle_ipc::CallError::TimedOut { .. }) => taken(first, 1),
            Err(error) => panic!("{error}"),
        }
        drop(other.join().unwrap());
    });
}
