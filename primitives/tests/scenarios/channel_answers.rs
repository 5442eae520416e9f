//! What channels say of themselves, and what is visible to whom they say it. A capacity of `None` is one without a limit.

use super::Plain;
use super::channel::channel;
use heddle_primitives::channel::*;
use heddle_primitives::sync::{Arc, thread};
use std::time::Instant;

/// Who learns that the other side is gone sees what it did before it went: closed, or dropped, the last of two ends.
pub fn channel_end_publishes(capacity: Option<usize>, closed: bool) {
    let (sender, receiver) = channel::<u32>(capacity);
    let done = Arc::new((Plain::new(), Plain::new()));
    if closed {
        let other = thread::spawn({
            let done = done.clone();
            move || {
                done.0.set(1);
                receiver.close();
                receiver
            }
        });
        if sender.is_disconnected() {
            assert_eq!(done.0.get(), 1);
        }
        other.join().unwrap();
    } else {
        let (first, second) = (sender.clone(), sender);
        let other = thread::spawn({
            let done = done.clone();
            move || {
                done.0.set(1);
                drop(first);
            }
        });
        let last = thread::spawn({
            let done = done.clone();
            move || {
                done.1.set(1);
                drop(second);
            }
        });
        if receiver.is_disconnected() {
            assert_eq!((done.0.get(), done.1.get()), (1, 1));
        }
        other.join().unwrap();
        last.join().unwrap();
    }
}

/// Who fails because the other side is gone sees what it did before it went.
pub fn channel_failure_publishes(capacity: Option<usize>, send: bool) {
    let (sender, receiver) = channel::<u32>(capacity);
    let done = Arc::new(Plain::new());
    let leave = {
        let done = done.clone();
        move |end: Box<dyn Send>| {
            done.set(1);
            drop(end);
        }
    };
    let (other, failed) = if send {
        let other = thread::spawn(move || leave(Box::new(receiver)));
        (other, sender.try_send(7) == Err(TrySendError::Disconnected(7)))
    } else {
        let other = thread::spawn(move || leave(Box::new(sender)));
        (other, receiver.try_recv() == Err(TryRecvError::Disconnected))
    };
    if failed {
        assert_eq!(done.get(), 1);
    }
    other.join().unwrap();
}

/// Two threads that each put a value into a channel of their own, and then find the other's empty: not both.
pub fn channels_found_empty(capacity: Option<usize>) {
    let channels = Arc::new((channel::<u32>(capacity), channel::<u32>(capacity)));
    let other = thread::spawn({
        let channels = channels.clone();
        move || {
            let ((sender, _), (_, receiver)) = &*channels;
            sender.try_send(1).unwrap();
            receiver.try_recv().is_ok()
        }
    });
    let ((_, receiver), (sender, _)) = &*channels;
    sender.try_send(2).unwrap();
    let found = receiver.try_recv().is_ok();
    assert!(other.join().unwrap() || found);
}

/// The same, of full ones: each takes a value out, and then finds no room in the other's.
pub fn channels_found_full() {
    let channels = Arc::new((channel::<u32>(Some(1)), channel::<u32>(Some(1))));
    channels.0.0.send(0).unwrap();
    channels.1.0.send(0).unwrap();
    let other = thread::spawn({
        let channels = channels.clone();
        move || {
            let ((_, receiver), (sender, _)) = &*channels;
            receiver.try_recv().unwrap();
            sender.try_send(1).is_ok()
        }
    });
    let ((sender, _), (_, receiver)) = &*channels;
    receiver.try_recv().unwrap();
    let found = sender.try_send(2).is_ok();
    assert!(other.join().unwrap() || found);
}

/// A channel that is never without a value is never said to be empty.
pub fn channel_is_not_empty(capacity: Option<usize>) {
    let (sender, receiver) = channel(capacity);
    sender.send(0).unwrap();
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || {
            sender.send(1).unwrap();
            receiver.recv().unwrap();
        }
    });
    assert!(!receiver.is_empty());
    other.join().unwrap();
}

/// The same while a third thread takes the older value out, after the second is known to be in.
pub fn channel_is_not_empty_to_a_third() {
    let (sender, receiver) = unbounded();
    (0..3).for_each(|n| sender.send(n).unwrap());
    (0..2).for_each(|n| assert_eq!(receiver.recv(), Ok(n)));
    let looking = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.is_empty()
    });
    let sending = thread::spawn(move || sender.send(3).map(|()| sender));
    let sender = sending.join().unwrap();
    assert_eq!(receiver.recv(), Ok(2));
    assert!(!looking.join().unwrap());
    drop(sender);
}

/// What is said of the number of values was true at some time: one or two of them are in the channel, whatever comes first.
pub fn channel_counts(capacity: Option<usize>, send_first: bool) {
    let (sender, receiver) = channel(capacity);
    (0..2 - u32::from(send_first)).for_each(|n| sender.send(n).unwrap());
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || {
            if send_first {
                sender.send(7).unwrap();
                receiver.recv().unwrap();
            } else {
                receiver.recv().unwrap();
                sender.send(7).unwrap();
            }
        }
    });
    let len = receiver.len();
    assert!((1..=2).contains(&len), "{len} values");
    other.join().unwrap();
}

/// Two receivers go over the end of a block that a sender is still about to link: the second one by what the first one has read.
pub fn channel_next_block_is_seen() {
    let (sender, receiver) = unbounded();
    sender.send(Box::new(0)).unwrap();
    assert_eq!(*receiver.recv().unwrap(), 0);
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.try_recv().map_or(0, |value| *value)
    });
    let sending = thread::spawn(move || (1..3).for_each(|n| sender.send(Box::new(n)).unwrap()));
    let first = receiver.try_recv().map_or(0, |value| *value);
    let second = other.join().unwrap();
    sending.join().unwrap();
    assert!(first != second || first == 0, "{first} and {second}");
    assert_eq!(first + second + receiver.try_iter().map(|value| *value).sum::<u32>(), 3);
}

/// One of two threads that have read a block writes into it again.
pub fn channel_block_is_handed_on() {
    let (sender, receiver) = unbounded();
    (0..3).for_each(|n| sender.send(Box::new(n)).unwrap());
    let other = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.try_recv().is_ok()
    });
    let first = receiver.try_recv().is_ok();
    sender.send(Box::new(3)).unwrap();
    assert!(first && other.join().unwrap());
    assert_eq!(receiver.try_iter().map(|value| *value).collect::<Vec<_>>(), [2, 3]);
}

/// Two threads that each close a channel of their own, and then find the other's open and empty: not both.
pub fn channels_found_open(capacity: Option<usize>) {
    let channels = Arc::new((channel::<u32>(capacity), channel::<u32>(capacity)));
    let other = thread::spawn({
        let channels = channels.clone();
        move || {
            channels.0.1.close();
            channels.1.1.try_recv() == Err(TryRecvError::Empty)
        }
    });
    channels.1.1.close();
    let open = channels.0.1.try_recv() == Err(TryRecvError::Empty);
    assert!(!(other.join().unwrap() && open), "both were first");
}

/// Who finds a clock closed, one way or another, sees what was done before.
pub fn clock_end_publishes(receive: bool, due: bool) {
    let receiver = if due { at(Instant::now()) } else { never() };
    let done = Arc::new(Plain::new());
    let other = thread::spawn({
        let (receiver, done) = (receiver.clone(), done.clone());
        move || {
            done.set(1);
            receiver.close()
        }
    });
    let closed = if receive {
        receiver.try_recv() == Err(TryRecvError::Disconnected)
    } else {
        receiver.is_disconnected()
    };
    if closed {
        assert_eq!(done.get(), 1);
    }
    assert!(other.join().unwrap());
}
