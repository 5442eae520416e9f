//! A job: a kernel's parameters and data, and the model that runs it.

use std::sync::Arc;
use std::time::Duration;

use heddle_ipc::{Arena, BoundsError, Offset, Segment};
use heddle_primitives::{Private, Shared};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::model::{self, Cpus, HYBRID_PROCESSES, Processes, Ranks, ThreadPool};
use crate::region::{Flow, Layout, REGION_ALIGN, Regions};
use crate::team::TeamState;
use crate::{Kernel, Mismatch, Model, RunError};

/// The unit in which a job's memory is allocated.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4096))]
pub(crate) struct Page([u8; REGION_ALIGN]);

/// A run that takes longer than this has failed, unless [`Job::set_time_limit`] says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A kernel with its data, ready to be run any number of times under one model.
///
/// The data lies in a segment of its own, on the same kind of pages whatever the model; it is filled when the job is made.
#[derive(Debug)]
pub struct Job<K: Kernel> {
    engine: Engine,
    params: K::Params,
    workers: usize,
    layout: Layout,
    memory: Memory,
    /// Where the data resides between runs, if not in `memory`.
    home: Option<Memory>,
    runs: u64,
    time_limit: Duration,
    cpus: Cpus,
    _service: Service,
}

/// What a model keeps between runs.
#[derive(Debug)]
enum Engine {
    Sequential,
    Threads,
    ThreadPool(ThreadPool),
    Processes,
    Waiting(Processes),
}

/// What the kernel needs besides memory.
struct Service(#[allow(dead_code, reason = "held until the job ends")] Option<Box<dyn Send>>);

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Service" } else { "no service" })
    }
}

impl<K: Kernel> Job<K> {
    /// Makes a job: memory, inputs, service, and what the model keeps between runs.
    ///
    /// # Errors
    /// If the model cannot run with so many workers, or memory, service, threads or processes cannot be had.
    pub fn new(model: Model, mut params: K::Params, workers: usize) -> Result<Job<K>, RunError> {
        if let Some(reason) = model.refuses(workers) {
            return Err(RunError::Workers { model: model.name(), workers, reason });
        }
        let service = Service(K::service(&mut params)?);
        let layout = K::layout(&params, workers);
        let memory = Memory::new(&layout, params.as_bytes(), K::NAME)?;
        let home = match model {
            Model::ProcessPoolCopied => Some(Memory::new(&layout, params.as_bytes(), K::NAME)?),
            _ => None,
        };
        let engine = match model {
            Model::Sequential => Engine::Sequential,
            Model::Threads => Engine::Threads,
            Model::ThreadPool => Engine::ThreadPool(ThreadPool::new(workers).map_err(RunError::Service)?),
            Model::Processes => Engine::Processes,
            Model::ProcessPool | Model::ProcessPoolCopied => Engine::Waiting(Processes::start(workers)?),
            Model::Hybrid => Engine::Waiting(Processes::start(HYBRID_PROCESSES)?),
        };
        let mut job = Job {
            engine,
            params,
            workers,
            layout,
            memory,
            home,
            runs: 0,
            time_limit: TIME_LIMIT,
            cpus: Cpus::default(),
            _service: service,
        };
        job.fill();
        Ok(job)
    }

    /// The job's parameters, completed by its service.
    pub fn params(&self) -> &K::Params {
        &self.params
    }

    /// Runs since the data was filled.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Changes the time after which a run under a model of processes has failed; threads cannot be ended.
    pub fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    /// Keeps each member on a CPU of its own, the ranks taking turns, from the next run on: the caller too, where it is a
    /// member. For figures that need as many parties to run at the same time as there are members. Members that share a
    /// CPU are left to the system.
    pub fn pin(&mut self) {
        let allowed = Cpus::allowed();
        if self.workers <= allowed.count() {
            self.cpus = allowed;
        }
    }

    /// Process IDs of the waiting workers, in order; empty where the model keeps none.
    pub fn pids(&self) -> Vec<u32> {
        match &self.engine {
            Engine::Waiting(processes) => processes.pids(),
            _ => Vec::new(),
        }
    }

    /// The data, between runs.
    pub fn data(&mut self) -> Regions<'_> {
        let memory = self.home.as_ref().unwrap_or(&self.memory);
        // SAFETY: the segment has the layout, and no run can start while the view borrows the job.
        unsafe { memory.place(&self.layout) }.into_regions()
    }

    /// Writes the inputs anew.
    pub fn fill(&mut self) {
        let params = self.params;
        K::fill(&params, &mut self.data());
        self.runs = 0;
    }

    /// Runs the kernel once and returns its answer.
    ///
    /// # Errors
    /// If a member panics, dies, answers garbage, or does not end in time. The job can be run again, but data that
    /// the failed run has changed is in an unknown state until [`Job::fill`].
    pub fn run(&mut self) -> Result<K::Output, RunError> {
        if let Some(home) = &self.home {
            // SAFETY: no run is under way.
            unsafe { copy(&self.layout, home, &self.memory, |flow| matches!(flow, Flow::In | Flow::InOut)) };
        }
        // SAFETY: the segment has the layout, and this run is the only one that uses it.
        let place = unsafe { self.memory.place(&self.layout) };
        let output = match &mut self.engine {
            Engine::Sequential => model::solo::<K>(&place, &self.params, self.cpus),
            Engine::Threads => {
                let state = TeamState::<Private>::new(self.workers);
                model::on_scoped_threads::<K, Private>(
                    &place,
                    &self.params,
                    &state,
                    Ranks::all(self.workers, self.cpus),
                )
            }
            Engine::ThreadPool(pool) => {
                let state = TeamState::<Private>::new(self.workers);
                model::on_pool::<K, Private>(
                    &place,
                    &self.params,
                    &state,
                    Ranks::all(self.workers, self.cpus),
                    pool,
                )
            }
            Engine::Processes => {
                let mut processes = Processes::start(self.workers)?;
                processes.run::<K>(
                    &self.memory.segment,
                    self.memory.args(self.workers, self.cpus),
                    self.time_limit,
                )
            }
            Engine::Waiting(processes) => processes.run::<K>(
                &self.memory.segment,
                self.memory.args(self.workers, self.cpus),
                self.time_limit,
            ),
        }?;
        if let Some(home) = &self.home {
            // SAFETY: the run is over.
            unsafe { copy(&self.layout, &self.memory, home, |flow| matches!(flow, Flow::Out | Flow::InOut)) };
        }
        self.runs += 1;
        Ok(output)
    }

    /// Has the kernel judge an output together with the data.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn verify(&mut self, output: &K::Output) -> Result<(), Mismatch> {
        let params = self.params;
        let runs = self.runs;
        K::verify(&params, &mut self.data(), output, runs)
    }
}

/// The segment of a job and where things lie in it.
#[derive(Debug)]
struct Memory {
    segment: Arc<Segment>,
    params: Offset<[u8]>,
    state: Offset<TeamState<Shared>>,
    partials: Offset<[Page]>,
    data: Offset<[Page]>,
}

impl Memory {
    fn new(layout: &Layout, params: &[u8], name: &str) -> Result<Memory, RunError> {
        let partials = layout.partial_bytes().div_ceil(REGION_ALIGN);
        let data = layout.offsets().1 / REGION_ALIGN;
        // Two pages more, since the first page of each array may start up to a page late.
        let pages = (partials + data + 2) * REGION_ALIGN;
        let bytes = Arena::segment_len([params.len(), size_of::<TeamState<Shared>>(), pages]);
        let segment = Segment::create(name, bytes).map_err(|source| RunError::Segment { bytes, source })?;
        let arena = segment.arena();
        let room = "the segment was made to hold all of it";
        let at = arena.alloc::<u8>(params.len()).expect(room);
        let mut slot = segment.slice(at).expect(room);
        // SAFETY: freshly allocated, so nobody else uses it.
        unsafe { slot.as_mut() }.copy_from_slice(params);
        let (state, _) = arena.place(TeamState::<Shared>::new(1)).expect(room);
        let partials = arena.alloc::<Page>(partials).expect(room);
        let data = arena.alloc::<Page>(data).expect(room);
        Ok(Memory { params: at, state, partials, data, segment: Arc::new(segment) })
    }

    /// # Safety
    /// `layout` is the one that the memory was made for, and nobody else uses its data during the life of the place.
    unsafe fn place(&self, layout: &Layout) -> Place<'_> {
        // SAFETY: as the caller promises.
        let place = unsafe { Place::new(&self.segment, self.data, self.partials, layout) };
        place.expect("the segment was made to hold all of it")
    }

    fn args(&self, workers: usize, cpus: Cpus) -> model::MemberArgs {
        model::MemberArgs {
            segment: self.segment.share(),
            params: self.params,
            partials: self.partials,
            data: self.data,
            state: self.state,
            cpus,
            first: 0,
            count: workers as u32,
            size: workers as u32,
            reserved: 0,
        }
    }
}

/// Where a run's data and partial results lie in this process.
#[derive(Debug)]
pub(crate) struct Place<'m> {
    regions: Regions<'m>,
    partials: *mut u8,
    partial_bytes: usize,
}

// SAFETY: the partials are divided among the members by `Team::reduce`; the rest is Sync.
unsafe impl Sync for Place<'_> {}

impl<'m> Place<'m> {
    /// The place of a job in `segment`.
    ///
    /// # Errors
    /// If data or partials leave the segment.
    ///
    /// # Safety
    /// Nobody but the members of this run uses data and partials while the place lives.
    pub(crate) unsafe fn new(
        segment: &'m Segment,
        data: Offset<[Page]>,
        partials: Offset<[Page]>,
        layout: &Layout,
    ) -> Result<Place<'m>, BoundsError> {
        let data = segment.slice(data)?;
        let partials = segment.slice(partials)?;
        assert!(layout.offsets().1 <= data.len() * REGION_ALIGN, "the data is shorter than its layout");
        // SAFETY: in bounds and aligned as checked; unshared as the caller promises.
        let regions = unsafe { Regions::new(data.cast(), layout) };
        Ok(Place {
            regions,
            partials: partials.cast::<u8>().as_ptr(),
            partial_bytes: partials.len() * REGION_ALIGN,
        })
    }

    pub(crate) fn regions(&self) -> &Regions<'m> {
        &self.regions
    }

    pub(crate) fn partials(&self) -> (*mut u8, usize) {
        (self.partials, self.partial_bytes)
    }

    fn into_regions(self) -> Regions<'m> {
        self.regions
    }
}

/// Copies the regions that `moves` picks.
///
/// # Safety
/// Both memories were made for `layout`, and no run is under way.
unsafe fn copy(layout: &Layout, from: &Memory, to: &Memory, moves: impl Fn(Flow) -> bool) {
    // SAFETY: as the caller promises.
    let mut from = unsafe { from.place(layout) }.into_regions();
    // SAFETY: as the caller promises.
    let mut to = unsafe { to.place(layout) }.into_regions();
    for index in (0..layout.specs().len()).filter(|index| moves(layout.specs()[*index].flow)) {
        to.bytes(index).1.copy_from_slice(from.bytes(index).1);
    }
}
