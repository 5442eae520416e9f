//! Running a command to its end: output in a file, a time limit, and nothing left behind.
//!
//! The command leads a process group of its own, so that a limit or an interrupt takes its workers along.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::outcome::unmeasured;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; absent if the limit ended it.
    pub status: Option<ExitStatus>,
    /// Wall-clock time from start to end.
    pub took: Duration,
}

impl Ended {
    /// What went wrong, if anything did.
    pub fn failure(&self, limit: Duration) -> Option<String> {
        match self.status {
            None => Some(format!("stopped after the limit of {:.1} s", limit.as_secs_f64())),
            Some(status) if status.success() => None,
            Some(status) => Some(match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("killed by signal {signal}"),
                (None, None) => status.to_string(),
            }),
        }
    }
}

/// Runs `command` with its output in `log`, for at most `limit`.
///
/// # Errors
/// If it cannot be started, or if the user interrupts: the whole group is killed first.
pub fn run_logged(command: &mut Command, log: &Path, limit: Duration) -> Result<Ended> {
    let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone()?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", in_words(command)))?;
    let status = wait(&mut child, limit);
    // Whatever the command left running must not disturb what comes next.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = match status {
        Err(error) => {
            let _ = child.wait();
            return Err(error);
        }
        Ok(Some(status)) => Some(status),
        Ok(None) => {
            child.wait()?;
            None
        }
    };
    Ok(Ended { status, took: start.elapsed() })
}

/// What `command` prints, to both streams, if it ends well within `limit`.
///
/// # Errors
/// What went wrong, with the last thing that it said.
pub fn output_of(command: &mut Command, limit: Duration) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let ended = run_logged(command, &log, limit)?;
    match ended.failure(limit) {
        None => Ok(String::from_utf8_lossy(&std::fs::read(&log)?).into_owned()),
        Some(failure) => bail!("{failure}: {}", tail(&log, 1)),
    }
}

/// Waits for `child` to end; `None` after `limit`.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).context("pidfd_open")?;
    loop {
        check_interrupt()?;
        let left = deadline.saturating_duration_since(Instant::now());
        // Short naps only so that an interrupt is noticed: five a second do not disturb a measurement.
        let nap = left.min(Duration::from_millis(200));
        let timeout = Timespec { tv_sec: 0, tv_nsec: nap.as_nanos().try_into()? };
        let ready = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout));
        match ready {
            Ok(n) if n > 0 => return Ok(Some(child.wait()?)),
            Ok(_) if left.is_zero() => return Ok(None),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => bail!("poll: {error}"),
        }
    }
}

thread_local! {
    /// What the handler of [`catch_interrupts`] sends to; tasks run on the main thread only.
    static INTERRUPTS: RefCell<Option<Receiver<()>>> = const { RefCell::new(None) };
}

/// From here on Ctrl-C and SIGTERM end the task in order: children first, records intact.
pub fn catch_interrupts() {
    let (send, receive) = mpsc::channel();
    // Without a handler the default action ends the task, which is what is wanted then.
    let handler = move || {
        // Nobody listens once the task has ended.
        let _ = send.send(());
    };
    if ctrlc::set_handler(handler).is_ok() {
        INTERRUPTS.set(Some(receive));
    }
}

/// Fails if the user has interrupted.
pub fn check_interrupt() -> Result<()> {
    let interrupted = INTERRUPTS.with_borrow(|it| it.as_ref().is_some_and(|it| it.try_recv().is_ok()));
    if interrupted { Err(unmeasured("interrupted")) } else { Ok(()) }
}

/// The last `lines` lines of a file, or what is left of it in 64 KiB.
pub fn tail(path: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The command as one would type it, settings first.
pub fn in_words(command: &Command) -> String {
    let quote = |text: &std::ffi::OsStr| {
        let text = text.to_string_lossy().into_owned();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || "$'\"*()|\\".contains(c)) {
            format!("'{}'", text.replace('\'', r"'\''"))
        } else {
            text
        }
    };
    let settings = command
        .get_envs()
        .filter_map(|(key, value)| value.map(|value| format!("{}={}", key.to_string_lossy(), quote(value))));
    let program = Path::new(command.get_program());
    let program = match program.file_name() {
        Some(name) if name == "cargo" => name,
        _ => program.as_os_str(),
    };
    settings.chain([quote(program)]).chain(command.get_args().map(quote)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> (Ended, String) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let ended = run_logged(Command::new("sh").args(["-c", script]), &log, limit).unwrap();
        (ended, tail(&log, 5))
    }

    #[test]
    fn output_and_status_are_kept() {
        let limit = Duration::from_secs(10);
        let (ended, log) = shell("echo out; echo err >&2; exit 7", limit);
        assert_eq!(ended.failure(limit).as_deref(), Some("exit code 7"));
        assert_eq!(log, "out\nerr");
        let (ended, _) = shell("kill -9 $$", limit);
        assert_eq!(ended.failure(limit).as_deref(), Some("killed by signal 9"));
    }

    #[test]
    fn the_limit_takes_the_whole_group_along() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; touch {}) & sleep 30", mark.display());
        let limit = Duration::from_millis(200);
        let (ended, _) = shell(&script, limit);
        assert!(ended.failure(limit).unwrap().contains("limit"));
        assert!(ended.took < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(1300));
        assert!(!mark.exists(), "a grandchild outlived the limit");
    }

    #[test]
    fn commands_in_words_can_be_typed() {
        let mut command = Command::new("/some/where/cargo");
        command.args(["test", "--cfg x"]).env("A", "b c");
        assert_eq!(in_words(&command), "A='b c' cargo test '--cfg x'");
    }
}
