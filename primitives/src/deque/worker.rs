//! The deque of Chase and Lev: one owner, many thieves.

use super::buffer::{Buffer, Copied};
use super::{MOST_AT_ONCE, Steal};
use crate::CachePadded;
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::{Arc, fence};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

/// Slots of a new deque. The checkers get two, so that they reach growth.
const FIRST_CAPACITY: usize = if cfg!(any(heddle_loom, heddle_shuttle)) { 2 } else { 64 };

/// The owner's end of a deque: pushes and pops, while [`Stealer`]s take the oldest values.
///
/// The algorithm is Chase and Lev's ("Dynamic circular work-stealing deque", SPAA 2005) with fences where Le, Pop, Cohen and
/// Zappa Nardelli put them ("Correct and efficient work-stealing for weak memory models", PPoPP 2013). Values lie at the
/// indices from `top` up to `bottom`; both only grow, but for the moment in which the owner pops.
///
/// | operation | writes | atomic read-modify-writes | full fences |
/// |---|---|---|---|
/// | push | `bottom` + 1 | 0 | 0 |
/// | pop, newest first | `bottom` - 1; of the last value `top` + 1 | 0; of the last value 1 | 1; 0 if empty |
/// | pop, oldest first | `top` + 1 | 1 | 0 |
/// | steal | `top` + 1 | 1 | 1 |
///
/// Why each value goes to one side only:
///
/// - *Thieves among each other, and an owner that pops the oldest first*: each moves `top` from the index it takes by an exchange,
///   which succeeds once for each value of `top`.
/// - *Thief and owner that pops the newest*: the owner lowers `bottom` to b, passes its fence, reads `top`. The thief reads `top`, passes its fence,
///   reads `bottom`. One fence comes first. If the owner's, the thief sees b or what came later and does not touch index b. If the thief's, the owner sees
///   the `top` that the thief has read, or a later one; if that is b, both try to move `top` from b, and one succeeds. Without
///   either fence both could read the old value: the owner takes b without an exchange, and the thief takes it too.
/// - *Slots used again*: the owner writes to a slot only once it has acquired a `top` beyond the slot's last index, and each thief
///   releases its copy by the exchange. A thief that is late copies bytes and then fails to exchange.
/// - *Growth*: the owner moves what is left to a buffer twice as large and keeps the old one, unchanged, for the thieves that
///   may still read it. All buffers live until the deque does not, which doubles its memory at most.
///
/// Memory: 64 slots at first, doubled when full, never halved; two cache lines of indices.
///
/// The owner's end may move to another thread but not be shared:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::deque::Worker::<u32>::new_lifo());
/// ```
///
/// Values go from thread to thread, so they must be `Send`:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// send(heddle_primitives::deque::Worker::<std::rc::Rc<u32>>::new_lifo());
/// ```
///
/// ```
/// use heddle_primitives::deque::{Steal, Worker};
/// let worker = Worker::new_lifo();
/// (1..=3).for_each(|n| worker.push(n));
/// assert_eq!(worker.stealer().steal(), Steal::Success(1));
/// assert_eq!(worker.pop(), Some(3));
/// ```
pub struct Worker<T> {
    inner: Arc<CachePadded<Inner<T>>>,
    /// What `inner.buffer` holds; only the owner changes it.
    buffer: Cell<*const Buffer<T>>,
    /// A `top` that the owner has acquired: every slot before it may be written.
    acquired: Cell<usize>,
    flavour: Flavour,
    not_sync: PhantomData<*mut T>,
}

// SAFETY: the owner's end is the only one of its kind; sending it sends values.
unsafe impl<T: Send> Send for Worker<T> {}

/// An end of a deque from which anybody takes the oldest values; clones are ends of the same deque.
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::deque::Worker::<std::rc::Rc<u32>>::new_lifo().stealer());
/// ```
pub struct Stealer<T> {
    inner: Arc<CachePadded<Inner<T>>>,
    flavour: Flavour,
    /// Values are dropped with the last end, which may be this one.
    owns: PhantomData<*mut T>,
}

// SAFETY: every operation may run in several threads at once, and moves values to the caller's.
unsafe impl<T: Send> Send for Stealer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Stealer<T> {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    /// The owner pops the newest.
    Lifo,
    /// The owner pops the oldest, as a thief does.
    Fifo,
}

struct Inner<T> {
    /// The index of the oldest value. Moved by thieves, and by an owner that takes the last or the oldest value.
    top: CachePadded<AtomicUsize>,
    /// The index after the newest value; the owner's.
    bottom: AtomicUsize,
    /// The buffer in use; the owner's.
    buffer: AtomicPtr<Buffer<T>>,
    /// Every buffer there has been, the one in use last; the owner's.
    buffers: Buffers<T>,
}

/// A list that only the owner touches, or who drops the deque.
struct Buffers<T>(RefCell<Vec<*mut Buffer<T>>>);

impl<T> Worker<T> {
    /// A deque whose owner pops the newest value.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_lifo();
    /// worker.push(1);
    /// worker.push(2);
    /// assert_eq!(worker.pop(), Some(2));
    /// assert_eq!(worker.stealer().steal().success(), Some(1));
    /// ```
    pub fn new_lifo() -> Self {
        Self::new(Flavour::Lifo)
    }

    /// A deque whose owner pops the oldest value, as thieves do.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// worker.push(1);
    /// worker.push(2);
    /// assert_eq!(worker.pop(), Some(1));
    /// ```
    pub fn new_fifo() -> Self {
        Self::new(Flavour::Fifo)
    }

    fn new(flavour: Flavour) -> Self {
        let buffer = Box::into_raw(Box::new(Buffer::new(FIRST_CAPACITY)));
        let inner = Inner {
            top: CachePadded::new(AtomicUsize::new(0)),
            bottom: AtomicUsize::new(0),
            buffer: AtomicPtr::new(buffer),
            buffers: Buffers(RefCell::new(vec![buffer])),
        };
        Self {
            inner: Arc::new(CachePadded::new(inner)),
            buffer: Cell::new(buffer),
            acquired: Cell::new(0),
            flavour,
            not_sync: PhantomData,
        }
    }

    /// Another end, for thieves.
    ///
    /// ```
    /// use heddle_primitives::{deque::Worker, sync::thread};
    /// let worker = Worker::new_lifo();
    /// worker.push(7);
    /// let stealer = worker.stealer();
    /// let stolen = thread::spawn(move || stealer.steal().success()).join().unwrap();
    /// assert_eq!((stolen, worker.pop()), (Some(7), None));
    /// ```
    pub fn stealer(&self) -> Stealer<T> {
        Stealer { inner: self.inner.clone(), flavour: self.flavour, owns: PhantomData }
    }

    /// Appends `value`; grows the deque if it is full.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_lifo();
    /// (0..1000).for_each(|n| worker.push(n));
    /// assert_eq!((worker.len(), worker.pop()), (1000, Some(999)));
    /// ```
    #[inline]
    pub fn push(&self, value: T) {
        // ORDERING: the owner alone writes it.
        let bottom = self.inner.bottom.load(Ordering::Relaxed);
        if bottom.wrapping_sub(self.acquired.get()) >= self.buffer().capacity() {
            self.make_room(bottom);
        }
        // SAFETY: this is the owner, and a `top` has been acquired from which the buffer has room for `bottom`.
        unsafe { self.buffer().write(bottom, value) };
        // ORDERING: releases the slot, and the buffer if it is new, to the thief that acquires this index or a later one.
        self.inner.bottom.store(bottom.wrapping_add(1), Ordering::Release);
    }

    /// Takes the newest value, or the oldest if the deque was made so.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_lifo();
    /// worker.push(7);
    /// assert_eq!((worker.pop(), worker.pop()), (Some(7), None));
    /// ```
    #[inline]
    pub fn pop(&self) -> Option<T> {
        match self.flavour {
            Flavour::Lifo => self.pop_newest(),
            Flavour::Fifo => self.pop_oldest(),
        }
    }

    /// How many values there are; thieves may take some meanwhile.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// worker.push(7);
    /// worker.push(8);
    /// assert_eq!(worker.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is nothing; stays so until the owner pushes.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// worker.push(7);
    /// assert!(!worker.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn pop_newest(&self) -> Option<T> {
        let Inner { top, bottom, .. } = &**self.inner;
        // ORDERING: the owner alone writes it.
        let end = bottom.load(Ordering::Relaxed);
        // ORDERING: `top` only grows, so an old value at worst leads on to the whole protocol.
        if !is_before(top.load(Ordering::Relaxed), end) {
            return None;
        }
        let newest = end.wrapping_sub(1);
        // ORDERING: the fence below puts it before the look at `top`. Release as in `push`: a thief that reads this index instead of
        // the one that `push` stored must see the slots before it too.
        bottom.store(newest, Ordering::Release);
        // ORDERING: pairs with the fence in `steal`; the type's documentation has the interleaving.
        fence(Ordering::SeqCst);
        // ORDERING: after the fence, at least as new as what a thief read before its own.
        let oldest = top.load(Ordering::Relaxed);
        if is_before(oldest, newest) {
            let copied = self.buffer().read(newest);
            // SAFETY: the owner wrote it, and no thief gets as far as `newest`.
            return Some(unsafe { copied.claim() });
        }
        let mut last = None;
        if oldest == newest {
            let copied = self.buffer().read(newest);
            // ORDERING: nothing to publish or to see: the value was written by this thread. As a read-modify-write it
            // carries on what thieves have released.
            let exchanged =
                top.compare_exchange(oldest, oldest.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
            if exchanged.is_ok() {
                // SAFETY: the owner wrote it, and has moved `top` past it.
                last = Some(unsafe { copied.claim() });
            }
        }
        // ORDERING: nothing to release: whatever lies before `end` is taken.
        bottom.store(end, Ordering::Relaxed);
        last
    }

    #[inline(always)]
    fn pop_oldest(&self) -> Option<T> {
        let Inner { top, bottom, .. } = &**self.inner;
        // ORDERING: the owner alone writes it.
        let end = bottom.load(Ordering::Relaxed);
        // ORDERING: the exchange below has the last word.
        let mut oldest = top.load(Ordering::Relaxed);
        while is_before(oldest, end) {
            let copied = self.buffer().read(oldest);
            let next = oldest.wrapping_add(1);
            // ORDERING: as in `pop_newest`.
            match top.compare_exchange(oldest, next, Ordering::Relaxed, Ordering::Relaxed) {
                // SAFETY: the owner wrote it, and has moved `top` past it.
                Ok(_) => return Some(unsafe { copied.claim() }),
                Err(found) => oldest = found,
            }
        }
        None
    }

    #[inline(always)]
    fn buffer(&self) -> &Buffer<T> {
        // SAFETY: buffers live as long as the deque does.
        unsafe { &*self.buffer.get() }
    }

    /// Looks how far thieves have come, and if that is not enough grows.
    #[cold]
    fn make_room(&self, bottom: usize) {
        // ORDERING: acquires the copies that thieves made before their exchanges: their slots may be written.
        let top = self.inner.top.load(Ordering::Acquire);
        self.acquired.set(top);
        let old = self.buffer();
        if bottom.wrapping_sub(top) < old.capacity() {
            return;
        }
        let new = Buffer::new(old.capacity() * 2);
        let mut index = top;
        while index != bottom {
            // SAFETY: this is the owner, and nobody knows the new buffer yet.
            unsafe { new.move_from(old, index) };
            index = index.wrapping_add(1);
        }
        let new = Box::into_raw(Box::new(new));
        self.inner.buffers.0.borrow_mut().push(new);
        self.buffer.set(new);
        // ORDERING: releases the moved slots to the thief that acquires the pointer.
        self.inner.buffer.store(new, Ordering::Release);
    }
}

impl<T> Stealer<T> {
    /// Takes the oldest value.
    ///
    /// ```
    /// use heddle_primitives::deque::{Steal, Worker};
    /// let worker = Worker::new_lifo();
    /// let stealer = worker.stealer();
    /// worker.push(1);
    /// worker.push(2);
    /// assert_eq!((stealer.steal(), stealer.steal()), (Steal::Success(1), Steal::Success(2)));
    /// assert_eq!(stealer.steal(), Steal::Empty);
    /// ```
    #[inline]
    pub fn steal(&self) -> Steal<T> {
        let mut stolen = None;
        self.take(1, |value| stolen = Some(value)).with(stolen)
    }

    /// Moves up to half of the values, 32 at most, to `dest`, the oldest first. If `dest` is the owner's end of the same deque
    /// nothing moves; there is success unless the deque is empty.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let (busy, idle) = (Worker::new_fifo(), Worker::new_fifo());
    /// (0..8).for_each(|n| busy.push(n));
    /// assert!(busy.stealer().steal_batch(&idle).is_success());
    /// assert_eq!((idle.pop(), busy.len() + idle.len()), (Some(0), 7));
    /// ```
    pub fn steal_batch(&self, dest: &Worker<T>) -> Steal<()> {
        if self.is_end_of(dest) {
            return if dest.is_empty() { Steal::Empty } else { Steal::Success(()) };
        }
        self.take(MOST_AT_ONCE, |value| dest.push(value))
    }

    /// Takes the oldest value, and moves those that follow it, up to half of all and 31 at most, to `dest`, in order. If `dest` is
    /// the owner's end of the same deque it pops instead.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let (busy, idle) = (Worker::new_fifo(), Worker::new_fifo());
    /// (0..8).for_each(|n| busy.push(n));
    /// assert_eq!(busy.stealer().steal_batch_and_pop(&idle).success(), Some(0));
    /// assert_eq!(busy.len() + idle.len(), 7);
    /// ```
    pub fn steal_batch_and_pop(&self, dest: &Worker<T>) -> Steal<T> {
        if self.is_end_of(dest) {
            return dest.pop().map_or(Steal::Empty, Steal::Success);
        }
        let mut first = None;
        self.take(MOST_AT_ONCE, |value| match first {
            None => first = Some(value),
            Some(_) => dest.push(value),
        })
        .with(first)
    }

    /// How many values there are; everybody may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// worker.push(7);
    /// assert_eq!(worker.stealer().len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is nothing; the owner may push at any time.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// let stealer = worker.stealer();
    /// worker.push(7);
    /// assert!(!stealer.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_end_of(&self, worker: &Worker<T>) -> bool {
        std::ptr::eq::<Inner<T>>(&**self.inner, &**worker.inner)
    }

    /// Gives up to half of the values, and `most` in all, to `sink`, the oldest first.
    #[inline(always)]
    fn take(&self, most: usize, mut sink: impl FnMut(T)) -> Steal<()> {
        let (oldest, length) = self.look();
        if length == 0 {
            return Steal::Empty;
        }
        let wanted = length.div_ceil(2).min(most);
        // Where the owner pops the oldest, everybody takes by an exchange on `top`, and one that succeeds is proof for all
        // indices that it skips.
        let at_once = if self.flavour == Flavour::Fifo { wanted } else { 1 };
        let Some(values) = self.exchange(oldest, at_once) else { return Steal::Retry };
        for value in values {
            // SAFETY: written before `bottom` was raised past it, which `look` has acquired; claimed by the exchange.
            sink(unsafe { value.claim() });
        }
        // An owner that pops the newest takes all but the last value without an exchange. So one exchange is proof for
        // one index, and each further value needs a new look behind a fence of its own.
        for _ in at_once..wanted {
            let (oldest, length) = self.look();
            if length == 0 {
                break;
            }
            let Some(values) = self.exchange(oldest, 1) else { break };
            for value in values {
                // SAFETY: as above.
                sink(unsafe { value.claim() });
            }
        }
        Steal::Success(())
    }

    /// The oldest index, and how many values there are from it; 0 if the owner is just taking the last.
    #[inline(always)]
    fn look(&self) -> (usize, usize) {
        // ORDERING: the fence below makes it an acquire; no old value passes the exchange.
        let oldest = self.inner.top.load(Ordering::Relaxed);
        // ORDERING: pairs with the fence in `pop_newest`; the type's documentation has the interleaving.
        fence(Ordering::SeqCst);
        // ORDERING: acquires the slots that the owner released by `push`.
        let bottom = self.inner.bottom.load(Ordering::Acquire);
        (oldest, if is_before(oldest, bottom) { bottom.wrapping_sub(oldest) } else { 0 })
    }

    /// Copies `count` slots from `oldest`, and returns them if `top` could be moved past them.
    #[inline(always)]
    fn exchange(&self, oldest: usize, count: usize) -> Option<impl Iterator<Item = Copied<T>> + use<T>> {
        // ORDERING: acquires the slots that the owner has moved, if it grew the deque after it raised `bottom`.
        let buffer = self.inner.buffer.load(Ordering::Acquire);
        // SAFETY: buffers live as long as the deque does.
        let buffer = unsafe { &*buffer };
        let first = buffer.read(oldest);
        let others: Vec<_> = (1..count).map(|n| buffer.read(oldest.wrapping_add(n))).collect();
        self.inner
            .top
            // ORDERING: releases the copies to the owner, which acquires `top` before it writes to their slots. Success need not
            // acquire: `look` has. Failure reads nothing.
            .compare_exchange(oldest, oldest.wrapping_add(count), Ordering::Release, Ordering::Relaxed)
            .ok()
            .map(|_| std::iter::once(first).chain(others))
    }
}

impl<T> Inner<T> {
    fn len(&self) -> usize {
        // ORDERING: a number that may be out of date before it is returned.
        let top = self.top.load(Ordering::Relaxed);
        // ORDERING: as above.
        let bottom = self.bottom.load(Ordering::Relaxed);
        if is_before(top, bottom) { bottom.wrapping_sub(top) } else { 0 }
    }
}

/// Whether `top` has not reached `bottom`; indices wrap around.
#[inline(always)]
fn is_before(top: usize, bottom: usize) -> bool {
    (bottom.wrapping_sub(top) as isize) > 0
}

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        // ORDERING: who drops the last reference has seen everything that others did with theirs.
        let (mut index, bottom) = (self.top.load(Ordering::Relaxed), self.bottom.load(Ordering::Relaxed));
        // ORDERING: as above.
        let buffer = self.buffer.load(Ordering::Relaxed);
        while is_before(index, bottom) {
            // SAFETY: buffers live until the end of this function.
            let copied = unsafe { &*buffer }.read(index);
            // SAFETY: nobody else has an end of the deque any more.
            drop(unsafe { copied.claim() });
            index = index.wrapping_add(1);
        }
        for buffer in self.buffers.0.get_mut().drain(..) {
            // SAFETY: made by `Box::into_raw`, and kept once in the list.
            drop(unsafe { Box::from_raw(buffer) });
        }
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), flavour: self.flavour, owns: PhantomData }
    }
}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("len", &self.len()).field("flavour", &self.flavour).finish()
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stealer").field("len", &self.len()).field("flavour", &self.flavour).finish()
    }
}
