//! Standard streams, environment, directory and descriptors of a process.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;

use heddle_ipc::process::{Process, Stream};

use crate::{each_way, eventually};

#[test]
fn piped_streams_reach_the_process() {
    let echo = |()| {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).unwrap();
        // Neither line is complete, so nothing is written before the end.
        print!("out {text}");
        eprint!("err {text}");
        text.len()
    };
    each_way(|builder| {
        let mut process =
            builder.stdin(Stream::Piped).stdout(Stream::Piped).stderr(Stream::Piped).spawn(echo, ()).unwrap();
        process.take_stdin().unwrap().write_all(b"said").unwrap();
        assert!(process.take_stdin().is_none());
        for (mut pipe, expected) in
            [(process.take_stdout().unwrap(), "out said"), (process.take_stderr().unwrap(), "err said")]
        {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected);
        }
        assert_eq!(process.join(), Ok(4));
    });
}

#[test]
fn joining_closes_the_pipe_to_the_standard_input() {
    each_way(|builder| {
        let count = |()| std::io::stdin().lines().count();
        assert_eq!(builder.stdin(Stream::Piped).spawn(count, ()).unwrap().join(), Ok(0));
    });
}

/// What the process's three standard streams are.
fn streams(_: ()) -> [String; 3] {
    [0, 1, 2]
        .map(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap().to_string_lossy().into_owned())
}

#[test]
fn streams_are_inherited_or_null_as_told() {
    let ours = streams(());
    each_way(|builder| {
        let theirs = builder.spawn(streams, ()).unwrap().join().unwrap();
        assert_eq!(theirs, ["/dev/null", &*ours[1], &*ours[2]]);
        let builder = builder.stdin(Stream::Inherit).stdout(Stream::Null).stderr(Stream::Null);
        let theirs = builder.spawn(streams, ()).unwrap().join().unwrap();
        assert_eq!(theirs, [&*ours[0], "/dev/null", "/dev/null"]);
    });
}

#[test]
fn a_closed_pipe_is_an_error_and_no_signal() {
    let shout = |()| {
        eventually("nobody reads", || std::io::stdout().write_all(&[b'x'; 100_000]).is_err());
    };
    each_way(|builder| {
        let mut process = builder.stdout(Stream::Piped).spawn(shout, ()).unwrap();
        drop(process.take_stdout());
        assert_eq!(process.join(), Ok(()));
    });
}

#[test]
fn environment_and_directory_are_as_told() {
    let tell = |names: Vec<String>| {
        let values: Vec<_> = names.iter().map(|name| std::env::var(name).ok()).collect();
        (values, std::env::current_dir().unwrap().to_str().unwrap().to_owned(), std::env::vars().count())
    };
    let names = || vec!["PATH".to_owned(), "HEDDLE_A".to_owned(), "HEDDLE_IPC_WORKER".to_owned()];
    let path = std::env::var("PATH").ok();
    let here = std::env::current_dir().unwrap().to_str().unwrap().to_owned();
    each_way(|builder| {
        let ours = std::env::vars().count();
        let told = builder.spawn(tell, names()).unwrap().join().unwrap();
        assert_eq!(told, (vec![path.clone(), None, None], here.clone(), ours));
        let other =
            builder.clone().environment("HEDDLE_A", "1=2").environment_remove("PATH").current_dir("/");
        let told = other.spawn(tell, names()).unwrap().join().unwrap();
        assert_eq!(told, (vec![None, Some("1=2".to_owned()), None], "/".to_owned(), ours));
        let bare = builder.environment("HEDDLE_A", "1").environment_clear().environment("X", "");
        let told = bare.spawn(tell, names()).unwrap().join().unwrap();
        assert_eq!(told, (vec![None, None, None], here.clone(), 1));
    });
}

#[test]
fn no_descriptor_leaks_into_a_process() {
    /// What is open beside the standard streams and what looks.
    fn open(_: ()) -> Vec<String> {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| !matches!(path.file_name().unwrap().to_str().unwrap(), "0" | "1" | "2"))
            .filter_map(|path| std::fs::read_link(path).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| !target.starts_with("/proc/"))
            .collect()
    }
    /// What this program was itself started with, and so passes on.
    fn passed_on() -> Vec<String> {
        let entries = std::fs::read_dir("/proc/self/fdinfo").unwrap().map(|entry| entry.unwrap());
        let passed = entries.filter(|entry| {
            let info = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("02000000");
            u32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_CLOEXEC as u32 == 0
        });
        let target = |entry: std::fs::DirEntry| {
            std::fs::read_link(std::path::Path::new("/proc/self/fd").join(entry.file_name())).unwrap()
        };
        passed.map(|entry| target(entry).to_string_lossy().into_owned()).collect()
    }
    let (file, pipe) = (std::fs::File::open("/etc/hostname").unwrap(), std::io::pipe().unwrap());
    each_way(|builder| {
        // Its own letter, and descriptors of its parent: the parent's end is watched, and told by `parent_process`.
        let mut found = builder.spawn(open, ()).unwrap().join().unwrap();
        found.retain(|target| !target.contains("pidfd") && !target.contains("heddle-process"));
        if !format!("{builder:?}").contains("Zygote") {
            let passed = passed_on();
            found.retain(|target| !passed.contains(target));
        }
        assert_eq!(found, Vec::<String>::new());
    });
    assert!(file.as_raw_fd() > 2 && pipe.0.as_raw_fd() > 2);
}

#[test]
fn programs_started_by_a_process_are_no_processes() {
    each_way(|builder| {
        let inherited = |()| {
            let output = std::process::Command::new("env").output().unwrap();
            assert!(output.status.success());
            String::from_utf8_lossy(&output.stdout).contains("HEDDLE_IPC")
        };
        assert_eq!(builder.spawn(inherited, ()).unwrap().join(), Ok(false));
    });
    assert_eq!(Process::spawn(|()| std::env::args().count(), ()).unwrap().join(), Ok(2));
}
