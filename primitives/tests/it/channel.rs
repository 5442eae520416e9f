//! Channels.

use crate::support::*;
use heddle_primitives::channel::*;
use heddle_primitives::select;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use rustix::thread::{ClockId, CpuSet, sched_getaffinity, sched_setaffinity};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    capacity.map_or_else(unbounded, bounded)
}

const CAPACITIES: [Option<usize>; 6] = [Some(0), Some(1), Some(2), Some(7), Some(64), None];

#[test]
fn channel_knows_its_limits() {
    let (sender, receiver) = bounded(2);
    assert_eq!((sender.capacity(), sender.len()), (Some(2), 0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).unwrap();
    assert_eq!(sender.try_send(2), Ok(()));
    assert!(sender.is_full() && receiver.is_full() && !receiver.is_empty());
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(sender.send_timeout(3, TICK), Err(SendTimeoutError::Timeout(3)));
    assert_eq!(sender.send_deadline(3, Instant::now()), Err(SendTimeoutError::Timeout(3)));
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
    assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));

    let (sender, receiver) = unbounded();
    assert_eq!((sender.capacity(), sender.is_full()), (None, false));
    (0..1_000).for_each(|n| sender.send(n).unwrap());
    assert_eq!((sender.len(), receiver.len()), (1_000, 1_000));
    assert!(receiver.try_iter().eq(0..1_000));
    assert!(receiver.is_empty());

    let (sender, receiver) = bounded::<u32>(0);
    assert_eq!((sender.capacity(), sender.is_full(), receiver.is_empty()), (Some(0), true, true));
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.send_timeout(1, TICK), Err(SendTimeoutError::Timeout(1)));
    assert_eq!(receiver.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
    assert!(std::panic::catch_unwind(|| bounded::<()>((1 << 31) + 1)).is_err());
}

#[test]
fn channel_ends_know_each_other() {
    let ((sender, receiver), (other, _keep)) = (bounded::<u32>(1), bounded::<u32>(1));
    assert!(sender.same_channel(&sender.clone()) && receiver.same_channel(&receiver.clone()));
    assert!(!sender.same_channel(&other));
    assert!(format!("{sender:?} {receiver:?}").starts_with("Sender { kind: Array"));
}

#[test]
fn channel_of_every_kind_disconnects_and_closes() {
    for capacity in CAPACITIES {
        let (sender, receiver) = channel::<u32>(capacity);
        let second = receiver.clone();
        drop(receiver);
        assert!(!sender.is_disconnected());
        drop(second);
        assert!(sender.is_disconnected());
        assert_eq!(sender.send(1), Err(SendError(1)));
        assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
        assert_eq!(sender.send_timeout(1, TICK), Err(SendTimeoutError::Disconnected(1)));

        let (sender, receiver) = channel::<u32>(capacity);
        let second = sender.clone();
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let sent = second.try_send(7).is_ok();
        drop(second);
        assert!(receiver.is_disconnected());
        assert_eq!(receiver.iter().collect::<Vec<_>>().len(), usize::from(sent));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(TICK), Err(RecvTimeoutError::Disconnected));

        let (sender, receiver) = channel::<u32>(capacity);
        assert!(receiver.close());
        assert!(!receiver.close());
        assert_eq!(sender.send(1), Err(SendError(1)));
        assert_eq!(receiver.recv(), Err(RecvError));
    }
}

/// Those who wait, at both ends, are let go when the channel is closed; nothing that was sent is lost.
#[test]
fn channel_closed_while_all_wait() {
    for capacity in CAPACITIES {
        let (sender, receiver) = channel(capacity);
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|s| {
            for n in 0..4 {
                let (sender, sent) = (sender.clone(), &sent);
                s.spawn(move || {
                    while sender.send(n).is_ok() {
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                });
                let (receiver, received) = (receiver.clone(), &received);
                s.spawn(move || receiver.iter().for_each(|_| _ = received.fetch_add(1, Ordering::Relaxed)));
            }
            thread::sleep(TICK);
            receiver.close();
        });
        assert_eq!(sent.into_inner(), received.into_inner(), "{capacity:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Send(u16),
    Recv,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![30 => any::<u16>().prop_map(Op::Send), 25 => Just(Op::Recv), 1 => Just(Op::Close)]
}

proptest! {
    #[test]
    fn channel_is_a_deque_that_can_be_closed(
        capacity in prop::option::of(1_usize..9),
        ops in prop::collection::vec(op(), 0..200),
    ) {
        let (sender, receiver) = channel(capacity);
        let (mut model, mut closed) = (VecDeque::new(), false);
        for op in ops {
            let full = capacity == Some(model.len());
            match op {
                Op::Send(value) if closed => {
                    prop_assert_eq!(sender.try_send(value), Err(TrySendError::Disconnected(value)));
                }
                Op::Send(value) if full => {
                    prop_assert_eq!(sender.try_send(value), Err(TrySendError::Full(value)));
                }
                Op::Send(value) => {
                    model.push_back(value);
                    prop_assert_eq!(sender.send(value), Ok(()));
                }
                Op::Recv => {
                    let none = if closed { TryRecvError::Disconnected } else { TryRecvError::Empty };
                    prop_assert_eq!(receiver.try_recv(), model.pop_front().ok_or(none));
                }
                Op::Close => {
                    prop_assert_eq!(receiver.close(), !closed);
                    closed = true;
                }
            }
            prop_assert_eq!((sender.len(), receiver.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!((sender.is_full(), sender.is_disconnected()), (capacity == Some(model.len()), closed));
        }
        drop(sender);
        prop_assert_eq!(receiver.into_iter().collect::<Vec<_>>(), Vec::from(model));
    }
}

/// Every value arrives once, those of one sender in order at each receiver, whatever ways of sending and receiving are mixed.
fn stress(capacity: Option<usize>, each: u64, pin: impl Fn() + Sync) {
    let (sender, receiver) = channel(capacity);
    let senders = THREADS / 2;
    let sum = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..senders {
            let (sender, pin) = (sender.clone(), &pin);
            s.spawn(move || {
                pin();
                for i in 0..each {
                    let mut value = n << 32 | i;
                    loop {
                        value = match i % 4 {
                            0 => match sender.try_send(value) {
                                Ok(()) => break,
                                Err(error) => error.into_inner(),
                            },
                            1 => match sender.send_deadline(value, moment()) {
                                Ok(()) => break,
                                Err(error) => error.into_inner(),
                            },
                            2 => {
                                select! {
                                    send(sender, value) -> sent => sent.unwrap(),
                                }
                                break;
                            }
                            _ => break sender.send(value).unwrap(),
                        };
                        thread::yield_now();
                    }
                }
            });
            let (receiver, sum) = (receiver.clone(), &sum);
            s.spawn(move || {
                pin();
                let mut last = vec![None; senders as usize];
                for round in n.. {
                    let value = match round % 4 {
                        0 => receiver.try_recv().map_err(|error| error == TryRecvError::Disconnected),
                        1 => receiver
                            .recv_deadline(moment())
                            .map_err(|error| error == RecvTimeoutError::Disconnected),
                        2 => select! {
                            recv(receiver) -> value => value.map_err(|RecvError| true),
                            default(TICK) => Err(false),
                        },
                        _ => receiver.recv().map_err(|RecvError| true),
                    };
                    match value {
                        Ok(value) => {
                            let (sender, i) = (value >> 32, value & 0xFFFF_FFFF);
                            assert!(last[sender as usize].replace(i) < Some(i), "order of {sender}");
                            sum.fetch_add(value, Ordering::Relaxed);
                        }
                        Err(true) => break,
                        Err(false) => thread::yield_now(),
                    }
                }
            });
        }
        drop(sender);
    });
    let expected: u64 = (0..senders).map(|n| each * (n << 32) + each * (each - 1) / 2).sum();
    assert_eq!(sum.into_inner(), expected, "{capacity:?}");
    assert!(receiver.is_empty());
}

#[test]
fn channel_passes_every_value_once() {
    for capacity in CAPACITIES {
        stress(capacity, 1_000, || ());
    }
}

/// crossbeam #821: pinned to one CPU everything became 15 times slower.
#[test]
fn r07_channel_on_one_cpu() {
    let start = Instant::now();
    for capacity in CAPACITIES {
        stress(capacity, 200, pin_to_one);
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

fn pin_to_one() {
    static ONE: std::sync::LazyLock<CpuSet> = std::sync::LazyLock::new(|| {
        let all = sched_getaffinity(None).unwrap();
        let mut one = CpuSet::new();
        one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
        one
    });
    sched_setaffinity(None, &ONE).unwrap();
}

/// rust #106668: a sender at a full channel, and a receiver at an empty one, use the CPU while they wait.
#[test]
fn r07_who_waits_sleeps() {
    let (full, _receiver) = bounded(1);
    full.send(0).unwrap();
    let (_sender, empty) = unbounded::<()>();
    let (_meet, nobody) = bounded::<()>(0);
    let used = |work: &(dyn Fn() + Sync)| {
        let cpu = || rustix::time::clock_gettime(ClockId::ThreadCPUTime);
        let (before, ()) = (cpu(), work());
        let after = cpu();
        Duration::new(after.tv_sec as u64, after.tv_nsec as u32)
            - Duration::new(before.tv_sec as u64, before.tv_nsec as u32)
    };
    let long = Duration::from_millis(200);
    let waits: [&(dyn Fn() + Sync); 4] = [
        &|| assert!(full.send_timeout(1, long).is_err()),
        &|| assert!(empty.recv_timeout(long).is_err()),
        &|| assert!(nobody.recv_timeout(long).is_err()),
        &|| {
            select! {
                recv(empty) -> _ => unreachable!(),
                recv(nobody) -> _ => unreachable!(),
                default(long) => {}
            }
        },
    ];
    for wait in waits {
        assert!(used(wait) < long / 4);
    }
}

/// crossbeam #971, #1084, #1187 (std #139553): a leak's fix became a double free. Values are dropped once, wherever they are
/// when the ends go, also while others still send.
#[test]
fn r08_every_value_is_dropped_once() {
    for capacity in CAPACITIES {
        for left in [0, 1, 30, 31, 32, 63, 100] {
            let value = Arc::new(());
            let (sender, receiver) = channel(capacity);
            for _ in 0..left {
                let _ = sender.try_send(value.clone());
            }
            drop(receiver.try_recv());
            if left % 2 == 0 {
                drop(receiver);
                assert_eq!(Arc::strong_count(&value), 1, "dropped with the last receiver");
            } else {
                drop(sender);
                drop(receiver);
            }
            assert_eq!(Arc::strong_count(&value), 1);
        }
        let value = Arc::new(());
        for round in 0..200_u64 {
            let (sender, receiver) = channel(capacity);
            thread::scope(|s| {
                for _ in 0..2 {
                    let (sender, value) = (sender.clone(), value.clone());
                    s.spawn(move || while sender.send(value.clone()).is_ok() {});
                }
                (0..round % 40).for_each(|_| drop(receiver.recv()));
                drop(receiver);
            });
        }
        assert_eq!(Arc::strong_count(&value), 1, "{capacity:?}");
    }
}

/// flume #44: a selector hangs. Selections at both ends of several channels, against each other and against plain operations.
#[test]
fn r13_selectors_never_hang() {
    for capacity in [Some(0), Some(1), None] {
        let channels: Vec<_> = (0..3).map(|_| channel::<u64>(capacity)).collect();
        let (left_to_send, left_to_receive) = (AtomicU64::new(8_000), AtomicU64::new(8_000));
        let take = |left: &AtomicU64| {
            // The last value is claimed once.
            let mut seen = left.load(Ordering::Relaxed);
            while seen > 0 {
                match left.compare_exchange(seen, seen - 1, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(found) => seen = found,
                }
            }
            false
        };
        thread::scope(|s| {
            for n in 0..4 {
                let (channels, left_to_send, left_to_receive, take) =
                    (&channels, &left_to_send, &left_to_receive, &take);
                s.spawn(move || {
                    while take(left_to_send) {
                        if n == 3 {
                            channels[0].0.send(n).unwrap();
                            continue;
                        }
                        let mut select = Select::new();
                        channels.iter().for_each(|(sender, _)| _ = select.send(sender));
                        let operation = select.select();
                        let sender = &channels[operation.index()].0;
                        operation.send(sender, n).unwrap();
                    }
                });
                s.spawn(move || {
                    while take(left_to_receive) {
                        let mut select = Select::new();
                        channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
                        if n == 3 {
                            // Watches, and competes.
                            loop {
                                if channels[select.ready()].1.try_recv().is_ok() {
                                    break;
                                }
                            }
                            continue;
                        }
                        let operation = select.select();
                        let receiver = &channels[operation.index()].1;
                        operation.recv(receiver).unwrap();
                    }
                });
            }
        });
        assert!(channels.iter().all(|(_, receiver)| receiver.is_empty()));
    }
}

/// Of operations that are all ready none is neglected.
#[test]
fn select_is_fair() {
    let channels: [_; 3] = std::array::from_fn(|_| unbounded());
    channels.iter().for_each(|(sender, _)| (0..1_000).for_each(|n| sender.send(n).unwrap()));
    let mut counts = [0; 3];
    for _ in 0..900 {
        let mut select = Select::new();
        channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
        let operation = select.select();
        let index = operation.index();
        operation.recv(&channels[index].1).unwrap();
        counts[index] += 1;
    }
    assert!(counts.iter().all(|&count| count > 200), "{counts:?}");
}

#[test]
fn select_refuses_what_was_not_selected() {
    let ((sender, receiver), (_keep, other)) = (unbounded(), unbounded::<u32>());
    let mut select = Select::new();
    let unused = select.recv(&other);
    select.remove(unused);
    assert_eq!(select.try_ready(), Err(TryReadyError));
    assert!(select.try_select().is_err());
    let index = select.recv(&receiver);
    assert_eq!(select.select_timeout(TICK).map(|operation| operation.index()), Err(SelectTimeoutError));
    assert_eq!(select.ready_timeout(TICK), Err(ReadyTimeoutError));
    sender.send(1).unwrap();
    assert_eq!(select.ready_deadline(Instant::now()), Ok(index));
    let operation = select.select();
    assert_eq!(operation.index(), index);
    let wrong = std::panic::AssertUnwindSafe(|| operation.recv(&other));
    assert!(std::panic::catch_unwind(wrong).is_err());
}

#[test]
fn select_macro_in_all_its_forms() {
    let (sender, receiver) = bounded(1);
    let (_keep, silent) = bounded::<String>(1);
    let computed = AtomicU64::new(0);
    let compute = || computed.fetch_add(1, Ordering::Relaxed);
    for round in 0..3 {
        let text = select! {
            recv(silent) -> text => text.unwrap(),
            send(sender, compute()) -> result => { result.unwrap(); "sent".to_owned() }
            default => "full".to_owned()
        };
        assert_eq!(text, if round == 0 { "sent" } else { "full" });
    }
    assert_eq!(computed.into_inner(), 1);
    let received = loop {
        select! {
            recv(receiver) -> value => break value,
            recv(silent) -> _ => continue,
        }
    };
    assert_eq!(received, Ok(0));
    drop(sender);
    select! {
        recv(receiver) -> value => assert_eq!(value, Err(RecvError)),
        default(Duration::from_secs(5)) => unreachable!(),
    }
    let start = Instant::now();
    select!(recv(silent) -> _ => unreachable!(), default(TICK) => {});
    assert!(start.elapsed() >= TICK);
    select!(default => {});
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_huge_time_outs_do_not_overflow() {
    for capacity in CAPACITIES {
        let (sender, receiver) = channel(capacity);
        thread::scope(|s| {
            let receiver = &receiver;
            s.spawn(move || {
                assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
                let mut select = Select::new();
                select.recv(receiver);
                let operation = select.select_timeout(Duration::MAX).unwrap();
                assert_eq!(operation.recv(receiver), Ok(2));
            });
            thread::sleep(TICK);
            sender.send_timeout(1, Duration::MAX).unwrap();
            thread::sleep(TICK);
            sender.send_timeout(2, Duration::MAX).unwrap();
        });
    }
}
