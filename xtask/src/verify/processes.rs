//! Several processes at once, each with a log and a time limit, and none left behind.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::run_command::{Ended, check_interrupt, in_words};

/// A process to be run, with what its end is to be told with.
pub struct Task<T> {
    /// The program.
    pub command: Command,
    /// Where its output goes.
    pub log: PathBuf,
    /// The longest that it may take.
    pub limit: Duration,
    /// What the caller knows it by.
    pub tag: T,
}

struct Running<T> {
    task: Task<T>,
    child: Child,
    pidfd: OwnedFd,
    start: Instant,
}

/// Runs all tasks, at most `at_once` at a time, and tells `ended` of each; what that returns is run before the rest.
///
/// # Errors
/// If a process cannot be started, `ended` fails, or the user interrupts: all that run are killed first.
pub fn run_all<T>(
    tasks: impl IntoIterator<Item = Task<T>>,
    at_once: usize,
    mut ended: impl FnMut(Task<T>, &Ended) -> Result<Option<Task<T>>>,
) -> Result<()> {
    let mut waiting: VecDeque<Task<T>> = tasks.into_iter().collect();
    let mut running: Vec<Running<T>> = Vec::new();
    let mut all = || -> Result<()> {
        loop {
            while running.len() < at_once
                && let Some(task) = waiting.pop_front()
            {
                running.push(start(task)?);
            }
            if running.is_empty() {
                return Ok(());
            }
            check_interrupt()?;
            sleep_until_one_ends(&running)?;
            for n in (0..running.len()).rev() {
                let over = running[n].start.elapsed() >= running[n].task.limit;
                let status = running[n].child.try_wait()?;
                if status.is_none() && !over {
                    continue;
                }
                let mut done = running.swap_remove(n);
                let took = done.start.elapsed();
                end(&mut done);
                if let Some(next) = ended(done.task, &Ended { status, took })? {
                    waiting.push_front(next);
                }
            }
        }
    };
    let result = all();
    running.iter_mut().for_each(end);
    result
}

fn start<T>(mut task: Task<T>) -> Result<Running<T>> {
    let out = File::create(&task.log).with_context(|| format!("cannot write {}", task.log.display()))?;
    let err = out.try_clone()?;
    task.command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let start = Instant::now();
    let child = task.command.spawn().with_context(|| format!("cannot start {}", in_words(&task.command)))?;
    let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).context("pidfd_open")?;
    Ok(Running { task, child, pidfd, start })
}

/// Kills the whole group, whose leader may have ended already.
fn end<T>(running: &mut Running<T>) {
    let _ = kill_process_group(Pid::from_child(&running.child), Signal::KILL);
    let _ = running.child.wait();
}

fn sleep_until_one_ends<T>(running: &[Running<T>]) -> Result<()> {
    let left = |it: &Running<T>| it.task.limit.saturating_sub(it.start.elapsed());
    // Short naps only, so that an interrupt is noticed.
    let nap = running.iter().map(left).min().unwrap_or_default().min(Duration::from_millis(200));
    let timeout = Timespec { tv_sec: 0, tv_nsec: nap.as_nanos().try_into()? };
    let mut ends: Vec<_> = running.iter().map(|it| PollFd::new(&it.pidfd, PollFlags::IN)).collect();
    match poll(&mut ends, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => bail!("poll: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ends_once_and_what_follows_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let task = |tag: u32, script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Task { command, log: folder.path().join(tag.to_string()), limit: Duration::from_millis(500), tag }
        };
        let mut order = Vec::new();
        let tasks = [task(0, "exit 3"), task(1, "sleep 30"), task(2, "true")];
        run_all(tasks, 1, |done, ended| {
            order.push((done.tag, ended.status.map(|status| status.code())));
            Ok((done.tag == 0).then(|| task(10, "echo out")))
        })
        .unwrap();
        assert_eq!(order, [(0, Some(Some(3))), (10, Some(Some(0))), (1, None), (2, Some(Some(0)))]);
        assert_eq!(std::fs::read_to_string(folder.path().join("10")).unwrap(), "out\n");
    }

    #[test]
    fn a_failure_takes_the_others_along() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let task = |tag: &str, script: String| {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            Task { command, log: folder.path().join(tag), limit: Duration::from_secs(20), tag: () }
        };
        let tasks = [task("a", format!("sleep 1; touch {}", mark.display())), task("b", "true".into())];
        let result = run_all(tasks, 2, |_, _| bail!("no more"));
        assert_eq!(result.unwrap_err().to_string(), "no more");
        std::thread::sleep(Duration::from_millis(1300));
        assert!(!mark.exists());
    }
}
