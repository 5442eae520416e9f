//! A producer and two consumers over a queue, and what becomes of a task whose consumer is killed.

use heddle_ipc::process::Process;
use heddle_ipc::queue::{JoinableQueue, Queue};
use heddle_ipc::sync::Address;

fn produce((numbers, count): (Address<Queue<u64>>, u64)) -> u64 {
    let numbers = Queue::attach(numbers).expect("its maker lives");
    (0..count).for_each(|n| numbers.put(n).expect("not closed"));
    numbers.close();
    count
}

fn consume(numbers: Address<Queue<u64>>) -> u64 {
    let numbers = Queue::attach(numbers).expect("its maker lives");
    let mut sum = 0;
    while let Ok(n) = numbers.get() {
        sum += n;
    }
    sum
}

/// Takes a task and never comes to its end.
fn hang((tasks, taken): (Address<JoinableQueue<u64>>, Address<Queue<u64>>)) {
    let tasks = JoinableQueue::attach(tasks).expect("its maker lives");
    let task = tasks.get().expect("not closed");
    Queue::attach(taken).expect("its maker lives").put(*task).expect("not closed");
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers = Queue::new(16)?;
    let producer = Process::spawn(produce, (numbers.address(), 1_000))?;
    let consumers =
        [Process::spawn(consume, numbers.address())?, Process::spawn(consume, numbers.address())?];
    let mut total = 0;
    for consumer in consumers {
        let sum = consumer.join()?;
        println!("a consumer's sum: {sum}");
        total += sum;
    }
    println!("{} numbers, {total} in all", producer.join()?);
    assert_eq!(total, 499_500);

    let (tasks, taken) = (JoinableQueue::new(4)?, Queue::new(1)?);
    tasks.put(7)?;
    let killed = Process::spawn(hang, (tasks.address(), taken.address()))?;
    println!("task {} is taken; its consumer is killed", taken.get()?);
    killed.kill()?;
    let again = tasks.get()?;
    println!("task {} comes again", *again);
    assert_eq!(*again, 7);
    again.done();
    tasks.join();
    Ok(())
}
