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

/// Writes both halves of a loan, and sends it.
fn send(pool: &LoanPool<Halves>, value: u64) -> LoanTicket {
    let mut loan = pool.loan();
    loan[0][0] = value;
    loan[0][1] = value;
    loan.into_ticket()
}

/// What was received, whole.
fn receive(pool: &LoanPool<Halves>, ticket: LoanTicket) -> Option<u64> {
    let received = pool.receive(ticket).ok()?;
    assert_eq!(received[0][0], received[0][1], "torn");
    Some(received[0][0])
}

/// Nothing is lost once the dead are reaped, and no ticket is under way.
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
    for (step, at_least) in (0..).zip([1, 19, 71, 185, 263, 257, 314, 506, 761]) {
        complete(&format!("loan, sender dies at {step}"), at_least).check(move || {
            let (peer, pool) = pool(1);
            let dying = peer.joins();
            let sender = thread::spawn({
                let pool = pool.seen_by(&dying);
                move || dying.dies_at(step, || send(&pool, 3))
            });
            let mine = pool.try_loan().map(|mut loan| {
                loan[0] = [4, 4];
                loan[0]
            });
            assert!(mine.is_none_or(|mine| mine == [4, 4]), "had by two");
            if let Some(ticket) = sender.join().unwrap() {
                assert_eq!(receive(&pool, ticket), Some(3));
            }
            all_free(&pool);
        });
    }
}

/// Its sender has a block back that nobody received; else it comes back by itself, to whoever waits for it.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_receiver_dies_at_any_operation() {
    for (step, at_least) in (0..).zip([1, 19, 66, 389, 249, 682]) {
        complete(&format!("loan, receiver dies at {step}"), at_least).check(move || {
            let (peer, pool) = pool(1);
            let ticket = send(&pool, 5);
            let dying = peer.joins();
            let receiver = thread::spawn({
                let pool = pool.seen_by(&dying);
                move || {
                    dying.dies_at(step, || receive(&pool, ticket));
                }
            });
            let mut again = pool.recall(ticket).unwrap_or_else(|| pool.loan());
            assert_eq!(again[0], [5, 5]);
            again[0] = [6, 6];
            drop(again);
            receiver.join().unwrap();
            assert!(pool.receive(ticket).is_err());
            assert_eq!(pool.free(), 1);
        });
    }
}

/// The owner is dead, and whoever takes its block over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_reaps_dies_too() {
    for (step, at_least) in (0..).zip([1, 19, 49, 609, 573, 716, 1_624, 4_251]) {
        complete(&format!("loan, reaper dies at {step}"), at_least).check(move || {
            let (peer, pool) = pool(1);
            let first = peer.joins();
            pool.seen_by(&first).loan().left_behind();
            first.dies();
            let second = peer.joins();
            let reaper = thread::spawn({
                let pool = pool.seen_by(&second);
                move || {
                    second.dies_at(step, || pool.loan()[0][0] += 1);
                }
            });
            pool.loan()[0][0] += 1;
            reaper.join().unwrap();
            let total = pool.loan()[0][0];
            assert!((1..=2).contains(&total), "{total}");
            all_free(&pool);
        });
    }
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
