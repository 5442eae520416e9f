//! Channels whose values come by themselves.

use crate::support::*;
use heddle_primitives::channel::*;
use heddle_primitives::select;
use heddle_primitives::sync::thread;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn after_tells_the_moment_once() {
    let start = Instant::now();
    let receiver = after(TICK);
    let second = receiver.clone();
    assert!(receiver.same_channel(&second) && !receiver.same_channel(&after(TICK)));
    assert_eq!(format!("{receiver:?}"), "Receiver { kind: Clock, .. }");
    assert_eq!((receiver.capacity(), receiver.is_disconnected()), (Some(1), false));
    let when = receiver.recv().unwrap();
    assert!(when >= start + TICK && Instant::now() >= when);
    assert_eq!(second.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(second.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
    assert_eq!((receiver.is_empty(), receiver.is_full(), receiver.len()), (true, false, 0));
}

#[test]
fn after_is_not_before_its_time() {
    let receiver = after(HOUR);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= TICK);
    assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    assert_eq!(receiver.try_iter().count(), 0);
}

#[test]
fn at_takes_the_past_as_due() {
    let long_ago = Instant::now() - TICK;
    let receiver = at(long_ago);
    assert!(receiver.is_full() && !receiver.is_empty() && receiver.len() == 1);
    assert_eq!(receiver.recv_deadline(long_ago), Ok(long_ago));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn each_moment_goes_to_one_receiver() {
    for _ in 0..200 {
        let receiver = at(Instant::now());
        let got = thread::scope(|s| {
            let threads = [(); 3].map(|()| s.spawn(|| receiver.recv_deadline(Instant::now()).is_ok()));
            threads.into_iter().map(|thread| u32::from(thread.join().unwrap())).sum::<u32>()
        });
        assert_eq!(got, 1);
    }
}

#[test]
fn tick_keeps_its_beat() {
    const PERIOD: Duration = Duration::from_millis(2);
    let start = Instant::now();
    let receiver = tick(PERIOD);
    let beats: Vec<_> = receiver.iter().take(10).inspect(|beat| assert!(*beat <= Instant::now())).collect();
    assert!(beats[0] >= start + PERIOD);
    assert!(beats.windows(2).all(|pair| pair[1] - pair[0] >= PERIOD), "{beats:?}");
}

#[test]
fn tick_leaves_out_what_was_missed() {
    const PERIOD: Duration = Duration::from_millis(20);
    let start = Instant::now();
    let receiver = tick(PERIOD);
    let woke = Instant::now() + 5 * PERIOD;
    while Instant::now() < woke {
        thread::sleep(PERIOD);
    }
    // The oldest that was missed, and then none of the others.
    let first = receiver.try_recv().unwrap();
    assert!(first >= start + PERIOD && first <= woke - 4 * PERIOD);
    let second = receiver.recv().unwrap();
    assert!(second >= woke + PERIOD, "{:?}", second - first);
}

#[test]
fn tick_without_a_period_is_always_due() {
    let receiver = tick(Duration::ZERO);
    assert!(receiver.try_iter().take(100).is_sorted());
    assert_eq!(receiver.iter().take(100).count(), 100);
    // The last receiver to go ends the beats, or would never have received all of them.
    drop(receiver);
}

#[test]
fn tick_shares_beats_among_receivers() {
    let receiver = tick(Duration::from_micros(200));
    let mut beats: Vec<Instant> = thread::scope(|s| {
        let threads = [(); 4].map(|()| s.spawn(|| receiver.iter().take(20).collect::<Vec<_>>()));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    beats.sort_unstable();
    assert_eq!(beats.len(), 80);
    assert!(beats.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_micros(200)));
}

#[test]
fn never_waits_as_long_as_it_is_told() {
    let receiver = never::<String>();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= TICK);
    assert!(receiver.is_empty() && !receiver.is_disconnected());
}

/// Every way to wait for what does not come, until another thread closes it.
#[test]
fn clocks_end_when_they_are_closed() {
    type Wait = fn(&Receiver<Instant>) -> bool;
    let waits: [Wait; 4] = [
        |receiver| receiver.recv() == Err(RecvError),
        |receiver| receiver.iter().next().is_none(),
        |receiver| receiver.recv_timeout(Duration::MAX) == Err(RecvTimeoutError::Disconnected),
        |receiver| select! { recv(receiver) -> value => value == Err(RecvError) },
    ];
    for make in [never, || after(HOUR), || tick(HOUR)] {
        for wait in waits {
            let receiver = make();
            thread::scope(|s| {
                let waiting = s.spawn(|| wait(&receiver));
                thread::sleep(Duration::from_millis(1));
                assert!(receiver.close() && !receiver.close());
                assert!(waiting.join().unwrap());
            });
            assert!(receiver.is_disconnected());
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        }
    }
}

#[test]
fn select_wakes_for_the_earliest() {
    let (_sender, silent) = unbounded::<u32>();
    let late = after(HOUR);
    let mut select = Select::new();
    select.recv(&silent);
    let late_index = select.recv(&late);
    assert!(select.try_select().is_err() && select.try_ready().is_err());
    assert_eq!(select.select_timeout(TICK / 4).map(|_| ()), Err(SelectTimeoutError));
    let start = Instant::now();
    let early = after(TICK);
    let mut select = select.clone();
    let early_index = select.recv(&early);
    assert_eq!(select.ready(), early_index);
    assert!(start.elapsed() >= TICK);
    let operation = select.select();
    assert_eq!(operation.index(), early_index);
    assert!(operation.recv(&early).unwrap() >= start + TICK);
    assert_eq!(select.ready_timeout(TICK / 4), Err(ReadyTimeoutError));
    assert!(late.close());
    let operation = select.select();
    assert_eq!((operation.index(), operation.recv(&late)), (late_index, Err(RecvError)));
}

/// A selection whose clock another thread has read goes on waiting for the rest.
#[test]
fn select_goes_on_when_the_moment_was_taken() {
    let (sender, numbers) = unbounded();
    let moment = after(Duration::from_millis(2));
    thread::scope(|s| {
        let other = moment.clone();
        s.spawn(move || {
            let taken = other.recv_timeout(TICK).is_ok();
            thread::sleep(Duration::from_millis(2));
            sender.send(taken).unwrap();
        });
        let mut moments = 0;
        let taken = loop {
            select! {
                recv(numbers) -> taken => break taken.unwrap(),
                recv(moment) -> when => moments += u32::from(when.is_ok()),
            }
        };
        // It came to one of them.
        assert_eq!(moments + u32::from(taken), 1);
    });
}

#[test]
fn select_macro_takes_clocks_in_place() {
    let (sender, numbers) = unbounded();
    let (mut beats, mut received) = (Vec::new(), 0);
    let beat = tick(Duration::from_millis(1));
    let end = after(Duration::from_millis(20));
    sender.send(1).unwrap();
    loop {
        select! {
            recv(beat) -> when => beats.push(when.unwrap()),
            recv(numbers) -> number => received += number.unwrap(),
            recv(never::<()>()) -> _ => unreachable!("nothing comes"),
            recv(end) -> _ => break,
        }
    }
    assert!(beats.is_sorted() && received == 1, "{beats:?} {received}");
    select! {
        recv(end) -> _ => panic!("it was received"),
        recv(after(Duration::from_millis(1))) -> when => assert!(when.is_ok()),
    }
}

/// One that goes wrong panics, or is due at once.
#[test]
fn r15_huge_clocks_do_not_overflow() {
    for huge in [Duration::MAX, Duration::from_secs(u64::MAX / 4), Duration::from_secs(30_000_000_000)] {
        for receiver in [after(huge), tick(huge)] {
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
            assert_eq!(
                select! { recv(receiver) -> _ => 1, default(Duration::from_millis(1)) => 2 },
                2,
                "{huge:?}"
            );
            thread::scope(|s| {
                s.spawn(|| assert_eq!(receiver.recv_timeout(huge), Err(RecvTimeoutError::Disconnected)));
                receiver.close();
            });
        }
        let soon = after(Duration::from_millis(1));
        assert!(soon.recv_timeout(huge).is_ok());
    }
    // The longest that the clock can tell.
    let mut huge = Duration::from_secs(1);
    while Instant::now().checked_add(huge * 2).is_some() {
        huge *= 2;
    }
    let receiver = at(Instant::now() + huge);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(tick(huge).recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
}
