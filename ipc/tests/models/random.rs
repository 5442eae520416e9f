//! Random sequences of what two peers do and die over, one after the other, against references that are plainly right.

use heddle_ipc::model::Peer;
use heddle_ipc::sync::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// The most steps of a sequence.
const STEPS: usize = 40;

/// Who does it, and what.
type Steps = Vec<(usize, u8)>;

/// Each peer's view of one object; a peer that has died is followed by a new one. Guards borrow the views, so none moves.
struct Views<T> {
    all: [OnceCell<(Peer, T)>; STEPS + 2],
}

impl<T> Views<T> {
    fn new() -> Self {
        Views { all: core::array::from_fn(|_| OnceCell::new()) }
    }

    /// The next view, which no peer had before.
    fn next(&self, peer: Peer, view: impl FnOnce(&Peer) -> T) -> &(Peer, T) {
        let free = self.all.iter().find(|cell| cell.get().is_none()).expect("one for each step");
        free.get_or_init(|| (peer.clone(), view(&peer)))
    }
}

/// What a lock says that knows of deaths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    Died,
    Never,
}

fn check(operations: u8, model: impl Fn(Steps)) {
    let cases = if cfg!(miri) { 4 } else { 400 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in vec((0..2_usize, 0..operations), 0..STEPS))| model(steps));
}

#[test]
fn mutex() {
    check(4, |steps| {
        let views = Views::new();
        let anchor = Peer::alone();
        let mutex = Mutex::new_in(&anchor, 0_u64);
        let joins = || views.next(anchor.joins(), |peer| mutex.seen_by(peer));
        let mut peers = [joins(), joins()];
        let mut guards = [None, None];
        let (mut state, mut value) = (State::Fine, 0);
        for (who, step) in steps {
            let held = guards.iter().any(Option::is_some);
            match step {
                0 => match peers[who].1.try_lock() {
                    Ok(mut guard) => {
                        assert!(!held && state == State::Fine && *guard == value);
                        value += 1;
                        *guard = value;
                        guards[who] = Some(guard);
                    }
                    Err(TryLockError::OwnerDied(guard)) => {
                        assert!(!held && state == State::Died && *guard == value && guard.is_inconsistent());
                        guards[who] = Some(guard);
                    }
                    Err(TryLockError::Busy) => assert!(held),
                    Err(TryLockError::Unrecoverable) => assert!(!held && state == State::Never),
                },
                1 => {
                    if guards[who].take().is_some() && state == State::Died {
                        state = State::Never;
                    }
                }
                2 => {
                    if let Some(guard) = &mut guards[who] {
                        guard.mark_consistent();
                        state = State::Fine;
                    }
                }
                _ => {
                    if let Some(guard) = guards[who].take() {
                        guard.left_behind();
                        state = State::Died;
                    }
                    peers[who].0.dies();
                    peers[who] = joins();
                }
            }
        }
    });
}

/// One thread plays both peers, and so has the same number in both.
#[test]
fn reentrant_mutex() {
    check(4, |steps| {
        let views = Views::new();
        let anchor = Peer::alone();
        let mutex = ReentrantMutex::new_in(&anchor, 0_u64);
        let joins = || views.next(anchor.joins(), |peer| mutex.seen_by(peer));
        let mut peers = [joins(), joins()];
        let mut guards = [vec![], vec![]];
        let mut state = State::Fine;
        for (who, step) in steps {
            let [mine, others] = [who, 1 - who].map(|who| !guards[who].is_empty());
            assert_eq!(peers[who].1.is_owned_by_current_thread(), mine);
            match step {
                0 => match peers[who].1.try_lock() {
                    Ok(guard) => {
                        assert!(mine || !others && state == State::Fine);
                        guard.set(guard.get() + 1);
                        guards[who].push(guard);
                    }
                    Err(TryLockError::OwnerDied(guard)) => {
                        assert!(!mine && !others && state == State::Died);
                        guards[who].push(guard);
                    }
                    Err(TryLockError::Busy) => assert!(others),
                    Err(TryLockError::Unrecoverable) => assert!(!mine && !others && state == State::Never),
                },
                1 => {
                    let last = guards[who].len() == 1;
                    drop(guards[who].pop());
                    if last && state == State::Died {
                        state = State::Never;
                    }
                }
                2 => {
                    if let Some(guard) = guards[who].last() {
                        guard.mark_consistent();
                        state = State::Fine;
                    }
                }
                _ => {
                    if mine {
                        state = State::Died;
                    }
                    guards[who].drain(..).for_each(ReentrantMutexGuard::left_behind);
                    peers[who].0.dies();
                    peers[who] = joins();
                }
            }
        }
    });
}

#[test]
fn rwlock() {
    check(6, |steps| {
        let views = Views::new();
        let anchor = Peer::alone();
        let lock = RwLock::new_in(&anchor, 0_u64);
        let joins = || views.next(anchor.joins(), |peer| lock.seen_by(peer));
        let mut peers = [joins(), joins()];
        let mut writes = [None, None];
        let mut reads = [vec![], vec![]];
        let mut state = State::Fine;
        for (who, step) in steps {
            let written = writes.iter().any(Option::is_some);
            let read = reads.iter().any(|reads| !reads.is_empty());
            match step {
                0 => match peers[who].1.try_read() {
                    Ok(guard) => {
                        assert!(!written && state == State::Fine);
                        reads[who].push(guard);
                    }
                    Err(ReadError::Busy) => assert!(written),
                    Err(ReadError::WriterDied) => assert!(!written && state == State::Died),
                    Err(ReadError::Unrecoverable) => assert!(!written && state == State::Never),
                },
                1 => match peers[who].1.try_write() {
                    Ok(mut guard) => {
                        assert!(!written && !read && state == State::Fine);
                        *guard += 1;
                        writes[who] = Some(guard);
                    }
                    Err(TryLockError::OwnerDied(guard)) => {
                        assert!(!written && !read && state == State::Died && guard.is_inconsistent());
                        writes[who] = Some(guard);
                    }
                    Err(TryLockError::Busy) => assert!(written || read && state != State::Never),
                    Err(TryLockError::Unrecoverable) => assert!(!written && state == State::Never),
                },
                2 => drop(reads[who].pop()),
                3 => {
                    if writes[who].take().is_some() && state == State::Died {
                        state = State::Never;
                    }
                }
                4 => {
                    if let Some(guard) = &mut writes[who] {
                        guard.mark_consistent();
                        state = State::Fine;
                    }
                }
                _ => {
                    reads[who].drain(..).for_each(RwLockReadGuard::left_behind);
                    if let Some(guard) = writes[who].take() {
                        guard.left_behind();
                        state = State::Died;
                    }
                    peers[who].0.dies();
                    peers[who] = joins();
                }
            }
        }
    });
}

#[test]
fn semaphore() {
    check(5, |steps| {
        let views = Views::new();
        let anchor = Peer::alone();
        let semaphore = BoundedSemaphore::new_in(&anchor, MAX_PERMITS);
        let joins = || views.next(anchor.joins(), |peer| semaphore.seen_by(peer));
        let mut peers = [joins(), joins()];
        let mut permits = [vec![], vec![]];
        let mut free = MAX_PERMITS;
        for (who, step) in steps {
            let held = permits[0].len() + permits[1].len();
            assert_eq!(semaphore.available(), free);
            match step {
                0 => match peers[who].1.try_acquire() {
                    Some(permit) => {
                        free = free.checked_sub(1).expect("one too many");
                        permits[who].push(permit);
                    }
                    None => assert_eq!(free, 0),
                },
                1 => free += usize::from(permits[who].pop().is_some()),
                2 => {
                    if let Some(permit) = permits[who].pop() {
                        permit.forget();
                    }
                }
                3 => match peers[who].1.release() {
                    Ok(()) => free += 1,
                    Err(error) => assert_eq!((free + held, error.max), (MAX_PERMITS, MAX_PERMITS)),
                },
                _ => {
                    free += permits[who].len();
                    permits[who].drain(..).for_each(Permit::left_behind);
                    peers[who].0.dies();
                    peers[who] = joins();
                }
            }
            assert!(free + permits[0].len() + permits[1].len() <= MAX_PERMITS);
        }
    });
}

/// With one of two parties only, so that a wait ends by its time, or because a member is dead.
#[test]
fn barrier() {
    check(6, |steps| {
        let views = Views::new();
        let anchor = Peer::alone();
        let barrier = Barrier::new_in(&anchor, 2);
        let joins = || views.next(anchor.joins(), |peer| barrier.seen_by(peer));
        let mut peers = [joins(), joins()];
        // Whether the present one is a member, and whether one before it in its slot was, to its end.
        let (mut members, mut lost) = ([false; 2], [false; 2]);
        let mut broken = false;
        for (who, step) in steps {
            let join = |members: &mut [bool; 2], lost: &mut [bool; 2], broken: &mut bool| {
                members[who] = true;
                *broken |= std::mem::take(&mut lost[who]);
            };
            let barrier = &peers[who].1;
            match step {
                0 => {
                    join(&mut members, &mut lost, &mut broken);
                    let told = barrier.wait_until(Instant::now());
                    let other = lost.contains(&true);
                    let expected =
                        if broken || other { BarrierError::Broken } else { BarrierError::TimedOut };
                    assert_eq!(told, Err(expected));
                    broken = true;
                }
                1 => {
                    barrier.join();
                    join(&mut members, &mut lost, &mut broken);
                }
                2 => {
                    barrier.leave();
                    (members[who], lost[who]) = (false, false);
                }
                3 => {
                    barrier.abort();
                    broken = true;
                }
                4 => {
                    barrier.reset();
                    (broken, lost) = (false, [false; 2]);
                }
                _ => {
                    peers[who].0.dies();
                    lost[who] |= std::mem::take(&mut members[who]);
                    peers[who] = joins();
                }
            }
            assert_eq!(peers[who].1.is_broken(), broken);
        }
    });
}

#[test]
fn value_and_event() {
    check(6, |steps| {
        let anchor = Peer::alone();
        let (value, event) = (Value::new_in(&anchor, [0_u64; 2]), Event::new_in(&anchor));
        let peers = [anchor.joins(), anchor.joins()].map(|peer| (value.seen_by(&peer), event.seen_by(&peer)));
        let (mut expected, mut set) = ([0; 2], false);
        for (at, (who, step)) in (0..).zip(steps) {
            let (value, event) = &peers[who];
            match step {
                0 => {
                    expected = [at; 2];
                    value.set(expected);
                }
                1 => {
                    expected = expected.map(|n| n + 1);
                    assert_eq!(value.update(|both| both.map(|n| n + 1)), expected);
                }
                2 => assert_eq!(value.get(), expected),
                3 => {
                    set = true;
                    event.set();
                }
                4 => {
                    set = false;
                    event.clear();
                }
                _ => assert_eq!((event.is_set(), event.wait_for(Duration::ZERO)), (set, set)),
            }
        }
    });
}
