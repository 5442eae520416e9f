//! Workers under libtest, which owns `main`: tasks, answers, and every way of not answering.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Exit, Offset, Segment, SegmentRef, SubmitError, Workers, worker};
use zerocopy::{FromBytes, Immutable, IntoBytes};

fn double(x: u64) -> u64 {
    2 * x
}

fn soon(seconds: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(seconds))
}

#[test]
fn a_function_runs_in_another_process() {
    let workers = Workers::start(1).unwrap();
    assert_eq!(workers.call(0, double, 21), Ok(42));
    let pid = workers.call(0, |()| std::process::id(), ()).unwrap();
    assert_eq!(pid, workers.pids()[0]);
    assert_ne!(pid, std::process::id());
}

#[test]
fn a_function_pointer_runs_too() {
    let workers = Workers::start(1).unwrap();
    for (f, expected) in [(double as fn(u64) -> u64, 18), (u64::isqrt, 3)] {
        assert_eq!(workers.call(0, f, 9), Ok(expected));
    }
}

#[test]
fn arguments_and_results_of_every_size_arrive() {
    fn reverse<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
        bytes.reverse();
        bytes
    }
    fn check<const N: usize>(workers: &Workers) {
        let bytes: [u8; N] = core::array::from_fn(|i| i as u8);
        for _ in 0..200 {
            assert_eq!(workers.call(0, reverse::<N>, bytes), Ok(reverse(bytes)));
        }
    }
    let workers = Workers::start(1).unwrap();
    check::<0>(&workers);
    check::<1>(&workers);
    check::<31>(&workers);
    check::<32>(&workers);
    check::<33>(&workers);
    check::<255>(&workers);
    check::<256>(&workers);
}

#[test]
fn a_window_of_tasks_is_answered_in_any_order() {
    let workers = Workers::start(2).unwrap();
    for round in 0..50_u64 {
        let mut tickets: Vec<_> = (0..Workers::window() as u64)
            .flat_map(|i| [0, 1].map(|rank| (round + i, workers.submit(rank, double, round + i).unwrap())))
            .collect();
        assert_eq!(
            workers.submit(0, double, 1).unwrap_err(),
            SubmitError::Full { rank: 0, capacity: Workers::window() }
        );
        if round % 2 == 0 {
            tickets.reverse();
        }
        for (x, ticket) in tickets {
            assert_eq!(workers.wait(ticket, None), Ok(2 * x));
        }
    }
}

#[test]
fn dropped_tickets_leave_room_for_others() {
    let workers = Workers::start(1).unwrap();
    for i in 0..1000_u64 {
        loop {
            match workers.submit(0, double, i) {
                Ok(ticket) => break drop(ticket),
                Err(SubmitError::Full { .. }) => std::hint::black_box(()),
                Err(error) => panic!("{error}"),
            }
        }
        if i % 100 == 0 {
            assert_eq!(
                loop {
                    match workers.call(0, double, i) {
                        Err(CallError::Submit(SubmitError::Full { .. })) => {}
                        done => break done,
                    }
                },
                Ok(2 * i)
            );
        }
    }
}

#[test]
fn a_worker_knows_its_rank() {
    let workers = Workers::start(3).unwrap();
    for rank in 0..3_usize {
        let told =
            |()| worker::current().map_or([9, 9], |context| [context.rank as u64, context.count as u64]);
        assert_eq!(workers.call(rank, told, ()), Ok([rank as u64, 3]));
    }
    assert_eq!(worker::current(), None);
}

#[test]
fn workers_share_a_segment() {
    #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
    #[repr(C)]
    struct Sum {
        segment: SegmentRef,
        numbers: Offset<[u64]>,
    }
    fn sum(task: Sum) -> u64 {
        let segment = worker::attach(task.segment).unwrap();
        let numbers = segment.slice(task.numbers).unwrap();
        // SAFETY: nobody writes while the tasks run.
        unsafe { numbers.as_ref() }.iter().sum()
    }
    let segment = Segment::create("numbers", 1 << 20).unwrap();
    let numbers = segment.arena().alloc::<u64>(100_000).unwrap();
    // SAFETY: nobody else has the memory yet.
    for (i, number) in unsafe { segment.slice(numbers).unwrap().as_mut() }.iter_mut().enumerate() {
        *number = i as u64;
    }
    let workers = Workers::start(2).unwrap();
    let halves = [(0, 0, 50_000), (1, 50_000, 100_000)].map(|(rank, begin, end)| {
        let task = Sum { segment: segment.share(), numbers: numbers.range(begin, end).unwrap() };
        workers.submit(rank, sum, task).unwrap()
    });
    let total: u64 = halves.into_iter().map(|ticket| ticket.wait(None).unwrap()).sum();
    assert_eq!(total, 99_999 * 100_000 / 2);
}

#[test]
fn a_panic_is_an_error_and_the_worker_lives_on() {
    fn fail(n: u64) -> u64 {
        panic!("no {n} today")
    }
    let workers = Workers::start(1).unwrap();
    let error = workers.call(0, fail, 7).unwrap_err();
    let CallError::Panicked { rank: 0, task, message } = &error else { panic!("{error:?}") };
    assert!(task.ends_with("fail"), "{task}");
    assert_eq!(message, "no 7 today");
    assert_eq!(workers.call(0, double, 1), Ok(2));
}

/// Runs `f` on a worker that it ends, and returns how.
fn ends<F: Fn(u64) -> u64 + Copy + 'static>(f: F) -> Exit {
    let mut workers = Workers::start(2).unwrap();
    let before = workers.submit(0, double, 1).unwrap();
    let deadly = workers.submit(0, f, 5).unwrap();
    let after = workers.submit(0, double, 2).unwrap();
    assert_eq!(before.wait(soon(20)), Ok(2), "committed before the death");
    let error = deadly.wait(soon(20)).unwrap_err();
    let CallError::Died { rank: 0, pid, task, running, exit } = error else { panic!("{error:?}") };
    assert_eq!(pid, workers.pids()[0]);
    assert_eq!(task, std::any::type_name::<F>());
    assert_eq!(running, task);
    let error = after.wait(soon(20)).unwrap_err();
    let CallError::Died { running: killer, .. } = error else { panic!("{error:?}") };
    assert_eq!(killer, task);
    assert!(matches!(workers.submit(0, double, 1), Err(SubmitError::Dead { .. })));
    assert_eq!(workers.call(1, double, 4), Ok(8), "the other worker goes on");
    workers.restart(0).unwrap();
    assert_eq!(workers.generation(0), 1);
    assert_eq!(workers.call(0, double, 4), Ok(8), "so does the replacement");
    exit
}

#[test]
fn an_exit_is_reported() {
    assert_eq!(ends(|_| std::process::exit(3)), Exit::Code(3));
}

#[test]
fn an_abort_is_reported() {
    assert_eq!(ends(|_| std::process::abort()), Exit::Signal(libc::SIGABRT));
}

#[test]
fn a_segmentation_fault_is_reported() {
    // SAFETY: none: this is the fault that is wanted. The address is never mapped.
    let fault = |x: u64| unsafe { std::ptr::without_provenance::<u64>(x as usize * 8).read_volatile() };
    assert_eq!(ends(fault), Exit::Signal(libc::SIGSEGV));
}

#[test]
fn a_kill_is_reported() {
    // SAFETY: a plain system call.
    let kill = |_| unsafe { libc::raise(libc::SIGKILL) } as u64;
    assert_eq!(ends(kill), Exit::Signal(libc::SIGKILL));
}

fn forever(_: u64) -> u64 {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn an_endless_task_times_out_and_is_restarted() {
    let mut workers = Workers::builder().grace(Duration::ZERO).start().unwrap();
    let ticket = workers.submit(0, forever, 0).unwrap();
    let started = Instant::now();
    let error = ticket.wait(Some(started + Duration::from_millis(100))).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { rank: 0, .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    workers.restart(0).unwrap();
    assert_eq!(workers.call(0, double, 3), Ok(6));
}

#[test]
fn handles_may_move_between_threads() {
    fn moves<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Workers>();
    is_shared::<Segment>();
    moves::<heddle_ipc::Ticket<u64>>();
}

#[test]
fn a_stack_overflow_is_a_death() {
    fn recurse(depth: u64) -> u64 {
        if depth == u64::MAX {
            return 0;
        }
        let room = std::hint::black_box([depth; 1024]);
        std::hint::black_box(recurse(depth + 1)) + room[depth as usize % room.len()]
    }
    assert_eq!(ends(recurse), Exit::Signal(libc::SIGSEGV));
}
