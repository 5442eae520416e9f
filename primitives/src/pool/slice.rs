//! Loops over slices.

use super::ThreadPool;
use super::worker::{WorkerThread, current};

/// Into how many parts a slice is cut whose parts must not depend on the workers; more than any pool here has threads.
const LEAVES: usize = 256;

/// How many items are done between two looks whether somebody wants some, at most.
const LONGEST_STRIDE: usize = 1024;

/// Loops over slices. They are cut lazily (Tzannes, Caragea, Barua, Vishkin, "Lazy binary-splitting", PPoPP 2010): a worker goes
/// through its part and gives half of the rest away when another worker has nothing to do, so that where all are busy a
/// loop costs one load between items.
impl ThreadPool {
    /// Calls `f` for each item, in no particular order.
    ///
    /// # Panics
    /// With what `f` panics with, after all that has begun has ended; items may be left out then.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let sum = AtomicU64::new(0);
    /// pool.for_each(&[1, 2, 3], |n| _ = sum.fetch_add(*n, Ordering::Relaxed));
    /// assert_eq!(sum.load(Ordering::Relaxed), 6);
    /// ```
    pub fn for_each<T: Sync>(&self, items: &[T], f: impl Fn(&T) + Sync) {
        let stride = self.stride(items.len());
        self.install(|| drive(here(), 0, items, stride, &|_, part: &[T]| part.iter().for_each(&f)));
    }

    /// Calls `f` for each item, in no particular order.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let mut words = ["a".to_owned(), "b".to_owned()];
    /// pool.for_each_mut(&mut words, |word| word.push('!'));
    /// assert_eq!(words, ["a!", "b!"]);
    /// ```
    pub fn for_each_mut<T: Send>(&self, items: &mut [T], f: impl Fn(&mut T) + Sync) {
        let stride = self.stride(items.len());
        self.install(|| drive(here(), 0, items, stride, &|_, part: &mut [T]| part.iter_mut().for_each(&f)));
    }

    /// Calls `f` for each `len` items, the last time perhaps for fewer, with the index of the first and the items.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each), and if `len` is 0.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let sums = Mutex::new(Vec::new());
    /// pool.for_each_chunk(&[1, 2, 3, 4, 5], 2, |first, part| sums.lock().push((first, part.iter().sum::<u32>())));
    /// let mut sums = sums.into_inner();
    /// sums.sort();
    /// assert_eq!(sums, [(0, 3), (2, 7), (4, 5)]);
    /// ```
    pub fn for_each_chunk<T: Sync>(&self, items: &[T], len: usize, f: impl Fn(usize, &[T]) + Sync) {
        assert!(len > 0, "chunks hold at least one item");
        self.install(|| drive(here(), 0, items, len, &f));
    }

    /// Calls `f` for each `len` items, the last time perhaps for fewer, with the index of the first and the items.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each), and if `len` is 0.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let mut numbers = [0; 5];
    /// pool.for_each_chunk_mut(&mut numbers, 2, |first, part| part.fill(first));
    /// assert_eq!(numbers, [0, 0, 2, 2, 4]);
    /// ```
    pub fn for_each_chunk_mut<T: Send>(
        &self,
        items: &mut [T],
        len: usize,
        f: impl Fn(usize, &mut [T]) + Sync,
    ) {
        assert!(len > 0, "chunks hold at least one item");
        self.install(|| drive(here(), 0, items, len, &f));
    }

    /// The results of `f` in the order of the items. Takes the memory of the results twice for a moment.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each); results are dropped then.
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// assert_eq!(pool.map(&["a", "bcd"], |text| text.len()), [1, 3]);
    /// ```
    pub fn map<T: Sync, R: Send>(&self, items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let chunks = items.chunks(items.len().div_ceil(LEAVES).max(1));
        let mut leaves: Vec<(&[T], Vec<R>)> = chunks.map(|chunk| (chunk, Vec::new())).collect();
        self.for_each_chunk_mut(&mut leaves, 1, |_, leaf| {
            leaf.iter_mut().for_each(|(chunk, results)| *results = chunk.iter().map(&f).collect());
        });
        let mut all = Vec::with_capacity(items.len());
        leaves.into_iter().for_each(|(_, mut results)| all.append(&mut results));
        all
    }

    /// Combines what `map` makes of each item, starting from `identity` in every part.
    ///
    /// The result depends on the items alone, to the last bit of a floating-point number: parts and the order in which they are
    /// combined follow from the number of items, never from the workers. Up to 256 parts of equal length are folded from left to right,
    /// and their results as a balanced tree over neighbours.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    ///
    /// ```
    /// use heddle_primitives::pool::ThreadPoolBuilder;
    /// let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let items: Vec<u64> = (1..=1000).collect();
    /// assert_eq!(pool.map_reduce(&items, || 0, |n| n * n, |a, b| a + b), 333_833_500);
    /// ```
    pub fn map_reduce<T: Sync, R: Send>(
        &self,
        items: &[T],
        identity: impl Fn() -> R + Sync,
        map: impl Fn(&T) -> R + Sync,
        combine: impl Fn(R, R) -> R + Sync,
    ) -> R {
        fn tree<T: Sync, R: Send>(
            worker: &WorkerThread,
            items: &[T],
            leaf: usize,
            fold: &(impl Fn(&[T]) -> R + Sync),
            combine: &(impl Fn(R, R) -> R + Sync),
        ) -> R {
            if items.len() <= leaf {
                return fold(items);
            }
            let (left, right) = items.split_at(items.len().div_ceil(leaf).div_ceil(2) * leaf);
            let (left, right) = worker.join(
                || tree(here(), left, leaf, fold, combine),
                || tree(here(), right, leaf, fold, combine),
            );
            combine(left, right)
        }

        let leaf = items.len().div_ceil(LEAVES).max(1);
        let fold = |part: &[T]| part.iter().map(&map).fold(identity(), &combine);
        self.install(|| tree(here(), items, leaf, &fold, &combine))
    }

    fn stride(&self, len: usize) -> usize {
        (len / (64 * self.current_num_threads())).clamp(1, LONGEST_STRIDE)
    }
}

/// The worker that runs this.
fn here<'a>() -> &'a WorkerThread {
    current().expect("loops run in threads of the pool")
}

/// A part of a slice.
trait Part: Send + Sized {
    fn len(&self) -> usize;
    fn split(self, at: usize) -> (Self, Self);
}

impl<T: Sync> Part for &[T] {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn split(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl<T: Send> Part for &mut [T] {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn split(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

/// Calls `body` for each `stride` items of the part, which begins at `start`.
fn drive<P: Part>(
    worker: &WorkerThread,
    mut start: usize,
    mut part: P,
    stride: usize,
    body: &(impl Fn(usize, P) + Sync),
) {
    while part.len() > stride {
        if worker.is_asked() {
            let half = (part.len().div_ceil(stride) / 2) * stride;
            let (left, right) = part.split(half);
            worker.join(
                || drive(here(), start, left, stride, body),
                || drive(here(), start + half, right, stride, body),
            );
            return;
        }
        let (first, rest) = part.split(stride);
        body(start, first);
        start += stride;
        part = rest;
    }
    if part.len() > 0 {
        body(start, part);
    }
}
