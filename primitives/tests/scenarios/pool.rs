//! The pool: its parts by themselves, and small pools.
//!
//! The parts are where the orderings are: `Sleep`, `Task` and `Board`. Whole pools have too many operations for loom, and run under
//! shuttle.

use super::Plain;
use heddle_primitives::pool::checked::{Board, Sleep, Task, Work};
use heddle_primitives::pool::{ThreadPool, ThreadPoolBuilder, join, spawn};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{Event, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

/// `wakers` each put something onto a pile and wake one of `sleepers`, each of whom takes one thing.
pub fn sleep_until_there_is_some(sleepers: u32, wakers: u32, each: u32, timed: bool) {
    let shared = Arc::new((Sleep::new(), AtomicU32::new(0)));
    // Goes on while there is something: a look that overlooks what is there would sleep on it.
    let take = |pile: &AtomicU32| {
        let mut seen = pile.load(Ordering::Relaxed);
        while seen > 0 {
            match pile.compare_exchange(seen, seen - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(()),
                Err(found) => seen = found,
            }
        }
        None
    };
    let others: Vec<_> = (0..sleepers)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (sleep, pile) = &*shared;
                let mut deadline = timed.then(Instant::now);
                while take(pile).is_none() {
                    let (found, timed_out) = sleep.sleep(deadline, || take(pile));
                    if found.is_some() {
                        break;
                    }
                    if timed_out {
                        deadline = None;
                    }
                }
            })
        })
        .chain((1..wakers).map(|_| {
            let shared = shared.clone();
            thread::spawn(move || put(&shared, each))
        }))
        .collect();
    put(&shared, each);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(shared.1.load(Ordering::Relaxed), wakers * each - sleepers);
}

fn put((sleep, pile): &(Sleep, AtomicU32), each: u32) {
    for _ in 0..each {
        pile.fetch_add(1, Ordering::Release);
        sleep.wake_one();
    }
}

/// Everybody is woken by the end.
pub fn sleep_until_the_end(sleepers: u32) {
    let shared = Arc::new((Sleep::new(), AtomicU32::new(0)));
    let others: Vec<_> = (0..sleepers)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let ended = || (shared.1.load(Ordering::Acquire) == 1).then_some(());
                while shared.0.sleep(None, ended).0.is_none() {}
            })
        })
        .collect();
    shared.1.store(1, Ordering::Release);
    shared.0.wake_all();
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Who is woken sees what it was woken for: its leaving acquires what the waker wrote before it counted the wake. Not for wakes
/// without cause.
pub fn woken_sleeper_sees_why() {
    let shared = Arc::new((Sleep::new(), AtomicU32::new(0), Plain::new()));
    let other = shared.clone();
    let sleeper = thread::spawn(move || {
        let (sleep, flag, why) = &*other;
        // ORDERING: none, so that the wake alone orders.
        let (found, _) = sleep.sleep(None, || (flag.load(Ordering::Relaxed) == 1).then_some(()));
        if found.is_none() {
            assert_eq!(why.get(), 7);
        }
    });
    let (sleep, flag, why) = &*shared;
    why.set(7);
    // ORDERING: as above.
    flag.store(1, Ordering::Relaxed);
    sleep.wake_one();
    sleeper.join().unwrap();
}

/// Who wakes has acquired what the sleeper did before it registered. That is how `wakes` moves after the sleeper has read it,
/// which no checker would see by itself: none runs a load later than its place.
pub fn waker_comes_after_what_the_sleeper_did() {
    let shared = Arc::new((Sleep::new(), AtomicU32::new(0), Plain::new()));
    let other = shared.clone();
    let sleeper = thread::spawn(move || {
        let (sleep, woken, before) = &*other;
        before.set(7);
        let (_, timed_out) = sleep.sleep(Some(Instant::now()), || None::<()>);
        // ORDERING: none, so that the registration alone orders.
        woken.store(u32::from(!timed_out), Ordering::Relaxed);
    });
    let (sleep, woken, before) = &*shared;
    sleep.wake_one();
    // ORDERING: as above. The only wake was this one, so it has counted the sleeper.
    if woken.load(Ordering::Relaxed) == 1 {
        assert_eq!(before.get(), 7);
    }
    sleeper.join().unwrap();
}

/// Adds one to a number that only the right order protects.
struct Step(Arc<Plain>);

impl Work for Step {
    fn run(&self) {
        self.0.set(self.0.get() + 1);
    }
}

// A test's task is run by one thread, as the checkers find out.
fn step(number: &Arc<Plain>, above: Option<Task>) -> Task {
    // SAFETY: it owns what it uses.
    unsafe { Task::new(Step(number.clone()), above, None) }
}

/// A task that `claimers` try to claim while the main thread waits for its end, with a time-out first.
pub fn task_is_run_once_and_awaited(claimers: u32, timed: bool) {
    let number = Arc::new(Plain::new());
    number.set(1);
    let task = step(&number, None);
    let others: Vec<_> = (0..claimers)
        .map(|_| {
            let task = task.clone();
            thread::spawn(move || {
                if task.claim() {
                    task.run();
                }
            })
        })
        .collect();
    if !timed || !task.wait_outside(Some(Instant::now())) {
        assert!(task.wait_outside(None));
    }
    assert_eq!(number.get(), 2);
    drop(task);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Everybody who sleeps on a task is told of what changes for them, and of its end.
pub fn task_tells_everybody(sleepers: u32) {
    let task = step(&Arc::new(Plain::new()), None);
    let others: Vec<_> = (0..sleepers)
        .map(|_| {
            let task = task.clone();
            thread::spawn(move || {
                while !task.is_done() {
                    task.sleep(None, || None::<()>);
                }
            })
        })
        .collect();
    assert!(task.claim());
    task.alert();
    task.run();
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Looked at by who runs it, and changed by who frees it.
struct Used(Plain);

impl Work for Used {
    fn run(&self) {}

    fn ended(&self) {
        self.0.get();
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.0.set(1);
    }
}

/// The last reference frees a task after all that was done with the others, also after its end.
pub fn task_is_freed_after_its_use() {
    // SAFETY: it owns what it uses.
    let task = unsafe { Task::new(Used(Plain::new()), None, None) };
    let other = task.clone();
    let user = thread::spawn(move || {
        assert!(other.claim());
        other.run();
    });
    drop(task);
    user.join().unwrap();
}

/// What a join gives away: its owner takes it back or waits, while a thief takes it from the board.
pub fn job_is_taken_back_or_stolen() {
    let board = Arc::new(Board::new());
    let number = Arc::new(Plain::new());
    number.set(1);
    let task = step(&number, None);
    let others = board.clone();
    let thief = thread::spawn(move || {
        if let Some(task) = others.take(1) {
            task.run();
        }
    });
    board.post(task.clone());
    if task.claim() {
        task.run();
    }
    assert!(task.wait_outside(None));
    assert_eq!(number.get(), 2);
    drop(task);
    thief.join().unwrap();
}

/// Who sleeps on a task is told of a task below it and runs it, without which the first would never end.
pub fn sleeper_runs_what_is_below(late: bool) {
    let board = Arc::new(Board::new());
    let number = Arc::new(Plain::new());
    let root = step(&number, None);
    assert!(root.claim());
    let (other_board, other_root, other_number) = (board.clone(), root.clone(), number.clone());
    let other = thread::spawn(move || {
        let below = step(&other_number, (!late).then(|| other_root.clone()));
        other_board.post(below.clone());
        below.announce();
        if late {
            below.put_below(Some(other_root.clone()));
        }
        assert!(below.wait_outside(None));
        other_root.run();
    });
    let mut ran = 0;
    while !root.is_done() {
        let (found, _) = root.sleep(None, || board.take_below(0, &root));
        if let Some(task) = found {
            task.run();
            ran += 1;
        }
    }
    assert_eq!((ran, number.get()), (1, 2));
    other.join().unwrap();
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

pub fn pool_starts_and_ends(threads: usize) {
    drop(pool(threads));
}

pub fn pool_installs() {
    let pool = pool(1);
    let answer = pool.install(|| join(|| 1, || 2));
    assert_eq!(answer, (1, 2));
}

pub fn pool_joins() {
    let pool = pool(2);
    let sum = pool.install(|| {
        let (a, (b, c)) = join(|| join(|| 1, || 2), || join(|| 3, || 4));
        a.0 + a.1 + b + c
    });
    assert_eq!(sum, 10);
}

pub fn pool_scope() {
    let pool = pool(2);
    let count = AtomicU32::new(0);
    pool.scope(|s| {
        for _ in 0..3 {
            s.spawn(|s| {
                count.fetch_add(1, Ordering::Relaxed);
                s.spawn(|_| _ = count.fetch_add(1, Ordering::Relaxed));
            });
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 6);
}

/// Everything spawned has run when the pool is gone.
pub fn pool_spawns() {
    let pool = pool(2);
    let count = Arc::new(AtomicU32::new(0));
    for _ in 0..3 {
        let count = count.clone();
        pool.spawn(move || {
            let more = count.clone();
            spawn(move || _ = more.fetch_add(1, Ordering::Relaxed));
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    drop(pool);
    assert_eq!(count.load(Ordering::Relaxed), 6);
}

pub fn pool_handles() {
    let pool = pool(2);
    let first = pool.submit(|| 1);
    let second = pool.submit(|| resume_unwind(Box::new("second")));
    assert_eq!(first.join().unwrap(), 1);
    let result: std::thread::Result<()> = second.join();
    assert!(result.is_err());
    match pool.submit(|| 3).join_timeout(std::time::Duration::ZERO) {
        Ok(result) => assert_eq!(result.unwrap(), 3),
        Err(handle) => assert_eq!(handle.join().unwrap(), 3),
    }
}

pub fn pool_panics() {
    let pool = pool(2);
    let ended = Mutex::new(0);
    let fail = || -> u32 { resume_unwind(Box::new("a")) };
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool.scope(|s| {
            s.spawn(|_| _ = fail());
            s.spawn(|_| *ended.lock() += 1);
        });
    }));
    assert!(result.is_err());
    assert_eq!(*ended.lock(), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.join(fail, || 1))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.join(|| 1, fail))).is_err());
}

/// Two pools of one thread each, which wait for each other.
pub fn pool_to_and_fro() {
    let (one, two) = (pool(1), Arc::new(pool(1)));
    let inner = two.clone();
    let answer = one.install(|| inner.install(|| one.install(|| join(|| 1, || inner.install(|| 2)))));
    assert_eq!(answer, (1, 2));
}

pub fn pool_broadcasts() {
    let pool = pool(2);
    assert_eq!(pool.broadcast(|n| pool.broadcast(|m| 2 * n + m)), [[0, 1], [2, 3]]);
}

pub fn pool_dropped_inside() {
    let pool = Arc::new(pool(2));
    let gone = Arc::new(Event::new());
    let (last, set) = (pool.clone(), gone.clone());
    let handle = pool.submit(move || {
        set.wait();
        drop(last);
    });
    drop(pool);
    gone.set();
    handle.join().unwrap();
}

pub fn pool_loops() {
    let pool = pool(2);
    let mut items = [1, 2, 3, 4];
    pool.for_each_mut(&mut items, |n| *n *= 2);
    assert_eq!(pool.map_reduce(&items, || 0, |n| *n, |a, b| a + b), 20);
}
