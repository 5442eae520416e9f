//! A pool under libtest: calls of every kind, and every way of not answering.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::{Duration, Instant};

use heddle_ipc::Exit;
use heddle_ipc::pool::{JoinError, Pool, ReturnWhen, StartError, SubmitError, TaskError, as_completed, wait};
use heddle_primitives::sync::thread;

fn double(x: u64) -> u64 {
    2 * x
}

fn die(signal: i32) -> u64 {
    // SAFETY: a plain system call.
    unsafe { libc::raise(signal) };
    std::thread::sleep(Duration::from_secs(60));
    0
}

fn sleep_ms(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

#[test]
fn a_function_runs_in_another_process() {
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.apply(double, 21), Ok(42));
    let pid = pool.apply(|()| std::process::id(), ()).unwrap();
    assert!(pool.pids().contains(&pid));
    assert_eq!(pool.apply(double as fn(u64) -> u64, 4), Ok(8));
}

#[test]
fn map_keeps_the_order() {
    let pool = Pool::new(3).unwrap();
    let expected: Vec<u64> = (0..10_000).map(double).collect();
    assert_eq!(pool.map(double, 0..10_000).unwrap(), expected);
    for chunk in [1, 7, 10_000] {
        assert_eq!(pool.map_chunked(double, 0..10_000, chunk).unwrap(), expected);
    }
    assert_eq!(pool.map(double, std::iter::empty::<u64>()).unwrap(), []);
}

#[test]
fn payloads_of_every_size_arrive() {
    let pool = Pool::new(2).unwrap();
    for len in [0, 1, 31, 32, 33, 40, 41, 255, 256, 257, 4096, 65_535, 65_536, 65_537, 1 << 20, 5 << 20] {
        let text = "x".repeat(len);
        assert_eq!(pool.apply(|text: String| text, text.clone()).unwrap(), text, "{len}");
    }
}

#[test]
fn a_killed_worker_costs_one_task() {
    let pool = Pool::new(2).unwrap();
    let error = pool.apply(die, libc::SIGKILL).unwrap_err();
    let TaskError::Died { task, index: None, exit, .. } = error else { panic!("{error:?}") };
    assert!(task.ends_with("die"), "{task}");
    assert_eq!(exit, Exit::Signal(libc::SIGKILL));
    assert_eq!(pool.map(double, 0..1000).unwrap().len(), 1000);
    while pool.replaced() < 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_panic_is_an_error_and_the_worker_lives_on() {
    fn odd(x: u64) -> u64 {
        assert!(x.is_multiple_of(2), "{x} is odd");
        x
    }
    let pool = Pool::new(1).unwrap();
    let pids = pool.pids();
    let error = pool.apply(odd, 3).unwrap_err();
    let TaskError::Panicked { index: None, message, .. } = error else { panic!("{error:?}") };
    assert_eq!(message, "3 is odd");
    let error = pool.map(odd, (0..100).map(|x| if x == 57 { 1 } else { 0 })).unwrap_err();
    let TaskError::Panicked { index, message, .. } = error else { panic!("{error:?}") };
    assert_eq!((index, &*message), (Some(57), "1 is odd"));
    assert_eq!(pool.pids(), pids);
}

/// A file that tasks of several processes may write to, gone with the test.
struct Note(std::path::PathBuf);

impl Note {
    fn new(name: &str) -> Note {
        let path = std::env::temp_dir().join(format!("heddle-pool-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Note(path)
    }

    fn let_go(&self) {
        std::fs::write(&self.0, "").unwrap();
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns `x` once there is a file at the path, or at once if the path is empty.
fn hold((path, x): (String, u64)) -> u64 {
    let until = Instant::now() + Duration::from_secs(60);
    while !path.is_empty() && !std::path::Path::new(&path).exists() {
        assert!(Instant::now() < until, "nobody lets go");
        std::thread::sleep(Duration::from_millis(1));
    }
    x
}

/// Arguments of [`hold`], of which the first is held.
fn one_held(note: &Note, others: u64) -> Vec<(String, u64)> {
    let others = (1..=others).map(|x| (String::new(), x));
    std::iter::once((note.path(), 0)).chain(others).collect()
}

/// Dies at the first call with this path, and returns at the second.
fn die_once((path, x): (String, u64)) -> u64 {
    if x == 13 && std::fs::File::create_new(path).is_ok() {
        std::process::abort();
    }
    2 * x
}

#[test]
fn a_task_that_may_be_repeated_is() {
    let note = Note::new("repeated");
    let pool = Pool::new(2).unwrap().idempotent();
    let items = (0..50).map(|x| (note.path(), x));
    assert_eq!(pool.map_chunked(die_once, items, 3).unwrap(), (0..50).map(double).collect::<Vec<_>>());
}

#[test]
fn one_that_may_not_be_names_itself_and_the_signal() {
    let note = Note::new("not-repeated");
    let pool = Pool::new(2).unwrap();
    let items = (0..50).map(|x| (note.path(), x));
    let error = pool.map_chunked(die_once, items, 5).unwrap_err();
    let TaskError::Died { task, index, exit, .. } = &error else { panic!("{error:?}") };
    assert!(task.ends_with("die_once"));
    assert_eq!((*index, *exit), (Some(13), Exit::Signal(libc::SIGABRT)));
    assert!(error.to_string().contains("SIGABRT"), "{error}");
    assert_eq!(pool.apply(double, 4), Ok(8));
}

#[test]
fn a_task_that_always_kills_does_not_do_so_for_ever() {
    let pool = Pool::new(1).unwrap().idempotent();
    assert!(matches!(pool.apply(die, libc::SIGSEGV), Err(TaskError::Died { .. })));
    assert_eq!(pool.apply(double, 4), Ok(8));
}

/// CPython #96062: a worker killed in the middle of `map` leaves it hanging.
#[test]
fn workers_killed_in_the_middle_of_map() {
    let pool = Pool::new(2).unwrap().idempotent();
    let expected: Vec<u64> = (0..400).collect();
    for round in 0..200_u64 {
        let killer = {
            let pids = pool.pids();
            move || {
                let pid = pids[round as usize % pids.len()];
                std::thread::sleep(Duration::from_micros(200 + 37 * (round % 50)));
                // SAFETY: a plain system call. That the id is another process's by now would take a turn through all ids.
                unsafe { libc::kill(pid as i32, libc::SIGKILL) };
            }
        };
        let busy = |x: u64| {
            let until = Instant::now() + Duration::from_micros(5);
            while Instant::now() < until {}
            x
        };
        thread::scope(|scope| {
            scope.spawn(killer);
            assert_eq!(pool.map_chunked(busy, 0..400, 1 + round as usize % 60).unwrap(), expected);
        });
    }
    assert!(pool.replaced() > 100, "{}", pool.replaced());
    assert_eq!(pool.pids().len(), 2);
}

#[test]
fn results_may_be_asked_for_in_any_order() {
    let pool = Pool::new(2).unwrap();
    let mut results: Vec<_> = (0..1000).map(|x| (x, pool.apply_async(double, x).unwrap())).collect();
    results.reverse();
    for (x, result) in results {
        assert_eq!(result.get(), Ok(2 * x));
    }
    let all = pool.map_async(double, 0..1000).unwrap();
    assert!(all.wait(None));
    assert!(all.ready());
    assert_eq!(all.successful(), Some(true));
    assert_eq!(all.get().unwrap(), (0..1000).map(double).collect::<Vec<_>>());
}

#[test]
fn many_threads_may_call() {
    let pool = Pool::new(2).unwrap();
    thread::scope(|scope| {
        for start in 0..8 {
            let pool = pool.clone();
            scope.spawn(move || {
                for x in start..start + 300 {
                    assert_eq!(pool.apply(double, x), Ok(2 * x));
                }
                let items = start * 10..start * 10 + 50;
                assert_eq!(
                    pool.map_chunked(double, items.clone(), 2).unwrap(),
                    items.map(double).collect::<Vec<_>>()
                );
            });
        }
    });
}

#[test]
fn imap_takes_items_only_a_little_ahead() {
    let pool = Pool::new(1).unwrap();
    let taken = std::rc::Rc::new(std::cell::Cell::new(0));
    let items = (0_u64..).inspect(|_| taken.set(taken.get() + 1));
    let mut results = pool.imap(double, items, 1).unwrap();
    for x in 0..10 {
        assert_eq!(results.next(), Some(Ok(2 * x)));
    }
    assert!(taken.get() <= 10 + 64, "{}", taken.get());
    drop(results);
    assert_eq!(pool.imap(double, 0..100, 7).unwrap().collect::<Result<Vec<_>, _>>().unwrap().len(), 100);
}

#[test]
fn imap_unordered_returns_what_is_ready() {
    let note = Note::new("unordered");
    let pool = Pool::new(2).unwrap();
    let mut results = pool.imap_unordered(hold, one_held(&note, 20), 1).unwrap();
    let mut others: Vec<u64> = results.by_ref().take(20).map(Result::unwrap).collect();
    others.sort_unstable();
    assert_eq!(others, (1..=20).collect::<Vec<_>>(), "also those that were sent after the one that is held");
    note.let_go();
    assert_eq!(results.collect::<Vec<_>>(), [Ok(0)]);
}

#[test]
fn an_error_of_imap_stands_for_its_chunk() {
    fn odd(x: u64) -> u64 {
        assert!(x.is_multiple_of(2), "{x} is odd");
        x
    }
    let pool = Pool::new(1).unwrap();
    let results: Vec<_> = pool.imap(odd, [0, 2, 3, 4, 6, 8], 2).unwrap().collect();
    assert_eq!(results.len(), 5);
    assert!(matches!(results[2], Err(TaskError::Panicked { index: Some(2), .. })), "{results:?}");
    assert_eq!(results[4], Ok(8));
}

#[test]
fn starmap_spreads_tuples() {
    let pool = Pool::new(2).unwrap();
    let tuples = (0..20_u64).map(|x| (x, "ab".to_owned(), x % 3 == 0));
    let f = |x: u64, text: String, flag: bool| if flag { text.repeat(x as usize).len() as u64 } else { x };
    let expected: Vec<u64> = (0..20).map(|x| if x % 3 == 0 { 2 * x } else { x }).collect();
    assert_eq!(pool.starmap(f, tuples).unwrap(), expected);
}

#[test]
fn a_time_out_leaves_the_task_alone_unless_told_otherwise() {
    let pool = Pool::new(1).unwrap();
    let note = Note::new("time-out");
    let mut result = pool.apply_async(hold, (note.path(), 7)).unwrap();
    assert!(matches!(result.get_timeout(Duration::from_millis(20)), Err(TaskError::TimedOut { .. })));
    note.let_go();
    assert_eq!(result.get_timeout(Duration::from_secs(60)), Ok(7));
    assert!(matches!(result.get_timeout(Duration::ZERO), Err(TaskError::Taken { .. })));

    let strict = pool.kill_on_timeout();
    let mut endless = strict.apply_async(sleep_ms, 1_000_000).unwrap();
    let behind: Vec<_> = (0..10).map(|x| pool.apply_async(double, x).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(20));
    assert!(matches!(endless.get_timeout(Duration::from_millis(50)), Err(TaskError::TimedOut { .. })));
    for (x, result) in behind.into_iter().enumerate() {
        assert_eq!(result.get(), Ok(2 * x as u64), "what lay behind is not lost");
    }
    assert_eq!(pool.replaced(), 1);
}

#[test]
fn what_has_not_begun_can_be_cancelled() {
    let pool = Pool::new(1).unwrap();
    let note = Note::new("cancel");
    let first = pool.apply_async(hold, (note.path(), 200)).unwrap();
    let others: Vec<_> = (0..100).map(|x| pool.apply_async(double, x).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    assert!(!first.cancel(), "it has begun");
    assert!(others[50..].iter().all(|other| other.cancel()));
    note.let_go();
    assert_eq!(first.get(), Ok(200));
    for (x, other) in others.into_iter().enumerate() {
        match other.get() {
            Ok(result) => assert!(x < 50 && result == 2 * x as u64),
            Err(TaskError::Cancelled { .. }) => assert!(x >= 50),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pool.apply(double, 1), Ok(2));
}

#[test]
fn results_as_they_come() {
    let note = Note::new("as-they-come");
    let pool = Pool::new(2).unwrap();
    let submit = |item| pool.apply_async(hold, item).unwrap();
    let results: Vec<_> = one_held(&note, 2).into_iter().map(submit).collect();
    assert!(!wait(&results, ReturnWhen::FirstCompleted, None).contains(&0));
    assert!(!wait(&results, ReturnWhen::AllCompleted, Some(Duration::from_millis(50))).contains(&0));
    let dying = pool.apply_async(die, libc::SIGKILL).unwrap();
    let held = [dying, pool.apply_async(double, 1).unwrap()];
    assert!(wait(&held, ReturnWhen::FirstError, None).contains(&0));
    note.let_go();
    assert_eq!(wait(&results, ReturnWhen::AllCompleted, None), [0, 1, 2]);
}

#[test]
fn futures_in_the_order_in_which_they_end() {
    let note = Note::new("as-completed");
    let pools = [Pool::new(2).unwrap(), Pool::new(1).unwrap()];
    // Of one pool, and of several.
    for at in [0, 1] {
        let _ = std::fs::remove_file(note.path());
        let mut items = one_held(&note, 3).into_iter();
        let held = pools[0].apply_async(hold, items.next().unwrap()).unwrap();
        let others = items.map(|item| pools[at].apply_async(hold, item).unwrap());
        let mut order = Vec::new();
        for result in as_completed(std::iter::once(held).chain(others)) {
            order.push(result.get().unwrap());
            if order.len() == 3 {
                note.let_go();
            }
        }
        order[..3].sort_unstable();
        assert_eq!(order, [1, 2, 3, 0]);
    }
}

/// Runs a future in this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = std::pin::pin!(future);
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park_timeout(Duration::from_secs(20)),
        }
    }
}

#[test]
fn a_result_is_a_future() {
    let pool = Pool::new(2).unwrap();
    let started = Instant::now();
    for x in 0..200 {
        assert_eq!(block_on(pool.apply_async(double, x).unwrap()), Ok(2 * x));
    }
    let error = block_on(pool.apply_async(die, libc::SIGTERM).unwrap()).unwrap_err();
    assert!(matches!(error, TaskError::Died { exit: Exit::Signal(libc::SIGTERM), .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_process_ends_after_so_many_tasks() {
    let pool = Pool::builder().processes(2).max_tasks_per_child(3).start().unwrap();
    let mut pids = pool.map_chunked(|_: u64| std::process::id(), 0..30, 1).unwrap();
    assert_eq!(pids.len(), 30);
    pids.sort_unstable();
    let most = pids.chunk_by(|a, b| a == b).map(<[u32]>::len).max();
    assert!(most <= Some(3), "{pids:?}");
}

#[test]
fn an_initializer_runs_first_in_each_process() {
    static SET: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    fn set(text: String) {
        SET.set(text).unwrap();
    }
    let text = "long ".repeat(1000);
    let pool = Pool::builder().processes(2).initializer(set, text.clone()).start().unwrap();
    for _ in 0..3 {
        assert!(pool.apply(die, libc::SIGKILL).is_err());
        for _ in 0..10 {
            assert_eq!(pool.apply(|()| SET.get().cloned(), ()).unwrap().as_ref(), Some(&text));
        }
    }
    assert_eq!(SET.get(), None);
}

#[test]
fn an_initializer_that_fails_is_an_error() {
    let error =
        Pool::builder().processes(2).initializer(|_: u64| panic!("no {}", "way"), 1).start().unwrap_err();
    let StartError::Initializer { reason } = &error else { panic!("{error:?}") };
    assert!(reason.ends_with("panicked: no way"), "{reason}");
    let started = Instant::now();
    let error =
        Pool::builder().processes(1).initializer(|_: u64| std::process::abort(), 1).start().unwrap_err();
    assert!(matches!(error, StartError::Initializer { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10), "not tried for ever");
}

#[test]
fn an_initializer_that_fails_later_breaks_the_pool() {
    let note = Note::new("later");
    let pool = Pool::builder()
        .processes(1)
        .initializer(
            |path: String| drop(std::fs::File::create_new(path).expect("the first time")),
            note.path(),
        )
        .start()
        .unwrap();
    assert_eq!(pool.apply(double, 1), Ok(2));
    let all = pool.map_async(double, 0..10).unwrap();
    assert!(all.get().is_ok());
    assert!(matches!(pool.apply(die, libc::SIGKILL), Err(TaskError::Died { .. })));
    match pool.apply(double, 1) {
        Err(TaskError::Broken { reason, .. } | TaskError::Submit(SubmitError::Broken { reason })) => {
            assert!(reason.contains("the first time"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    pool.close();
    assert_eq!(pool.join(), Ok(()));
}

#[test]
fn close_and_join_do_what_was_taken() {
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.join(), Err(JoinError::Open));
    let results: Vec<_> = (0..50).map(|_| pool.apply_async(sleep_ms, 2).unwrap()).collect();
    pool.close();
    assert_eq!(pool.apply_async(double, 1).unwrap_err(), SubmitError::Closed);
    assert_eq!(pool.join(), Ok(()));
    assert!(results.iter().all(|result| result.ready()));
    assert!(results.into_iter().all(|result| result.get() == Ok(2)));
    assert_eq!(pool.join(), Ok(()));
}

#[test]
fn terminate_ends_all() {
    let pool = Pool::new(2).unwrap();
    let started = Instant::now();
    let results: Vec<_> = (0..50).map(|_| pool.apply_async(sleep_ms, 100_000).unwrap()).collect();
    let waiter = {
        let pool = pool.clone();
        thread::spawn(move || pool.apply(sleep_ms, 100_000))
    };
    std::thread::sleep(Duration::from_millis(20));
    pool.terminate();
    assert!(matches!(
        waiter.join().unwrap(),
        Err(TaskError::Terminated { .. } | TaskError::Submit(SubmitError::Closed))
    ));
    assert!(results.into_iter().all(|result| matches!(result.get(), Err(TaskError::Terminated { .. }))));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn dropping_the_pool_ends_it_with_results_outstanding() {
    let pool = Pool::new(1).unwrap();
    let pid = pool.pids()[0];
    let result = pool.apply_async(sleep_ms, 100_000).unwrap();
    drop(pool);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(matches!(result.get(), Err(TaskError::Terminated { .. })));
}

#[test]
fn a_worker_may_have_threads() {
    fn sum(range: (u64, u64)) -> u64 {
        thread::scope(|scope| {
            let middle = range.0.midpoint(range.1);
            let left = scope.spawn(move || (range.0..middle).sum::<u64>());
            (middle..range.1).sum::<u64>() + left.join().unwrap()
        })
    }
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.map(sum, [(0, 1000), (1000, 2000)]).unwrap().iter().sum::<u64>(), 1999 * 2000 / 2);
}

#[test]
fn a_worker_may_have_a_pool() {
    fn sum(n: u64) -> u64 {
        let pool = Pool::new(2).unwrap();
        pool.map(double, 0..n).unwrap().into_iter().sum()
    }
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.map(sum, [10, 100]).unwrap(), [90, 9900]);
}

/// Whether there is a process with this id that has not ended.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_pool_of_a_worker_ends_with_it() {
    fn nest(depth: u32) -> Vec<u32> {
        let pool = Pool::new(1).unwrap();
        let mut pids = pool.pids();
        if depth > 0 {
            pids.extend(pool.apply(nest, depth - 1).unwrap());
        }
        std::mem::forget(pool);
        pids
    }
    let pool = Pool::new(1).unwrap();
    let pids = pool.apply(nest, 1).unwrap();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|&pid| lives(pid)));
    assert!(pool.apply(die, libc::SIGKILL).is_err());
    let until = Instant::now() + Duration::from_secs(20);
    while pids.iter().any(|&pid| lives(pid)) {
        assert!(Instant::now() < until, "{pids:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn handles_may_move_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Pool>();
    is_shared::<heddle_ipc::pool::Executor>();
    is_shared::<heddle_ipc::pool::AsyncResult<Vec<u64>>>();
}

#[test]
fn what_serde_cannot_do_is_an_error() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Stubborn(u64);
    impl serde::Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 == 13 {
                Err(serde::ser::Error::custom("never"))
            } else {
                serializer.serialize_u64(self.0)
            }
        }
    }
    fn more(x: Stubborn) -> Stubborn {
        Stubborn(x.0 + 1)
    }
    let pool = Pool::new(1).unwrap();
    assert_eq!(pool.apply(more, Stubborn(1)), Ok(Stubborn(2)));
    let error = pool.apply(more, Stubborn(13)).unwrap_err();
    assert!(matches!(error, TaskError::Submit(SubmitError::Encode { .. })), "{error:?}");
    assert!(matches!(pool.apply(more, Stubborn(12)), Err(TaskError::Garbage { .. })));
    assert_eq!(pool.apply(more, Stubborn(1)), Ok(Stubborn(2)));
}
