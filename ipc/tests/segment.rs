//! Segments: what may be opened, what not, and that no offset leads outside.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::fs::File;
use std::os::fd::OwnedFd;

use heddle_ipc::{ALLOC_ALIGN, Arena, BoundsError, CreateError, Offset, OpenError, Segment};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::{Barrier, Mutex, Shared};
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, SealFlags};

/// Where the header keeps what. The header's own layout assertions hold these in place.
const VERSION_AT: usize = 8;
const TOTAL_AT: usize = 16;
const CURSOR_AT: usize = 32;
const HEADER_LEN: usize = 128;

/// A memfd that holds `bytes`, with these seals.
fn memfd(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let fd = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC).unwrap();
    rustix::io::write(&fd, bytes).unwrap();
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

fn sealed(bytes: &[u8]) -> OwnedFd {
    memfd(bytes, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
}

/// The bytes of a good segment of one page.
fn good() -> Vec<u8> {
    let segment = Segment::create("good", 4096).unwrap();
    let mut bytes = vec![0; 4096];
    // SAFETY: the mapping is as long; nobody else has the segment.
    unsafe { segment.as_ptr().copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
    bytes
}

#[test]
fn bytes_written_by_one_mapping_are_read_by_another() {
    let segment = Segment::create("two views", 10_000).unwrap();
    let other = Segment::attach(segment.share()).unwrap();
    assert_eq!((segment.len(), other.len()), (10_000, 10_000));
    assert_ne!(segment.as_ptr(), other.as_ptr());
    for at in [HEADER_LEN, 4095, 4096, 9_999] {
        let [ours, theirs] =
            [&segment, &other].map(|segment| segment.ptr(Offset::<u8>::new(at as u64)).unwrap());
        // SAFETY: in bounds, as `ptr` checked; nobody else has the segment.
        unsafe { ours.write(at as u8) };
        // SAFETY: as above.
        assert_eq!(unsafe { theirs.read() }, at as u8);
    }
    segment.prefault().unwrap();
}

#[test]
fn impossible_lengths_and_names_are_errors() {
    for len in [0, 1, HEADER_LEN] {
        assert!(matches!(Segment::create("short", len), Err(CreateError::TooShort { .. })), "{len}");
    }
    assert!(Segment::create("shortest", HEADER_LEN + 1).is_ok());
    for len in [usize::MAX, isize::MAX as usize] {
        assert!(matches!(Segment::create("long", len), Err(CreateError::TooLong { .. })), "{len}");
    }
    for len in [1 << 45, 1 << 60] {
        assert!(matches!(Segment::create("large", len), Err(CreateError::NoMemory { .. })), "{len}");
    }
    assert!(matches!(Segment::create("with\0nul", 4096), Err(CreateError::Name { .. })));
    assert!(matches!(Segment::create(&"x".repeat(201), 4096), Err(CreateError::Name { .. })));
    assert!(Segment::create(&"x".repeat(200), 4096).is_ok());
}

#[test]
fn the_size_cannot_be_changed() {
    let segment = Segment::create("sealed", 4096).unwrap();
    for len in [0, 4095, 8192] {
        assert_eq!(rustix::fs::ftruncate(segment.fd(), len), Err(rustix::io::Errno::PERM));
    }
}

#[test]
fn what_is_no_segment_is_refused() {
    assert!(matches!(Segment::open(File::open("/proc/self/exe").unwrap()), Err(OpenError::NotAMemfd)));
    let (pipe, _writer) = std::io::pipe().unwrap();
    assert!(matches!(Segment::open(pipe), Err(OpenError::NotAMemfd)));
    for missing in [SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL] {
        let seals = (SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).difference(missing);
        assert!(matches!(Segment::open(memfd(&good(), seals)), Err(OpenError::NotSealed)), "{missing:?}");
    }
    for len in [0, 1, HEADER_LEN] {
        assert!(matches!(Segment::open(sealed(&good()[..len])), Err(OpenError::TooShort { .. })), "{len}");
    }
    assert!(matches!(
        Segment::open(sealed(&good()[..4095])),
        Err(OpenError::Size { header: 4096, file: 4095 })
    ));
    assert!(matches!(Segment::open(sealed(&[0; 4096])), Err(OpenError::NotPublished)));
    assert!(matches!(Segment::open(sealed(&[7; 4096])), Err(OpenError::NotOurs { .. })));
    let mut other = good();
    other[VERSION_AT] ^= 2;
    assert!(matches!(Segment::open(sealed(&other)), Err(OpenError::Version { .. })));
    other = good();
    other[TOTAL_AT] ^= 1;
    assert!(matches!(Segment::open(sealed(&other)), Err(OpenError::Size { .. })));
    assert!(Segment::open(sealed(&good())).is_ok(), "the good bytes are good");
}

#[test]
fn a_stale_reference_is_refused() {
    let segment = Segment::create("gone", 4096).unwrap();
    let reference = segment.share();
    drop(segment);
    // Another test may have been given the number meanwhile, with a file of any kind.
    assert!(Segment::attach(reference).is_err());
    let (one, two) = (Segment::create("one", 4096).unwrap(), Segment::create("two", 4096).unwrap());
    rustix::io::dup3(
        two.fd(),
        // A descriptor for the number of `one`, in which its own file is replaced; `one` closes it as ever.
        &mut std::mem::ManuallyDrop::new(
            // SAFETY: not closed here.
            unsafe {
                <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(std::os::fd::AsRawFd::as_raw_fd(&one.fd()))
            },
        ),
        rustix::io::DupFlags::CLOEXEC,
    )
    .unwrap();
    assert!(matches!(Segment::attach(one.share()), Err(OpenError::Another)));
}

#[test]
fn placed_values_are_one_in_both_mappings() {
    let segment = Segment::create("placed", 4096).unwrap();
    let (counter_at, counter) = segment.arena().place(AtomicU64::new(5)).unwrap();
    let (lock_at, _) = segment.arena().place(Mutex::<u64, Shared>::new_in(1)).unwrap();
    let other = Segment::attach(segment.share()).unwrap();
    // SAFETY: placed there as this type, and used as nothing else.
    let same = unsafe { other.get(counter_at) }.unwrap();
    assert_eq!(same.fetch_add(1, Ordering::Relaxed), 5);
    assert_eq!(counter.load(Ordering::Relaxed), 6);
    // SAFETY: as above.
    let [ours, theirs] = [&segment, &other].map(|segment| unsafe { segment.get(lock_at) }.unwrap());
    let guard = ours.lock();
    assert!(theirs.try_lock().is_none());
    drop(guard);
    assert!(theirs.try_lock().is_some());
}

#[test]
fn a_barrier_meets_across_mappings() {
    let segment = Segment::create("barrier", 4096).unwrap();
    let (at, _) = segment.arena().place(Barrier::<Shared>::new_in(2)).unwrap();
    let reference = segment.share();
    let other = heddle_primitives::sync::thread::spawn(move || {
        let segment = Segment::attach(reference).unwrap();
        // SAFETY: placed there as this type, and used as nothing else.
        unsafe { segment.get(at) }.unwrap().wait().is_leader()
    });
    // SAFETY: as above.
    let leads = unsafe { segment.get(at) }.unwrap().wait().is_leader();
    assert_ne!(leads, other.join().unwrap());
}

#[test]
fn two_threads_never_get_the_same_memory() {
    let segment = Segment::create("contended", HEADER_LEN + 2000 * ALLOC_ALIGN).unwrap();
    let mut found: Vec<u64> = heddle_primitives::sync::thread::scope(|scope| {
        let allocate = || (0..1000).map(|_| segment.arena().alloc::<u8>(1).unwrap().at()).collect::<Vec<_>>();
        let threads = [scope.spawn(allocate), scope.spawn(allocate)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 2000);
    assert!(segment.arena().alloc::<u8>(1).is_err());
}

#[test]
fn exactly_the_computed_length_suffices() {
    let sizes = [1, 127, 128, 129, 4096, 0];
    let segment = Segment::create("exact", Arena::segment_len(sizes)).unwrap();
    for size in sizes {
        segment.arena().alloc::<u8>(size).unwrap();
    }
    assert!(segment.arena().remaining() < ALLOC_ALIGN);
    assert_eq!(Arena::segment_len([usize::MAX]), usize::MAX);
}

proptest! {
    #[test]
    fn allocations_are_aligned_disjoint_and_within(counts in prop::collection::vec(0_usize..5_000, 0..40)) {
        let segment = Segment::create("arena", 1 << 16).unwrap();
        let mut end = HEADER_LEN as u64;
        for count in counts {
            match segment.arena().alloc::<u32>(count) {
                Ok(offset) => {
                    prop_assert!(offset.at() >= end);
                    prop_assert!(offset.at().is_multiple_of(ALLOC_ALIGN as u64));
                    end = offset.at() + 4 * count as u64;
                    prop_assert!(end <= segment.len() as u64);
                    prop_assert_eq!(segment.slice(offset).unwrap().len(), count);
                }
                Err(error) => prop_assert!(error.remaining < 4 * count + ALLOC_ALIGN),
            }
        }
    }

    #[test]
    fn no_offset_leads_outside(at in any_offset(), len in any_offset()) {
        let segment = Segment::create("bounds", 8192).unwrap();
        let end = u128::from(at) + 4 * u128::from(len);
        let inside = at >= HEADER_LEN as u64 && end <= 8192;
        match segment.slice(Offset::<[u32]>::slice(at, len)) {
            Ok(slice) => {
                prop_assert!(inside && at.is_multiple_of(4));
                prop_assert_eq!(slice.cast::<u8>().as_ptr() as usize - segment.as_ptr() as usize, at as usize);
                prop_assert_eq!(slice.len() as u64, len);
            }
            Err(BoundsError::Outside { .. }) => prop_assert!(!inside),
            Err(BoundsError::Misaligned { .. }) => prop_assert!(inside && !at.is_multiple_of(4)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn a_range_stays_within_its_slice(len in 0_u64..1000, begin in 0_u64..1200, end in 0_u64..1200) {
        let slice = Offset::<[u64]>::slice(256, len);
        match slice.range(begin, end) {
            Some(range) => {
                prop_assert!(begin <= end && end <= len);
                prop_assert_eq!((range.at(), range.len()), (256 + 8 * begin, end - begin));
            }
            None => prop_assert!(begin > end || end > len),
        }
    }

    #[test]
    fn any_header_is_opened_or_refused(
        noise in prop::collection::vec((0_usize..HEADER_LEN, any::<u8>()), 0..20),
        keep_magic: bool,
    ) {
        let mut bytes = good();
        for (at, byte) in noise {
            if at >= 8 || !keep_magic {
                bytes[at] = byte;
            }
        }
        if let Ok(segment) = Segment::open(sealed(&bytes)) {
            prop_assert_eq!(&bytes[..24], &good()[..24]);
            // The cursor may be anything: what is allocated must be within all the same.
            if let Ok(offset) = segment.arena().alloc::<u64>(3) {
                prop_assert!(segment.slice(offset).is_ok());
            }
        }
    }

    #[test]
    fn any_cursor_is_survived(cursor in any_offset(), count in 0_usize..2000) {
        let mut bytes = good();
        bytes[CURSOR_AT..CURSOR_AT + 8].copy_from_slice(&cursor.to_ne_bytes());
        let segment = Segment::open(sealed(&bytes)).unwrap();
        if let Ok(offset) = segment.arena().alloc::<u64>(count) {
            prop_assert!(segment.slice(offset).is_ok());
        }
    }
}

/// Offsets that are near an edge more often than chance would have it.
fn any_offset() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..9000, any::<u64>(), (0_u64..300).prop_map(|n| u64::MAX - n), Just(8192), Just(128)]
}
