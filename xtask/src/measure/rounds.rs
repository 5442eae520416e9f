//! Calibration, the plan, and the rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use heddle_report::records::{Run, Status};

use super::host::CpuTime;
use super::journal::{self, Journal};
use super::manifest::{Cell, Size, Source};
use super::plan::{self, Plan, Priced};
use super::turn::{Mode, Runner, Turn};
use super::{pythons, records, run_file};
use crate::progress::{Progress, in_words};

/// A group in which one call of some cell takes longer is timed by one call a round, all its cells alike.
const ONCE_ABOVE_NS: f64 = 200e6;
/// Seconds of a turn that criterion samples: warm-up, measurement, analysis, start.
const SAMPLED_SECONDS: f64 = 0.32;
/// Seconds of a turn of a program that was not calibrated.
const EXTRA_SECONDS: f64 = 0.3;
/// Samples that criterion takes at least; each is one call or more.
const SAMPLES: f64 = 10.0;

/// A run in the making.
pub struct Session {
    /// The cells expected.
    pub cells: Vec<Cell>,
    /// Cells that cannot be run, and why.
    pub unlisted: BTreeMap<String, String>,
    /// Runs the turns.
    pub runner: Runner,
    /// The records so far.
    pub journal: Journal,
    /// The run's folder.
    pub folder: PathBuf,
    /// The longest that a turn may take.
    pub turn_limit: Duration,
    /// When this process began to measure.
    pub started: Instant,
    /// Seconds measured before, by processes that were interrupted.
    pub before: f64,
    /// What calibration found, until the first round tells it better.
    pub found: Option<Found>,
}

/// What is known of the cells before the first round.
pub struct Found {
    priced: Vec<Priced>,
    modes: BTreeMap<String, Mode>,
}

impl Session {
    /// Measures until the plan is done or the budget is spent.
    ///
    /// # Errors
    /// If the user interrupts or this side fails; `run` is up to date then.
    pub fn measure(&mut self, run: &mut Run) -> Result<()> {
        let cpu = CpuTime::now();
        let result = self.plan_and_run(run, cpu).and_then(|()| self.record_left_out());
        self.take_stock(run, cpu);
        run.complete = result.is_ok();
        result
    }

    fn plan_and_run(&mut self, run: &mut Run, cpu: CpuTime) -> Result<()> {
        let file = self.folder.join("plan.json");
        let plan: Plan = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).with_context(|| file.display().to_string())?,
            Err(_) => {
                self.journal.keep(|_| false)?;
                let plan = self.calibrate(run)?;
                self.save(&plan)?;
                plan
            }
        };
        let first = journal::first_open_round(&self.cells, &plan, self.journal.records());
        // Cells that are not in the plan have failed in calibration; their records stay.
        let planned = |group: &str, variant: &str, workers: u32| {
            plan.cells.contains_key(&format!("{group}/{variant}/{workers}"))
        };
        self.journal.keep(|it| it.round < first || !planned(&it.group, &it.variant, it.workers))?;
        self.run_rounds(run, plan, first, cpu)
    }

    fn run_rounds(&mut self, run: &mut Run, mut plan: Plan, first: u32, cpu: CpuTime) -> Result<()> {
        let mut progress = Progress::new(plan.seconds_from(first));
        // How much longer turns take than expected, learnt round by round.
        let mut slowness = 1.0;
        for round in first..plan.rounds {
            run.left_out.clone_from(&plan.left_out);
            let mut turns = journal::due(&self.cells, &plan, self.journal.records(), round);
            if turns.is_empty() {
                break;
            }
            let expected: f64 = turns.iter().map(|&(at, _)| self.seconds_of_turn(&plan, at)).sum();
            if round > 0 && self.elapsed() + expected * slowness > run.budget_seconds {
                run.left_out.push(format!("rounds {} to {}: the budget is spent", round + 1, plan.rounds));
                break;
            }
            shuffle(&mut turns, run.seed, round);
            let start = Instant::now();
            let mut costs: BTreeMap<String, f64> = BTreeMap::new();
            for &(at, second) in &turns {
                let id = self.cells[at].id();
                progress.advance(0.0, &id);
                let turn = self.runner.run(&self.cells[at], plan.cells[&id].mode, self.limit(run))?;
                *costs.entry(id).or_default() += turn.took.as_secs_f64();
                self.journal.append(records::of_turn(&self.cells[at], second, round, turn.result))?;
                progress.advance(self.seconds_of_turn(&plan, at), "");
            }
            slowness = start.elapsed().as_secs_f64() / expected.max(1e-3);
            if let Some(found) = self.found.take() {
                let rest =
                    found.with_costs(&costs).plan(run.budget_seconds - self.elapsed(), plan.rounds - 1, 1);
                plan = plan.after_first_round(rest);
                self.save(&plan)?;
                progress.replan(plan.seconds_from(1));
                slowness = 1.0;
            }
            self.take_stock(run, cpu);
            run_file::write(&self.folder, run)?;
            progress.line(&format!(
                "round {} of {}: {} turns in {:.0} s, {} cells failed so far, {} left",
                round + 1,
                plan.rounds,
                turns.len(),
                start.elapsed().as_secs_f64(),
                run.cells.failed,
                in_words(progress.left())
            ));
        }
        progress.finish();
        let sizes = "medium and large sizes: --quick".to_string();
        if run.quick && !run.left_out.contains(&sizes) {
            run.left_out.push(sizes);
        }
        Ok(())
    }

    fn save(&self, plan: &Plan) -> Result<()> {
        run_file::replace(&self.folder.join("plan.json"), &serde_json::to_string_pretty(plan)?)
    }

    /// Gives every cell without a record one that says why.
    fn record_left_out(&mut self) -> Result<()> {
        let of = |group: &str, variant: &str, workers| format!("{group}/{variant}/{workers}");
        let recorded: BTreeSet<String> =
            self.journal.records().iter().map(|it| of(&it.group, &it.variant, it.workers)).collect();
        let left_out = self.cells.iter().filter(|cell| !recorded.contains(&cell.id()));
        let lines =
            left_out.flat_map(|cell| records::not_run(cell, "left out: no room in the budget")).collect();
        self.journal.append(lines)
    }

    /// Tries cells whose cost is unknown, and plans. Cells that will not be run get their records here.
    fn calibrate(&mut self, run: &Run) -> Result<Plan> {
        let mut priced = Vec::new();
        let mut modes: BTreeMap<String, Mode> = BTreeMap::new();
        let mut progress = Progress::new(self.cells.len() as f64);
        progress.line(&format!("calibrating {} cells", self.cells.len()));
        // Large sizes late: if the others fill the budget, they need not be tried at all. Details give way to them.
        let mut order: Vec<usize> = (0..self.cells.len()).collect();
        order.sort_by_key(|&at| match self.cells[at].size() {
            Size::Large => 1,
            Size::Detail => 2,
            _ => 0,
        });
        for at in order {
            let cell = self.cells[at].clone();
            progress.advance(1.0, &cell.id());
            if let Some(reason) = self.cannot_run(&cell) {
                let failed = self.unlisted.contains_key(&cell.id());
                let lines = if failed {
                    records::of_turn(&cell, false, 0, Err(reason))
                } else {
                    records::not_run(&cell, &reason)
                };
                self.journal.append(lines)?;
                continue;
            }
            let spent = self.elapsed() + plan_seconds(&priced, run.rounds);
            let seconds = if cell.size() == Size::Large && spent > run.budget_seconds {
                // Dear enough to be left out by the plan, which then says so.
                run.budget_seconds
            } else if cell.sized && !is_like_another(&cell, &priced) {
                match self.try_once(&cell, run)? {
                    Ok((mode, seconds)) => {
                        let of_group = modes.entry(cell.group.clone()).or_insert(mode);
                        if mode == Mode::Once {
                            *of_group = mode;
                        }
                        seconds
                    }
                    Err(reason) => {
                        self.journal.append(records::of_turn(&cell, false, 0, Err(reason)))?;
                        continue;
                    }
                }
            } else {
                let like = |it: &&Priced| it.group == cell.group && cell.sized;
                match (priced.iter().find(like), &cell.source) {
                    (Some(other), _) => other.seconds,
                    (None, Source::Program { criterion: true, .. }) => SAMPLED_SECONDS,
                    (None, _) => EXTRA_SECONDS,
                }
            };
            priced.push(Priced { id: cell.id(), group: cell.group.clone(), size: cell.size(), seconds });
        }
        progress.finish();
        // A second turn costs as much as the first.
        for price in &mut priced {
            let repeat = self.cells.iter().any(|cell| cell.repeat && cell.id() == price.id);
            price.seconds *= if repeat { 2.0 } else { 1.0 };
        }
        let found = Found { priced, modes };
        let plan = found.plan(run.budget_seconds - self.elapsed(), run.rounds, 0);
        self.found = Some(found);
        Ok(plan)
    }

    /// One timed call of a cell: how it is to be timed and what a turn costs; a failure is tried twice.
    fn try_once(&mut self, cell: &Cell, run: &Run) -> Result<Result<(Mode, f64), String>> {
        let mut turn = self.once(cell, run)?;
        if turn.result.is_err() {
            turn = self.once(cell, run)?;
        }
        let took = turn.took.as_secs_f64();
        Ok(turn.result.map_err(|reason| format!("calibration: {reason}")).map(|readings| {
            let call = readings.iter().find(|it| it.metric.name == "time").map_or(0.0, |it| it.value);
            if call > ONCE_ABOVE_NS {
                (Mode::Once, took)
            } else {
                // Starting and filling the data, then warm-up and samples instead of two calls.
                (
                    Mode::Sampled,
                    (took - 2.0 * call * 1e-9).max(0.0) + SAMPLED_SECONDS.max(SAMPLES * call * 1e-9 + 0.1),
                )
            }
        }))
    }

    fn once(&self, cell: &Cell, run: &Run) -> Result<Turn> {
        self.runner.run(cell, Mode::Once, self.limit(run))
    }

    /// Why a cell cannot be run here.
    fn cannot_run(&self, cell: &Cell) -> Option<String> {
        match &cell.source {
            Source::Python { name, .. } if name == pythons::ABSENT => Some(pythons::HOW_TO_GET.into()),
            _ => self.unlisted.get(&cell.id()).cloned(),
        }
    }

    fn seconds_of_turn(&self, plan: &Plan, at: usize) -> f64 {
        let cell = &self.cells[at];
        let seconds = plan.cells.get(&cell.id()).map_or(0.0, |share| share.seconds);
        if cell.repeat { seconds / 2.0 } else { seconds }
    }

    /// The time limit of the next turn: none may spend more than a twentieth beyond the budget.
    fn limit(&self, run: &Run) -> Duration {
        let left = (run.budget_seconds * 1.05 - self.elapsed()).max(1.0);
        self.turn_limit.min(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
    }

    fn elapsed(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    /// Brings `run` up to date.
    fn take_stock(&self, run: &mut Run, cpu: CpuTime) {
        run.seconds = self.elapsed();
        run.host.steal = CpuTime::now().stolen_since(cpu);
        run.cells = records::count(&self.cells, self.journal.records());
        debug_assert!(
            self.journal.records().iter().all(|it| (it.status == Status::Ok) == it.value.is_some())
        );
    }
}

impl Found {
    /// The same with what the first round has shown; cells that were not in it are scaled alike.
    fn with_costs(mut self, costs: &BTreeMap<String, f64>) -> Found {
        let expected: f64 =
            self.priced.iter().filter(|it| costs.contains_key(&it.id)).map(|it| it.seconds).sum();
        let scale = costs.values().sum::<f64>() / expected.max(1e-9);
        for price in &mut self.priced {
            price.seconds = costs.get(&price.id).copied().unwrap_or(price.seconds * scale);
        }
        self
    }

    fn plan(&self, budget: f64, rounds: u32, done: u32) -> Plan {
        plan::plan(&self.priced, &self.modes, budget, rounds, done)
    }
}

/// Whether a cell is priced like another of its group: at large size only the first is tried.
fn is_like_another(cell: &Cell, priced: &[Priced]) -> bool {
    cell.size() == Size::Large && priced.iter().any(|other| other.group == cell.group)
}

/// What `rounds` of the cells priced so far take.
fn plan_seconds(priced: &[Priced], rounds: u32) -> f64 {
    priced.iter().map(|it| it.seconds).sum::<f64>() * f64::from(rounds)
}

/// Draws the order of a round; every round has one of its own.
fn shuffle<T>(turns: &mut [T], seed: u64, round: u32) {
    let mut stream = fastrand::Rng::with_seed(seed);
    let seed = (0..=round).map(|_| stream.u64(..)).last().unwrap_or(seed);
    fastrand::Rng::with_seed(seed).shuffle(turns);
}

#[cfg(test)]
mod tests {
    use super::shuffle;

    fn order(seed: u64, round: u32) -> Vec<u32> {
        let mut turns: Vec<u32> = (0..50).collect();
        shuffle(&mut turns, seed, round);
        turns
    }

    #[test]
    fn the_order_follows_from_seed_and_round() {
        assert_eq!(order(1, 3), order(1, 3));
        assert_ne!(order(1, 3), order(1, 4));
        assert_ne!(order(1, 3), order(2, 3));
        let mut sorted = order(1, 3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
}
