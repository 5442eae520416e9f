//! Loans: no block is lost, and none is had by two, whoever dies before any of its operations.

use crate::*;
use heddle_ipc::loan::{LoanPool, LoanTicket};
use heddle_ipc::model::Peer;
use heddle_primitives::sync::thread;

/// What a block holds: two halves that are equal when it is whole.
type Halves = [u64; 2];

fn pool(blocks: usize) -> (Peer, LoanPool<Halves>) {
    let peer = Peer::alone();
    let pool = LoanPool::new_in(&peer, vec![[0; 2]; blocks]);
    (peer, pool)
}

/// Writes both halves of a loan, and sends it, if there is a block.
fn try_send(pool: &LoanPool<Halves>, value: u64) -> Option<LoanTicket> {
    let mut loan = pool.try_loan()?;
    loan[0][0] = value;
    loan[0][1] = value;
    Some(loan.into_ticket())
}

fn send(pool: &LoanPool<Halves>, value: u64) -> LoanTicket {
    try_send(pool, value).expect("a free block")
}

/// What was received, whole.
fn receive(pool: &LoanPool<Halves>, ticket: LoanTicket) -> Option<u64> {
    let received = pool.receive(ticket).ok()?;
    assert_eq!(received[0][0], received[0][1], "torn");
    Some(received[0][0])
}

/// Nothing is lost once the dead are reaped, and no ticket is under way.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn all_free(pool: &LoanPool<Halves>) {
    pool.reap();
    pool.reap_sent();
    assert_eq!(pool.free(), pool.blocks());
}

/// A block goes over and comes back, and its sender waits for it.
#[test]
fn handed_over_and_back() {
    complete("loan handed over", 4_072).spurious(2).check(|| {
        let (peer, pool) = pool(1);
        let ticket = send(&pool, 1);
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || assert_eq!(receive(&pool, ticket), Some(1))
        });
        let mut again = pool.loan();
        assert_eq!(again[0], [1, 1]);
        again[0] = [2, 2];
        drop(again);
        other.join().unwrap();
        assert!(pool.receive(ticket).is_err(), "used");
        assert_eq!(pool.free(), 1);
    });
}

/// Whoever receives a block sees what was written into it, by the block's own word and not by how the ticket came.
#[test]
fn received_as_soon_as_it_is_sent() {
    complete("loan received as soon as sent", 19).check(|| {
        let (peer, pool) = pool(1);
        // The first block in its first turn, of one element: whoever lies about it gets it no earlier.
        let ticket: LoanTicket = zerocopy::transmute!([0_u32, 1, 1, 0]);
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || receive(&pool, ticket)
        });
        assert_eq!(send(&pool, 3), ticket);
        let theirs = other.join().unwrap();
        assert!(theirs.is_none_or(|value| value == 3));
        assert_eq!(receive(&pool, ticket).xor(theirs), Some(3));
        assert_eq!(pool.free(), 1);
    });
}

#[test]
fn two_want_one_block() {
    complete("loan wanted by two", 2_119).spurious(2).check(|| {
        let (peer, pool) = pool(1);
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || pool.loan()[0][0] += 1
        });
        pool.loan()[0][0] += 1;
        other.join().unwrap();
        assert_eq!(pool.loan()[0][0], 2);
    });
}

/// A ticket is good once: of two receivers, and a sender that wants its block back, one gets it.
#[test]
fn a_ticket_is_good_once() {
    complete("loan's ticket used by two", 55).check(|| {
        let (peer, pool) = pool(2);
        let ticket = send(&pool, 7);
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || receive(&pool, ticket)
        });
        let back = pool.recall(ticket).map(|loan| loan[0]);
        let theirs = other.join().unwrap();
        assert!(back == Some([7, 7]) && theirs.is_none() || back.is_none() && theirs == Some(7));
        assert_eq!(pool.free(), 2);
        // A later loan of the same block is another.
        let later = send(&pool, 8);
        assert!(pool.receive(ticket).is_err() && pool.recall(ticket).is_none());
        assert_eq!(receive(&pool, later), Some(8));
    });
}

#[test]
fn two_receive() {
    complete("loan received by two", 55).check(|| {
        let (peer, pool) = pool(1);
        let ticket = send(&pool, 7);
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || receive(&pool, ticket)
        });
        let mine = receive(&pool, ticket);
        let theirs = other.join().unwrap();
        assert!(mine.xor(theirs) == Some(7), "{mine:?} {theirs:?}");
        assert_eq!(pool.free(), 1);
    });
}

/// What was sent is whole, even if the sender is dead by then; what was not comes back.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_sender_dies_at_any_operation() {
    dies_at_each(
        |step| complete(&format!("loan, sender dies at {step}"), 1),
        &[1, 19, 71, 99, 99, 99, 99],
        |step| {
            let (peer, pool) = pool(1);
            let dying = peer.joins();
            let sender = thread::spawn({
                let pool = pool.seen_by(&dying);
                move || dying.dies_at(step, || try_send(&pool, 3))
            });
            let mine = pool.try_loan().map(|mut loan| {
                loan[0] = [4, 4];
                loan[0]
            });
            assert!(mine.is_none_or(|mine| mine == [4, 4]), "had by two");
            let sent = sender.join().unwrap();
            if let Some(Some(ticket)) = sent {
                assert_eq!(receive(&pool, ticket), Some(3));
            }
            all_free(&pool);
            sent.is_some()
        },
    );
}

/// Its sender has a block back that nobody received; else it comes back by itself, to whoever waits for it.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_receiver_dies_at_any_operation() {
    dies_at_each(
        |step| complete(&format!("loan, receiver dies at {step}"), 1),
        &[1, 19, 66, 389, 249, 682, 1_367, 1_027],
        |step| {
            let (peer, pool) = pool(1);
            let ticket = send(&pool, 5);
            let dying = peer.joins();
            let receiver = thread::spawn({
                let pool = pool.seen_by(&dying);
                move || dying.dies_at(step, || receive(&pool, ticket)).is_some()
            });
            let mut again = pool.recall(ticket).unwrap_or_else(|| pool.loan());
            assert_eq!(again[0], [5, 5]);
            again[0] = [6, 6];
            drop(again);
            let lived = receiver.join().unwrap();
            assert!(pool.receive(ticket).is_err());
            assert_eq!(pool.free(), 1);
            lived
        },
    );
}

/// The owner is dead, and whoever takes its block over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_reaps_dies_too() {
    dies_at_each(
        |step| bounded_once(&format!("loan, reaper dies at {step}"), 2, 1),
        &[1, 15, 34, 34, 119, 234, 175, 242, 255, 256],
        |step| {
            let (peer, pool) = pool(1);
            let first = peer.joins();
            pool.seen_by(&first).loan().left_behind();
            first.dies();
            let second = peer.joins();
            let reaper = thread::spawn({
                let pool = pool.seen_by(&second);
                move || {
                    let add = || pool.try_loan().map(|mut loan| loan[0][0] += 1);
                    second.dies_at(step, add).is_some()
                }
            });
            pool.loan()[0][0] += 1;
            let lived = reaper.join().unwrap();
            let total = pool.loan()[0][0];
            assert!((1..=2).contains(&total), "{total}");
            all_free(&pool);
            lived
        },
    );
}

/// Two that find the same dead owner get its block one after the other.
#[test]
fn two_reap() {
    complete("loan reaped by two", 640).check(|| {
        let (peer, pool) = pool(1);
        let first = peer.joins();
        pool.seen_by(&first).loan().left_behind();
        first.dies();
        let other = thread::spawn({
            let pool = pool.seen_by(&peer.joins());
            move || pool.try_loan().map(|mut loan| loan[0][0] += 1)
        });
        let mine = pool.reap();
        let loan = pool.try_loan().map(|mut loan| loan[0][0] += 1);
        let theirs = other.join().unwrap();
        assert!(mine <= 1);
        let got = u64::from(loan.is_some()) + u64::from(theirs.is_some());
        assert_eq!(pool.loan()[0][0], got);
        assert_eq!(pool.free(), 1);
    });
}
