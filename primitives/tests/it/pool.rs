//! Pools of threads.

use crate::support::*;
use heddle_primitives::pool::*;
use heddle_primitives::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::{Event, Mutex};
use proptest::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Panics without the message that a hook would print.
fn fail<R>(what: &'static str) -> R {
    resume_unwind(Box::new(what))
}

fn message<R>(f: impl FnOnce() -> R) -> &'static str {
    *catch_unwind(AssertUnwindSafe(f)).err().expect("it panics").downcast().unwrap()
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[test]
fn joins_nest() {
    for threads in [1, 2, THREADS as usize] {
        let pool = pool(threads);
        assert_eq!(pool.install(|| fib(20)), 6_765);
        assert_eq!(pool.join(|| 1, || "two"), (1, "two"));
    }
    assert_eq!(join(|| fib(15), || fib(10)), (610, 55));
}

#[test]
fn both_sides_of_a_join_can_run_at_once() {
    let pool = pool(2);
    let (here, there) = (Event::new(), Event::new());
    pool.join(
        || {
            here.set();
            // Nobody may have asked when the join began; a join of nothing is what gives it away.
            while !there.is_set() {
                join(|| (), thread::yield_now);
            }
        },
        || {
            there.set();
            here.wait();
        },
    );
}

#[test]
fn panics_come_out_after_the_other_side_has_ended() {
    let pool = pool(2);
    for _ in 0..200 {
        let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        let side = || {
            begun.fetch_add(1, Ordering::Relaxed);
            fib(5);
            ended.fetch_add(1, Ordering::Relaxed);
        };
        assert_eq!(message(|| pool.join(|| fail::<()>("a"), side)), "a");
        assert_eq!(begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
        assert_eq!(message(|| pool.join(side, || fail::<()>("b"))), "b");
        assert_eq!(begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
        assert_eq!(message(|| pool.join(|| fail::<()>("a"), || fail::<()>("b"))), "a");
        assert_eq!(message(|| pool.install(|| fail::<()>("i"))), "i");
        assert_eq!(
            message(|| pool.broadcast(|n| if n == 1 {
                fail("c")
            })),
            "c"
        );
    }
    assert_eq!(pool.install(|| fib(10)), 55);
}

#[test]
fn scopes_run_everything_and_may_spawn_more() {
    for threads in [1, 2, THREADS as usize] {
        let pool = pool(threads);
        let sum = AtomicU64::new(0);
        let result = pool.scope(|s| {
            for n in 0..100 {
                let sum = &sum;
                s.spawn(move |s| {
                    sum.fetch_add(n, Ordering::Relaxed);
                    s.spawn(move |_| _ = sum.fetch_add(fib(n % 10), Ordering::Relaxed));
                });
            }
            7
        });
        assert_eq!(result, 7);
        assert_eq!(sum.load(Ordering::Relaxed), 4_950 + 10 * (0..10).map(fib).sum::<u64>());
    }
}

#[test]
fn a_scope_ends_before_its_panic_goes_on() {
    let pool = pool(2);
    let ended = AtomicU64::new(0);
    let cause = message(|| {
        pool.scope(|s| {
            s.spawn(|_| fail("task"));
            for _ in 0..20 {
                s.spawn(|_| {
                    fib(8);
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        })
    });
    assert_eq!((cause, ended.load(Ordering::Relaxed)), ("task", 20));
    let cause = message(|| {
        pool.scope(|s| {
            s.spawn(|_| _ = ended.fetch_add(1, Ordering::Relaxed));
            fail::<()>("body")
        })
    });
    assert_eq!((cause, ended.load(Ordering::Relaxed)), ("body", 21));
}

#[test]
fn spawned_tasks_run_before_the_pool_is_gone() {
    let count = Arc::new(AtomicU64::new(0));
    let pool = pool(3);
    for _ in 0..500 {
        let count = count.clone();
        pool.spawn(move || {
            let more = count.clone();
            spawn(move || _ = more.fetch_add(1, Ordering::Relaxed));
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    drop(pool);
    assert_eq!(count.load(Ordering::Relaxed), 1_000);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn handles_have_results_panics_and_time_outs() {
    let pool = pool(1);
    let gate = Arc::new(Event::new());
    let opened = gate.clone();
    let handle = pool.submit(move || {
        opened.wait();
        5
    });
    assert!(!handle.is_finished());
    let handle = handle.join_timeout(Duration::ZERO).unwrap_err();
    let handle = handle.join_timeout(TICK).unwrap_err();
    gate.set();
    assert_eq!(handle.join_timeout(Duration::MAX).unwrap().unwrap(), 5);
    let panicked = pool.submit(|| fail::<u32>("submitted")).join().unwrap_err();
    assert_eq!(*panicked.downcast::<&str>().unwrap(), "submitted");
    let last = pool.submit(|| 6);
    drop(pool.submit(|| vec![0; 10]));
    drop(pool);
    assert!(last.is_finished());
    assert_eq!(last.join().unwrap(), 6);
}

#[test]
fn a_handle_is_a_future() {
    struct Flag(Event);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.set();
        }
    }
    let pool = pool(1);
    let gate = Arc::new(Event::new());
    let opened = gate.clone();
    let mut handle = Box::pin(pool.submit(move || {
        opened.wait();
        8
    }));
    let flag = Arc::new(Flag(Event::new()));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    assert!(handle.as_mut().poll(&mut context).is_pending());
    gate.set();
    flag.0.wait();
    let Poll::Ready(result) = handle.as_mut().poll(&mut context) else { panic!("woken before the end") };
    assert_eq!(result.unwrap(), 8);
}

/// A panic where a worker drops a result that nobody wants must not end a wait early, nor the worker.
#[test]
fn what_panics_when_it_is_dropped_goes_to_the_handler() {
    struct Fails;
    impl Drop for Fails {
        fn drop(&mut self) {
            fail("dropped")
        }
    }
    let failures = Arc::new(AtomicU64::new(0));
    let counted = failures.clone();
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .panic_handler(move |_| _ = counted.fetch_add(1, Ordering::Relaxed))
        .build()
        .unwrap();
    for _ in 0..10 {
        let gate = Arc::new(Event::new());
        let opened = gate.clone();
        drop(pool.submit(move || {
            opened.wait();
            Fails
        }));
        gate.set();
    }
    assert_eq!(pool.install(|| fib(10)), 55);
    drop(pool);
    assert_eq!(failures.load(Ordering::Relaxed), 10);
}

#[test]
fn a_worker_runs_what_its_handle_stands_for() {
    let pool = Arc::new(pool(1));
    let inner = pool.clone();
    let sum = pool.install(move || {
        let handles: Vec<_> = (0..10).map(|n| inner.submit(move || fib(n))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>()
    });
    assert_eq!(sum, (0..10).map(fib).sum::<u64>());
}

/// Each waits in the other's threads; with one thread each.
#[test]
fn installs_may_go_to_and_fro_between_pools() {
    let (one, two) = (pool(1), pool(1));
    let answer = one.install(|| two.install(|| one.install(|| two.install(|| fib(12)))));
    assert_eq!(answer, 144);
    let indices = one.install(|| {
        let inner = two.install(|| (one.current_thread_index(), two.current_thread_index()));
        (one.current_thread_index(), two.current_thread_index(), inner)
    });
    assert_eq!(indices, (Some(0), None, (None, Some(0))));
    assert_eq!(one.current_thread_index(), None);
}

#[test]
fn broadcasts_reach_every_thread_even_from_all_at_once() {
    let pool = pool(3);
    assert_eq!(
        pool.broadcast(|n| (n, pool.current_thread_index())),
        [(0, Some(0)), (1, Some(1)), (2, Some(2))]
    );
    let nested = pool.broadcast(|n| pool.broadcast(|m| n * 3 + m));
    assert_eq!(nested, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]);
    let below = pool.install(|| join(|| pool.broadcast(|n| n), || pool.broadcast(|n| n)));
    assert_eq!(below, (vec![0, 1, 2], vec![0, 1, 2]));
}

#[test]
fn settings_take_effect() {
    let (started, ended, failed) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let note = |count: &Arc<AtomicU64>| {
        let count = count.clone();
        move |n: usize| _ = count.fetch_add(1 << (8 * n), Ordering::Relaxed)
    };
    let failures = failed.clone();
    let pool = ThreadPoolBuilder::new()
        .num_threads(2)
        .thread_name(|n| format!("t{n}"))
        .stack_size(1 << 20)
        .start_handler(note(&started))
        .exit_handler(note(&ended))
        .panic_handler(move |payload| failures.lock().push(*payload.downcast::<&str>().unwrap()))
        .build()
        .unwrap();
    let names = pool.broadcast(|_| std::thread::current().name().map(str::to_owned));
    assert_eq!(names, [Some("t0".to_owned()), Some("t1".to_owned())]);
    assert_eq!((pool.current_num_threads(), started.load(Ordering::Relaxed)), (2, 0x101));
    pool.spawn(|| fail("spawned"));
    drop(pool);
    assert_eq!((ended.load(Ordering::Relaxed), &**failed.lock()), (0x101, &["spawned"][..]));
    assert!(ThreadPoolBuilder::new().num_threads(70_000).build().is_err());
    let cpus = sched_getaffinity(None).unwrap().count() as usize;
    assert_eq!(ThreadPoolBuilder::new().build().unwrap().current_num_threads(), cpus);
}

#[test]
fn a_pool_dropped_by_its_own_thread_ends_by_itself() {
    let ended = Arc::new(AtomicU64::new(0));
    let at_exit = ended.clone();
    let pool = ThreadPoolBuilder::new()
        .num_threads(2)
        .exit_handler(move |_| _ = at_exit.fetch_add(1, Ordering::Relaxed))
        .build()
        .unwrap();
    let done = Arc::new(Event::new());
    let (set, pool) = (done.clone(), Arc::new(pool));
    let last = pool.clone();
    let handle = pool.submit(move || {
        set.wait();
        // The main thread has dropped the other.
        spawn(|| _ = fib(5));
        drop(last);
        fib(6)
    });
    drop(pool);
    done.set();
    assert_eq!(handle.join().unwrap(), 8);
    while ended.load(Ordering::Relaxed) < 2 {
        thread::yield_now();
    }
}

#[test]
fn loops_do_each_item_once() {
    for threads in [1, 2, THREADS as usize] {
        let pool = pool(threads);
        for len in [0, 1, 2, 255, 256, 257, 5_000] {
            let mut items: Vec<u64> = (0..len).collect();
            let sum = AtomicU64::new(0);
            pool.for_each(&items, |n| _ = sum.fetch_add(*n, Ordering::Relaxed));
            assert_eq!(sum.load(Ordering::Relaxed), items.iter().sum::<u64>());
            assert_eq!(pool.map(&items, |n| n + 1), (1..=len).collect::<Vec<_>>());
            let whole = pool.map_reduce(&items, Vec::new, |n| vec![*n], |a, b| [a, b].concat());
            assert_eq!(whole, items);
            pool.for_each_mut(&mut items, |n| *n *= 2);
            pool.for_each_chunk_mut(&mut items, 7, |start, part| {
                for (n, item) in (start as u64..).zip(part) {
                    *item += n;
                }
            });
            assert!((0..).zip(&items).all(|(n, item)| *item == 3 * n));
            let seen = Mutex::new(Vec::new());
            pool.for_each_chunk(&items, 100, |start, part| seen.lock().push((start, part.len())));
            let mut seen = seen.lock().clone();
            seen.sort_unstable();
            let expected: Vec<_> =
                items.chunks(100).enumerate().map(|(n, part)| (n * 100, part.len())).collect();
            assert_eq!(seen, expected);
        }
        assert_eq!(
            message(|| pool.for_each(&[1, 2, 3], |n| if *n == 2 {
                fail("two")
            })),
            "two"
        );
        assert_eq!(message(|| pool.map(&[1, 2, 3], |n| if *n == 2 { fail("two") } else { *n })), "two");
    }
}

#[test]
fn sums_of_floats_do_not_depend_on_the_workers() {
    let items: Vec<f64> = (1..=10_000).map(|n| 1.0 / f64::from(n)).collect();
    let sums = [1, 2, 3, 8].map(|threads| {
        let pool = pool(threads);
        (0..5).map(|_| pool.map_reduce(&items, || 0.0, |n| *n, |a, b| a + b).to_bits()).collect::<Vec<_>>()
    });
    assert!(sums.iter().flatten().all(|sum| *sum == sums[0][0]));
}

/// event-listener #138 and oneTBB #2136: work comes while the last worker goes to sleep.
#[test]
fn r02_r03_work_that_meets_falling_asleep_is_done() {
    let pool = pool(2);
    for n in 0..3_000_u64 {
        // Pauses around the time that a worker looks before it sleeps.
        let pause = Instant::now() + Duration::from_nanos(n * 31 % 70_000);
        while Instant::now() < pause {
            std::hint::black_box(());
        }
        assert_eq!(pool.submit(move || n).join().unwrap(), n);
    }
}

/// rayon #768, #929: the one who ends a task wakes through memory that the waiter has already freed.
#[test]
fn r05_waiters_may_free_their_frames_at_once() {
    let pool = pool(2);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for n in 0..500_u64 {
                    let frame = Box::new(n);
                    assert_eq!(pool.install(|| *frame + 1), n + 1);
                    assert_eq!(pool.join(|| *frame, || *frame), (n, n));
                }
            });
        }
    });
}

/// crossbeam #821: pinned to one CPU everything became 15 times slower; here with eight threads too.
#[test]
fn r07_one_cpu_is_no_catastrophe() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    let pool = ThreadPoolBuilder::new()
        .num_threads(THREADS as usize)
        .start_handler(move |_| sched_setaffinity(None, &one).unwrap())
        .build()
        .unwrap();
    for _ in 0..50 {
        assert_eq!(pool.install(|| fib(12)), 144);
        pool.for_each(&[1; 100], |n| assert_eq!(*n, 1));
        assert_eq!(pool.submit(|| 1).join().unwrap(), 1);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// crossbeam #971, #1187: a leak's repair became a double free.
#[test]
fn r08_closures_and_results_are_dropped_once() {
    let counted = Arc::new(());
    let pool = pool(2);
    for _ in 0..100 {
        let (a, b, c, d, e) =
            (counted.clone(), counted.clone(), counted.clone(), counted.clone(), counted.clone());
        drop(pool.submit(move || a));
        drop(pool.submit(move || b).join());
        pool.spawn(move || drop(c));
        message(|| pool.join(move || fail::<()>("a"), move || d));
        pool.scope(|s| s.spawn(move |_| drop(e)));
        drop(pool.map(&[counted.clone(), counted.clone()], Arc::clone));
    }
    drop(pool);
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// crossbeam-deque CVE-2021-32810, as a pool would show it: a task ran twice.
#[test]
fn r09_each_task_runs_once() {
    let pool = pool(THREADS as usize);
    let runs: Arc<Vec<AtomicU64>> = Arc::new((0..20_000).map(|_| AtomicU64::new(0)).collect());
    for n in (0..runs.len()).step_by(10) {
        let runs = runs.clone();
        pool.spawn(move || {
            for m in n..n + 10 {
                let runs = runs.clone();
                spawn(move || _ = runs[m].fetch_add(1, Ordering::Relaxed));
            }
        });
    }
    drop(pool);
    assert!(runs.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

/// rayon #592, #1251: a worker that waited under a lock stole a task that needed the lock.
#[test]
fn r14_a_wait_under_a_lock_runs_nobody_elses_task() {
    let pool = Arc::new(pool(2));
    let lock = Arc::new(Mutex::new(0_u64));
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (pool, lock) = (pool.clone(), lock.clone());
            Arc::clone(&pool).submit(move || {
                let mut count = lock.lock();
                // Each of these waits, with plenty of tasks about that need the lock.
                assert_eq!(fib(10), 55);
                pool.scope(|s| {
                    s.spawn(|_| _ = fib(8));
                    s.spawn(|_| _ = fib(8));
                });
                pool.for_each(&[1; 50], |_| _ = fib(3));
                *count += 1;
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    assert_eq!(*lock.lock(), 200);
}

/// Workers without work sleep: no CPU time once they have looked around.
#[test]
fn r07_idle_pools_use_no_cpu_time() {
    let pool = pool(4);
    pool.install(|| fib(15));
    let cpu_time = || -> Duration {
        let used = pool.broadcast(|_| {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        });
        used.iter().sum()
    };
    let before = cpu_time();
    thread::sleep(Duration::from_millis(200));
    let used = cpu_time() - before;
    // Four threads that did not sleep would use up all CPUs for that time.
    assert!(used < Duration::from_millis(100), "{used:?}");
}

#[test]
fn many_threads_enter_at_once() {
    let pool = pool(2);
    let sum = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (pool, sum) = (&pool, &sum);
            s.spawn(move || {
                for _ in 0..200 {
                    sum.fetch_add(pool.install(|| fib(n)), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(sum.load(Ordering::Relaxed), 200 * (0..THREADS).map(fib).sum::<u64>());
}

/// A tree of operations that wait for each other.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(u64),
    Join(Box<Tree>, Box<Tree>),
    Scope(Vec<Tree>),
    Install(Box<Tree>),
    Submit(Box<Tree>),
    Each(Vec<Tree>),
}

impl Tree {
    fn sum(&self) -> u64 {
        match self {
            Tree::Leaf(n) => *n,
            Tree::Join(a, b) => a.sum() + b.sum(),
            Tree::Install(tree) | Tree::Submit(tree) => tree.sum(),
            Tree::Scope(trees) | Tree::Each(trees) => trees.iter().map(Tree::sum).sum(),
        }
    }

    fn run(&self, pools: &Arc<[ThreadPool; 2]>, depth: usize) -> u64 {
        let next = |tree: &Tree| tree.run(pools, depth + 1);
        match self {
            Tree::Leaf(n) => *n,
            Tree::Join(a, b) => {
                let (a, b) = join(|| next(a), || next(b));
                a + b
            }
            Tree::Scope(trees) => {
                let sum = AtomicU64::new(0);
                scope(|s| {
                    for tree in trees {
                        s.spawn(|_| _ = sum.fetch_add(next(tree), Ordering::Relaxed));
                    }
                });
                sum.load(Ordering::Relaxed)
            }
            Tree::Install(tree) => pools[depth % 2].install(|| next(tree)),
            Tree::Submit(tree) => {
                let (tree, shared) = (tree.clone(), pools.clone());
                pools[depth % 2].submit(move || tree.run(&shared, depth + 1)).join().unwrap()
            }
            Tree::Each(trees) => {
                let sum = AtomicU64::new(0);
                pools[depth % 2].for_each(trees, |tree| _ = sum.fetch_add(next(tree), Ordering::Relaxed));
                sum.load(Ordering::Relaxed)
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    (0..100_u64).prop_map(Tree::Leaf).prop_recursive(6, 60, 4, |tree| {
        let several = prop::collection::vec(tree.clone(), 0..4);
        prop_oneof![
            (tree.clone(), tree.clone()).prop_map(|(a, b)| Tree::Join(a.into(), b.into())),
            several.clone().prop_map(Tree::Scope),
            several.prop_map(Tree::Each),
            tree.clone().prop_map(|tree| Tree::Install(tree.into())),
            tree.prop_map(|tree| Tree::Submit(tree.into())),
        ]
    })
}

#[test]
fn whatever_waits_for_whatever_ends() {
    let pools: Vec<_> = [1, 2].iter().map(|&n| Arc::new([pool(n), pool(1)])).collect();
    proptest!(|(tree in trees())| {
        for pools in &pools {
            let answer = pools[0].install(|| tree.run(pools, 0));
            prop_assert_eq!(answer, tree.sum());
        }
    });
}

#[test]
fn debug_shows_without_blocking() {
    let pool = pool(2);
    let stop = Arc::new(AtomicBool::new(true));
    assert_eq!(format!("{pool:?}"), "ThreadPool { threads: 2, .. }");
    let handle = pool.submit(move || stop.load(Ordering::Relaxed));
    assert!(format!("{handle:?}").starts_with("JoinHandle { finished: "));
    assert!(handle.join().unwrap());
    assert!(format!("{:?}", ThreadPoolBuilder::new().num_threads(3)).contains("num_threads: 3"));
    pool.scope(|s| assert_eq!(format!("{s:?}"), "Scope { .. }"));
}

/// Bodies are kept in place or boxed, depending on what they have captured.
#[test]
fn scopes_take_bodies_of_every_size_and_drop_them_once() {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Aligned(u64);

    let pool = pool(2);
    let (held, sum) = (Arc::new(()), AtomicU64::new(0));
    let add = |n: u64| _ = sum.fetch_add(n, Ordering::Relaxed);
    let add = &add;
    for _ in 0..50 {
        let run_all = || {
            pool.scope(|s| {
                let [small, large, failing] = std::array::from_fn(|_| held.clone());
                let (words, bytes, aligned) = ([1_u64; 9], [1_u8; 5], Aligned(100));
                s.spawn(|_| {});
                s.spawn(move |_| drop(small));
                s.spawn(move |_| add(bytes.len() as u64));
                s.spawn(move |_| {
                    let _large = large;
                    add(words.iter().sum());
                });
                s.spawn(move |_| {
                    assert!((&raw const aligned).is_aligned());
                    add(aligned.0);
                });
                s.spawn(move |_| {
                    let _failing = failing;
                    fail("as planned")
                });
            })
        };
        assert_eq!(message(run_all), "as planned");
        assert_eq!(Arc::strong_count(&held), 1);
    }
    assert_eq!(sum.into_inner(), 50 * (5 + 9 + 100));
}
