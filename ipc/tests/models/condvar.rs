//! The condition variable: no notification is lost, and no death strands a waiter.

use crate::*;
use heddle_ipc::model::Peer;
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_ipc::sync::MutexGuard;
use heddle_ipc::sync::{Condvar, LockError, Mutex};
use heddle_primitives::sync::thread;
use std::time::Duration;

#[cfg(any(heddle_loom, heddle_shuttle))]
type Locked<'a> = MutexGuard<'a, u64>;

/// The lock, whoever died: any number is a valid count.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn repaired<'a>(locked: Result<Locked<'a>, LockError<Locked<'a>>>) -> Locked<'a> {
    locked.unwrap_or_else(|error| {
        let mut guard = error.into_guard().expect("everybody repairs");
        guard.mark_consistent();
        guard
    })
}

fn both(peer: &Peer) -> (Mutex<u64>, Condvar) {
    (Mutex::new_in(peer, 0), Condvar::new_in(peer))
}

fn seen_by((mutex, condvar): &(Mutex<u64>, Condvar), peer: &Peer) -> (Mutex<u64>, Condvar) {
    (mutex.seen_by(peer), condvar.seen_by(peer))
}

#[test]
fn a_waiter_is_notified() {
    for all in [false, true] {
        bounded(&format!("condvar, all: {all}"), 2, 29).check(move || {
            let peer = Peer::alone();
            let (mutex, condvar) = both(&peer);
            let other = thread::spawn({
                let (mutex, condvar) = seen_by(&(mutex.clone(), condvar.clone()), &peer.joins());
                move || {
                    *mutex.lock().unwrap() += 1;
                    if all { condvar.notify_all() } else { condvar.notify_one() }
                }
            });
            let guard = condvar.wait_while(mutex.lock().unwrap(), |count| *count == 0).unwrap();
            assert_eq!(*guard, 1);
            drop(guard);
            other.join().unwrap();
        });
    }
}

/// An earlier waiter has gone, and the notification that finds it out comes together with a new waiter, who is in time for the next.
#[test]
fn a_stale_flag_costs_no_notification() {
    for all in [false, true] {
        bounded(&format!("condvar, stale flag, all: {all}"), 2, 223).check(move || {
            let peer = Peer::alone();
            let (mutex, condvar) = both(&peer);
            let (guard, waited) = condvar.wait_for(mutex.lock().unwrap(), Duration::ZERO);
            assert!(waited.timed_out());
            drop(guard);
            let other = thread::spawn({
                let (mutex, condvar) = seen_by(&(mutex.clone(), condvar.clone()), &peer.joins());
                move || {
                    if all {
                        condvar.notify_all()
                    } else {
                        condvar.notify_one()
                    }
                    *mutex.lock().unwrap() += 1;
                    if all { condvar.notify_all() } else { condvar.notify_one() }
                }
            });
            drop(condvar.wait_while(mutex.lock().unwrap(), |count| *count == 0).unwrap());
            other.join().unwrap();
        });
    }
}

#[test]
fn all_are_notified() {
    bounded("condvar, two waiters", 2, 353).check(|| {
        let peer = Peer::alone();
        let pair = both(&peer);
        let waiters = [(), ()].map(|()| {
            let (mutex, condvar) = seen_by(&pair, &peer.joins());
            thread::spawn(move || {
                drop(condvar.wait_while(mutex.lock().unwrap(), |count| *count == 0).unwrap());
            })
        });
        *pair.0.lock().unwrap() += 1;
        pair.1.notify_all();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// Each has one go on, whatever the flag says in between.
#[test]
fn one_each_is_notified() {
    bounded("condvar, two waiters, two notifications", 2, 1_389).check(|| {
        let peer = Peer::alone();
        let pair = both(&peer);
        let waiters = [(), ()].map(|()| {
            let (mutex, condvar) = seen_by(&pair, &peer.joins());
            thread::spawn(move || {
                let mut guard = condvar.wait_while(mutex.lock().unwrap(), |count| *count == 0).unwrap();
                *guard -= 1;
            })
        });
        for _ in 0..2 {
            *pair.0.lock().unwrap() += 1;
            pair.1.notify_one();
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*pair.0.lock().unwrap(), 0);
    });
}

/// A notifier dies before any of its operations; the waiter goes on, and sees the condition or the death.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_notifier_dies_at_any_operation() {
    for all in [false, true] {
        let scenario = move |step| {
            Scenario::new(format!("condvar, notifier dies at {step}, all: {all}")).search(Search::Bounded(2))
        };
        dies_at_each(
            scenario,
            &[5, 12, 16, 25, 31, 30, 34, 32, 23, 24, 23, 23, 24, 26, 26, 26],
            move |step| {
                let peer = Peer::alone();
                let (mutex, condvar) = both(&peer);
                let dying = peer.joins();
                let victim = thread::spawn({
                    let (mutex, condvar) = seen_by(&(mutex.clone(), condvar.clone()), &dying);
                    move || {
                        let notify = || {
                            *mutex.lock().unwrap() += 1;
                            if all { condvar.notify_all() } else { condvar.notify_one() }
                        };
                        dying.dies_at(step, notify).is_some()
                    }
                });
                let mut guard = repaired(mutex.lock());
                while *guard == 0 && peer.deaths_noticed() == 0 {
                    guard = repaired(condvar.wait(guard));
                }
                drop(guard);
                victim.join().unwrap()
            },
        );
    }
}

/// A waiter dies before any of its operations: the other one goes on, though the notification may have been the dead one's.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_waiter_dies_at_any_operation() {
    /// Waits for the condition and has the next one go on.
    fn wait((mutex, condvar): &(Mutex<u64>, Condvar)) {
        let mut guard = repaired(mutex.lock());
        while *guard == 0 {
            guard = repaired(condvar.wait(guard));
        }
        drop(guard);
        condvar.notify_one();
    }

    for step in 2..14 {
        let name = format!("condvar, waiter dies at {step}");
        complete(&name, 50).search(Search::Bounded(2)).schedules(200).check(move || {
            let peer = Peer::alone();
            let pair = both(&peer);
            let dying = peer.joins();
            let victim = thread::spawn({
                let pair = seen_by(&pair, &dying);
                move || {
                    dying.dies_at(step, || wait(&pair));
                }
            });
            let other = thread::spawn({
                let pair = seen_by(&pair, &peer.joins());
                move || wait(&pair)
            });
            *repaired(pair.0.lock()) += 1;
            pair.1.notify_one();
            victim.join().unwrap();
            other.join().unwrap();
        });
    }
}

/// The time is over, or the notification has come; the lock is there either way.
#[test]
fn gives_up_in_time() {
    bounded("condvar, time-out", 2, 67).check(|| {
        let peer = Peer::alone();
        let (mutex, condvar) = both(&peer);
        let other = thread::spawn({
            let (mutex, condvar) = seen_by(&(mutex.clone(), condvar.clone()), &peer.joins());
            move || {
                *mutex.lock().unwrap() += 1;
                condvar.notify_one();
            }
        });
        let guard = mutex.lock().unwrap();
        let before = *guard;
        let (guard, waited) = condvar.wait_for(guard, Duration::from_secs(9));
        let after = *guard.unwrap();
        assert!(waited.timed_out() || before == 1 || after == 1, "for nothing");
        other.join().unwrap();
    });
}

/// Who waits without having put the data in order has given the lock up: nobody will come to notify it.
#[test]
fn waits_with_data_in_pieces() {
    bounded("condvar, data in pieces", 2, 93).check(|| {
        let peer = Peer::alone();
        let (mutex, condvar) = both(&peer);
        let first = peer.joins();
        mutex.seen_by(&first).lock().unwrap().left_behind();
        first.dies();
        assert!(peer.deaths_noticed() > 0);
        let other = thread::spawn({
            let mutex = mutex.seen_by(&peer.joins());
            move || drop(mutex.lock())
        });
        if let Err(LockError::OwnerDied(guard)) = mutex.lock() {
            assert!(matches!(condvar.wait(guard), Err(LockError::Unrecoverable)));
        }
        other.join().unwrap();
    });
}

/// A waiter that does not look for deaths waits for a notifier that is dead.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_condvar_that_ignores_deaths_is_found() {
    use heddle_primitives::sync::Arc;
    use heddle_primitives::sync::atomic::Ordering;
    use heddle_primitives::{Futex, Shared};

    Scenario::new("condvar that ignores deaths").finds("deadlock", || {
        let peer = Peer::alone();
        let mutex = Mutex::new_in(&peer, 0_u64);
        let word = Arc::new(Futex::<Shared>::new_in(0));
        let dying = peer.joins();
        let victim = thread::spawn({
            let (mutex, word) = (mutex.seen_by(&dying), word.clone());
            move || {
                // Between the change and the notification.
                dying.dies_at(2, || {
                    *mutex.lock().unwrap() += 1;
                    word.word().fetch_add(1, Ordering::Relaxed);
                    word.wake_all();
                });
            }
        });
        let guard = repaired(mutex.lock());
        if *guard == 0 {
            let noted = word.word().load(Ordering::Relaxed);
            drop(guard);
            while word.word().load(Ordering::Relaxed) == noted {
                word.wait(noted, None);
            }
        }
        victim.join().unwrap();
    });
}
