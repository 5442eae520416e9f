//! Starts that are disturbed: processes and zygotes killed at random moments, copies of the program.

use std::time::{Duration, Instant};

use heddle_ipc::process::{JoinError, Process, StartMethod, current_process};
use heddle_ipc::{Exit, Workers};
use heddle_primitives::sync::thread;

use crate::{LONG, double, each_way, eventually, is_gone, kill};

/// Pseudo-random numbers, so that a failure can be had again. splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn pause(duration: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        std::hint::black_box(());
    }
}

#[test]
fn a_process_killed_while_it_starts_is_an_error_and_never_a_hang() {
    each_way(|builder| {
        let mut random = Random(1);
        let (mut early, mut late, mut done) = (0, 0, 0);
        for round in 0..150 {
            let process = builder.spawn(double, round).unwrap();
            pause(Duration::from_micros(random.below(2000)));
            process.kill().unwrap();
            let pid = process.pid();
            match process.join_timeout(LONG) {
                Ok(result) => {
                    assert_eq!(result, 2 * round);
                    done += 1;
                }
                Err(JoinError::Ended { exit: Exit::Signal(libc::SIGKILL), begun, .. }) => {
                    if begun {
                        late += 1
                    } else {
                        early += 1
                    }
                }
                Err(error) => panic!("{error}"),
            }
            drop(process);
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is reaped");
        }
        println!("{early} killed before their function, {late} in it, {done} done");
    });
}

/// The ids of this process's children that are zygotes. In a process of its own, so that no other test's is among them.
fn zygotes() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    children
        .collect::<String>()
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .filter(|pid| {
            let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            comm == "heddle-zygote\n" && !is_gone(*pid)
        })
        .collect()
}

#[test]
fn a_killed_zygote_is_replaced() {
    let program = |()| {
        let builder = Process::builder().start_method(StartMethod::Zygote);
        assert_eq!(zygotes(), []);
        let mut before = 0;
        for round in 0..5 {
            assert_eq!(builder.spawn(double, round).unwrap().join(), Ok(2 * round));
            let [zygote] = zygotes()[..] else { panic!("{:?}", zygotes()) };
            assert_ne!(zygote, before);
            let survivor = builder.spawn(|()| thread::sleep(Duration::from_millis(20)), ()).unwrap();
            kill(zygote, libc::SIGKILL);
            eventually("it has ended", || is_gone(zygote));
            assert_eq!(survivor.join(), Ok(()), "its children go on");
            before = zygote;
        }
    };
    each_way(|builder| assert_eq!(builder.spawn(program, ()).unwrap().join(), Ok(())));
}

#[test]
fn a_zygote_that_does_not_answer_is_replaced() {
    let program = |()| {
        let builder = Process::builder().start_method(StartMethod::Zygote);
        assert_eq!(builder.spawn(double, 1).unwrap().join(), Ok(2));
        let [zygote] = zygotes()[..] else { panic!("{:?}", zygotes()) };
        kill(zygote, libc::SIGSTOP);
        assert_eq!(builder.spawn(double, 2).unwrap().join(), Ok(4));
        assert!(is_gone(zygote) && zygotes().len() == 1);
    };
    assert_eq!(Process::spawn(program, ()).unwrap().join(), Ok(()));
}

/// Whatever children there are, of whom nobody knows.
fn unknown_children() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    let stat = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    children.collect::<String>().split_whitespace().map(stat).collect()
}

#[test]
fn a_zygote_killed_in_the_middle_of_a_start_loses_nothing() {
    let program = |seed: u64| {
        let mut random = Random(seed);
        let builder = Process::builder().start_method(StartMethod::Zygote);
        let warm = builder.spawn(double, 0).unwrap();
        assert_eq!(warm.join(), Ok(0));
        for round in 0..150_u64 {
            // Nobody reaps it before the next start, so the id is still its own.
            let zygote = zygotes().first().map(|&pid| {
                let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
                rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap()
            });
            let delay = Duration::from_micros(random.below(300));
            let killer = thread::spawn(move || {
                pause(delay);
                if let Some(zygote) = zygote {
                    // It may have ended: of the kill before.
                    let _ = rustix::process::pidfd_send_signal(zygote, rustix::process::Signal::KILL);
                }
            });
            let process = builder.spawn(double, round).unwrap();
            assert_eq!(process.join(), Ok(2 * round), "started, by the one or the other");
            killer.join().unwrap();
        }
        // The last zygote may be dead, and not replaced yet.
        assert_eq!(builder.spawn(double, 1).unwrap().join(), Ok(2));
        assert_eq!(unknown_children().len(), 1, "{:?}", unknown_children());
    };
    assert_eq!(Process::spawn(program, 7).unwrap().join(), Ok(()));
}

#[test]
fn a_zygote_ends_with_its_parent() {
    let program = |()| {
        let builder = Process::builder().start_method(StartMethod::Zygote);
        assert_eq!(builder.spawn(double, 1).unwrap().join(), Ok(2));
        zygotes()
    };
    each_way(|builder| {
        let zygotes = builder.spawn(program, ()).unwrap().join().unwrap();
        assert_eq!(zygotes.len(), 1);
        zygotes.into_iter().for_each(|pid| eventually("the zygote has ended", || is_gone(pid)));
    });
}

#[test]
fn a_zygote_s_children_follow_the_environment_and_the_directory() {
    let program = |()| {
        let builder = Process::builder().start_method(StartMethod::Zygote);
        let tell = |()| {
            (std::env::var("HEDDLE_B").ok(), std::env::current_dir().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(builder.spawn(tell, ()).unwrap().join().unwrap().0, None);
        // SAFETY: this process has one thread that reads the environment.
        unsafe { std::env::set_var("HEDDLE_B", "set") };
        std::env::set_current_dir("/").unwrap();
        assert_eq!(builder.spawn(tell, ()).unwrap().join(), Ok((Some("set".to_owned()), "/".to_owned())));
        assert_eq!(zygotes().len(), 1);
    };
    assert_eq!(Process::spawn(program, ()).unwrap().join(), Ok(()));
}

#[test]
fn a_process_may_use_the_cpus_of_the_thread_that_starts_it() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let program = |()| {
        let all = sched_getaffinity(None).unwrap();
        let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|&cpu| all.is_set(cpu)).collect();
        let told = |()| {
            let set = sched_getaffinity(None).unwrap();
            (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect::<Vec<_>>()
        };
        for method in [StartMethod::Spawn, StartMethod::Zygote] {
            let builder = Process::builder().start_method(method);
            // The zygote is started by a thread that may use all.
            sched_setaffinity(None, &all).unwrap();
            assert_eq!(builder.spawn(told, ()).unwrap().join(), Ok(cpus.clone()));
            for &cpu in &cpus {
                let mut one = CpuSet::new();
                one.set(cpu);
                sched_setaffinity(None, &one).unwrap();
                assert_eq!(builder.spawn(told, ()).unwrap().join(), Ok(vec![cpu]));
            }
        }
    };
    assert_eq!(Process::spawn(program, ()).unwrap().join(), Ok(()));
}

#[test]
fn many_threads_start_processes_at_once() {
    each_way(|builder| {
        thread::scope(|scope| {
            for at in 0..4_u64 {
                let builder = builder.clone();
                scope.spawn(move || {
                    for x in 0..10 {
                        assert_eq!(builder.spawn(double, at * x).unwrap().join(), Ok(2 * at * x));
                    }
                });
            }
        });
    });
}

#[test]
fn workers_come_from_a_zygote_too() {
    let mut workers = Workers::builder().count(3).start_method(StartMethod::Zygote).start().unwrap();
    for rank in 0..3 {
        assert_eq!(workers.call(rank, double, 7), Ok(14));
        let pid = workers.call(rank, |()| std::process::id(), ()).unwrap();
        assert_eq!(pid, workers.pids()[rank]);
        assert_eq!(workers.call(rank, |()| std::os::unix::process::parent_id(), ()), Ok(std::process::id()));
    }
    let error = workers.call(1, |_: u64| -> u64 { std::process::exit(3) }, 0).unwrap_err();
    assert!(matches!(error, heddle_ipc::CallError::Died { exit: Exit::Code(3), .. }), "{error:?}");
    workers.kill(2).unwrap();
    for rank in [1, 2] {
        workers.restart(rank).unwrap();
        assert_eq!(workers.call(rank, double, 4), Ok(8));
    }
}

#[test]
fn a_copied_thread_is_one_that_the_c_library_knows() {
    /// A mutex that knows its owner by the thread's id in the C library.
    fn checking_mutex() -> libc::pthread_mutex_t {
        // SAFETY: all zero is valid until it is initialised.
        let mut attributes = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut mutex = unsafe { std::mem::zeroed() };
        // SAFETY: valid pointers, here and below.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(&mut attributes) }, 0);
        // SAFETY: initialised above.
        let set = unsafe { libc::pthread_mutexattr_settype(&mut attributes, libc::PTHREAD_MUTEX_ERRORCHECK) };
        assert_eq!(set, 0);
        // SAFETY: initialised above. The mutex is moved before it is first used, which glibc's may be.
        assert_eq!(unsafe { libc::pthread_mutex_init(&mut mutex, &attributes) }, 0);
        mutex
    }
    fn owner(_: ()) -> u32 {
        let mut mutex = checking_mutex();
        // SAFETY: initialised, here and below.
        let mut lock = || unsafe { libc::pthread_mutex_lock(&mut mutex) };
        assert_eq!(lock(), 0);
        assert_eq!(lock(), libc::EDEADLK);
        // SAFETY: glibc's begins with the lock, a count, and the owner.
        let owner = unsafe { (&raw const mutex).cast::<[u32; 3]>().read() }[2];
        // SAFETY: as above; held by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(&mut mutex) }, 0);
        let (mut list, mut len) = (0_usize, 0_usize);
        // SAFETY: the kernel writes two words to where these point.
        let told = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &mut list, &mut len) };
        assert!(told == 0 && list != 0);
        owner
    }
    each_way(|builder| {
        let process = builder.spawn(owner, ()).unwrap();
        assert_eq!(process.join_until(None), Ok(process.pid()));
    });
}

/// A copy of the program by `fork`, which Rust allows to do little: it may drop what it inherited, and exit.
#[test]
fn a_copy_of_the_program_ends_nobody_s_children() {
    let program = |()| {
        let processes = [StartMethod::Spawn, StartMethod::Zygote].map(|method| {
            let sleep = |x: u64| {
                thread::sleep(Duration::from_millis(100));
                x
            };
            Process::builder().start_method(method).daemon(true).spawn(sleep, 6).unwrap()
        });
        // SAFETY: no lock is held by the threads that the copy does not have: they wait for a parent's end.
        match unsafe { libc::fork() } {
            0 => {
                assert!(!current_process().is_child());
                drop(processes);
                let started = Process::builder().start_method(StartMethod::Zygote).spawn(double, 3).unwrap();
                assert_eq!(started.join(), Ok(6), "it has children of its own");
                std::process::exit(0)
            }
            copy => {
                let mut status = 0;
                // SAFETY: a plain system call.
                assert_eq!(unsafe { libc::waitpid(copy, &mut status, 0) }, copy);
                assert_eq!(status, 0);
                for process in processes {
                    assert_eq!(process.join(), Ok(6));
                }
            }
        }
    };
    assert_eq!(Process::spawn(program, ()).unwrap().join(), Ok(()));
}
