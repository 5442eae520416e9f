//! Nothing is left of processes: no descriptor, no mapping, no thread, no zombie, also where they could not be started. A program of its own,
//! with one test, since the tests of a program share these, and since it runs out of descriptors.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use heddle_ipc::process::{Builder, Process, SpawnError, StartMethod, Stream, active_children};
use rustix::process::{Resource, Rlimit};

#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    mappings: usize,
    threads: usize,
    children: usize,
}

fn held() -> Held {
    let threads: Vec<_> =
        std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path()).collect();
    let children = |path: &std::path::PathBuf| std::fs::read_to_string(path.join("children")).unwrap();
    Held {
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        mappings: std::fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:heddle").count(),
        threads: threads.len(),
        // The zygote, from its first use on.
        children: threads.iter().map(|path| children(path).split_whitespace().count()).sum(),
    }
}

fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

fn work(builder: &Builder) {
    let piped = builder.clone().stdin(Stream::Piped).stdout(Stream::Piped).stderr(Stream::Piped);
    for round in 0..20_usize {
        let process = builder.spawn(reverse, vec![1; 1000 * round]).unwrap();
        let ignored = piped.spawn(reverse, vec![2]).unwrap();
        let killed = builder.spawn(std::thread::sleep, std::time::Duration::from_secs(60)).unwrap();
        killed.kill().unwrap();
        assert_eq!(process.join().unwrap().len(), 1000 * round);
        drop(ignored);
        assert!(killed.join().is_err());
        let detached = builder.spawn(reverse, Vec::new()).unwrap().detach();
        assert!(detached.wait_until(None).is_some());
    }
    assert_eq!(active_children().len(), 0);
    assert!(builder.clone().name("").spawn(reverse, Vec::new()).is_err());
}

/// However few descriptors there are, a start that fails is an error and leaves nothing behind.
fn without_descriptors(builder: &Builder) {
    let (before, builder) = (held(), builder.clone().stdout(Stream::Piped));
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let mut failures = 0;
    for most in 3_u64.. {
        let few = Rlimit { current: Some(most), ..limit };
        rustix::process::setrlimit(Resource::Nofile, few).expect("a lower limit is allowed");
        let started = builder.spawn(reverse, vec![1, 2]);
        rustix::process::setrlimit(Resource::Nofile, limit).expect("so is the old one");
        match started {
            Ok(process) => {
                assert_eq!(process.join(), Ok(vec![2, 1]));
                break;
            }
            Err(SpawnError::Memory { .. } | SpawnError::Pipe { .. } | SpawnError::Spawn { .. }) => {
                failures += 1
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(held(), before, "with {most}");
    }
    assert!(failures >= 3, "{failures}");
}

#[test]
fn nothing_is_left() {
    for method in [StartMethod::Spawn, StartMethod::Zygote] {
        let builder = Process::builder().start_method(method);
        // What is set up once for the process stays: the zygote.
        work(&builder);
        let before = held();
        assert_eq!(before.children, usize::from(method == StartMethod::Zygote), "{before:?}");
        for _ in 0..3 {
            work(&builder);
        }
        assert_eq!(held(), before);
        without_descriptors(&builder);
        assert_eq!(held(), before);
    }
}
