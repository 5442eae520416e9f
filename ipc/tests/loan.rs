//! Loans between processes: nothing is copied, lost or had by two, whoever is killed.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri)))]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use heddle_ipc::loan::{LoanPool, LoanTicket};
use heddle_ipc::queue::Queue;
use heddle_ipc::sync::{Address, AttachError};
use heddle_ipc::{Member, Workers};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const LEN: usize = 1000;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Job {
    pool: Address<LoanPool<u64>>,
    ticket: LoanTicket,
}

fn kill(workers: &Workers, rank: usize) {
    workers.kill(rank).unwrap();
    let start = Instant::now();
    while workers.exit(rank).is_none() {
        assert!(start.elapsed() < Duration::from_secs(10), "killed, and still there");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn no_ticket() -> LoanTicket {
    zerocopy::transmute!([0_u8; 16])
}

/// Receives, adds one to each element in place, and sends the block on.
fn increment(job: Job) -> LoanTicket {
    let pool = LoanPool::attach(job.pool).expect("its maker lives");
    let received = pool.receive(job.ticket).expect("sent to this one");
    let len = received.len();
    let mut loan = received.into_loan();
    loan.truncate(len);
    loan.iter_mut().for_each(|n| *n += 1);
    let ticket = loan.into_ticket();
    // Whoever leaves has died, as far as its blocks go, and what was sent stays sent.
    drop(pool);
    ticket
}

#[test]
fn there_and_back() {
    let pool = LoanPool::<u64>::new(2, LEN).unwrap();
    assert_eq!((pool.blocks(), pool.block_len(), pool.free()), (2, LEN, 2));
    let workers = Workers::start(1).unwrap();
    for round in 0..100_u64 {
        let mut loan = pool.loan();
        assert_eq!(loan.len(), LEN);
        loan.truncate(LEN - round as usize);
        loan.iter_mut().zip(round..).for_each(|(place, n)| *place = n);
        let ticket = loan.into_ticket();
        assert_eq!(ticket.len(), LEN - round as usize);
        let back = workers.call(0, increment, Job { pool: pool.address(), ticket }).unwrap();
        let received = pool.receive(back).unwrap();
        assert!(received.iter().copied().eq((round + 1..).take(LEN - round as usize)));
    }
    assert_eq!(pool.free(), 2);
}

#[test]
fn blocks_are_apart_and_aligned() {
    let pool = LoanPool::<u8>::new(3, 100).unwrap();
    let mut loans = [pool.loan(), pool.loan(), pool.loan()];
    assert!(pool.try_loan().is_none());
    for (n, loan) in (1_u8..).zip(&mut loans) {
        assert!(loan.as_ptr().addr().is_multiple_of(128));
        loan.fill(n);
    }
    assert!((1_u8..).zip(&loans).all(|(n, loan)| loan.iter().all(|&byte| byte == n)));
    let [first, _second, _third] = loans;
    drop(first);
    assert!(pool.try_loan().is_some());
}

#[test]
fn waits_for_a_block() {
    let pool = LoanPool::<u64>::new(1, 1).unwrap();
    let loan = pool.loan();
    assert!(pool.try_loan_for(Duration::from_millis(5)).is_none());
    let start = Instant::now();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(pool.loan()));
        std::thread::sleep(Duration::from_millis(30));
        drop(loan);
        waiter.join().unwrap();
    });
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(pool.free(), 1);
}

/// Tickets that were used, are of an earlier loan, or are nonsense disturb nobody.
#[test]
fn stale_tickets() {
    let pool = LoanPool::<u64>::new(1, 4).unwrap();
    let first = pool.loan().into_ticket();
    assert!(pool.recall(first).is_some());
    assert!(pool.recall(first).is_none() && pool.receive(first).is_err());
    let mut loan = pool.loan();
    loan[3] = 9;
    let second = loan.into_ticket();
    assert!(pool.receive(first).is_err());
    let received = pool.receive(second).unwrap();
    assert!(pool.receive(second).is_err() && pool.recall(second).is_none());
    assert_eq!(received[3], 9);
    drop(received);
    assert_eq!(pool.free(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes are a ticket that is refused, or the one that was sent.
    #[test]
    fn tickets_of_any_bytes(bytes in any::<[u8; 16]>(), small in any::<[u8; 3]>()) {
        let pool = LoanPool::<u64>::new(2, 4).unwrap();
        let ticket = pool.loan().into_ticket();
        let near: [u8; 16] = core::array::from_fn(|at| if at % 4 == 0 { small[at / 6] % 6 } else { 0 });
        for bytes in [bytes, near] {
            let made: LoanTicket = zerocopy::transmute!(bytes);
            if let Ok(received) = pool.receive(made) {
                prop_assert!(received.len() <= 4);
                let sent: [u8; 16] = zerocopy::transmute!(ticket);
                prop_assert_eq!(&bytes[..8], &sent[..8]);
            }
        }
        prop_assert!(pool.free() >= 1);
    }
}

#[test]
fn an_address_of_another_type_is_refused() {
    let pool = LoanPool::<u64>::new(1, 4).unwrap();
    let bytes: [u8; 32] = zerocopy::transmute!(pool.address());
    let other: Address<LoanPool<i64>> = zerocopy::transmute!(bytes);
    assert!(matches!(LoanPool::attach(other), Err(AttachError::Type { .. })));
}

#[test]
fn too_large_a_pool_is_an_error() {
    assert!(LoanPool::<u64>::new(1 << 20, usize::MAX / 2).is_err());
    assert!(LoanPool::<u64>::new(1 << 30, 1 << 30).is_err());
    let member = Member::create("small", 4096).unwrap();
    assert!(LoanPool::<u64>::new_in(&member, 10, 100).is_err());
}

/// Keeps what it has, as whoever dies does.
fn hold(job: Job) -> u64 {
    let pool = LoanPool::attach(job.pool).expect("its maker lives");
    core::mem::forget(pool.try_loan().expect("one is free"));
    core::mem::forget(pool.receive(job.ticket).expect("sent to this one"));
    core::mem::forget(pool);
    0
}

#[test]
fn blocks_of_the_dead_come_back() {
    let pool = LoanPool::<u64>::new(2, 4).unwrap();
    let workers = Workers::start(1).unwrap();
    let ticket = pool.loan().into_ticket();
    workers.call(0, hold, Job { pool: pool.address(), ticket }).unwrap();
    assert!(pool.free() == 0 && pool.try_loan().is_none() && pool.reap() == 0, "it lives");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.try_loan_for(Duration::from_secs(10)).is_some());
        std::thread::sleep(Duration::from_millis(10));
        kill(&workers, 0);
        assert!(waiter.join().unwrap(), "in time");
    });
    pool.reap();
    assert_eq!(pool.free(), 2);
}

fn send_and_die(job: Job) -> LoanTicket {
    let pool = LoanPool::attach(job.pool).expect("its maker lives");
    let mut loan = pool.loan();
    loan.fill(7);
    let ticket = loan.into_ticket();
    core::mem::forget(pool);
    ticket
}

/// A message outlives its sender; only who knows that there is no ticket takes the block back.
#[test]
fn what_was_sent_stays_sent() {
    let pool = LoanPool::<u64>::new(2, 4).unwrap();
    let workers = Workers::start(1).unwrap();
    let job = Job { pool: pool.address(), ticket: no_ticket() };
    let [kept, lost] = [0; 2].map(|_| workers.call(0, send_and_die, job).unwrap());
    kill(&workers, 0);
    assert!(pool.try_loan().is_none() && pool.reap() == 0);
    assert_eq!(*pool.receive(kept).unwrap(), [7; 4]);
    assert_eq!((pool.free(), pool.reap_sent(), pool.free()), (1, 1, 2));
    assert!(pool.receive(lost).is_err());
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Line {
    pool: Address<LoanPool<u64>>,
    tickets: Address<Queue<LoanTicket>>,
}

/// Sends whole blocks for ever.
fn produce(line: Line) -> u64 {
    let pool = LoanPool::attach(line.pool).expect("its maker lives");
    let tickets = Queue::attach(line.tickets).expect("its maker lives");
    for n in 0_u64.. {
        let mut loan = pool.loan();
        loan.fill(n);
        tickets.put(loan.into_ticket()).expect("nobody closes it");
    }
    0
}

/// Receives blocks for ever, and counts none that is torn.
fn consume(line: Line) -> u64 {
    let pool = LoanPool::attach(line.pool).expect("its maker lives");
    let tickets = Queue::attach(line.tickets).expect("its maker lives");
    loop {
        let ticket = tickets.get().expect("nobody closes it");
        let Ok(received) = pool.receive(ticket) else { continue };
        assert!(received.iter().all(|&n| n == received[0]), "torn");
    }
}

/// Senders and receivers that are killed at any moment: the others go on, and in the end every block is free.
#[test]
fn a_storm_of_deaths() {
    let pool = LoanPool::<u64>::new(4, LEN).unwrap();
    let tickets = Queue::new(8).unwrap();
    let line = Line { pool: pool.address(), tickets: tickets.address() };
    let mut workers = Workers::start(2).unwrap();
    let mut received = 0;
    for round in 0..60_u64 {
        for rank in 0..2 {
            if workers.exit(rank).is_some() {
                workers.restart(rank).unwrap();
            }
        }
        drop(workers.submit(0, produce, line));
        drop(workers.submit(1, consume, line));
        std::thread::sleep(Duration::from_micros(500 + round * 37 % 2_000));
        // This process receives, too: whole blocks only.
        for _ in 0..3 {
            let Ok(ticket) = tickets.try_get() else { continue };
            if let Ok(block) = pool.receive(ticket) {
                assert!(block.iter().all(|&n| n == block[0]), "torn");
                received += 1;
            }
        }
        kill(&workers, (round % 2) as usize);
        if round % 8 == 7 {
            // Blocks whose tickets went down with both sides.
            for rank in 0..2 {
                kill(&workers, rank);
            }
            let left: VecDeque<_> = core::iter::from_fn(|| tickets.try_get().ok()).collect();
            for ticket in left {
                drop(pool.receive(ticket));
            }
            pool.reap();
            pool.reap_sent();
            assert_eq!(pool.free(), pool.blocks(), "round {round}");
        }
    }
    assert!(received > 0);
}
