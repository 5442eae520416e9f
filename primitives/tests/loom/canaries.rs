//! What loom must see before any of its results counts: programs with their full sets of outcomes.

use crate::*;
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

type Words = Arc<(AtomicU32, AtomicU32)>;

/// Two words at zero, for two threads.
fn pair() -> (Words, Words) {
    let pair = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    (pair.clone(), pair)
}

#[test]
fn loom_392_a_load_before_the_store_hides_nothing() {
    let seen = Scenario::new("loom 392 a load before the store hides nothing").outcomes(|| {
        let (a, b) = pair();
        let other = thread::spawn(move || {
            a.0.load(Relaxed);
            a.0.store(1, Relaxed);
        });
        let seen = b.0.load(Relaxed);
        other.join().unwrap();
        seen
    });
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn loom_166_a_redundant_load_hides_nothing() {
    for redundant in [false, true] {
        let seen = Scenario::new("loom 166 a redundant load hides nothing").outcomes(move || {
            let (a, b) = pair();
            let writer = thread::spawn(move || {
                let (key, value) = &*a;
                key.store(1, SeqCst);
                value.store(1, SeqCst);
                value.store(0, SeqCst);
                if redundant {
                    key.load(SeqCst);
                }
                key.store(0, SeqCst);
            });
            let reader = thread::spawn(move || {
                let (key, value) = &*b;
                (value.load(SeqCst), key.load(SeqCst))
            });
            writer.join().unwrap();
            reader.join().unwrap()
        });
        assert_eq!(seen, BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]), "redundant: {redundant}");
    }
}

fn store_buffering(between: Option<Ordering>) -> BTreeSet<(u32, u32)> {
    let fence_between = move || {
        if let Some(order) = between {
            fence(order);
        }
    };
    Scenario::new(format!("store buffering, fence {between:?}")).outcomes(move || {
        let (a, b) = pair();
        let other = thread::spawn(move || {
            a.0.store(1, Relaxed);
            fence_between();
            a.1.load(Relaxed)
        });
        b.1.store(1, Relaxed);
        fence_between();
        let seen = b.0.load(Relaxed);
        (seen, other.join().unwrap())
    })
}

#[test]
fn store_buffering_is_stopped_by_a_seqcst_fence_alone() {
    let all = BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert_eq!(store_buffering(None), all);
    assert_eq!(store_buffering(Some(AcqRel)), all);
    assert_eq!(store_buffering(Some(SeqCst)), BTreeSet::from([(0, 1), (1, 0), (1, 1)]));
}

/// What the reader sees: nothing, or the flag and the datum; the datum is plain, so a missing edge is a race.
fn message_passing(publish: Ordering, receive: Ordering) {
    let shared = Arc::new((Plain::new(), AtomicU32::new(0)));
    team(2, &shared, move |(data, flag), n| {
        if n == 0 {
            data.set(1);
            flag.store(1, publish);
        } else if flag.load(receive) == 1 {
            assert_eq!(data.get(), 1);
        }
    });
}

#[test]
fn message_passing_races_without_both_halves() {
    check("message passing", Complete, 2, || message_passing(Release, Acquire));
    for (publish, receive) in [(Relaxed, Acquire), (Release, Relaxed), (Relaxed, Relaxed)] {
        finds("message passing, weakened", Complete, "Causality violation", move || {
            message_passing(publish, receive)
        });
    }
}

/// Load, then compare-exchange: the kind of code at which loom's own reduction goes wrong.
#[test]
fn load_then_exchange_loses_updates_in_all_ways() {
    let seen = Scenario::new("load then exchange loses updates in all ways").outcomes(|| {
        let (a, b) = pair();
        let bump = |x: &AtomicU32| {
            let seen = x.load(Relaxed);
            x.compare_exchange(seen, seen + 1, Relaxed, Relaxed).is_ok()
        };
        let other = thread::spawn(move || bump(&a.0));
        let mine = bump(&b.0);
        (mine, other.join().unwrap(), b.0.load(Relaxed))
    });
    assert_eq!(seen, BTreeSet::from([(false, true, 1), (true, false, 1), (true, true, 2)]));
}
