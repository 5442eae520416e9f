//! Nothing is left of a pool: no descriptor, no mapping, no thread, no process. A program of its own, with one test, since the tests of
//! a program share these.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::Duration;

use heddle_ipc::pool::{Pool, TaskError};

#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    mappings: usize,
    threads: usize,
    children: Vec<String>,
}

fn held() -> Held {
    let threads: Vec<_> =
        std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path()).collect();
    Held {
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        mappings: std::fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:heddle").count(),
        threads: threads.len(),
        children: threads
            .iter()
            .map(|path| std::fs::read_to_string(path.join("children")).unwrap_or_default())
            .collect(),
    }
}

fn echo(text: String) -> String {
    text
}

fn kill_self(_: u64) {
    // SAFETY: a plain system call.
    unsafe { libc::raise(libc::SIGKILL) };
}

fn work(round: u64) {
    let pool = Pool::builder().processes(2).max_tasks_per_child(20).start().unwrap();
    for len in [10, 1000, 100_000, 3_000_000] {
        let text = "x".repeat(len);
        assert_eq!(pool.apply(echo, text.clone()).unwrap(), text);
    }
    assert!(matches!(pool.apply(kill_self, round), Err(TaskError::Died { .. })));
    assert_eq!(pool.map_chunked(echo, (0..100).map(|x| x.to_string()), 1).unwrap().len(), 100);
    let left = pool.apply_async(echo, "y".repeat(100_000)).unwrap();
    let endless = pool.apply_async(|()| std::thread::sleep(Duration::from_secs(1000)), ()).unwrap();
    if round.is_multiple_of(2) {
        drop(pool);
        drop((left, endless));
    } else {
        drop((left, endless));
        pool.terminate();
    }
    assert!(Pool::builder().processes(2).initializer(kill_self, 1).start().is_err());
}

#[test]
fn nothing_is_left() {
    // What is set up once for the process stays.
    work(0);
    let before = held();
    assert_eq!(before.mappings, 0);
    for round in 1..6 {
        work(round);
    }
    let after = held();
    assert_eq!(after, before);
    assert!(after.children.iter().all(String::is_empty), "{after:?}");
}
