//! Queues and channels at work: numbers go through a pipeline of channels, a selection gathers what comes out, the last
//! results are kept in a ring, and a queue of tasks is worked off by priority.
//!
//! `cargo run -p heddle-primitives --example queues`

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn main() {
    use heddle_primitives::queue::PriorityQueue;
    use heddle_primitives::sync::thread;
    use heddle_primitives::{ArrayQueue, channel, select};

    // Two workers square what comes in; whoever is free takes the next number.
    let (numbers, incoming) = channel::bounded(4);
    let (squares, outgoing) = channel::unbounded();
    // The end is announced on a channel of its own, where both sides meet.
    let (finish, finished) = channel::bounded(0);
    let recent = ArrayQueue::new(3);
    let sum = thread::scope(|s| {
        for _ in 0..2 {
            let (incoming, squares) = (incoming.clone(), squares.clone());
            s.spawn(move || incoming.iter().for_each(|n: u64| squares.send(n * n).unwrap()));
        }
        drop((incoming, squares));
        s.spawn(move || {
            (1..=100).for_each(|n| numbers.send(n).unwrap());
            finish.send("all sent").unwrap();
        });
        let (mut sum, mut message) = (0, None);
        while message.is_none() || !outgoing.is_disconnected() || !outgoing.is_empty() {
            select! {
                recv(outgoing) -> square => if let Ok(square) = square {
                    sum += square;
                    recent.force_push(square);
                },
                recv(finished) -> text => message = message.or(text.ok()),
            }
        }
        assert_eq!(message, Some("all sent"));
        sum
    });
    assert_eq!(sum, 338_350);
    assert_eq!(recent.len(), 3);
    println!(
        "the sum of the first hundred squares is {sum}; the last three to arrive: {:?}",
        recent.into_iter().collect::<Vec<_>>()
    );

    // Tasks by priority, and somebody who waits until they are done.
    let tasks = PriorityQueue::with_maxsize(0);
    [(3, "sweep"), (1, "cook"), (2, "eat")].into_iter().for_each(|task| tasks.put(task).unwrap());
    let order = thread::scope(|s| {
        let worker = s.spawn(|| {
            let mut order = Vec::new();
            while let Ok((_, task)) = tasks.get() {
                order.push(task);
                tasks.task_done().unwrap();
            }
            order
        });
        tasks.join();
        tasks.shutdown(false);
        worker.join().unwrap()
    });
    assert_eq!(order, ["cook", "eat", "sweep"]);
    println!("first {}", order.join(", then "));
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn main() {}
