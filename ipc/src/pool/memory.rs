//! The segment that a pool shares with its workers, and those that carry what is too large for it.

use core::ptr::NonNull;
use std::sync::Arc;

use heddle_primitives::Mutex;

use super::bell::Bell;
use super::station::{NOWHERE, Station, Whereabouts};
use crate::arena::Arena;
use crate::header::HEADER_LEN;
use crate::segment::{CreateError, OpenError, Segment, SegmentRef};
use crate::worker;

/// Parcels of at most so many bytes are used again; larger ones are freed at once, so that a worker does not keep them mapped.
const REUSED: usize = 1 << 20;
/// How many parcels wait for their next use.
const SPARE: usize = 32;
/// The smallest parcel.
const SMALLEST: usize = 16 << 10;

/// A bell, and a station for each worker.
#[derive(Debug)]
pub(crate) struct Floor {
    segment: Segment,
    stations: usize,
}

impl Floor {
    pub(crate) fn create(stations: usize) -> Result<Floor, CreateError> {
        let segment = Segment::create("pool", Self::len(stations))?;
        Ok(Floor { segment, stations })
    }

    /// The floor of the pool that this process works for.
    pub(crate) fn attach(reference: SegmentRef, stations: usize) -> Result<Floor, OpenError> {
        let segment = Segment::attach(reference)?;
        let (len, min) = (segment.len() as u64, Self::len(stations) as u64);
        if len < min {
            return Err(OpenError::TooShort { len, min });
        }
        Ok(Floor { segment, stations })
    }

    pub(crate) fn share(&self) -> SegmentRef {
        self.segment.share()
    }

    fn len(stations: usize) -> usize {
        Arena::segment_len([size_of::<Bell>(), stations.saturating_mul(size_of::<Station>())])
    }

    #[inline]
    pub(crate) fn bell(&self) -> &Bell {
        // SAFETY: as long as the segment, whose length was checked, page-aligned plus 128, and made of atomics, for which any bytes
        // are valid.
        unsafe { self.at(0).cast::<Bell>().as_ref() }
    }

    #[inline]
    pub(crate) fn station(&self, rank: usize) -> &Station {
        assert!(rank < self.stations, "no station {rank}");
        // SAFETY: within the segment, as just checked, and aligned, since both types are to 128 bytes; made of atomics, and cells
        // that nobody touches but by the rules of the station.
        unsafe { self.at(size_of::<Bell>() + rank * size_of::<Station>()).cast::<Station>().as_ref() }
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: the callers stay within the length that both constructors made sure of.
        let at = unsafe { self.segment.as_ptr().add(HEADER_LEN + offset) };
        // SAFETY: a mapping is not at address zero, nor does it wrap around.
        unsafe { NonNull::new_unchecked(at) }
    }
}

const _: () = {
    assert!(align_of::<Bell>() == 128 && align_of::<Station>() == 128);
    assert!(HEADER_LEN.is_multiple_of(128));
};

/// Segments that carry arguments and results.
#[derive(Debug, Default)]
pub(crate) struct Parcels {
    spare: Mutex<Vec<Segment>>,
}

/// A segment with the bytes of one argument or one result. Goes back to the others when it is dropped.
#[derive(Debug)]
pub(crate) struct Parcel {
    segment: Option<Segment>,
    home: Arc<Parcels>,
}

impl Parcels {
    /// A parcel with room for `len` bytes.
    pub(crate) fn take(self: &Arc<Self>, len: usize) -> Result<Parcel, CreateError> {
        let fits = |segment: &Segment| capacity(segment) >= len;
        let spare = {
            let mut spare = self.spare.lock();
            // The latest is the likeliest to be in a cache still.
            spare.iter().rposition(fits).map(|at| spare.remove(at))
        };
        let segment = match spare {
            Some(segment) => segment,
            None => {
                let wanted = len.saturating_add(HEADER_LEN);
                let rounded =
                    if wanted <= REUSED { wanted.max(SMALLEST).next_power_of_two() } else { wanted };
                Segment::create("parcel", rounded)?
            }
        };
        Ok(Parcel { segment: Some(segment), home: Arc::clone(self) })
    }

    /// A parcel with these bytes.
    pub(crate) fn pack(self: &Arc<Self>, bytes: &[u8]) -> Result<Parcel, CreateError> {
        let mut parcel = self.take(bytes.len())?;
        parcel.fill(bytes);
        Ok(parcel)
    }
}

impl Parcel {
    fn segment(&self) -> &Segment {
        self.segment.as_ref().expect("only drop takes it")
    }

    pub(crate) fn place(&self) -> Whereabouts {
        to_words(self.segment().share())
    }

    pub(crate) fn capacity(&self) -> usize {
        capacity(self.segment())
    }

    fn fill(&mut self, bytes: &[u8]) {
        // SAFETY: nobody else has the parcel, and it is long enough, as `take` made sure.
        unsafe { contents(self.segment()).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// The first `len` bytes.
    ///
    /// # Safety
    ///
    /// No worker writes to it any more.
    pub(crate) unsafe fn bytes(&self, len: usize) -> &[u8] {
        assert!(len <= self.capacity(), "{len} bytes in a parcel of {}", self.capacity());
        // SAFETY: within the mapping, as just checked, which `self` keeps; nobody writes, as the caller says.
        unsafe { core::slice::from_raw_parts(contents(self.segment()), len) }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        if segment.len() <= REUSED {
            let mut spare = self.home.spare.lock();
            if spare.len() < SPARE {
                spare.push(segment);
            }
        }
    }
}

/// A parcel as the worker sees it.
#[derive(Debug)]
pub(crate) struct Delivered(Arc<Segment>);

impl Delivered {
    /// Maps it; those that come again stay mapped.
    pub(crate) fn attach(place: Whereabouts) -> Result<Delivered, OpenError> {
        let reference = from_words(place);
        if reference.len <= REUSED as u64 {
            return Ok(Delivered(worker::attach(reference)?));
        }
        Ok(Delivered(Arc::new(Segment::attach(reference)?)))
    }

    pub(crate) fn capacity(&self) -> usize {
        capacity(&self.0)
    }

    /// The first `len` bytes, or `None` if there are not so many.
    ///
    /// # Safety
    ///
    /// Nobody writes to it while the bytes are borrowed.
    pub(crate) unsafe fn bytes(&self, len: u64) -> Option<&[u8]> {
        let len = usize::try_from(len).ok().filter(|&len| len <= self.capacity())?;
        // SAFETY: within the mapping, as just checked, which `self` keeps; nobody writes, as the caller says.
        Some(unsafe { core::slice::from_raw_parts(contents(&self.0), len) })
    }

    /// Puts bytes at its start.
    ///
    /// # Safety
    ///
    /// Nobody else uses it, and it has room for so many.
    pub(crate) unsafe fn fill(&self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.capacity());
        // SAFETY: as the caller says.
        unsafe { contents(&self.0).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }
}

fn capacity(segment: &Segment) -> usize {
    segment.len() - HEADER_LEN
}

fn contents(segment: &Segment) -> *mut u8 {
    // SAFETY: a segment is longer than its header.
    unsafe { segment.as_ptr().add(HEADER_LEN) }
}

fn to_words(SegmentRef { cookie, len, pid, fd }: SegmentRef) -> Whereabouts {
    let words = [cookie, len, u64::from(pid) << 32 | u64::from(fd)];
    debug_assert!(words != NOWHERE);
    words
}

fn from_words([cookie, len, at]: Whereabouts) -> SegmentRef {
    SegmentRef { cookie, len, pid: (at >> 32) as u32, fd: at as u32 }
}
