//! One function over many arguments.

use core::any::type_name;
use core::fmt;
use std::collections::VecDeque;
use std::iter::Fuse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::error::{SubmitError, TaskError};
use super::job::{self, Function, One, Sendable, Sink, Spread, Star};
use super::memory::Parcel;
use super::result::{AsyncResult, Part};
use super::station::{DEPTH, ROOM};
use super::tasks::{Label, Order, Outcome};
use super::{Pool, outcome};

/// The most tasks that are made under one lock.
const BATCH: usize = 32;
/// How many bytes of arguments, about.
const BATCH_BYTES: usize = 64 << 10;
/// How long making them may take.
const BATCH_TIME: Duration = Duration::from_micros(20);

/// Chunks that `map` makes for each process unless it is told otherwise: as many as Python makes.
const CHUNKS_EACH: usize = 4;

impl Pool {
    /// `f` of each item, in their order. The items are sent in chunks, four for each process.
    ///
    /// ```
    /// use heddle_ipc::pool::Pool;
    ///
    /// let pool = Pool::new(2)?;
    /// assert_eq!(pool.map(|x: u64| x * x, 0..5)?, [0, 1, 4, 9, 16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first failure in the order of the items; what has not begun then is cancelled. See [`TaskError`].
    pub fn map<F, I, R>(&self, f: F, items: I) -> Result<Vec<R>, TaskError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        self.map_with::<One<F>, F, I>(One(f), items, None)
    }

    /// As [`map`](Pool::map), with so many items a chunk. Items that take long, or whose lengths differ, are best sent one by one.
    ///
    /// # Errors
    ///
    /// As [`map`](Pool::map).
    pub fn map_chunked<F, I, R>(&self, f: F, items: I, chunk: usize) -> Result<Vec<R>, TaskError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        self.map_with::<One<F>, F, I>(One(f), items, Some(chunk))
    }

    /// As [`map`](Pool::map) for a function of several arguments, called with the elements of each tuple.
    ///
    /// ```
    /// use heddle_ipc::pool::Pool;
    ///
    /// let pool = Pool::new(1)?;
    /// assert_eq!(pool.starmap(|base: u64, exponent: u32| base.pow(exponent), [(2, 5), (3, 2)])?, [32, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`map`](Pool::map).
    pub fn starmap<F, I>(&self, f: F, items: I) -> Result<Vec<F::Output>, TaskError>
    where
        F: Star<I::Item, Output: Sendable>,
        I: IntoIterator<Item: Sendable>,
    {
        self.map_with::<Spread<F>, F, I>(Spread(f), items, None)
    }

    /// As [`map`](Pool::map), but returns at once. All items are made into bytes first.
    ///
    /// # Errors
    ///
    /// See [`SubmitError`].
    pub fn map_async<F, I, R>(&self, f: F, items: I) -> Result<AsyncResult<Vec<R>>, SubmitError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        let items: Vec<I::Item> = items.into_iter().collect();
        let chunk = self.chunk_for(items.len());
        let mut stream = self.stream::<One<F>, F, _>(One(f), items.into_iter(), chunk, usize::MAX)?;
        while stream.feed_batch()? {}
        self.core().leave_to_handler();
        let parts = core::mem::take(&mut stream.parts).into();
        Ok(AsyncResult::new(Arc::clone(self.core()), stream.order.label, parts, read_all, self.options.kill))
    }

    /// `f` of each item, in their order, one after the other as they are asked for. Items are taken from the iterator only as far ahead as
    /// keeps the processes busy: 64 chunks each. `chunk` items are sent together; for more than one, an error stands for the whole chunk.
    ///
    /// Dropping the iterator cancels what has not begun.
    ///
    /// ```
    /// use heddle_ipc::pool::Pool;
    ///
    /// let pool = Pool::new(1)?;
    /// let mut squares = pool.imap(|x: u64| x * x, 1.., 1)?;
    /// assert_eq!(squares.next(), Some(Ok(1)));
    /// assert_eq!(squares.nth(8), Some(Ok(100)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubmitError::NotPlain`]; others come from the iterator.
    pub fn imap<F, I, R>(&self, f: F, items: I, chunk: usize) -> Result<Imap<I::IntoIter, R>, SubmitError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        self.iterate::<One<F>, F, _>(One(f), items.into_iter(), chunk, false)
    }

    /// As [`imap`](Pool::imap), with results in the order in which they come.
    ///
    /// # Errors
    ///
    /// As [`imap`](Pool::imap).
    pub fn imap_unordered<F, I, R>(
        &self,
        f: F,
        items: I,
        chunk: usize,
    ) -> Result<Imap<I::IntoIter, R>, SubmitError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        self.iterate::<One<F>, F, _>(One(f), items.into_iter(), chunk, true)
    }

    fn iterate<G, F, I>(
        &self,
        f: G,
        items: I,
        chunk: usize,
        unordered: bool,
    ) -> Result<Imap<I, G::Output>, SubmitError>
    where
        G: Function<I::Item, Output: Sendable>,
        I: Iterator<Item: Sendable>,
    {
        let stream = self.stream::<G, F, I>(f, items, chunk, DEPTH * self.processes())?;
        Ok(Imap { stream, unordered, results: VecDeque::new() })
    }

    fn map_with<G, F, I>(&self, f: G, items: I, chunk: Option<usize>) -> Result<Vec<G::Output>, TaskError>
    where
        G: Function<I::Item, Output: Sendable>,
        I: IntoIterator<Item: Sendable>,
    {
        let items = items.into_iter();
        match (chunk, items.size_hint()) {
            (Some(chunk), _) => self.map_stream::<G, F, _>(f, items, chunk),
            (None, (low, Some(high))) if low == high => {
                let chunk = self.chunk_for(low);
                self.map_stream::<G, F, _>(f, items, chunk)
            }
            (None, _) => {
                let items: Vec<I::Item> = items.collect();
                let chunk = self.chunk_for(items.len());
                self.map_stream::<G, F, _>(f, items.into_iter(), chunk)
            }
        }
    }

    fn map_stream<G, F, I>(&self, f: G, items: I, chunk: usize) -> Result<Vec<G::Output>, TaskError>
    where
        G: Function<I::Item, Output: Sendable>,
        I: Iterator<Item: Sendable>,
    {
        let mut results = Vec::with_capacity(items.size_hint().0);
        let mut stream = self.stream::<G, F, I>(f, items, chunk, DEPTH * self.processes())?;
        loop {
            stream.feed()?;
            let over = stream.wait(false);
            if over.is_empty() {
                return Ok(results);
            }
            for (part, outcome) in over {
                outcome::read_chunk(part.label, part.count, outcome, &mut results)?;
            }
        }
    }

    fn stream<G, F, I>(&self, f: G, items: I, chunk: usize, ahead: usize) -> Result<Stream<I>, SubmitError>
    where
        G: Function<I::Item, Output: Sendable>,
        I: Iterator<Item: Sendable>,
    {
        let name = type_name::<F>();
        let call = job::call_chunk::<G, I::Item>(f).ok_or(SubmitError::NotPlain { function: name })?;
        Ok(Stream {
            core: Arc::clone(self.core()),
            items: items.fuse(),
            order: super::order(call, name, None, self.options.reruns),
            chunk: chunk.max(1),
            ahead,
            fed: 0,
            parts: VecDeque::new(),
            batch: 1,
            sheaf: Vec::new(),
            bytes: Vec::new(),
            spill: Vec::new(),
        })
    }

    fn chunk_for(&self, len: usize) -> usize {
        len.div_ceil(CHUNKS_EACH * self.processes())
    }
}

fn read_all<R: Sendable>(parts: &[Part], outcomes: Vec<Outcome>) -> Result<Vec<R>, TaskError> {
    let mut results = Vec::with_capacity(parts.iter().map(|part| part.count).sum());
    for (part, outcome) in parts.iter().zip(outcomes) {
        outcome::read_chunk(part.label, part.count, outcome, &mut results)?;
    }
    Ok(results)
}

/// Items that become tasks, and tasks whose outcomes are waited for.
struct Stream<I: Iterator> {
    core: Arc<Core>,
    items: Fuse<I>,
    order: Order,
    chunk: usize,
    /// How many tasks there may be at a time.
    ahead: usize,
    /// Items taken so far.
    fed: usize,
    parts: VecDeque<Part>,
    /// Tasks to be made under one lock.
    batch: usize,
    /// Tasks that are about to be made, and the bytes of their arguments.
    sheaf: Vec<Bound>,
    bytes: Vec<u8>,
    spill: Vec<u8>,
}

/// A task that is about to be made.
struct Bound {
    label: Label,
    count: usize,
    start: usize,
    len: usize,
    packed: Option<Parcel>,
}

impl<I: Iterator<Item: Sendable>> Stream<I> {
    /// Makes tasks of items, as many as there may be, or until there is an answer to look at.
    fn feed(&mut self) -> Result<(), SubmitError> {
        while self.parts.len() < self.ahead && self.feed_batch()? && !self.core.base.news() {}
        Ok(())
    }

    /// Makes tasks of some items, under one lock; `false` if there are no more items.
    fn feed_batch(&mut self) -> Result<bool, SubmitError> {
        let started = Instant::now();
        let mut room = [0; ROOM];
        self.bytes.clear();
        let most = self.batch.min(self.ahead - self.parts.len());
        while self.sheaf.len() < most && self.bytes.len() < BATCH_BYTES {
            let Some(first) = self.items.next() else { break };
            let label = Label { index: Some(self.fed), ..self.order.label };
            let mut chunk = core::iter::once(first).chain(&mut self.items);
            let mut sink = Sink::new(&mut room, &mut self.spill);
            let count = job::put_chunk(&mut chunk, self.chunk, &mut sink)
                .map_err(|source| SubmitError::Encode { function: label.name, source })?;
            let small = sink.small();
            let start = self.bytes.len();
            let packed = small.is_none().then(|| self.core.pack_beforehand(&self.spill)).flatten();
            let len = match (small, &packed) {
                (Some(len), _) => {
                    self.bytes.extend_from_slice(&room[..len]);
                    len
                }
                (None, Some(_)) => self.spill.len(),
                (None, None) => {
                    self.bytes.extend_from_slice(&self.spill);
                    self.spill.len()
                }
            };
            self.fed += count;
            self.sheaf.push(Bound { label, count, start, len, packed });
        }
        if self.sheaf.is_empty() {
            return Ok(false);
        }
        let mut state = self.core.open()?;
        for Bound { label, count, start, len, packed } in self.sheaf.drain(..) {
            let order = Order { label, ..self.order };
            let key = match packed {
                Some(parcel) => state.submit_packed(order, parcel, len),
                None => state.submit(order, &self.bytes[start..start + len]),
            };
            self.parts.push_back(Part { key, label, count });
        }
        self.core.release(state);
        // Items that are slow in coming are not kept waiting for others.
        let quick = started.elapsed() < BATCH_TIME;
        self.batch = if quick { (self.batch * 2).min(BATCH) } else { 1 };
        Ok(true)
    }

    /// Waits until one more task is over, the first or any, and takes it, with others that are over too. None if there are none.
    fn wait(&mut self, any: bool) -> Vec<(Part, Outcome)> {
        let parts = &mut self.parts;
        if parts.is_empty() {
            return Vec::new();
        }
        let over = self.core.wait(None, |state, notify| {
            let mut over = Vec::new();
            if any {
                parts.retain(|&part| match state.take(part.key) {
                    Some(outcome) => {
                        over.push((part, outcome));
                        false
                    }
                    None => true,
                });
            } else {
                while let Some(outcome) = parts.front().and_then(|part| state.take(part.key)) {
                    over.extend(parts.pop_front().map(|part| (part, outcome)));
                }
            }
            if let (true, Some(notify)) = (over.is_empty(), notify) {
                let watched = if any { parts.len() } else { 1 };
                parts.iter().take(watched).for_each(|part| state.watch(part.key, notify.clone()));
            }
            (!over.is_empty()).then_some(over)
        });
        over.unwrap_or_default()
    }
}

impl<I: Iterator> Drop for Stream<I> {
    fn drop(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let mut state = self.core.state.lock();
        for part in self.parts.iter().rev() {
            state.cancel(part.key, Outcome::Cancelled);
            state.abandon(part.key);
        }
        self.core.release(state);
    }
}

/// The results of [`Pool::imap`] and [`Pool::imap_unordered`], as they are asked for.
#[must_use = "items are sent when results are asked for"]
pub struct Imap<I: Iterator, R> {
    stream: Stream<I>,
    unordered: bool,
    results: VecDeque<Result<R, TaskError>>,
}

impl<I: Iterator<Item: Sendable>, R: Sendable> Iterator for Imap<I, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.results.is_empty() {
            if let Err(error) = self.stream.feed() {
                // Nothing more can be sent; what was sent comes first.
                if self.stream.parts.is_empty() {
                    return Some(Err(error.into()));
                }
            }
            let over = self.stream.wait(self.unordered);
            if over.is_empty() {
                return None;
            }
            for (part, outcome) in over {
                let mut chunk = Vec::with_capacity(part.count);
                match outcome::read_chunk(part.label, part.count, outcome, &mut chunk) {
                    Ok(()) => self.results.extend(chunk.into_iter().map(Ok)),
                    Err(error) => self.results.push_back(Err(error)),
                }
            }
        }
        self.results.pop_front()
    }
}

impl<I: Iterator, R> fmt::Debug for Imap<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("task", &self.stream.order.label.name)
            .field("sent", &self.stream.fed)
            .field("unordered", &self.unordered)
            .finish_non_exhaustive()
    }
}
