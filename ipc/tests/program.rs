//! A program with a `main` of its own, which must not run in its workers: no harness, nothing called first thing. It also runs out of
//! descriptors, which would disturb the other tests of a program that had any.

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod program {
    use heddle_ipc::Workers;
    use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
    use rustix::process::{Resource, Rlimit};

    static MAIN_RAN: AtomicU64 = AtomicU64::new(0);

    fn main_ran(_: ()) -> u64 {
        // ORDERING: Relaxed: one thread in the worker.
        MAIN_RAN.load(Ordering::Relaxed)
    }

    fn arguments(_: ()) -> u64 {
        std::env::args().count() as u64
    }

    pub fn run() {
        // ORDERING: Relaxed: a worker would set it in itself.
        MAIN_RAN.store(1, Ordering::Relaxed);
        assert!(heddle_ipc::worker::current().is_none());
        let workers = Workers::start(2).expect("workers");
        for rank in 0..workers.len() {
            assert_eq!(workers.call(rank, main_ran, ()), Ok(0));
            assert_eq!(workers.call(rank, arguments, ()), Ok(2), "std has the arguments before main");
        }
        drop(workers);
        without_descriptors();
        println!("main ran once");
    }

    /// However few descriptors there are, a start that fails is an error and leaves nothing behind.
    fn without_descriptors() {
        let before = open_descriptors();
        let limit = rustix::process::getrlimit(Resource::Nofile);
        let mut failures = 0;
        for most in 3_u64.. {
            let few = Rlimit { current: Some(most), ..limit };
            rustix::process::setrlimit(Resource::Nofile, few).expect("a lower limit is allowed");
            let started = Workers::start(2);
            rustix::process::setrlimit(Resource::Nofile, limit).expect("so is the old one");
            if let Ok(workers) = started {
                assert_eq!(workers.call(1, main_ran, ()), Ok(0));
                break;
            }
            failures += 1;
            assert_eq!(open_descriptors(), before, "with {most}");
            for task in std::fs::read_dir("/proc/self/task").expect("proc") {
                let children =
                    std::fs::read_to_string(task.expect("proc").path().join("children")).unwrap_or_default();
                assert_eq!(children, "", "with {most}");
            }
        }
        assert!(failures >= 3, "{failures}");
    }

    fn open_descriptors() -> usize {
        // One of them is the directory's own.
        std::fs::read_dir("/proc/self/fd").expect("proc").count() - 1
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    program::run();
}
