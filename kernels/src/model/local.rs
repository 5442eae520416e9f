//! Members that are threads of this process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heddle_primitives::sync::thread;
use heddle_primitives::{Mutex, Scope};
use zerocopy::IntoBytes;

use super::{Cpus, ThreadPool};
use crate::job::Place;
use crate::team::{Aborted, Member, Solo, TeamState};
use crate::{Kernel, RunError};

/// Runs the kernel on the caller alone.
pub(crate) fn solo<K: Kernel>(
    place: &Place<'_>,
    params: &K::Params,
    cpus: Cpus,
) -> Result<K::Output, RunError> {
    cpus.pin(0);
    let (partials, bytes) = place.partials();
    // SAFETY: the place belongs to this run, and there is one member.
    let team = unsafe { Solo::new(partials, bytes) };
    catch_unwind(AssertUnwindSafe(|| K::run(params, &team, place.regions())))
        .map_err(|payload| RunError::Panicked { rank: 0, message: message(&*payload) })
}

/// Runs a whole team on the caller and threads spawned for the occasion.
pub(crate) fn on_scoped_threads<K: Kernel, S: Scope>(
    place: &Place<'_>,
    params: &K::Params,
    state: &TeamState<S>,
    ranks: Ranks,
) -> Result<K::Output, RunError> {
    collect::<K, S>(place, params, state, ranks, |body| {
        ranks.cpus.release();
        thread::scope(|scope| {
            for i in 1..ranks.count {
                scope.spawn(move || body(i));
            }
            body(0);
        });
    })
}

/// Runs members on the threads of a pool, whose size is their number.
pub(crate) fn on_pool<K: Kernel, S: Scope>(
    place: &Place<'_>,
    params: &K::Params,
    state: &TeamState<S>,
    ranks: Ranks,
    pool: &mut ThreadPool,
) -> Result<K::Output, RunError> {
    assert_eq!(pool.size(), ranks.count, "one thread a member");
    collect::<K, S>(place, params, state, ranks, |body| pool.run(body))
}

/// The members of a team that run in this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranks {
    /// The first rank here.
    pub first: usize,
    /// How many, from `first` on.
    pub count: usize,
    /// Members of the whole team.
    pub size: usize,
    /// Where members are kept.
    pub cpus: Cpus,
}

impl Ranks {
    /// All members of a team.
    pub(crate) fn all(size: usize, cpus: Cpus) -> Ranks {
        Ranks { first: 0, count: size, size, cpus }
    }
}

/// What the members here came to.
struct Outcome<O> {
    answer: Option<(usize, O)>,
    failure: Option<RunError>,
}

/// Runs the members through `spread`, which calls its argument once for each number below `ranks.count` on a thread of
/// its own, and brings their answers together.
fn collect<K: Kernel, S: Scope>(
    place: &Place<'_>,
    params: &K::Params,
    state: &TeamState<S>,
    ranks: Ranks,
    spread: impl FnOnce(&(dyn Fn(usize) + Sync)),
) -> Result<K::Output, RunError> {
    let outcome = Mutex::new(Outcome { answer: None, failure: None });
    spread(&|i| {
        let rank = ranks.first + i;
        ranks.cpus.pin(rank);
        let (partials, bytes) = place.partials();
        // SAFETY: `spread` calls this once for each number, so each rank is one thread; state and place belong to
        // this run.
        let team = unsafe { Member::new(state, rank, ranks.size, partials, bytes) };
        let result = catch_unwind(AssertUnwindSafe(|| K::run(params, &team, place.regions())));
        if result.is_err() {
            state.abort();
        }
        let mut outcome = outcome.lock();
        match result {
            Ok(output) => match &outcome.answer {
                None => outcome.answer = Some((rank, output)),
                Some((_, other)) if other.as_bytes() == output.as_bytes() => {}
                Some((other, _)) => {
                    let rank = rank.max(*other);
                    outcome.failure.get_or_insert(RunError::Disagree { rank });
                }
            },
            // Released because another one failed, whose failure is the news.
            Err(payload) if payload.is::<Aborted>() => {}
            Err(payload) => {
                outcome.failure.get_or_insert(RunError::Panicked { rank, message: message(&*payload) });
            }
        }
    });
    let outcome = outcome.into_inner();
    match (outcome.failure, outcome.answer) {
        (Some(failure), _) => Err(failure),
        (None, Some((_, answer))) => Ok(answer),
        (None, None) => Err(RunError::Panicked { rank: ranks.first, message: ABORTED.into() }),
    }
}

/// What a member reports that only failed because another one did.
pub(crate) const ABORTED: &str = "the team was aborted";

/// The text of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
