//! Every way in which a worker, its start or its parent can fail: an error each time, and never a hang.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Exit, Offset, Segment, SegmentRef, StartError, SubmitError, Workers, worker};
use heddle_primitives::sync::thread;
use heddle_primitives::{Barrier, Shared};

/// Far longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn soon() -> Option<Instant> {
    Some(Instant::now() + LONG)
}

fn double(x: u64) -> u64 {
    2 * x
}

fn forever(_: u64) -> u64 {
    loop {
        thread::sleep(LONG);
    }
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether there is no such process, or only its zombie, which an ancestor of ours has to reap.
fn is_gone(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X']))
}

/// An executable file that is removed in the end.
struct Program(PathBuf);

impl Program {
    fn new(name: &str, content: &[u8]) -> Program {
        let path = std::env::temp_dir().join(format!("heddle-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        // Another test that forks just now may hold the file open for writing until its exec.
        eventually("the file can be executed", || {
            Command::new(&path).arg("--list").output().is_ok_and(|_| true)
        });
        Program(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_worker_killed_in_the_middle_of_a_task_is_noticed() {
    let workers = Workers::start(1).unwrap();
    let ticket = workers.submit(0, forever, 0).unwrap();
    let waiting = thread::spawn(move || {
        assert!(ticket.wait_ready(Instant::now() + LONG));
        (ticket.wait(Some(Instant::now())), Instant::now())
    });
    thread::sleep(Duration::from_millis(50));
    let killed = Instant::now();
    workers.kill(0).unwrap();
    let (answer, noticed) = waiting.join().unwrap();
    let error = answer.unwrap_err();
    assert!(matches!(error, CallError::Died { exit: Exit::Signal(libc::SIGKILL), .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("SIGKILL") && text.contains("forever"), "{text}");
    assert!(noticed - killed < Duration::from_secs(5));
}

#[test]
fn a_worker_killed_while_idle_is_noticed() {
    let mut workers = Workers::start(2).unwrap();
    workers.kill(1).unwrap();
    let error = workers.call(1, double, 1).unwrap_err();
    let expected = matches!(
        error,
        CallError::Died { exit: Exit::Signal(9), .. } | CallError::Submit(SubmitError::Dead { .. })
    );
    assert!(expected, "{error:?}");
    assert_eq!(workers.exit(1), Some(Exit::Signal(9)));
    workers.kill(1).expect("killing the dead is no error");
    for generation in 1..4 {
        workers.restart(1).unwrap();
        assert_eq!(workers.generation(1), generation);
        assert_eq!(workers.call(1, double, 2), Ok(4));
        assert_eq!(workers.call(1, |()| worker::current().unwrap().rank as u64, ()), Ok(1));
    }
    assert_eq!(workers.call(0, double, 2), Ok(4));
}

#[test]
fn a_death_with_a_full_ring_answers_every_ticket() {
    fn die(_: u64) -> u64 {
        std::process::exit(7)
    }
    let workers = Workers::start(1).unwrap();
    let half = Workers::window() / 2;
    let mut tickets: Vec<_> = (0..half as u64).map(|x| workers.submit(0, double, x).unwrap()).collect();
    tickets.push(workers.submit(0, die, 0).unwrap());
    // The worker may die before all of these are submitted.
    tickets.extend((0..half as u64 - 1).map_while(|x| workers.submit(0, double, x).ok()));
    for (i, ticket) in tickets.into_iter().enumerate() {
        match ticket.wait(soon()) {
            Ok(answer) => assert!(i < half && answer == 2 * i as u64),
            Err(CallError::Died { exit: Exit::Code(7), running, .. }) => {
                assert!(i >= half && running.ends_with("die"), "{i} {running}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_ticket_of_a_replaced_worker_ends_with_it() {
    let mut workers = Workers::start(1).unwrap();
    let ticket = workers.submit(0, forever, 0).unwrap();
    assert!(!ticket.is_done());
    workers.restart(0).unwrap();
    assert!(matches!(ticket.wait(soon()), Err(CallError::Died { .. })));
}

#[test]
fn an_endless_task_is_killed_when_the_set_is_dropped() {
    let workers = Workers::builder().grace(Duration::from_millis(50)).start().unwrap();
    let pid = workers.pids()[0];
    drop(workers.submit(0, forever, 0).unwrap());
    let started = Instant::now();
    drop(workers);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(is_gone(pid));
}

#[test]
fn deadlines_are_kept() {
    let workers = Workers::builder().grace(Duration::ZERO).start().unwrap();
    let ticket = workers.submit(0, forever, 0).unwrap();
    let queued = workers.submit(0, double, 0).unwrap();
    assert!(!ticket.wait_ready(Instant::now() + Duration::from_millis(5)));
    assert!(matches!(ticket.wait(Some(Instant::now())), Err(CallError::TimedOut { .. })));
    let started = Instant::now();
    let error = queued.wait(Some(started + Duration::from_millis(30))).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }));
    assert!(started.elapsed() >= Duration::from_millis(30));
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Overwrites this worker's control segment from `begin` to `end` with bytes that follow from `seed`.
fn scribble([begin, end, seed]: [u64; 3]) -> u64 {
    let (start, len) = control_segment();
    let mut state = seed;
    for at in begin..end.min(len) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = if seed == 0 { 0xff } else { (state >> 56) as u8 };
        // SAFETY: in the mapping. That it breaks the rings is the point.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>((start + at) as usize).write_volatile(byte) };
    }
    0
}

/// Address and length of the mapping of the worker's control segment.
fn control_segment() -> (u64, u64) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("memfd:heddle-worker")).unwrap();
    let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
    let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
    (start, end - start)
}

#[test]
fn scribbled_replies_are_garbage() {
    /// The replies' lane is the last part of the segment, as long as the tasks' lane before it.
    fn spoil_heads(_: u64) -> u64 {
        let (start, _) = control_segment();
        // SAFETY: the header's third word is the segment's length.
        let total = unsafe { std::ptr::with_exposed_provenance::<u64>(start as usize + 16).read() };
        let lane = (total - 256) / 2;
        let heads = 256 + lane + 256;
        scribble([heads, heads + 64 * 64, 0])
    }
    let mut workers = Workers::start(1).unwrap();
    let answered = workers.submit(0, double, 1).unwrap();
    let spoiler = workers.submit(0, spoil_heads, 0).unwrap();
    // Until the worker has spoilt the first answer, and written the second.
    thread::sleep(Duration::from_millis(300));
    let error = answered.wait(soon()).unwrap_err();
    assert!(matches!(error, CallError::Garbage { .. }), "{error:?}");
    let error = spoiler.wait(soon()).unwrap_err();
    assert!(matches!(error, CallError::Garbage { .. }), "nothing after garbage is believed: {error:?}");
    let error = workers.submit(0, double, 1).unwrap().wait(soon()).unwrap_err();
    assert!(matches!(error, CallError::Garbage { .. }), "{error:?}");
    workers.restart(0).unwrap();
    assert_eq!(workers.call(0, double, 2), Ok(4));
}

#[test]
fn whatever_a_worker_scribbles_no_call_hangs() {
    let mut workers = Workers::builder().grace(Duration::ZERO).start().unwrap();
    for seed in 0..25 {
        // Behind the header and the setup: indices, heads, payloads of both lanes.
        let tickets = [1, 2, 3].map(|x| workers.submit(0, double, x).unwrap());
        let spoiler = workers.submit(0, scribble, [256, u64::MAX, seed]).unwrap();
        let limit = Some(Instant::now() + Duration::from_millis(200));
        for ticket in tickets {
            // Anything but a panic, a fault or a hang will do: the worker may even have been too slow to spoil these.
            let _ = ticket.wait(limit);
        }
        let _ = spoiler.wait(limit);
        for x in 0..2 * Workers::window() as u64 {
            if let Ok(ticket) = workers.submit(0, double, x) {
                let _ = ticket.wait(limit);
            }
        }
        workers.restart(0).unwrap();
        assert_eq!(workers.call(0, double, 2), Ok(4));
    }
}

#[test]
fn a_program_that_is_no_worker_is_an_error() {
    let error = Workers::builder().count(2).program("/bin/false").start().unwrap_err();
    assert!(matches!(error, StartError::Died { exit: Exit::Code(1), .. }), "{error:?}");
    let error = Workers::builder().program("/nonexistent").start().unwrap_err();
    assert!(matches!(error, StartError::Spawn { rank: 0, .. }), "{error:?}");
}

#[test]
fn a_worker_killed_during_its_start_is_an_error() {
    let program = Program::new("killed", b"#!/bin/sh\n[ \"$1\" = --list ] || kill -9 $$\n");
    let error = Workers::builder().count(2).program(program.path()).start().unwrap_err();
    assert!(matches!(error, StartError::Died { exit: Exit::Signal(9), .. }), "{error:?}");
}

#[test]
fn a_worker_that_never_gets_ready_times_out() {
    let program = Program::new("hangs", b"#!/bin/sh\n[ \"$1\" = --list ] || exec sleep 1000\n");
    let started = Instant::now();
    let limit = Duration::from_millis(100);
    let error = Workers::builder().program(program.path()).start_timeout(limit).start().unwrap_err();
    let StartError::TimedOut { pid, .. } = error else { panic!("{error:?}") };
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(is_gone(pid));
}

#[test]
fn another_build_is_refused() {
    // A copy is another build by its inode; where the linker wrote a build id, by that once it is changed.
    let mut copy = std::fs::read("/proc/self/exe").unwrap();
    let note = [4_u32, 20, 3].map(u32::to_ne_bytes).concat();
    let note = [&note[..], b"GNU\0"].concat();
    if let Some(at) = copy.windows(note.len()).position(|bytes| bytes == note) {
        copy[at + note.len()] ^= 1;
    }
    let program = Program::new("other-build", &copy);
    let error = Workers::builder().program(program.path()).start().unwrap_err();
    let StartError::Refused { worker, parent, .. } = error else { panic!("{error:?}") };
    assert_ne!(worker, parent);
    let text = error.to_string();
    assert!(text.contains(&worker.to_string()) && text.contains(&parent.to_string()), "{text}");
}

#[test]
fn impossible_requests_are_errors() {
    for count in [0, 5000, usize::MAX] {
        let error = Workers::start(count).unwrap_err();
        assert!(matches!(error, StartError::Count { .. }), "{error:?}");
    }
    let workers = Workers::start(1).unwrap();
    assert_eq!(workers.submit(1, double, 1).unwrap_err(), SubmitError::NoSuchWorker { rank: 1, count: 1 });
    let captured: &'static str = Box::leak(Box::from("x"));
    let capturing: &'static &'static str = Box::leak(Box::new(captured));
    let error = workers.submit(0, move |x: u64| x + capturing.len() as u64, 1).unwrap_err();
    assert!(matches!(error, SubmitError::NotPlain { .. }), "{error:?}");
}

#[test]
fn a_variable_that_makes_no_sense_does_not_run_main() {
    let output = Command::new("/proc/self/exe").env("HEDDLE_IPC_WORKER", "nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(120));
    assert!(output.stdout.is_empty(), "main did not run");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("HEDDLE_IPC_WORKER"), "{message}");
    let stale = Command::new("/proc/self/exe").env("HEDDLE_IPC_WORKER", "1 999999 1 1").output().unwrap();
    assert_eq!(stale.status.code(), Some(121));
}

#[test]
fn programs_started_by_a_worker_are_no_workers() {
    let workers = Workers::start(1).unwrap();
    let inherited = |()| {
        let output = Command::new("env").output().unwrap();
        assert!(output.status.success());
        u64::from(String::from_utf8_lossy(&output.stdout).contains("HEDDLE_IPC_WORKER"))
    };
    assert_eq!(workers.call(0, inherited, ()), Ok(0));
}

#[test]
fn a_worker_may_have_workers_and_threads() {
    let workers = Workers::start(1).unwrap();
    let nested = |x: u64| {
        let inner = Workers::start(2).unwrap();
        inner.call(0, double, x).unwrap() + inner.call(1, double, x).unwrap()
    };
    assert_eq!(workers.call(0, nested, 10), Ok(40));
    let threaded = |n: u64| {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..n).map(|i| scope.spawn(move || double(i))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        })
    };
    assert_eq!(workers.call(0, threaded, 8), Ok(56));
}

#[test]
fn workers_end_with_their_parent() {
    /// Starts two workers, gives one an endless task, and never ends them.
    fn abandon(_: u64) -> [u64; 2] {
        let workers = Workers::start(2).unwrap();
        std::mem::forget(workers.submit(1, forever, 0).unwrap());
        let pids = workers.pids();
        std::mem::forget(workers);
        [u64::from(pids[0]), u64::from(pids[1])]
    }
    let parent = Workers::start(1).unwrap();
    let orphans = parent.call(0, abandon, 0).unwrap().map(|pid| pid as u32);
    assert!(orphans.iter().all(|&pid| !is_gone(pid)));
    parent.kill(0).unwrap();
    for pid in orphans {
        eventually("an orphan ends", || is_gone(pid));
    }
}

#[test]
fn workers_outlive_the_thread_that_started_them() {
    let workers = thread::spawn(|| Workers::start(1).unwrap()).join().unwrap();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(workers.call(0, double, 1), Ok(2));
}

#[test]
fn several_threads_use_one_set() {
    let workers = Workers::start(2).unwrap();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let workers = &workers;
            scope.spawn(move || {
                for x in 0..500 {
                    let rank = ((thread + x) % 2) as usize;
                    let ticket = loop {
                        match workers.submit(rank, double, x) {
                            Ok(ticket) => break ticket,
                            Err(SubmitError::Full { .. }) => thread::yield_now(),
                            Err(error) => panic!("{error}"),
                        }
                    };
                    if x % 3 == 0 {
                        continue;
                    }
                    assert_eq!(ticket.wait(soon()), Ok(2 * x));
                }
            });
        }
    });
}

#[test]
fn a_worker_prints() {
    const LINE: &str = "printed by a worker";
    if std::env::var_os("HEDDLE_TEST_PRINT").is_some() {
        let workers = Workers::start(1).unwrap();
        let print = |()| {
            println!("{LINE}");
            print!("without a newline");
        };
        return workers.call(0, print, ()).unwrap();
    }
    let output = Command::new("/proc/self/exe")
        .args(["--exact", "a_worker_prints", "--nocapture"])
        .env("HEDDLE_TEST_PRINT", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains(LINE) && text.contains("without a newline"), "{text}");
}

/// Rank 0 waits at a barrier for rank 1, which does `f` instead of coming.
fn meeting<F: Fn(u64) -> u64 + Copy + 'static>(f: F) -> CallError {
    #[derive(Clone, Copy, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)]
    #[repr(C)]
    struct Meeting {
        segment: SegmentRef,
        barrier: Offset<Barrier<Shared>>,
    }
    fn meet(at: Meeting) -> u64 {
        let segment = worker::attach(at.segment).unwrap();
        // SAFETY: placed there as this type, and used as nothing else.
        unsafe { segment.get(at.barrier) }.unwrap().wait();
        1
    }
    let segment = Segment::create("meeting", 4096).unwrap();
    let (barrier, _) = segment.arena().place(Barrier::<Shared>::new_in(2)).unwrap();
    let meeting = Meeting { segment: segment.share(), barrier };
    let mut workers = Workers::builder().count(2).grace(Duration::ZERO).start().unwrap();
    let all = [0, 1].map(|rank| workers.submit(rank, meet, meeting).unwrap());
    assert_eq!(workers.wait_all(all.into(), soon()), Ok(vec![1, 1]));

    let waits = workers.submit(0, meet, meeting).unwrap();
    let fails = workers.submit(1, f, 0).unwrap();
    let started = Instant::now();
    let error = workers.wait_all(vec![waits, fails], soon()).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    workers.restart(0).unwrap();
    workers.restart(1).unwrap();
    assert_eq!(workers.call(0, double, 1), Ok(2));
    error
}

#[test]
fn a_failure_ends_the_wait_for_those_that_wait_for_it() {
    let error = meeting(|_| std::process::exit(4));
    assert!(matches!(error, CallError::Died { rank: 1, exit: Exit::Code(4), .. }), "{error:?}");
    let error = meeting(|_| panic!("not coming"));
    assert!(matches!(error, CallError::Panicked { rank: 1, .. }), "{error:?}");
}

#[test]
fn waiting_for_all_keeps_its_deadline() {
    let workers = Workers::builder().count(2).grace(Duration::ZERO).start().unwrap();
    let tickets = vec![workers.submit(0, double, 1).unwrap(), workers.submit(1, forever, 1).unwrap()];
    let deadline = Instant::now() + Duration::from_millis(30);
    let error = workers.wait_all(tickets, Some(deadline)).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { rank: 1, .. }), "{error:?}");
    assert!(Instant::now() >= deadline && Instant::now() < deadline + Duration::from_secs(5));
    assert_eq!(workers.wait_all(Vec::<heddle_ipc::Ticket<u64>>::new(), None), Ok(vec![]));
}
