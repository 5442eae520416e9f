//! The value: whole, the old or the new one, whoever dies.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::Value;
use heddle_primitives::sync::thread;

fn add([first, second]: [u64; 2]) -> [u64; 2] {
    assert_eq!(first, second, "torn");
    [first + 1, second + 1]
}

#[test]
fn updates_are_whole() {
    complete("value, two updates", 46).spurious(1).check(|| {
        let peer = Peer::alone();
        let value = Value::new_in(&peer, [0_u64; 2]);
        let other = thread::spawn({
            let value = value.seen_by(&peer.joins());
            move || value.update(add)
        });
        let mine = value.update(add);
        let others = other.join().unwrap();
        assert_eq!(value.get(), [2, 2]);
        assert!(mine[0] + others[0] == 3, "{mine:?} {others:?}");
        value.set([7, 7]);
        assert_eq!(value.get(), [7, 7]);
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_writer_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("value, writer dies at {step}"));
    dies_at_each(scenario, &[1, 11, 15, 20, 34, 34, 41, 41, 41, 41, 41, 41, 41, 41], |step| {
        let peer = Peer::alone();
        let value = Value::new_in(&peer, [0_u64; 2]);
        let dying = peer.joins();
        let victim = thread::spawn({
            let value = value.seen_by(&dying);
            move || dying.dies_at(step, || value.update(add)).is_some()
        });
        let [first, second] = value.get();
        assert!(first == second && first <= 1);
        let lived = victim.join().unwrap();
        let [now, _] = value.update(add);
        assert!(now > first && now <= 2 && (!lived || now == 2));
        lived
    });
}

/// The writer is dead, and who takes the lock over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_takes_over_dies_too() {
    let scenario = |step| Scenario::new(format!("value, heir dies at {step}")).search(Search::Bounded(3));
    dies_at_each(
        scenario,
        &[
            1, 30, 72, 153, 153, 287, 400, 411, 411, 549, 506, 506, 506, 506, 506, 506, 506, 506, 506, 506,
            506,
        ],
        |step| {
            let peer = Peer::alone();
            let value = Value::new_in(&peer, [0_u64; 2]);
            let first = peer.joins();
            assert!(first.dies_at(3, || value.seen_by(&first).update(add)).is_none());
            let second = peer.joins();
            let heir = thread::spawn({
                let value = value.seen_by(&second);
                move || second.dies_at(step, || value.update(add)).is_some()
            });
            value.update(add);
            let lived = heir.join().unwrap();
            let [first, second] = value.get();
            assert!(first == second && (1..=3).contains(&first));
            lived
        },
    );
}

/// One that is written in place is torn by a death.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_value_in_place_is_found() {
    use heddle_ipc::sync::Mutex;
    use heddle_primitives::sync::Arc;
    use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

    /// Writes both halves under the lock, whoever had it before.
    fn update(lock: &Mutex<()>, halves: &[AtomicU32; 2]) {
        let _guard = lock.lock().unwrap_or_else(|error| {
            let mut guard = error.into_guard().unwrap();
            guard.mark_consistent();
            guard
        });
        let [first, second] = halves.each_ref().map(|half| half.load(Ordering::Relaxed));
        assert_eq!(first, second, "torn");
        halves[0].store(first + 1, Ordering::Relaxed);
        halves[1].store(second + 1, Ordering::Relaxed);
    }

    Scenario::new("value in place").finds("torn", || {
        let peer = Peer::alone();
        let (lock, halves) = (Mutex::new_in(&peer, ()), Arc::new([(); 2].map(|()| AtomicU32::new(0))));
        let dying = peer.joins();
        let victim = thread::spawn({
            let (lock, halves) = (lock.seen_by(&dying), halves.clone());
            move || {
                dying.dies_at(4, || update(&lock, &halves));
            }
        });
        update(&lock, &halves);
        victim.join().unwrap();
        update(&lock, &halves);
    });
}
