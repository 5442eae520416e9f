use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, Barrier, BarrierError, Event};

use super::{eventually, kill, panics_in_a_fork, storm, workers};

/// Passes again and again; returns how often it led, and stays a member.
fn pass(barrier: Address<Barrier>) -> u64 {
    let barrier = Barrier::attach(barrier).expect("its maker lives");
    let led = (0..1_000).filter(|_| barrier.wait().expect("nobody dies")).count();
    core::mem::forget(barrier);
    led as u64
}

/// Passes once and leaves.
fn visit(barrier: Address<Barrier>) -> u64 {
    let barrier = Barrier::attach(barrier).expect("its maker lives");
    let led = barrier.wait().expect("nobody dies");
    barrier.leave();
    u64::from(led)
}

/// Says that it takes part, and does not come.
fn join(barrier: Address<Barrier>) -> u64 {
    let barrier = Barrier::attach(barrier).expect("its maker lives");
    barrier.join();
    core::mem::forget(barrier);
    0
}

#[test]
fn all_pass_and_one_leads() {
    let barrier = Barrier::new(3).unwrap();
    assert_eq!((barrier.parties(), barrier.n_waiting(), barrier.is_broken()), (3, 0, false));
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, pass, barrier.address()).unwrap());
    let mut led = (0..1_000).filter(|_| barrier.wait().unwrap()).count() as u64;
    for ticket in tickets {
        led += ticket.wait(None).unwrap();
    }
    assert_eq!(led, 1_000);
}

#[test]
fn a_member_dies_and_the_others_learn_of_it() {
    let barrier = Barrier::new(3).unwrap();
    let workers = workers(2);
    workers.call(0, join, barrier.address()).unwrap();
    fn waits(barrier: Address<Barrier>) -> u64 {
        let barrier = Barrier::attach(barrier).expect("its maker lives");
        u64::from(barrier.wait() == Err(BarrierError::Broken))
    }
    let ticket = workers.submit(1, waits, barrier.address()).unwrap();
    eventually("it waits", || barrier.n_waiting() == 1);
    kill(&workers, 0);
    assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    assert_eq!(ticket.wait(None), Ok(1));
    assert!(barrier.is_broken());
}

#[test]
fn as_new_after_a_reset() {
    let barrier = Barrier::new(2).unwrap();
    let workers = workers(2);
    workers.call(0, join, barrier.address()).unwrap();
    kill(&workers, 0);
    assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    barrier.reset();
    let ticket = workers.submit(1, visit, barrier.address()).unwrap();
    let led = barrier.wait().unwrap();
    assert_eq!(ticket.wait(None), Ok(u64::from(!led)));
    // The worker has left both: its end is nobody's loss.
    drop(workers);
    assert_eq!(barrier.wait_for(Duration::from_millis(20)), Err(BarrierError::TimedOut));
}

#[test]
fn gives_up_in_time() {
    let barrier = Barrier::new(2).unwrap();
    let start = Instant::now();
    assert_eq!(barrier.wait_for(Duration::from_millis(30)), Err(BarrierError::TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(30) && barrier.is_broken());
    assert_eq!(barrier.wait_until(start), Err(BarrierError::Broken));
    barrier.reset();
    barrier.abort();
    assert_eq!(barrier.wait(), Err(BarrierError::Broken));
}

#[test]
#[should_panic = "a barrier has 1 to 2047 parties"]
fn no_parties() {
    let _ = Barrier::new(0);
}

/// Members that are killed at any moment: the others pass together or all learn of it, and a reset makes it good again.
#[test]
fn a_storm_of_deaths() {
    let barrier = Barrier::new(2).unwrap();
    fn turn(barrier: Address<Barrier>) -> u64 {
        let barrier = Barrier::attach(barrier).expect("its maker lives");
        loop {
            if barrier.wait().is_err() {
                barrier.reset();
            }
        }
    }
    storm(turn, barrier.address(), || {
        // Takes part in the rounds, whatever they bring.
        match barrier.wait_for(super::NOTICED) {
            Ok(_) | Err(BarrierError::Broken) => {}
            Err(error) => panic!("{error}"),
        }
        barrier.leave();
    });
}

#[test]
fn a_forked_child_is_refused() {
    let barrier = Barrier::new(1).unwrap();
    let workers = workers(1);
    fn fork(barrier: Address<Barrier>) -> u64 {
        let barrier = Barrier::attach(barrier).expect("its maker lives");
        u64::from(panics_in_a_fork(|| assert!(barrier.wait().is_ok())))
    }
    assert_eq!(workers.call(0, fork, barrier.address()), Ok(1));
    assert_eq!(barrier.wait(), Ok(true));
}

#[test]
fn an_address_of_something_else_is_refused() {
    let barrier = Barrier::new(1).unwrap();
    let other: Address<Event> = zerocopy::transmute!(barrier.address());
    assert!(matches!(Event::attach(other), Err(AttachError::Type { .. })));
}
