//! The channel for one value.

use crate::support::*;
use heddle_primitives::oneshot::*;
use heddle_primitives::sync::thread;
use heddle_primitives::{Shared, oneshot};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn oneshot_passes_a_value_and_says_where_it_is() {
    let (sender, receiver) = oneshot::channel();
    assert!(!sender.is_closed() && !receiver.is_closed() && !receiver.has_message());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    assert_eq!(receiver.recv_deadline(Instant::now() + TICK), Err(RecvTimeoutError::Timeout));
    sender.send(5).unwrap();
    assert!(receiver.has_message() && !receiver.is_closed());
    assert_eq!(receiver.try_recv(), Ok(5));
    assert!(!receiver.has_message() && receiver.is_closed());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv(), Err(RecvError));
}

#[test]
fn oneshot_disconnects() {
    let (sender, receiver) = oneshot::channel::<u32>();
    drop(sender);
    assert!(receiver.is_closed());
    assert_eq!(receiver.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));
    assert_eq!(receiver.recv(), Err(RecvError));
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send("back"), Err(SendError("back")));
    let (sender, receiver) = oneshot::channel::<u32>();
    drop(receiver);
    drop(sender);
}

#[test]
fn a_slot_is_used_again_and_again() {
    let value = Arc::new(());
    let mut slot = Slot::new();
    for round in 0..6 {
        let (sender, receiver) = slot.split();
        match round % 3 {
            0 => {
                sender.send(value.clone()).unwrap();
                drop(receiver.recv().unwrap());
            }
            // Left behind: dropped when the slot is used again, or goes.
            1 => {
                std::mem::forget(receiver);
                sender.send(value.clone()).unwrap();
            }
            _ => drop((sender, receiver)),
        }
        assert_eq!(Arc::strong_count(&value), if round % 3 == 1 { 2 } else { 1 });
    }
    let (sender, receiver) = slot.split();
    sender.send(value.clone()).unwrap();
    std::mem::forget(receiver);
    drop(slot);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Send,
    DropSender,
    TryRecv,
    RecvTimeout,
    DropReceiver,
    Recv,
}

proptest! {
    /// Against a model of three facts: who is there, and whether the value is.
    #[test]
    fn oneshot_is_an_option_with_two_ends(ops in prop::collection::vec(prop::sample::select(vec![
        Op::Send, Op::DropSender, Op::TryRecv, Op::TryRecv, Op::RecvTimeout, Op::DropReceiver, Op::Recv,
    ]), 1..8)) {
        let value = Arc::new(());
        let (sender, receiver) = oneshot::channel();
        let (mut sender, mut receiver) = (Some(sender), Some(receiver));
        let mut there = false;
        for op in ops {
            match op {
                Op::Send => if let Some(sender) = sender.take() {
                    there = receiver.is_some();
                    prop_assert_eq!(sender.is_closed(), !there);
                    prop_assert_eq!(sender.send(value.clone()).is_ok(), there);
                },
                Op::DropSender => drop(sender.take()),
                Op::TryRecv => if let Some(receiver) = &receiver {
                    let expected = match (there, &sender) {
                        (true, _) => Ok(()),
                        (false, Some(_)) => Err(TryRecvError::Empty),
                        (false, None) => Err(TryRecvError::Disconnected),
                    };
                    prop_assert_eq!(receiver.try_recv().map(drop), expected);
                    there = false;
                },
                Op::RecvTimeout => if let Some(receiver) = &receiver {
                    let expected = match (there, &sender) {
                        (true, _) => Ok(()),
                        (false, Some(_)) => Err(RecvTimeoutError::Timeout),
                        (false, None) => Err(RecvTimeoutError::Disconnected),
                    };
                    prop_assert_eq!(receiver.recv_timeout(Duration::ZERO).map(drop), expected);
                    there = false;
                },
                Op::DropReceiver => {
                    drop(receiver.take());
                    there = false;
                }
                Op::Recv => if sender.is_none() && let Some(receiver) = receiver.take() {
                    prop_assert_eq!(receiver.recv().is_ok(), there);
                    there = false;
                },
            }
            prop_assert_eq!(Arc::strong_count(&value), 1 + usize::from(there));
        }
        drop((sender, receiver));
        prop_assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn oneshot_requests_and_replies_oversubscribed() {
    type Request = (u64, Sender<u64>);
    thread::scope(|s| {
        for client in 0..THREADS / 2 {
            let (requests, incoming) = std::sync::mpsc::channel::<Request>();
            s.spawn(move || {
                for (n, reply) in incoming {
                    if n % 7 == 0 {
                        drop(reply);
                    } else {
                        _ = reply.send(n + 1);
                    }
                }
            });
            s.spawn(move || {
                for n in 0..5_000 {
                    let (reply, answer) = oneshot::channel();
                    requests.send((n, reply)).unwrap();
                    let expected = if n % 7 == 0 { Err(RecvError) } else { Ok(n + 1) };
                    match (n + client) % 5 {
                        0 => drop(answer),
                        1 => match answer.recv_deadline(moment()) {
                            Err(RecvTimeoutError::Timeout) => assert_eq!(answer.recv(), expected),
                            result => assert_eq!(result.map_err(|_| RecvError), expected),
                        },
                        _ => assert_eq!(answer.recv(), expected),
                    }
                }
            });
        }
    });
}

/// glibc 12674, rust #55005, rayon #768, #929: the waker touches memory that the woken side has freed. Here it is unmapped.
#[test]
fn r05_oneshot_the_slot_is_gone_when_the_sender_wakes() {
    for round in 0..2_000_u64 {
        let page = Page::map();
        let slot = page.get::<Slot<u64, Shared>>();
        // SAFETY: the slot is new; these are its only ends, and numbers are valid everywhere.
        let sender: Sender<u64, _> = unsafe { Sender::from_home(slot) };
        // SAFETY: as above.
        let receiver = unsafe { Receiver::from_home(slot) };
        thread::scope(|s| {
            s.spawn(move || {
                if round % 2 == 0 {
                    thread::yield_now();
                }
                sender.send(round).unwrap();
            });
            assert_eq!(receiver.recv(), Ok(round));
            page.unmap();
        });
    }
}

/// crossbeam #971, #1084, #1187: a leak's fix became a double free. Ends race to be last.
#[test]
fn r08_oneshot_drops_the_value_once() {
    let value = Arc::new(());
    for round in 0..2_000 {
        let (sender, receiver) = oneshot::channel();
        let sent = value.clone();
        thread::scope(|s| {
            s.spawn(move || if round % 3 == 0 { drop(sender) } else { _ = sender.send(sent) });
            if round % 2 == 0 {
                drop(receiver);
            } else {
                drop(receiver.recv());
            }
        });
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn a_value_that_panics_while_it_is_dropped_leaves_nothing_behind() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }

    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(Bomb).is_ok());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(receiver))).is_err());
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_oneshot_huge_time_outs_do_not_overflow() {
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    for deadline in [None, Some(far)] {
        let (sender, receiver) = oneshot::channel();
        thread::scope(|s| {
            s.spawn(|| {
                thread::sleep(TICK);
                sender.send(1).unwrap();
            });
            let received = match deadline {
                None => receiver.recv_timeout(Duration::MAX),
                Some(deadline) => receiver.recv_deadline(deadline),
            };
            assert_eq!(received, Ok(1));
        });
    }
}
