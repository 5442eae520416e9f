//! The slots of a deque.
//!
//! A thief reads a slot before it knows whether the value is its own: only the exchange on `top` that follows decides, and if it
//! fails the owner may have overwritten the slot meanwhile. So values are copied as bytes that nobody looks at, and become
//! values again once they are known to belong to the reader. The copy is volatile, as crossbeam-deque's is: a read that races
//! has no meaning in Rust's model of memory, is undefined bytes and nothing worse in LLVM's, and its bytes are thrown away.
//!
//! Under the checkers a slot holds the address of its value in a relaxed atomic, which allows a thief everything that a racing
//! copy would and gives it no ordering; a value that is taken twice is a panic there. No checker runs a load later than its
//! place, so none would see a copy that is overtaken by the next value of its slot: the copy that becomes a value leaves the cell
//! that it has looked at, and whoever writes to the slot again writes to that cell first, which is a race unless the copy
//! comes before.

pub(super) use imp::{Buffer, Copied};

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod imp {
    use crate::sync::cell::UnsafeCell;
    use std::mem::MaybeUninit;

    /// A power of two of slots, found by the low bits of an ever growing index.
    pub struct Buffer<T> {
        slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    }

    /// The bytes of a slot, and perhaps a value.
    pub struct Copied<T>(MaybeUninit<T>);

    impl<T> Buffer<T> {
        pub fn new(capacity: usize) -> Self {
            debug_assert!(capacity.is_power_of_two());
            Self { slots: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect() }
        }

        #[inline(always)]
        pub fn capacity(&self) -> usize {
            self.slots.len()
        }

        #[inline(always)]
        fn slot(&self, index: usize) -> *mut MaybeUninit<T> {
            let slot: *const UnsafeCell<MaybeUninit<T>> = &self.slots[index & (self.slots.len() - 1)];
            // A cell has the layout of its content, and may be written through a shared reference.
            slot.cast_mut().cast()
        }

        /// # Safety
        /// The caller is the owner, and the slot holds no value that anybody may still claim.
        #[inline(always)]
        pub unsafe fn write(&self, index: usize, value: T) {
            // SAFETY: the slot lies in the buffer; those who read it at the same time throw away what they read.
            unsafe { self.slot(index).write_volatile(MaybeUninit::new(value)) }
        }

        #[inline(always)]
        pub fn read(&self, index: usize) -> Copied<T> {
            // SAFETY: the slot lies in the buffer, and any bytes are a `MaybeUninit`.
            Copied(unsafe { self.slot(index).read_volatile() })
        }

        /// # Safety
        /// The caller is the owner, and nobody may claim the slot of `self` any more or yet.
        pub unsafe fn move_from(&self, other: &Self, index: usize) {
            let Copied(bytes) = other.read(index);
            // SAFETY: as for `write`.
            unsafe { self.slot(index).write_volatile(bytes) }
        }
    }

    impl<T> Copied<T> {
        /// # Safety
        /// The slot was written before it was read, and the index has been claimed by the caller alone.
        #[inline(always)]
        pub unsafe fn claim(self) -> T {
            // SAFETY: as the caller promises.
            unsafe { self.0.assume_init() }
        }
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
mod imp {
    use crate::sync::atomic::{AtomicPtr, Ordering};
    use crate::sync::cell::UnsafeCell;
    use std::cell::Cell;
    use std::mem::ManuallyDrop;
    use std::ptr::null_mut;

    pub struct Buffer<T> {
        slots: Box<[Slot<T>]>,
    }

    struct Slot<T> {
        item: AtomicPtr<Item<T>>,
        /// The same, for the owner, who alone writes it.
        written: Cell<*mut Item<T>>,
    }

    /// Never freed, so that a late thief may look at what is gone.
    struct Item<T> {
        value: ManuallyDrop<T>,
        taken: Cell<bool>,
        /// What the copy has looked at that became the value.
        looked_at: Cell<Option<UnsafeCell<()>>>,
    }

    pub struct Copied<T> {
        item: *mut Item<T>,
        looked_at: UnsafeCell<()>,
    }

    impl<T> Buffer<T> {
        pub fn new(capacity: usize) -> Self {
            let slot = |_| Slot { item: AtomicPtr::new(null_mut()), written: Cell::new(null_mut()) };
            Self { slots: (0..capacity).map(slot).collect() }
        }

        pub fn capacity(&self) -> usize {
            self.slots.len()
        }

        fn slot(&self, index: usize) -> &Slot<T> {
            &self.slots[index & (self.slots.len() - 1)]
        }

        fn put(&self, index: usize, item: *mut Item<T>) {
            let slot = self.slot(index);
            // SAFETY: items are never freed.
            if let Some(before) = unsafe { slot.written.replace(item).as_ref() }
                && let Some(looked_at) = before.looked_at.take()
            {
                drop(looked_at.get_mut());
            }
            // ORDERING: none, as for plain bytes.
            slot.item.store(item, Ordering::Relaxed);
        }

        /// # Safety
        /// None here; the panic in `claim` and the cells watch.
        pub unsafe fn write(&self, index: usize, value: T) {
            let item =
                Item { value: ManuallyDrop::new(value), taken: Cell::new(false), looked_at: Cell::new(None) };
            self.put(index, Box::leak(Box::new(item)));
        }

        pub fn read(&self, index: usize) -> Copied<T> {
            let looked_at = UnsafeCell::new(());
            drop(looked_at.get());
            // ORDERING: as above.
            Copied { item: self.slot(index).item.load(Ordering::Relaxed), looked_at }
        }

        /// # Safety
        /// None here; the panic in `claim` and the cells watch.
        pub unsafe fn move_from(&self, other: &Self, index: usize) {
            self.put(index, other.read(index).item);
        }
    }

    impl<T> Copied<T> {
        /// # Safety
        /// As in normal builds; the assertions watch.
        pub unsafe fn claim(self) -> T {
            assert!(!self.item.is_null(), "a slot was claimed that its reader has not seen written");
            // SAFETY: items are never freed.
            let item = unsafe { &*self.item };
            // A plain cell: the checkers run all threads on one.
            assert!(!item.taken.replace(true), "a value was taken twice");
            item.looked_at.set(Some(self.looked_at));
            // SAFETY: taken once, as was just asserted.
            unsafe { std::ptr::read(&*item.value) }
        }
    }
}
