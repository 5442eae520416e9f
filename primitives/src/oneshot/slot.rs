//! The memory of a channel: its state and its value.

use super::ends::{Receiver, Sender};
use crate::scope::{Private, Scope};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::cell::UnsafeCell;
use crate::sync::futex::Futex;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Nothing sent, both ends alive.
pub(super) const EMPTY: u32 = 0;
/// As [`EMPTY`], and the receiver may sleep.
pub(super) const ASLEEP: u32 = 1;
/// The value is there; the sender is gone.
pub(super) const SENT: u32 = 2;
/// One end is gone, and no value is there.
pub(super) const CLOSED: u32 = 3;

/// The memory of a channel in place: its state and its value, for [`split`](Self::split).
///
/// Layout (`repr(C)`): the state word, then the value. All-zero bytes are an empty slot.
///
/// ```
/// use heddle_primitives::{oneshot::Slot, sync::thread};
///
/// let mut slot = Slot::new();
/// let (sender, receiver) = slot.split();
/// thread::scope(|s| {
///     s.spawn(|| sender.send("done").unwrap());
///     assert_eq!(receiver.recv(), Ok("done"));
/// });
/// ```
#[repr(C)]
pub struct Slot<T, S: Scope = Private> {
    state: Futex<S>,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot owns its value.
unsafe impl<T: Send, S: Scope> Send for Slot<T, S> {}
// SAFETY: through a shared slot the ends alone reach the value: one writes it, then the other takes it, possibly in another
// thread.
unsafe impl<T: Send, S: Scope> Sync for Slot<T, S> {}

impl<T> Slot<T> {
    const_in_normal_builds! {
        /// An empty slot for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::oneshot::Slot;
        /// let mut slot = Slot::new();
        /// let (sender, receiver) = slot.split();
        /// sender.send(7).unwrap();
        /// assert_eq!(receiver.recv(), Ok(7));
        /// ```
        pub const fn new() -> Self {
            Self::new_in()
        }
    }
}

impl<T, S: Scope> Slot<T, S> {
    const_in_normal_builds! {
        /// An empty slot in any scope.
        ///
        /// ```
        /// use heddle_primitives::{Shared, oneshot::Slot};
        /// // As it would lie in memory that processes share.
        /// let mut slot: Slot<u32, Shared> = Slot::new_in();
        /// let (sender, receiver) = slot.split();
        /// sender.send(7).unwrap();
        /// assert_eq!(receiver.recv(), Ok(7));
        /// ```
        pub const fn new_in() -> Self {
            Self { state: Futex::new_in(EMPTY), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }

    /// Makes the two ends of a channel that lives here. A value that earlier ends left behind is dropped.
    ///
    /// ```
    /// use heddle_primitives::oneshot::Slot;
    /// let mut slot = Slot::new();
    /// // One after the other, any number of channels live here.
    /// for n in 0..3 {
    ///     let (sender, receiver) = slot.split();
    ///     sender.send(n).unwrap();
    ///     assert_eq!(receiver.recv(), Ok(n));
    /// }
    /// ```
    pub fn split(&mut self) -> (Sender<T, &Self>, Receiver<T, &Self>) {
        self.clear();
        // ORDERING: as in `clear`; whoever shares the ends with another thread hands this over as well.
        self.word().store(EMPTY, Ordering::Relaxed);
        // SAFETY: the slot was borrowed exclusively, so no other ends are in use any more, and it is empty.
        let sender = unsafe { Sender::from_home(&*self) };
        // SAFETY: as above.
        (sender, unsafe { Receiver::from_home(&*self) })
    }

    /// Drops a value that was left behind; the state is to be set.
    fn clear(&mut self) {
        // ORDERING: the exclusive borrow comes after all accesses by ends.
        if self.word().load(Ordering::Relaxed) == SENT {
            // SAFETY: the state says that a value is there, and no end will take it.
            unsafe { self.value.content_mut().assume_init_drop() };
        }
    }

    #[inline(always)]
    pub(super) fn futex(&self) -> &Futex<S> {
        &self.state
    }

    #[inline(always)]
    pub(super) fn word(&self) -> &AtomicU32 {
        self.state.word()
    }

    /// # Safety
    /// The caller is the sender and has not left yet.
    #[inline(always)]
    pub(super) unsafe fn put(&self, value: T) {
        let slot = self.value.get_mut();
        // SAFETY: the slot is alive, and until the sender leaves nobody else looks at the value.
        unsafe { slot.deref() }.write(value);
    }

    /// # Safety
    /// The value is there, the caller has the slot to itself, and nobody takes the value after it.
    #[inline(always)]
    pub(super) unsafe fn take(&self) -> T {
        let slot = self.value.get_mut();
        // SAFETY: the slot is alive, and the caller alone uses it.
        let value = unsafe { slot.deref() };
        // SAFETY: as the caller promises.
        unsafe { value.assume_init_read() }
    }
}

impl<T, S: Scope> Default for Slot<T, S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<T, S: Scope> Drop for Slot<T, S> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T, S: Scope> fmt::Debug for Slot<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: a number for information.
        let state = match self.word().load(Ordering::Relaxed) {
            EMPTY | ASLEEP => "empty",
            SENT => "sent",
            _ => "closed",
        };
        f.debug_struct("Slot").field("state", &format_args!("{state}")).finish_non_exhaustive()
    }
}

/// Where the ends find their slot, and what happens to it when both are gone.
///
/// # Safety
/// `slot` always returns the same slot, of which all copies of the value know, until `release` has been called on one of them; nobody
/// but the ends made from those copies uses the slot meanwhile.
///
/// ```
/// use heddle_primitives::oneshot::{Home, Receiver, Sender, Slot};
/// use heddle_primitives::{Private, sync::atomic::{AtomicU32, Ordering}};
///
/// /// Counts how often it is given up.
/// #[derive(Clone, Copy)]
/// struct Watched<'a>(&'a Slot<u32>, &'a AtomicU32);
///
/// // SAFETY: always the same slot, borrowed for as long as the ends live.
/// unsafe impl Home<u32> for Watched<'_> {
///     type Scope = Private;
///
///     unsafe fn slot(&self) -> &Slot<u32> {
///         self.0
///     }
///
///     unsafe fn release(self) {
///         self.1.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let (slot, released) = (Slot::new(), AtomicU32::new(0));
/// let home = Watched(&slot, &released);
/// // SAFETY: the slot is new, and these are its only ends.
/// let (sender, receiver) = unsafe { (Sender::from_home(home), Receiver::from_home(home)) };
/// sender.send(7).unwrap();
/// assert_eq!(receiver.recv(), Ok(7));
/// assert_eq!(released.into_inner(), 1);
/// ```
pub unsafe trait Home<T>: Copy {
    /// Who may use the channel.
    type Scope: Scope;

    /// The slot.
    ///
    /// # Safety
    /// [`release`](Self::release) has not been called.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{Home, Slot};
    /// let slot = Slot::<u32>::new();
    /// let home = &slot;
    /// // SAFETY: a borrowed slot is never released.
    /// assert!(std::ptr::eq(unsafe { home.slot() }, &slot));
    /// ```
    unsafe fn slot(&self) -> &Slot<T, Self::Scope>;

    /// Gives the slot up.
    ///
    /// # Safety
    /// Called once, by the end that is last.
    ///
    /// ```
    /// use heddle_primitives::oneshot::{Home, Slot};
    /// let slot = Slot::<u32>::new();
    /// // SAFETY: no ends were made. For a borrowed slot there is nothing to do.
    /// unsafe { Home::<u32>::release(&slot) };
    /// assert_eq!(format!("{slot:?}"), "Slot { state: empty, .. }");
    /// ```
    unsafe fn release(self);
}

// SAFETY: a shared borrow of the slot, which outlives the ends; nothing to release.
unsafe impl<T, S: Scope> Home<T> for &Slot<T, S> {
    type Scope = S;

    #[inline(always)]
    unsafe fn slot(&self) -> &Slot<T, S> {
        self
    }

    #[inline(always)]
    unsafe fn release(self) {}
}

/// A slot on the heap, freed by the end that is last.
///
/// ```
/// use heddle_primitives::oneshot::{self, OnHeap, Receiver, Sender};
/// let (sender, receiver): (Sender<u32, OnHeap<u32>>, Receiver<u32, OnHeap<u32>>) = oneshot::channel();
/// // An end is the address of the slot, no more.
/// assert_eq!((size_of_val(&sender), size_of_val(&receiver)), (size_of::<usize>(), size_of::<usize>()));
/// ```
#[derive(Debug)]
pub struct OnHeap<T>(NonNull<Slot<T>>);

impl<T> OnHeap<T> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self(NonNull::from(Box::leak(Box::new(Slot::new()))))
    }
}

impl<T> Clone for OnHeap<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OnHeap<T> {}

// SAFETY: whoever has the address shares the slot.
unsafe impl<T: Send> Send for OnHeap<T> {}

// SAFETY: the box lives until `release`, and its address is known to the two ends only.
unsafe impl<T> Home<T> for OnHeap<T> {
    type Scope = Private;

    #[inline(always)]
    unsafe fn slot(&self) -> &Slot<T> {
        // SAFETY: not released yet, as the caller promises.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    unsafe fn release(self) {
        // SAFETY: made by `Box::leak`; taken back once, as the caller promises.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_state_then_value() {
        assert_eq!(size_of::<Slot<u32, Shared>>(), 8);
        assert_eq!(std::mem::offset_of!(Slot<u64, Shared>, state), 0);
        assert_eq!(std::mem::offset_of!(Slot<u64, Shared>, value), 8);
        assert_eq!(size_of::<Sender<u64>>(), size_of::<usize>());
    }
}
