//! Members that fail: the run is an error that says which rank and why, nobody hangs, and the next run is whole again.

use std::time::{Duration, Instant};

use heddle_ipc::CallError;
use heddle_kernels::kernel::{Cost, Kernel, Size};
use heddle_kernels::region::{All, Atomic, Flow, Layout, OwnMut, Part, PartMut, Regions};
use heddle_kernels::team::Schedule;
use heddle_kernels::{Job, Mismatch, Model, RunError, Team};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const NOTHING: u64 = 0;
const PANIC: u64 = 1;
const KILLED: u64 = 2;
const SEGFAULT: u64 = 3;
const EXIT: u64 = 4;
const HANG: u64 = 5;
const DISAGREE: u64 = 6;
const CONFLICT: u64 = 7;

/// Does to the member of rank 1 what region 0 says, while the others wait for it.
struct Faulty;

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct None {
    nothing: u64,
}

// SAFETY: every member calls the same operations, but for the one that fails on purpose, whose team is aborted.
unsafe impl Kernel for Faulty {
    const NAME: &'static str = "faulty";
    type Params = None;
    type Output = u64;

    fn params(_size: Size) -> None {
        None { nothing: 0 }
    }

    fn layout(_params: &None, workers: usize) -> Layout {
        Layout::new().region::<u64>("fault", 1, 1, Flow::In).region::<u64>("ranks", workers, 1, Flow::Out)
    }

    fn fill(_params: &None, _data: &mut Regions<'_>) {}

    fn run<T: Team>(_params: &None, team: &T, data: &Regions<'_>) -> u64 {
        let mut fault = NOTHING;
        let all = All(data.region::<u64>(0));
        team.for_each(Schedule::Blocks, team.size(), all, |_, region| fault = region[0]);
        let victim = team.rank() == 1;
        match fault {
            PANIC if victim => panic!("planted in rank {}", team.rank()),
            KILLED if victim => kill(libc::SIGKILL),
            SEGFAULT if victim => kill(libc::SIGSEGV),
            EXIT if victim => std::process::exit(3),
            HANG if victim => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            CONFLICT => {
                let ranks = data.region::<u64>(1);
                team.for_each(Schedule::Blocks, ranks.leaves(), (PartMut(ranks), Part(ranks)), |_, _| {});
            }
            _ => {}
        }
        team.barrier();
        let ranks = data.region::<u64>(1);
        let rank = team.rank() as u64;
        team.for_each(Schedule::Blocks, team.size(), OwnMut(ranks), |_, own| own[0] = rank);
        // The same region again as atomics, one loop later.
        team.for_each(Schedule::Claimed, ranks.leaves(), Atomic(ranks), |leaf, ranks| {
            team.add(&ranks[leaf], 1)
        });
        if fault == DISAGREE && victim { 1 } else { 0 }
    }

    fn verify(_params: &None, data: &mut Regions<'_>, _output: &u64, _runs: u64) -> Result<(), Mismatch> {
        for (rank, found) in data.slice::<u64>(1).iter().enumerate() {
            Mismatch::unless_equal(|| format!("rank {rank}"), rank as u64 + 1, *found)?;
        }
        Ok(())
    }

    fn cost(_params: &None) -> Cost {
        Cost::default()
    }
}

fn kill(signal: i32) {
    // SAFETY: raises a signal in the own process.
    unsafe { libc::raise(signal) };
}

const PROCESSES: [Model; 3] = [Model::Processes, Model::ProcessPool, Model::ProcessPoolCopied];

/// Runs a team of 4 with the fault, expects an error within `within`, and a clean run after it.
fn fails(model: Model, fault: u64, within: Duration) -> RunError {
    let mut job = Job::<Faulty>::new(model, Faulty::params(Size::Test), 4).unwrap();
    // A panic that prints its backtrace takes a while on a busy machine.
    job.set_time_limit(if fault == HANG { Duration::from_millis(300) } else { Duration::from_secs(20) });
    job.data().slice::<u64>(0)[0] = fault;
    let start = Instant::now();
    let error = job.run().expect_err("a member failed");
    assert!(start.elapsed() < within, "{model}: {error} took {:?}", start.elapsed());
    job.data().slice::<u64>(0)[0] = NOTHING;
    job.set_time_limit(Duration::from_secs(20));
    for _ in 0..2 {
        let output = job.run().unwrap_or_else(|again| panic!("{model} after \"{error}\": {again}"));
        job.verify(&output).unwrap();
    }
    error
}

#[test]
fn a_killed_member_is_named_with_its_signal_and_task() {
    for model in PROCESSES {
        for (fault, signal) in [(KILLED, "SIGKILL"), (SEGFAULT, "SIGSEGV")] {
            let error = fails(model, fault, Duration::from_secs(10));
            let RunError::Call { rank: 1, source: CallError::Died { .. } } = &error else {
                panic!("{model}: {error}")
            };
            let text = error.to_string();
            assert!(text.contains(signal) && text.contains("run_members"), "{model}: {text}");
        }
    }
}

#[test]
fn a_member_that_exits_is_named_with_its_code() {
    for model in PROCESSES {
        let error = fails(model, EXIT, Duration::from_secs(10)).to_string();
        assert!(error.contains("rank 1") && error.contains('3'), "{model}: {error}");
    }
}

#[test]
fn a_process_of_the_hybrid_model_takes_its_threads_with_it() {
    let error = fails(Model::Hybrid, KILLED, Duration::from_secs(10));
    assert!(matches!(error, RunError::Call { rank: 0, source: CallError::Died { .. } }), "{error}");
}

#[test]
fn a_panic_releases_the_others_under_every_model() {
    for model in [Model::Threads, Model::ThreadPool] {
        let error = fails(model, PANIC, Duration::from_secs(5)).to_string();
        assert!(error.contains("rank 1") && error.contains("planted in rank 1"), "{model}: {error}");
    }
    for model in PROCESSES.into_iter().chain([Model::Hybrid]) {
        let error = fails(model, PANIC, Duration::from_secs(10)).to_string();
        assert!(error.contains("planted in rank 1"), "{model}: {error}");
    }
}

#[test]
fn a_member_that_hangs_runs_into_the_time_limit() {
    for model in PROCESSES.into_iter().chain([Model::Hybrid]) {
        let error = fails(model, HANG, Duration::from_secs(10));
        assert!(matches!(error, RunError::TimedOut(_)), "{model}: {error}");
    }
}

#[test]
fn members_that_disagree_are_refused() {
    for model in Model::ALL.into_iter().filter(|model| *model != Model::Sequential) {
        let error = fails(model, DISAGREE, Duration::from_secs(10));
        let told = matches!(error, RunError::Disagree { .. });
        // Within a process of the hybrid model, the process itself notices.
        assert!(told || error.to_string().contains("differently"), "{model}: {error}");
    }
}

#[test]
fn a_loop_that_writes_and_reads_one_region_is_refused() {
    let error = fails(Model::Threads, CONFLICT, Duration::from_secs(5)).to_string();
    assert!(error.contains("ranks is written and used again"), "{error}");
}
