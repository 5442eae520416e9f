//! Every way in which a process can end, and who waits for it.

use std::time::{Duration, Instant};

use heddle_ipc::Exit;
use heddle_ipc::process::{
    JoinError, Process, StartMethod, Stream, active_children, current_process, parent_process,
};
use heddle_primitives::sync::thread;

use crate::{LONG, double, each_way, eventually, forever, is_gone, kill};

/// How a process ends that runs `f`, and whether it began.
fn end<F: Fn(i32) -> i32 + Copy + 'static>(f: F, argument: i32) {
    each_way(|builder| {
        let process = builder.name("short").spawn(f, argument).unwrap();
        let pid = process.pid();
        let exit = if argument < 0 { Exit::Signal(-argument) } else { Exit::Code(argument) };
        let error = process.join_until(None).unwrap_err();
        assert_eq!(error, JoinError::Ended { name: "short".to_owned(), pid, exit, begun: true });
        assert_eq!(process.exit(), Some(exit));
        let text = error.to_string();
        assert!(text.contains("short") && text.contains(&exit.to_string()), "{text}");
        drop(process);
        assert!(is_gone(pid));
    });
}

#[test]
fn exit_codes_are_reported() {
    for code in [0, 1, 42, 255] {
        end(|code| std::process::exit(code), code);
    }
}

#[test]
fn signals_are_reported() {
    end(|_| std::process::abort(), -libc::SIGABRT);
    // SAFETY: a plain system call.
    let raise = |signal: i32| unsafe { libc::raise(-signal) };
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGSEGV, libc::SIGINT] {
        end(raise, -signal);
    }
}

#[test]
fn a_panic_is_carried_over() {
    each_way(|builder| {
        let fail = |n: u32| -> u32 { panic!("no {n} today: {}", "x".repeat(5000)) };
        let process = builder.stderr(Stream::Null).spawn(fail, 7).unwrap();
        let error = process.join_until(None).unwrap_err();
        let JoinError::Panicked { message, .. } = error else { panic!("{error:?}") };
        assert_eq!(message, format!("no 7 today: {}", "x".repeat(5000)));
        assert_eq!(process.exit(), Some(Exit::Code(101)));
    });
}

#[test]
fn a_result_that_is_there_is_delivered_whatever_follows() {
    extern "C" fn die() {
        std::process::abort()
    }
    let late = |x: u64| {
        // SAFETY: a plain function.
        assert_eq!(unsafe { libc::atexit(die) }, 0);
        2 * x
    };
    each_way(|builder| {
        let process = builder.spawn(late, 4).unwrap();
        assert_eq!(process.join_until(None), Ok(8));
        assert_eq!(process.exit(), Some(Exit::Signal(libc::SIGABRT)));
    });
}

#[test]
fn terminate() {
    each_way(|builder| {
        let process = builder.spawn(forever, ()).unwrap();
        assert!(process.is_alive());
        assert_eq!(process.exit(), None);
        let started = Instant::now();
        let limit = Duration::from_millis(30);
        assert!(matches!(process.join_timeout(limit), Err(JoinError::TimedOut { .. })));
        assert!(started.elapsed() >= limit);
        process.terminate().unwrap();
        let error = process.join_timeout(LONG).unwrap_err();
        assert!(matches!(error, JoinError::Ended { exit: Exit::Signal(libc::SIGTERM), .. }), "{error:?}");
        assert!(!process.is_alive());
        process.terminate().expect("one that has ended is no error");
        process.kill().expect("nor here");
    });
}

#[test]
fn kill_ends_a_process_that_ignores_everything_else() {
    let deaf = |()| {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        println!("deaf");
        forever(());
    };
    each_way(|builder| {
        let mut process = builder.stdout(Stream::Piped).spawn(deaf, ()).unwrap();
        let mut line = String::new();
        let mut said = std::io::BufReader::new(process.take_stdout().unwrap());
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        process.terminate().unwrap();
        assert!(matches!(process.join_timeout(Duration::from_millis(50)), Err(JoinError::TimedOut { .. })));
        process.kill().unwrap();
        let error = process.join().unwrap_err();
        assert!(matches!(error, JoinError::Ended { exit: Exit::Signal(libc::SIGKILL), begun: true, .. }));
    });
}

#[test]
fn sentinel() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    each_way(|builder| {
        let process = builder.spawn(forever, ()).unwrap();
        let ready = |seconds| {
            let limit = Timespec { tv_sec: seconds, tv_nsec: 0 };
            poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).unwrap()
        };
        assert_eq!(ready(0), 0);
        process.kill().unwrap();
        assert_eq!(ready(20), 1);
        assert!(!process.is_alive());
    });
}

#[test]
fn several_threads_may_wait_for_one_process() {
    each_way(|builder| {
        let process = builder.spawn(double, 5).unwrap();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| process.join_timeout(LONG))).collect();
            threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), Ok(10)));
        });
    });
}

#[test]
fn a_handle_that_is_dropped_waits() {
    each_way(|builder| {
        let path = std::env::temp_dir().join(format!("heddle-{}-dropped", std::process::id()));
        let write = |path: String| {
            thread::sleep(Duration::from_millis(50));
            std::fs::write(path, "done").unwrap();
        };
        drop(builder.spawn(write, path.to_str().unwrap().to_owned()).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "done");
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_daemon_s_handle_ends_it() {
    each_way(|builder| {
        let process = builder.daemon(true).spawn(forever, ()).unwrap();
        let pid = process.pid();
        let started = Instant::now();
        drop(process);
        assert!(is_gone(pid) && started.elapsed() < LONG);
        assert!(active_children().iter().all(|child| child.pid() != pid));
    });
}

#[test]
fn a_handle_that_is_dropped_in_a_panic_ends_its_process() {
    each_way(|builder| {
        let (tell, told) = std::sync::mpsc::channel();
        let panicked = thread::spawn(move || {
            let process = builder.spawn(forever, ()).unwrap();
            tell.send(process.pid()).unwrap();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert!(is_gone(told.recv().unwrap()));
    });
}

#[test]
fn a_detached_process_goes_on_and_is_reaped() {
    each_way(|builder| {
        let child = builder.spawn(|()| thread::sleep(Duration::from_millis(30)), ()).unwrap().detach();
        assert!(child.is_alive());
        let pid = child.pid();
        drop(child);
        eventually("it is reaped", || {
            assert_eq!(builder.spawn(double, 1).unwrap().join(), Ok(2));
            !std::path::Path::new(&format!("/proc/{pid}")).exists()
        });
    });
}

/// Starts a child that outlives nobody, or everybody, in each way; returns their ids.
fn foster(ends_with_parent: bool) -> Vec<u32> {
    [StartMethod::Spawn, StartMethod::Zygote]
        .map(|method| {
            let (ours, theirs) = std::io::pipe().unwrap();
            let report =
                format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&theirs));
            let wait = |report: String| {
                std::fs::write(report, "begun").unwrap();
                let parent = parent_process().unwrap();
                parent.wait();
                assert!(!parent.is_alive());
                assert_eq!(current_process().name(), "foundling");
                forever(());
            };
            let process = Process::builder()
                .name("foundling")
                .start_method(method)
                .ends_with_parent(ends_with_parent)
                .spawn(wait, report)
                .unwrap();
            std::io::Read::read_exact(&mut &ours, &mut [0; 5]).unwrap();
            process.detach().pid()
        })
        .into()
}

#[test]
fn children_end_with_their_parent() {
    each_way(|builder| {
        let pids = builder.spawn(foster, true).unwrap().join().unwrap();
        pids.into_iter().for_each(|pid| eventually("the grandchild has ended", || is_gone(pid)));
        // However it ends.
        let parent =
            builder.spawn(|()| (foster(true), kill(std::process::id(), libc::SIGKILL)).0, ()).unwrap();
        assert!(matches!(parent.join(), Err(JoinError::Ended { exit: Exit::Signal(9), begun: true, .. })));
    });
}

#[test]
fn parent_process_is_seen_to_end() {
    each_way(|builder| {
        let pids = builder.spawn(foster, false).unwrap().join().unwrap();
        thread::sleep(Duration::from_millis(50));
        for pid in pids {
            assert!(!is_gone(pid), "it does not end with its parent");
            kill(pid, libc::SIGKILL);
            eventually("the grandchild has ended", || is_gone(pid));
        }
    });
}
