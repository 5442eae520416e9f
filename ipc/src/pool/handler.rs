//! The thread that looks after a pool when nobody waits for it, and replaces its workers.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_primitives::sync::thread;

use super::core::Core;
use super::serve::{Post, attend};
use super::state::Phase;
use crate::error::SubmitError;
use crate::start_error::StartError;
use crate::workers::Workers;

/// How often it looks around while callers come and go: rarely enough to cost nothing, often enough that nobody notices.
const TICK: Duration = Duration::from_millis(2);

/// How long it waits before it tries again to start a worker.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Handler {
    core: Arc<Core>,
    workers: Workers,
    /// The callers that had come when it last looked.
    drives: u64,
}

impl Handler {
    /// Sends the workers to their stations, and starts the thread.
    pub(crate) fn start(core: Arc<Core>, workers: Workers) -> io::Result<thread::JoinHandle<()>> {
        let mut handler = Handler { core, workers, drives: 0 };
        thread::Builder::new()
            .name("heddle-pool".to_owned())
            .stack_size(256 << 10)
            .spawn(move || handler.run())
    }

    fn run(&mut self) {
        let core = Arc::clone(&self.core);
        let bell = core.base.floor.bell();
        for rank in 0..self.workers.len() {
            self.send_to_station(rank);
        }
        loop {
            bell.attend();
            let mut state = core.state.lock();
            state.pump();
            if state.phase == Phase::Terminated || (state.phase == Phase::Closed && state.outstanding == 0) {
                core.release(state);
                break;
            }
            let vacancies =
                if matches!(state.phase, Phase::Broken(_)) { Vec::new() } else { state.vacancies() };
            if !vacancies.is_empty() {
                core.release(state);
                vacancies.into_iter().for_each(|rank| self.replace(rank));
                continue;
            }
            // Where a caller looks for answers, it hands over when it stops.
            state.ticking = false;
            let (mut armed, mut deadline) = (false, None);
            if !state.driving && state.outstanding > 0 {
                if state.drives != self.drives && state.watched == 0 {
                    state.ticking = true;
                    deadline = Some(Instant::now() + TICK);
                } else {
                    armed = !bell.arm_handler(|| core.base.news());
                    if !armed {
                        // There are news: again.
                        core.release(state);
                        continue;
                    }
                }
            }
            self.drives = state.drives;
            core.release(state);
            bell.sleep_handler(armed, deadline);
        }
        self.dismiss();
    }

    /// Puts a new worker into the place of one that has ended.
    fn replace(&mut self, rank: usize) {
        match self.workers.restart(rank) {
            Ok(()) => {
                self.core.state.lock().replaced += 1;
                self.send_to_station(rank);
            }
            Err(error) => self.failed(&error),
        }
    }

    fn send_to_station(&mut self, rank: usize) {
        let base = &self.core.base;
        // Under the lock, since others drain stations with it.
        let mut state = self.core.state.lock();
        if state.phase == Phase::Terminated {
            return;
        }
        base.floor.station(rank).renew();
        let post = Post {
            floor: base.floor.share(),
            rank: rank as u64,
            stations: self.workers.len() as u64,
            spin_ns: self.core.spin.as_nanos().try_into().unwrap_or(u64::MAX),
        };
        match self.workers.submit(rank, attend, post) {
            // It ends with the worker, which is noticed otherwise.
            Ok(ticket) => drop(ticket),
            // It has died since; whoever started it is told, and tries again.
            Err(SubmitError::Dead { .. }) => {
                state.fail("a worker ended before it was ready");
                base.note(rank, 0);
                state.call_handler = true;
                return self.core.release(state);
            }
            Err(error) => {
                state.end(Phase::Broken(error.to_string().into()));
                return self.core.release(state);
            }
        }
        state.begin(rank, Arc::clone(self.workers.link(rank)));
        state.dispatch();
        self.core.release(state);
        // It may have died before its death was one of a worker at its desk; and callers may wait for a worker with room.
        base.alarm();
    }

    fn failed(&mut self, error: &StartError) {
        let mut state = self.core.state.lock();
        state.fail(&format!("a worker could not be started: {error}"));
        state.call_handler = true;
        self.core.release(state);
        thread::sleep(PAUSE);
    }

    /// Lets all workers go, or ends them.
    fn dismiss(&mut self) {
        let mut state = self.core.state.lock();
        let killed = state.phase == Phase::Terminated;
        // Nobody gets a task any more.
        state.phase = Phase::Terminated;
        self.core.release(state);
        for rank in 0..self.workers.len() {
            if killed {
                let _ = self.workers.kill(rank);
            } else {
                self.core.base.floor.station(rank).close();
            }
        }
        // The rest is done when the workers are dropped, with this.
    }
}
