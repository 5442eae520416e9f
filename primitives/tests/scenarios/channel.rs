//! Channels. A capacity of `None` is one without a limit.

use heddle_primitives::channel::*;
use heddle_primitives::sync::thread;
use std::time::Instant;

pub(super) fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    capacity.map_or_else(unbounded, bounded)
}

/// Every value sent is received once, in the order of its sender, and then the receivers learn that the senders are gone.
pub fn channel_send_recv(capacity: Option<usize>, senders: u32, receivers: u32, each: u32) {
    let (sender, receiver) = channel(capacity);
    let mut threads = Vec::new();
    for n in 0..senders {
        let sender = sender.clone();
        threads.push(thread::spawn(move || {
            for i in 0..each {
                sender.send(Box::new(n * 100 + i)).unwrap();
            }
            Vec::new()
        }));
    }
    drop(sender);
    for _ in 1..receivers {
        let receiver = receiver.clone();
        threads.push(thread::spawn(move || receiver.iter().map(|value| *value).collect()));
    }
    let mut received: Vec<Vec<u32>> = vec![receiver.iter().map(|value| *value).collect()];
    received.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
    for values in &received {
        for n in 0..senders {
            assert!(values.iter().filter(|value| *value / 100 == n).is_sorted(), "{values:?}");
        }
    }
    let mut all = received.concat();
    all.sort_unstable();
    let sent: Vec<_> = (0..senders).flat_map(|n| (0..each).map(move |i| n * 100 + i)).collect();
    assert_eq!(all, sent);
}

/// Two threads that only try: both send, or both receive, or one each; beyond the ends of blocks and the room of a buffer.
pub fn channel_tries(capacity: Option<usize>, filled: u32, sends: [bool; 2], each: u32) {
    let (sender, receiver) = channel(capacity);
    (0..filled).for_each(|n| sender.send(Box::new(200 + n)).unwrap());
    let turn = |n: usize| {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        move || -> (Vec<u32>, Vec<u32>) {
            let mine = (0..each).map(|i| n as u32 * 100 + i);
            if sends[n] {
                (mine.filter(|value| sender.try_send(Box::new(*value)).is_ok()).collect(), Vec::new())
            } else {
                (Vec::new(), mine.filter_map(|_| receiver.try_recv().ok()).map(|value| *value).collect())
            }
        }
    };
    let other = thread::spawn(turn(1));
    let (mut sent, first) = turn(0)();
    let (more, second) = other.join().unwrap();
    sent.extend(more);
    sent.extend((0..filled).map(|n| 200 + n));
    let rest = receiver.try_iter().map(|value| *value).collect();
    let received = [first, second, rest];
    for (values, n) in received.iter().flat_map(|values| (0..3).map(move |n| (values, n))) {
        assert!(values.iter().filter(|value| *value / 100 == n).is_sorted(), "{values:?}");
    }
    let mut received = received.concat();
    received.sort_unstable();
    sent.sort_unstable();
    assert_eq!(received, sent);
}

/// A value is delivered or handed back, whoever gives up first.
pub fn channel_times_out_or_delivers(capacity: Option<usize>) {
    let (sender, receiver) = channel(capacity);
    let other = thread::spawn(move || match sender.send_deadline(Box::new(7), Instant::now()) {
        Ok(()) => 1,
        Err(error) => {
            assert_eq!(*error.into_inner(), 7);
            0
        }
    });
    let early = receiver.recv_deadline(Instant::now());
    assert!(early.as_ref().map_or(true, |value| **value == 7));
    let sent = other.join().unwrap();
    let late = receiver.try_recv();
    assert_eq!(usize::from(early.is_ok()) + usize::from(late.is_ok()), sent);
}

/// A receiver that gives up strands nobody.
pub fn channel_time_out_strands_nobody(capacity: Option<usize>) {
    let (sender, receiver) = channel(capacity);
    let second = receiver.clone();
    let impatient = thread::spawn(move || second.recv_deadline(Instant::now()).is_ok());
    let waiting = thread::spawn(move || receiver.recv().is_ok());
    // If the impatient one takes a value, the other one is there for the next, or learns of the end.
    let sent = sender.send(1).is_ok();
    drop(sender);
    let (first, second) = (impatient.join().unwrap(), waiting.join().unwrap());
    assert!(sent && (first != second), "{first} {second}");
}

/// A sender that waits is let go by a close; what was sent is received, what was not comes back.
pub fn channel_closes_while_a_sender_waits(capacity: Option<usize>) {
    let (sender, receiver) = channel(capacity);
    let other = thread::spawn(move || {
        (0..2).filter(|&n| sender.send(n).map_err(|error| assert_eq!(error.0, n)).is_ok()).count()
    });
    receiver.close();
    let received = receiver.iter().count();
    assert_eq!(other.join().unwrap(), received);
}

/// The last receiver drops what is left, once, whenever it comes.
pub fn channel_receiver_leaves(capacity: Option<usize>, values: usize) {
    struct Counted<'a>(&'a heddle_primitives::sync::atomic::AtomicU32);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, heddle_primitives::sync::atomic::Ordering::Relaxed);
        }
    }

    struct Owned(heddle_primitives::sync::Arc<heddle_primitives::sync::atomic::AtomicU32>);

    impl Drop for Owned {
        fn drop(&mut self) {
            drop(Counted(&self.0));
        }
    }

    let drops = heddle_primitives::sync::Arc::new(heddle_primitives::sync::atomic::AtomicU32::new(0));
    let (sender, receiver) = channel(capacity);
    let counted = drops.clone();
    let other = thread::spawn(move || {
        for _ in 0..values {
            drop(sender.send(Owned(counted.clone())));
        }
    });
    drop(receiver.try_recv());
    drop(receiver);
    other.join().unwrap();
    assert_eq!(drops.load(heddle_primitives::sync::atomic::Ordering::Relaxed) as usize, values);
}

fn select_recv(receivers: [&Receiver<u32>; 2]) -> Result<u32, RecvError> {
    let mut select = Select::new();
    for receiver in receivers {
        select.recv(receiver);
    }
    let operation = select.select();
    let receiver = receivers[operation.index()];
    operation.recv(receiver)
}

/// One selects between two receivers; a value for either wakes it, none is lost.
pub fn channel_select_of_two(capacity: Option<usize>) {
    let (first, receive_first) = channel(capacity);
    let (second, receive_second) = channel(capacity);
    let other = thread::spawn(move || {
        first.send(1).unwrap();
        second.send(2).unwrap();
        (first, second)
    });
    let both = [&receive_first, &receive_second];
    let mut received = [select_recv(both).unwrap(), select_recv(both).unwrap()];
    received.sort_unstable();
    assert_eq!(received, [1, 2]);
    drop(other.join().unwrap());
    assert_eq!(select_recv(both), Err(RecvError));
}

/// Two threads, each with a selection between a send to the other and a receive from it: exactly one direction is taken.
pub fn channel_select_meets_select() {
    let (there, from_here) = bounded(0);
    let (back, from_there) = bounded(0);
    fn turn(sender: &Sender<u32>, receiver: &Receiver<u32>) -> bool {
        let mut select = Select::new();
        let send = select.send(sender);
        select.recv(receiver);
        let operation = select.select();
        if operation.index() == send {
            operation.send(sender, 7).unwrap();
            true
        } else {
            assert_eq!(operation.recv(receiver), Ok(7));
            false
        }
    }
    let other = thread::spawn({
        let (back, from_here) = (back.clone(), from_here.clone());
        move || turn(&back, &from_here)
    });
    let sent = turn(&there, &from_there);
    assert_ne!(sent, other.join().unwrap());
}

/// A selection of a send against a plain receive, and the other way round.
pub fn channel_select_meets_plain(capacity: usize, select_sends: bool) {
    let (sender, receiver) = bounded(capacity);
    let other = thread::spawn({
        let (sender, receiver) = (sender.clone(), receiver.clone());
        move || {
            if select_sends {
                assert_eq!(receiver.recv(), Ok(7));
            } else {
                sender.send(7).unwrap();
            }
        }
    });
    let mut select = Select::new();
    if select_sends {
        select.send(&sender);
        select.select().send(&sender, 7).unwrap();
    } else {
        select.recv(&receiver);
        assert_eq!(select.select().recv(&receiver), Ok(7));
    }
    other.join().unwrap();
}

/// A selection that sleeps against one who only tries, until it succeeds.
pub fn channel_select_meets_try(select_sends: bool) {
    let (sender, receiver) = bounded(0);
    let other = thread::spawn({
        let (sender, receiver) = (sender.clone(), receiver.clone());
        move || {
            while if select_sends { receiver.try_recv() != Ok(7) } else { sender.try_send(7).is_err() } {
                thread::yield_now();
            }
        }
    });
    let mut select = Select::new();
    if select_sends {
        select.send(&sender);
        select.select().send(&sender, 7).unwrap();
    } else {
        select.recv(&receiver);
        assert_eq!(select.select().recv(&receiver), Ok(7));
    }
    other.join().unwrap();
}

/// A selection with nobody on the other side ends when the channel is closed.
pub fn channel_select_is_closed(capacity: Option<usize>, select_sends: bool) {
    let (sender, receiver) = channel(capacity);
    if select_sends && capacity == Some(1) {
        sender.send(1).unwrap();
    }
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.close()
    });
    let mut select = Select::new();
    if select_sends {
        select.send(&sender);
        assert_eq!(select.select().send(&sender, 7), Err(SendError(7)));
    } else {
        select.recv(&receiver);
        assert_eq!(select.select().recv(&receiver), Err(RecvError));
    }
    assert!(other.join().unwrap());
}

/// Two receivers, one of which selects among two channels: who was woken and finds nothing waits on, and no value is left.
pub fn channel_select_beside_a_receiver() {
    let (first, receive_first) = unbounded();
    let (second, receive_second) = unbounded();
    let selecting = thread::spawn({
        let (receive_first, receive_second) = (receive_first.clone(), receive_second.clone());
        move || select_recv([&receive_first, &receive_second]).is_ok()
    });
    let plain = thread::spawn(move || receive_first.recv().is_ok());
    first.send(1).unwrap();
    // Whoever did not get the first value gets this one: the selection here, or the receive as the channel ends.
    second.send(2).unwrap();
    assert!(selecting.join().unwrap());
    drop(first);
    let got = plain.join().unwrap();
    let left = receive_second.try_recv().is_ok();
    assert_eq!(u32::from(got) + u32::from(left), 1);
}

/// A selection that times out has taken nothing and left nothing behind.
pub fn channel_select_times_out(capacity: usize) {
    let (sender, receiver) = bounded(capacity);
    let other = thread::spawn(move || sender.send(7).is_ok());
    let mut select = Select::new();
    select.recv(&receiver);
    let early = select.select_deadline(Instant::now()).map(|operation| operation.recv(&receiver));
    match early {
        Ok(value) => assert_eq!(value, Ok(7)),
        Err(_) => assert_eq!(receiver.recv(), Ok(7)),
    }
    assert!(other.join().unwrap());
}

/// Readiness is seen by all who watch.
pub fn channel_ready(capacity: Option<usize>) {
    let (sender, receiver) = channel(capacity);
    let other = thread::spawn(move || (sender.send(7).is_ok(), sender));
    let mut select = Select::new();
    select.recv(&receiver);
    loop {
        assert_eq!(select.ready(), 0);
        if let Ok(value) = receiver.try_recv() {
            assert_eq!(value, 7);
            break;
        }
        thread::yield_now();
    }
    assert!(other.join().unwrap().0);
}

/// One who watches is told of the end.
pub fn channel_ready_for_the_end(capacity: Option<usize>) {
    let (sender, receiver) = channel::<u32>(capacity);
    let other = thread::spawn(move || drop(sender));
    let mut select = Select::new();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    other.join().unwrap();
}

/// A block that two threads have read is filled again by one of them.
pub fn channel_block_comes_again() {
    let (sender, receiver) = unbounded();
    (0..2).for_each(|n| sender.send(Box::new(n)).unwrap());
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || {
            let first = receiver.try_recv().is_ok();
            (2..6).for_each(|n| sender.send(Box::new(n)).unwrap());
            first
        }
    });
    let first = receiver.try_recv().is_ok();
    let both = usize::from(first) + usize::from(other.join().unwrap());
    assert_eq!(both + receiver.try_iter().count(), 6);
}

/// One who watches a channel where sender and receiver meet is told when a selection comes to the other side.
pub fn channel_ready_for_a_selection() {
    let (sender, receiver) = bounded(0);
    let other = thread::spawn(move || {
        let mut select = Select::new();
        select.send(&sender);
        select.select().send(&sender, 7).unwrap();
    });
    let mut select = Select::new();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    assert_eq!(receiver.recv(), Ok(7));
    other.join().unwrap();
}

/// Of two threads that fill one channel and find the other empty, one is wrong.
pub fn channel_agrees_with_another() {
    let (first, receive_first) = unbounded();
    let (second, receive_second) = unbounded();
    let other = thread::spawn({
        let receive_first = receive_first.clone();
        move || {
            second.send(1).unwrap();
            receive_first.try_recv().is_err()
        }
    });
    first.send(1).unwrap();
    let empty = receive_second.try_recv() == Err(TryRecvError::Empty);
    let other_empty = other.join().unwrap();
    assert!(!(empty && other_empty), "both were first");
}

/// Of two receivers of a moment one gets it.
pub fn clock_tells_one() {
    let receiver = at(Instant::now());
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.recv_deadline(Instant::now()).is_ok()
    });
    let got = [receiver.try_recv().is_ok(), other.join().unwrap(), receiver.try_recv().is_ok()];
    assert_eq!(got.into_iter().filter(|got| *got).count(), 1);
}

/// Who waits for what never comes, one way or the other, is told of the end.
pub fn clock_is_closed(select: bool) {
    let receiver = never::<u32>();
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.close()
    });
    if select {
        let (_sender, silent) = unbounded();
        assert_eq!(select_recv([&silent, &receiver]), Err(RecvError));
    } else {
        assert_eq!(receiver.recv(), Err(RecvError));
    }
    assert!(other.join().unwrap());
}

/// One who watches is told of the end, and whoever comes later sees it.
pub fn clock_ready_for_the_end() {
    let receiver = never::<u32>();
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.close()
    });
    let mut select = Select::new();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert!(other.join().unwrap());
}

/// A moment that has come ends a selection that others leave alone.
pub fn clock_ends_a_selection() {
    let (sender, numbers) = unbounded();
    let moment = at(Instant::now());
    let other = thread::spawn({
        let moment = moment.clone();
        move || {
            let taken = moment.try_recv().is_ok();
            sender.send(u32::from(taken)).unwrap();
        }
    });
    let mut moments = 0;
    let taken = loop {
        let mut select = Select::new();
        let number = select.recv(&numbers);
        select.recv(&moment);
        let operation = select.select();
        if operation.index() == number {
            break operation.recv(&numbers).unwrap();
        }
        moments += u32::from(operation.recv(&moment).is_ok());
    };
    other.join().unwrap();
    assert_eq!(moments + taken, 1);
}
