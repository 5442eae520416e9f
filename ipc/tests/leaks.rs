//! Nothing is left: no descriptor, no mapping, no thread, no process. A program of its own, with one test, since the tests of a
//! program share these.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::Duration;

use heddle_ipc::{CallError, Segment, SegmentRef, Workers, worker};

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

fn touch(segment: SegmentRef) -> u64 {
    worker::attach(segment).map_or(0, |segment| segment.len() as u64)
}

fn work() {
    let mut workers = Workers::builder().count(3).grace(Duration::from_millis(500)).start().unwrap();
    for round in 0..100 {
        let segment = Segment::create("round", 4096 + round).unwrap();
        for rank in 0..3 {
            assert_eq!(workers.call(rank, touch, segment.share()), Ok(4096 + round as u64));
        }
    }
    // Segments that are no longer cached are not held by the worker either.
    let mappings =
        |()| std::fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:heddle-round").count() as u64;
    assert_eq!(workers.call(0, mappings, ()), Ok(64));
    workers.kill(1).unwrap();
    drop(workers.submit(2, |()| std::process::exit(1), ()).map(|ticket: heddle_ipc::Ticket<()>| {
        assert!(matches!(ticket.wait(None), Err(CallError::Died { .. })));
    }));
    workers.restart(1).unwrap();
    workers.restart(0).unwrap();
    assert!(Workers::builder().count(3).program("/bin/false").start().is_err());
    assert!(Workers::builder().count(3).program("/nonexistent").start().is_err());
}

#[test]
fn nothing_is_left() {
    // What is set up once for the process stays.
    work();
    let before = held();
    assert_eq!(before.mappings, 0);
    for _ in 0..5 {
        work();
    }
    let after = held();
    assert_eq!(after, before);
    assert!(after.children.iter().all(String::is_empty), "{after:?}");
    let left = std::fs::read_dir("/dev/shm").unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains("heddle"))
    });
    assert_eq!(left.count(), 0);
}
