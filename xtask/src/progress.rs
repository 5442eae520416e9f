//! How far a task is: a bar with the time left on a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress of a task whose whole cost is known in seconds of work.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    /// Seconds of work planned, and done so far.
    planned: f64,
    done: f64,
}

impl Progress {
    /// A task of `planned` seconds of work.
    pub fn new(planned: f64) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(milliseconds(planned)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        Progress { bar, start: Instant::now(), planned, done: 0.0 }
    }

    /// `seconds` of the planned work are done; `doing` comes next.
    pub fn advance(&mut self, seconds: f64, doing: &str) {
        self.done += seconds;
        self.bar.set_position(milliseconds(self.done));
        self.bar.set_message(format!("{} left, {doing}", in_words(self.left())));
    }

    /// The plan has changed: so many seconds of work are left.
    pub fn replan(&mut self, left: f64) {
        self.planned = self.done + left;
        self.bar.set_length(milliseconds(self.planned));
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// The time left, at the pace so far.
    pub fn left(&self) -> Duration {
        let pace = if self.done > 0.0 { self.start.elapsed().as_secs_f64() / self.done } else { 1.0 };
        Duration::try_from_secs_f64((self.planned - self.done).max(0.0) * pace).unwrap_or(Duration::ZERO)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}

/// A time span as people say it.
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 90 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) }
}
