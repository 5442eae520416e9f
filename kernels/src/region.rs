//! The data of a kernel: regions of shared memory, cut into leaves, and what a loop may do with them.
//!
//! A kernel declares its regions in a [`Layout`] and names, for each loop, how it uses them: [`All`] reads the
//! whole, [`Part`] and [`PartMut`] a leaf, [`OwnMut`] the leaf of a rank, [`Atomic`] and [`Locked`]
//! what members change together. Because the accesses are declared, a loop can refuse two that conflict, and a
//! team without shared memory could move exactly what was written.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;

use heddle_ipc::ShmSafe;
use heddle_primitives::sync::atomic::AtomicU64;

/// The largest alignment a region may ask for: a page, which is also what every region starts on.
pub const REGION_ALIGN: usize = 4096;

/// What happens to a region when a job's data is handed over instead of residing with the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Filled before the run and only read by it: handed over.
    In,
    /// Written by the run: handed back.
    Out,
    /// Read and changed by the run: handed over and back.
    InOut,
    /// Working memory of the members: neither.
    Scratch,
}

/// One region as a kernel declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSpec {
    /// Its name, for messages.
    pub name: &'static str,
    /// Its length in elements.
    pub len: usize,
    /// Bytes of an element.
    pub element: usize,
    /// Elements of a leaf; the last leaf may be shorter.
    pub leaf: usize,
    /// Whether it is handed over, back, both or neither.
    pub flow: Flow,
}

/// The regions of a kernel, in the order in which [`Regions::region`] numbers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    specs: Vec<RegionSpec>,
    partials: usize,
}

impl Layout {
    /// No regions.
    pub fn new() -> Layout {
        Layout::default()
    }

    /// Adds a region of `len` elements of type `T`, cut into leaves of `leaf` elements.
    ///
    /// # Panics
    /// If `leaf` is 0 or the region would exceed the address space.
    pub fn region<T: ShmSafe>(mut self, name: &'static str, len: usize, leaf: usize, flow: Flow) -> Layout {
        assert!(leaf > 0, "region {name}: a leaf has at least one element");
        let element = size_of::<T>();
        assert!(len.checked_mul(element).is_some_and(|bytes| bytes <= isize::MAX as usize), "region {name}");
        self.specs.push(RegionSpec { name, len, element, leaf, flow });
        self
    }

    /// Reserves room for the partial results of a reduction of `leaves` values of type `P`.
    pub fn partials<P: ShmSafe>(mut self, leaves: usize) -> Layout {
        self.partials = self.partials.max(leaves * size_of::<P>());
        self
    }

    /// The regions declared.
    pub fn specs(&self) -> &[RegionSpec] {
        &self.specs
    }

    /// Bytes reserved for partial results.
    pub fn partial_bytes(&self) -> usize {
        self.partials
    }

    /// Where each region starts, relative to the first, and the bytes of all of them.
    pub(crate) fn offsets(&self) -> (Vec<usize>, usize) {
        let mut next = 0usize;
        let offsets = self
            .specs
            .iter()
            .map(|spec| {
                let at = next;
                next = (at + spec.len * spec.element).next_multiple_of(REGION_ALIGN);
                at
            })
            .collect();
        (offsets, next)
    }
}

/// The regions of one job, as one member or the harness sees them.
#[derive(Debug)]
pub struct Regions<'m> {
    base: NonNull<u8>,
    offsets: Vec<usize>,
    specs: Vec<RegionSpec>,
    _memory: PhantomData<&'m [u8]>,
}

// SAFETY: a `Regions` is a view; its regions hand out references only through `Team::for_each` and
// `Team::reduce`, whose rules keep them apart, or through `&mut self`.
unsafe impl Send for Regions<'_> {}
// SAFETY: as above.
unsafe impl Sync for Regions<'_> {}

impl Regions<'_> {
    /// Views the memory at `base` as `layout` describes it.
    ///
    /// # Safety
    /// `base` is aligned to [`REGION_ALIGN`] and valid for reads and writes of the layout's bytes for as long as
    /// the value lives; no reference to that memory exists outside views of the same layout.
    pub(crate) unsafe fn new(base: NonNull<u8>, layout: &Layout) -> Self {
        Regions { base, offsets: layout.offsets().0, specs: layout.specs.clone(), _memory: PhantomData }
    }

    /// The `index`-th region of the layout.
    ///
    /// # Panics
    /// If there is no such region, or if it has elements of another size.
    pub fn region<T: ShmSafe>(&self, index: usize) -> Region<'_, T> {
        let spec = &self.specs[index];
        assert_eq!(spec.element, size_of::<T>(), "region {} has other elements", spec.name);
        const { assert!(align_of::<T>() <= REGION_ALIGN) };
        // SAFETY: the offset lies within the layout's bytes, which `new`'s caller promised.
        let start = unsafe { self.base.add(self.offsets[index]) };
        Region {
            start: start.cast(),
            len: spec.len,
            leaf: spec.leaf,
            name: spec.name,
            index,
            _data: PhantomData,
        }
    }

    /// The whole region for the harness, between runs.
    ///
    /// # Panics
    /// As [`Regions::region`].
    pub fn slice<T: ShmSafe>(&mut self, index: usize) -> &mut [T] {
        let region = self.region::<T>(index);
        // SAFETY: `&mut self` is the only view in use: no run is under way while the harness holds it. The bytes
        // are initialised (segments start as zeroes) and any bytes are a `T`.
        unsafe { std::slice::from_raw_parts_mut(region.start.as_ptr(), region.len) }
    }

    /// Several whole regions at once, for the harness, between runs.
    ///
    /// # Panics
    /// As [`Regions::region`], or if an index occurs twice.
    pub fn slices<T: ShmSafe, const N: usize>(&mut self, indices: [usize; N]) -> [&mut [T]; N] {
        assert!((1..N).all(|i| !indices[..i].contains(&indices[i])), "a region can be lent once");
        indices.map(|index| {
            let region = self.region::<T>(index);
            // SAFETY: as in `slice`; regions are disjoint, and each occurs once.
            unsafe { std::slice::from_raw_parts_mut(region.start.as_ptr(), region.len) }
        })
    }

    /// The bytes of the `index`-th region, with its specification.
    pub(crate) fn bytes(&mut self, index: usize) -> (&RegionSpec, &mut [u8]) {
        let spec = &self.specs[index];
        // SAFETY: as in `region`.
        let start = unsafe { self.base.add(self.offsets[index]) };
        // SAFETY: as in `slice`.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), spec.len * spec.element) };
        (spec, bytes)
    }

    /// The bytes of every region that is not scratch.
    pub fn non_scratch_bytes(&mut self) -> Vec<Vec<u8>> {
        let kept: Vec<usize> =
            (0..self.len()).filter(|index| self.specs[*index].flow != Flow::Scratch).collect();
        kept.into_iter().map(|index| self.bytes(index).1.to_vec()).collect()
    }

    /// How many regions there are.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }
}

/// A typed region. It hands out nothing by itself: wrap it in an [`Access`] and give it to a loop.
#[derive(Debug)]
pub struct Region<'r, T> {
    start: NonNull<T>,
    len: usize,
    leaf: usize,
    name: &'static str,
    index: usize,
    _data: PhantomData<&'r T>,
}

impl<T> Clone for Region<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Region<'_, T> {}

impl<T> Region<'_, T> {
    /// Its length in elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many leaves it has.
    pub fn leaves(&self) -> usize {
        self.len.div_ceil(self.leaf)
    }

    /// The elements of a leaf.
    pub fn range(&self, leaf: usize) -> Range<usize> {
        let start = leaf.saturating_mul(self.leaf).min(self.len);
        start..start.saturating_add(self.leaf).min(self.len)
    }

    /// # Safety
    /// `range` lies within the region and nothing writes to it during `'l`.
    unsafe fn shared<'l>(&self, range: Range<usize>) -> &'l [T] {
        // SAFETY: in bounds by the caller's promise.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: in bounds, initialised, and unchanged during 'l by the caller's promise.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), range.len()) }
    }

    /// # Safety
    /// `range` lies within the region and nothing else reads or writes it during `'l`.
    #[allow(clippy::mut_from_ref, reason = "a region is a view of memory that it does not own")]
    unsafe fn exclusive<'l>(&self, range: Range<usize>) -> &'l mut [T] {
        // SAFETY: in bounds by the caller's promise.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: in bounds, initialised, and unaliased during 'l by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), range.len()) }
    }
}

/// How a loop uses a region, for the check that no two uses conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    region: usize,
    name: &'static str,
    writes: bool,
}

/// The uses of a loop so far; a conflicting one is refused as it is added.
#[derive(Debug, Default)]
pub struct Uses {
    seen: [Option<Use>; 8],
}

impl Uses {
    /// Adds a use.
    ///
    /// # Panics
    /// If it conflicts with an earlier one, or is the ninth.
    pub fn push(&mut self, new: Use) {
        for slot in &mut self.seen {
            let Some(old) = slot else {
                *slot = Some(new);
                return;
            };
            assert!(
                old.region != new.region || !(old.writes || new.writes),
                "region {} is written and used again by the same loop",
                new.name
            );
        }
        panic!("a loop uses at most {} regions", self.seen.len());
    }
}

/// A use of regions by one loop.
///
/// # Safety
/// `item` for different leaves (by any ranks) may be alive at once without one writing what the other touches, provided
/// that each leaf is handed out at most once a loop, that a rank is one thread, and that all of a loop's uses are in
/// `uses`, none of which conflict.
pub unsafe trait Access {
    /// What the body of the loop gets for a leaf.
    type Item<'l>;

    /// Adds this access to the list of uses.
    fn uses(&self, list: &mut Uses);

    /// The item of a leaf.
    ///
    /// # Safety
    /// The caller hands out each leaf at most once a loop, has checked `uses` with [`check`], and `'l` ends before
    /// the barrier that ends the loop.
    unsafe fn item<'l>(&self, leaf: usize, rank: usize) -> Self::Item<'l>;
}

/// Refuses accesses of one loop that conflict.
///
/// # Panics
/// If a region is written by one access and used by another.
pub fn check(access: &impl Access) {
    let mut uses = Uses::default();
    access.uses(&mut uses);
}

macro_rules! access {
    ($(#[$meta:meta])* $name:ident, writes $writes:literal, $item:ty, |$region:ident, $leaf:ident, $rank:ident| $make:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'r, T>(pub Region<'r, T>);

        // SAFETY: see the comment at `make`.
        unsafe impl<'r, T: ShmSafe> Access for $name<'r, T> {
            type Item<'l> = $item;

            fn uses(&self, list: &mut Uses) {
                list.push(Use { region: self.0.index, name: self.0.name, writes: $writes });
            }

            unsafe fn item<'l>(&self, $leaf: usize, $rank: usize) -> Self::Item<'l> {
                let $region = &self.0;
                $make
            }
        }
    };
}

access!(
    /// Reads the whole region.
    All, writes false, &'l [T],
    // SAFETY: no access of this loop writes the region, and loops are kept apart by barriers.
    |region, _leaf, _rank| unsafe { region.shared(0..region.len) }
);
access!(
    /// Reads the leaf.
    Part, writes false, &'l [T],
    // SAFETY: as for `All`.
    |region, leaf, _rank| unsafe { region.shared(region.range(leaf)) }
);
access!(
    /// Reads and writes the leaf.
    PartMut, writes true, &'l mut [T],
    // SAFETY: leaves are disjoint, each is handed out once a loop, and no other access uses the region.
    |region, leaf, _rank| unsafe { region.exclusive(region.range(leaf)) }
);
access!(
    /// Reads and writes the leaf whose number is the member's rank, whatever leaf the loop is at.
    OwnMut, writes true, &'l mut [T],
    // SAFETY: a rank is one thread, which holds one item at a time; other ranks have other leaves.
    |region, _leaf, rank| unsafe { region.exclusive(region.range(rank)) }
);

/// Changes the region's elements atomically, together with the other members.
#[derive(Debug, Clone, Copy)]
pub struct Atomic<'r>(pub Region<'r, u64>);

// SAFETY: members get shared references to atomics; every other use of the region conflicts by `writes: true`.
unsafe impl<'r> Access for Atomic<'r> {
    type Item<'l> = &'l [AtomicU64];

    fn uses(&self, list: &mut Uses) {
        list.push(Use { region: self.0.index, name: self.0.name, writes: true });
    }

    unsafe fn item<'l>(&self, _leaf: usize, _rank: usize) -> &'l [AtomicU64] {
        // SAFETY: AtomicU64 has the layout of u64 (asserted below), and during the loop all access is atomic.
        unsafe { std::slice::from_raw_parts(self.0.start.as_ptr().cast(), self.0.len) }
    }
}
const _: () = assert!(size_of::<AtomicU64>() == 8 && align_of::<AtomicU64>() == 8);

/// Changes the region inside the team's critical section, see [`Team::critical`](crate::Team::critical).
#[derive(Debug, Clone, Copy)]
pub struct Locked<'r, T>(pub Region<'r, T>);

/// A region that can be entered by one member at a time.
#[derive(Debug)]
pub struct Guarded<'l, T> {
    region: Region<'l, T>,
}

impl<T> Guarded<'_, T> {
    /// # Safety
    /// The caller is inside the team's critical section until the slice is gone.
    #[allow(clippy::mut_from_ref, reason = "the critical section makes it exclusive")]
    pub(crate) unsafe fn enter(&self) -> &mut [T] {
        // SAFETY: exclusive by the critical section; no other access of the loop uses the region.
        unsafe { self.region.exclusive(0..self.region.len) }
    }
}

// SAFETY: the item gives nothing out outside the critical section; every other use conflicts by `writes: true`.
unsafe impl<'r, T: ShmSafe> Access for Locked<'r, T> {
    type Item<'l> = Guarded<'l, T>;

    fn uses(&self, list: &mut Uses) {
        list.push(Use { region: self.0.index, name: self.0.name, writes: true });
    }

    unsafe fn item<'l>(&self, _leaf: usize, _rank: usize) -> Guarded<'l, T> {
        let Region { start, len, leaf, name, index, .. } = self.0;
        Guarded { region: Region { start, len, leaf, name, index, _data: PhantomData } }
    }
}

// SAFETY: uses nothing.
unsafe impl Access for () {
    type Item<'l> = ();
    fn uses(&self, _list: &mut Uses) {}
    unsafe fn item<'l>(&self, _leaf: usize, _rank: usize) -> Self::Item<'l> {}
}

macro_rules! tuple {
    ($($part:ident $index:tt),+) => {
        // SAFETY: each part keeps the promise, and `check` compares the uses of all of them.
        unsafe impl<$($part: Access),+> Access for ($($part,)+) {
            type Item<'l> = ($($part::Item<'l>,)+);

            fn uses(&self, list: &mut Uses) {
                $(self.$index.uses(list);)+
            }

            unsafe fn item<'l>(&self, leaf: usize, rank: usize) -> Self::Item<'l> {
                // SAFETY: the caller's promise is passed on to each part.
                ($(unsafe { self.$index.item(leaf, rank) },)+)
            }
        }
    };
}
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
