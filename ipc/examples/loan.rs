//! Frames of 1 MiB go from a producer through two stages to the end, each in a process of its own, and no byte is copied: what
//! travels through the queues are tickets of 16 bytes. One stage is killed on the way; its frame comes back, and the rest arrive.

use heddle_ipc::Workers;
use heddle_ipc::loan::{LoanPool, LoanTicket};
use heddle_ipc::queue::Queue;
use heddle_ipc::sync::Address;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const FRAME: usize = (1 << 20) / size_of::<u64>();
const FRAMES: u64 = 200;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Stage {
    pool: Address<LoanPool<u64>>,
    from: Address<Queue<LoanTicket>>,
    to: Address<Queue<LoanTicket>>,
    /// The frame at which this one dies.
    dies_at: u64,
}

/// Adds one to each word of each frame, in place.
fn add_one(stage: Stage) -> u64 {
    let pool = LoanPool::attach(stage.pool).expect("the parent holds it");
    let from = Queue::attach(stage.from).expect("the parent holds it");
    let to = Queue::attach(stage.to).expect("the parent holds it");
    let mut frames = 0;
    while let Ok(ticket) = from.get() {
        let mut frame = pool.receive(ticket).expect("sent to this stage").into_loan();
        if frames == stage.dies_at {
            std::process::abort();
        }
        frame.iter_mut().for_each(|word| *word += 1);
        to.put(frame.into_ticket()).expect("nobody closes it");
        frames += 1;
    }
    frames
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = LoanPool::<u64>::new(6, FRAME)?;
    let queues = [Queue::new(8)?, Queue::new(8)?, Queue::new(8)?];
    let stage = |n: usize, dies_at| Stage {
        pool: pool.address(),
        from: queues[n].address(),
        to: queues[n + 1].address(),
        dies_at,
    };
    let mut workers = Workers::start(2)?;
    let first = workers.submit(0, add_one, stage(0, FRAMES / 2))?;
    let second = workers.submit(1, add_one, stage(1, u64::MAX))?;

    let (mut sent, mut arrived, mut first) = (0, Vec::new(), Some(first));
    while arrived.len() as u64 + 1 < FRAMES {
        if sent < FRAMES
            && let Some(mut frame) = pool.try_loan()
        {
            frame.fill(sent * 10);
            queues[0].put(frame.into_ticket())?;
            sent += 1;
        }
        if let Ok(ticket) = queues[2].try_get() {
            let frame = pool.receive(ticket)?;
            assert!(frame.iter().all(|&word| word == frame[0]), "a torn frame");
            arrived.push(frame[0]);
        }
        if first.as_ref().is_some_and(heddle_ipc::Ticket::is_done) {
            let died = first.take().expect("just seen").wait(None);
            println!("after {} frames: {}", arrived.len(), died.expect_err("it was killed"));
            workers.restart(0)?;
            drop(workers.submit(0, add_one, stage(0, u64::MAX))?);
        }
    }
    // Unless somebody found no other free meanwhile.
    pool.reap();
    println!(
        "{} of {sent} frames arrived; {} of {} blocks are free",
        arrived.len(),
        pool.free(),
        pool.blocks()
    );
    assert!(arrived.iter().all(|word| word % 10 == 2), "each went through both stages");
    assert!(
        arrived.is_sorted() && arrived.len() as u64 == FRAMES - 1,
        "all but the one that was being worked on"
    );
    assert_eq!(pool.free(), pool.blocks());
    queues[1].close();
    assert_eq!(second.wait(None)?, FRAMES - 1);
    Ok(())
}
