//! Queues between real processes, some of which are killed.

#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use heddle_ipc::queue::{
    JoinableQueue, Queue, ReceiverAddress, Sender, SenderAddress, SimplePutError, SimpleQueue, TryGetError,
    TryPutError, channel,
};
use heddle_ipc::sync::{Address, Array, Value};
use heddle_ipc::{Member, Workers};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How long anything may take that nobody holds up.
const SOON: Duration = Duration::from_secs(20);

fn kill(workers: &Workers, rank: usize) {
    workers.kill(rank).expect("a child may be killed");
    let start = Instant::now();
    while workers.exit(rank).is_none() {
        assert!(start.elapsed() < SOON, "killed, and still there");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn echo(queues: [Address<Queue<u64>>; 2]) -> u64 {
    let [from, to] = queues.map(|queue| Queue::attach(queue).expect("its maker lives"));
    let mut count = 0;
    while let Ok(item) = from.get() {
        to.put(item).expect("not closed");
        count += 1;
    }
    count
}

#[test]
fn in_order_through_another_process() {
    for capacity in [1, 3, 64] {
        let queues = [Queue::new(capacity).unwrap(), Queue::new(capacity).unwrap()];
        let [there, back] = &queues;
        let workers = Workers::start(1).unwrap();
        let ticket = workers.submit(0, echo, [there.address(), back.address()]).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..5_000).for_each(|n| there.put(n).unwrap());
                there.close();
            });
            for n in 0..5_000 {
                assert_eq!(back.get_timeout(SOON), Ok(n));
            }
        });
        assert_eq!(ticket.wait(None), Ok(5_000));
        assert_eq!(back.try_get(), Err(TryGetError::Empty));
    }
}

#[test]
fn full_empty_and_late() {
    let queue = Queue::new(2).unwrap();
    assert_eq!(queue.capacity(), 2);
    assert!(queue.is_empty());
    queue.put(1_u64).unwrap();
    queue.put(2).unwrap();
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
    let start = Instant::now();
    assert_eq!(queue.put_timeout(3, Duration::from_millis(20)), Err(TryPutError::Full(3)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!((queue.len(), queue.try_get(), queue.try_get()), (2, Ok(1), Ok(2)));
    assert_eq!(queue.get_timeout(Duration::from_millis(20)), Err(TryGetError::Empty));
    queue.put(4).unwrap();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(queue.try_put(5), Err(TryPutError::Closed(5)));
    assert_eq!((queue.get(), queue.try_get()), (Ok(4), Err(TryGetError::Closed)));
    assert!(queue.get().is_err());
}

#[test]
#[should_panic(expected = "1 to 2^28")]
fn no_capacity() {
    let _ = Queue::<u64>::new(0);
}

#[test]
fn no_room_for_it() {
    let member = Member::create("small", 4096).unwrap();
    assert!(Queue::<u64>::new_in(&member, 1 << 20).is_err());
    assert!(Queue::<[u64; 512]>::new(1 << 28).is_err(), "more than any machine has");
}

/// What [`put_for_ever`] and [`get_for_ever`] share.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Storm {
    queue: Address<Queue<u64>>,
    /// The next number to be put.
    next: Address<Value<u64>>,
    /// How often each number came out.
    seen: Address<Array<u8>>,
}

/// The most numbers that a storm may use.
const NUMBERS: usize = 1 << 22;

fn put_for_ever(storm: Storm) -> u64 {
    let queue = Queue::attach(storm.queue).expect("its maker lives");
    let next = Value::attach(storm.next).expect("its maker lives");
    loop {
        // The number is used up before it is put: a death between the two loses one that was never put.
        let number = next.update(|n| n + 1) - 1;
        if number as usize >= NUMBERS {
            return number;
        }
        queue.put(number).expect("not closed");
    }
}

fn get_for_ever(storm: Storm) -> u64 {
    let queue = Queue::attach(storm.queue).expect("its maker lives");
    let seen = Array::attach(storm.seen).expect("its maker lives");
    loop {
        let number = queue.get().expect("not closed");
        note(&seen, number);
    }
}

/// Counts a number. A byte is whole whoever dies.
fn note(seen: &Array<u8>, number: u64) {
    let mut guard = seen.lock().unwrap_or_else(|died| {
        let mut guard = died.into_guard().expect("always repaired");
        guard.mark_consistent();
        guard
    });
    guard[number as usize] += 1;
}

/// Two producers and two consumers, killed at any moment: nothing comes twice, and only what a dead one had in its hands is lost.
#[test]
fn a_storm_of_deaths() {
    let queue = Queue::new(16).unwrap();
    let next = Value::new(0_u64).unwrap();
    let seen = Array::new(&vec![0_u8; NUMBERS]).unwrap();
    let storm = Storm { queue: queue.address(), next: next.address(), seen: seen.address() };
    let mut workers = Workers::start(4).unwrap();
    let mut killed = [0_u64; 4];
    for round in 0..60_usize {
        for rank in 0..4 {
            if workers.exit(rank).is_some() {
                workers.restart(rank).unwrap();
            }
            let task = if rank < 2 { put_for_ever } else { get_for_ever };
            let _ = workers.submit(rank, task, storm);
        }
        std::thread::sleep(Duration::from_micros(300 + (round * 677 % 2_000) as u64));
        let rank = round % 4;
        kill(&workers, rank);
        killed[rank] += 1;
    }
    // The producers end, then what is left comes out here.
    (0..2).for_each(|rank| kill(&workers, rank));
    std::thread::sleep(Duration::from_millis(200));
    (2..4).for_each(|rank| kill(&workers, rank));
    while let Ok(number) = queue.get_timeout(Duration::from_millis(200)) {
        note(&seen, number);
    }
    // Quick producers come to the end of the numbers.
    let put = next.get().min(NUMBERS as u64);
    let guard = seen.lock().unwrap_or_else(|died| died.into_guard().expect("readable"));
    let twice = guard.iter().filter(|&&count| count > 1).count();
    let lost = guard[..put as usize].iter().filter(|&&count| count == 0).count() as u64;
    let deaths = killed.iter().sum::<u64>() + 4;
    assert_eq!(twice, 0, "of {put}");
    assert!(lost <= deaths, "{lost} of {put} lost by {deaths} deaths");
    assert!(put > 1_000, "only {put}");
    // Nothing is wedged, and no cell is lost: it holds as much as at first.
    (0..16).for_each(|n| queue.try_put(n).unwrap());
    assert_eq!(queue.try_put(16), Err(TryPutError::Full(16)));
    (0..16).for_each(|n| assert_eq!(queue.try_get(), Ok(n)));
    let mut guard = guard;
    guard.mark_consistent();
}

fn take_and_hang([tasks, signs]: [Address<JoinableQueue<u64>>; 2]) -> u64 {
    let tasks = JoinableQueue::attach(tasks).expect("its maker lives");
    let signs = JoinableQueue::attach(signs).expect("its maker lives");
    let task = tasks.get().expect("not closed");
    signs.put(100 + *task).expect("not closed");
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn a_task_whose_worker_dies_comes_again() {
    let (tasks, signs) = (JoinableQueue::new(4).unwrap(), JoinableQueue::new(1).unwrap());
    let workers = Workers::start(1).unwrap();
    tasks.put(7).unwrap();
    let _ticket = workers.submit(0, take_and_hang, [tasks.address(), signs.address()]).unwrap();
    let sign = signs.get().unwrap();
    assert_eq!(*sign, 107);
    sign.done();
    assert!(!tasks.join_timeout(Duration::from_millis(10)), "it is not done");
    kill(&workers, 0);
    let again = tasks.get_timeout(SOON).unwrap();
    assert_eq!(*again, 7);
    again.done();
    tasks.join();
}

fn send_and_end(sender: SenderAddress<u64>) -> u64 {
    let sender = Sender::attach(sender).expect("its maker lives");
    sender.send(1).expect("somebody listens");
    core::mem::forget(sender.clone());
    core::mem::forget(sender);
    0
}

#[test]
fn a_receiver_learns_that_all_senders_are_dead() {
    let (sender, receiver) = channel(4).unwrap();
    let workers = Workers::start(1).unwrap();
    workers.call(0, send_and_end, sender.address()).unwrap();
    drop(sender);
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!(receiver.recv_timeout(Duration::from_millis(20)), Err(TryGetError::Empty));
    let waits = thread::spawn(move || receiver.recv());
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    assert!(waits.join().unwrap().is_err());
}

#[test]
fn a_sender_learns_that_all_receivers_are_gone() {
    fn listen(receiver: ReceiverAddress<u64>) -> u64 {
        let receiver = heddle_ipc::queue::Receiver::attach(receiver).expect("its maker lives");
        let got = receiver.recv().expect("sent");
        core::mem::forget(receiver);
        got
    }
    let (sender, receiver) = channel(1).unwrap();
    let workers = Workers::start(1).unwrap();
    sender.send(5).unwrap();
    assert_eq!(workers.call(0, listen, receiver.address()), Ok(5));
    drop(receiver);
    sender.send(6).unwrap();
    assert_eq!(sender.try_send(7), Err(TryPutError::Full(7)));
    let waits = thread::spawn(move || sender.send(8));
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    assert_eq!(waits.join().unwrap().unwrap_err().into_inner(), 8);
}

#[test]
fn whatever_serde_knows() {
    type Greetings = SimpleQueue<(String, Option<Vec<u8>>)>;
    fn greet(queues: [Address<Greetings>; 2]) -> u64 {
        let [from, to] = queues.map(|queue| SimpleQueue::attach(queue).expect("its maker lives"));
        let (name, rest) = from.get().expect("sent");
        to.put(&(format!("hello {name}"), rest)).expect("not closed");
        0
    }
    let [there, back] = [Greetings::new(2).unwrap(), Greetings::new(2).unwrap()];
    let workers = Workers::start(1).unwrap();
    there.put(&("heddle".to_owned(), Some(vec![1, 2, 3]))).unwrap();
    workers.call(0, greet, [there.address(), back.address()]).unwrap();
    assert_eq!(back.get(), Ok(("hello heddle".to_owned(), Some(vec![1, 2, 3]))));
    let long = (String::new(), Some(vec![0; 2_000]));
    assert_eq!(there.put(&long), Err(SimplePutError::TooLarge { max: 1_020 }));
    assert!(there.is_empty());
}

proptest! {
    /// Any operations, by one thread, do what they do on a `VecDeque`.
    #[test]
    fn like_a_deque(capacity in 1_usize..9, operations in prop::collection::vec(any::<Option<u16>>(), 0..200)) {
        let queue = Queue::new(capacity).unwrap();
        let mut model = VecDeque::new();
        for operation in operations {
            match operation {
                Some(item) => {
                    let room = model.len() < capacity;
                    prop_assert_eq!(queue.try_put(item).is_ok(), room);
                    if room {
                        model.push_back(item);
                    }
                }
                None => prop_assert_eq!(queue.try_get().ok(), model.pop_front()),
            }
            prop_assert_eq!(queue.len(), model.len());
        }
    }
}
