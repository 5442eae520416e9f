//! What is done once: by one, or by the next one if that dies.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::Once;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;

/// What is to be done: in two steps, and how often it was begun and done.
#[derive(Default)]
struct Work {
    begun: AtomicU32,
    done: AtomicU32,
}

impl Work {
    fn call(&self, once: &Once) {
        once.call_once_force(|state| {
            let begun = self.begun.load(Ordering::Relaxed);
            assert_eq!(state.is_after_death(), begun > 0, "half done, and nobody said so");
            self.begun.store(begun + 1, Ordering::Relaxed);
            self.done.store(self.done.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        });
        // Whoever returns sees it done.
        assert!(self.done.load(Ordering::Relaxed) >= 1);
        assert!(once.is_completed());
    }
}

fn start() -> (Peer, Once, Arc<Work>) {
    let peer = Peer::alone();
    let once = Once::new_in(&peer);
    (peer, once, Arc::new(Work::default()))
}

#[test]
fn done_by_one() {
    complete("once, two peers", 1_718).spurious(2).check(|| {
        let (peer, once, work) = start();
        let other = thread::spawn({
            let (once, work) = (once.seen_by(&peer.joins()), work.clone());
            move || work.call(&once)
        });
        work.call(&once);
        other.join().unwrap();
        once.call_once(|| panic!("done"));
        assert_eq!(work.done.load(Ordering::Relaxed), 1);
    });
}

/// Who looks without waiting sees all of it or nothing.
#[test]
fn done_means_visible() {
    complete("once, a look", 10).check(|| {
        let (peer, once, work) = start();
        let other = thread::spawn({
            let (once, work) = (once.seen_by(&peer.joins()), work.clone());
            move || work.call(&once)
        });
        if once.is_completed() {
            assert_eq!(work.done.load(Ordering::Relaxed), 1);
        }
        other.join().unwrap();
    });
}

#[test]
fn three_at_once() {
    complete("once, three peers", 1_408).search(Search::Bounded(1)).check(|| {
        let (peer, once, work) = start();
        let others = [(), ()].map(|()| {
            let (once, work) = (once.seen_by(&peer.joins()), work.clone());
            thread::spawn(move || work.call(&once))
        });
        work.call(&once);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(work.done.load(Ordering::Relaxed), 1);
    });
}

/// As [`Work::call`], by somebody who may come to it half done without a word: it died before it had begun anything.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn call_after_deaths(once: &Once, work: &Work) {
    once.call_once_force(|state| {
        let begun = work.begun.load(Ordering::Relaxed);
        assert!(state.is_after_death() || begun == 0, "half done, and nobody said so");
        work.begun.store(begun + 1, Ordering::Relaxed);
        work.done.store(work.done.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    });
    assert!(once.is_completed() && work.done.load(Ordering::Relaxed) >= 1);
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_peer_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("once, dies at {step}")).search(Search::Bounded(2));
    dies_at_each(scenario, &[1, 13, 30, 97, 99, 101, 107, 105, 130, 141, 130, 130, 130], |step| {
        let (peer, once, work) = start();
        let dying = peer.joins();
        let victim = thread::spawn({
            let (once, work) = (once.seen_by(&dying), work.clone());
            move || dying.dies_at(step, || call_after_deaths(&once, &work)).is_some()
        });
        call_after_deaths(&once, &work);
        victim.join().unwrap()
    });
}

/// Who did it is dead, and who does it again dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_does_it_again_dies_too() {
    let scenario =
        |step| Scenario::new(format!("once, the second dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[1, 13, 30, 58, 58, 158, 168, 171, 176, 178, 214, 231, 214, 214, 213, 213, 213, 213],
        |step| {
            let (peer, once, work) = start();
            let first = peer.joins();
            // Begun, and not done.
            let begun = first.dies_at(3, || work.call(&once.seen_by(&first)));
            assert!(begun.is_none() && !once.is_completed());
            let second = peer.joins();
            let victim = thread::spawn({
                let (once, work) = (once.seen_by(&second), work.clone());
                move || second.dies_at(step, || call_after_deaths(&once, &work)).is_some()
            });
            call_after_deaths(&once, &work);
            victim.join().unwrap()
        },
    );
}
