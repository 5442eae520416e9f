//! The first bytes of every segment: whose it is, which layout, how long.

use core::num::NonZeroU64;

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::cursor::Cursor;

/// "heddle", and the number of this form of header. Zero, the state of fresh memory, means "not yet published".
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"heddle\0\x01");

/// Goes up whenever a structure that this crate puts into segments changes its layout.
pub(crate) const LAYOUT_VERSION: u32 = 3;

/// The header's size, and so the offset of the first byte that is free for use.
pub(crate) const HEADER_LEN: usize = 128;

/// Lies at offset 0 of every segment.
///
/// Only atomics: a peer may write here at any time, and what it writes must be read as a number, not be undefined
/// behaviour.
#[repr(C, align(128))]
pub(crate) struct Header {
    /// [`MAGIC`]; written last, so that who sees it sees the rest.
    pub(crate) magic: AtomicU64,
    /// [`LAYOUT_VERSION`] of the creator.
    pub(crate) version: AtomicU32,
    /// [`HEADER_LEN`] of the creator.
    pub(crate) header_len: AtomicU32,
    /// The segment's length in bytes, header included.
    pub(crate) total: AtomicU64,
    /// Random, so that a descriptor number that was reused for another segment is noticed.
    pub(crate) cookie: AtomicU64,
    /// Where the arena's free space begins.
    pub(crate) cursor: Cursor,
    /// Where the table of peers lies, once somebody has joined.
    pub(crate) peers: Place,
    /// What whoever opens the segment by name finds first.
    pub(crate) root: Root,
}

/// Where a named segment's contents lie, and what they are. All zero where there are none.
///
/// Written before the segment has its name. It may hold anything that a peer wrote.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Root {
    at: AtomicU64,
    len: AtomicU64,
    tag: AtomicU64,
}

/// A copy of a [`Root`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootIs {
    /// Bytes from the segment's start.
    pub(crate) at: u64,
    /// Bytes.
    pub(crate) len: u64,
    /// The fingerprint of its type, 0 for plain bytes.
    pub(crate) tag: u64,
}

impl Root {
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    fn new() -> Root {
        Root { at: AtomicU64::new(0), len: AtomicU64::new(0), tag: AtomicU64::new(0) }
    }

    pub(crate) fn set(&self, is: RootIs) {
        // ORDERING: Relaxed, all: nobody else has the segment, and giving it a name is a system call.
        self.at.store(is.at, Ordering::Relaxed);
        self.len.store(is.len, Ordering::Relaxed);
        self.tag.store(is.tag, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> RootIs {
        // ORDERING: Relaxed, all: as in `set`.
        RootIs {
            at: self.at.load(Ordering::Relaxed),
            len: self.len.load(Ordering::Relaxed),
            tag: self.tag.load(Ordering::Relaxed),
        }
    }
}

/// The offset of something that is allocated when it is first asked for. It may hold anything that a peer wrote.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Place(AtomicU64);

impl Place {
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    fn new() -> Place {
        Place(AtomicU64::new(0))
    }

    /// The offset, if it is set.
    pub(crate) fn get(&self) -> Option<NonZeroU64> {
        // ORDERING: Acquire: pairs with the Release in `set`: what lies there is ready.
        NonZeroU64::new(self.0.load(Ordering::Acquire))
    }

    /// Sets it to what is ready at `at`, if it is not set; returns what it is.
    pub(crate) fn set(&self, at: NonZeroU64) -> NonZeroU64 {
        // ORDERING: Release, success: pairs with the Acquire loads here and in `get`. Acquire, failure: as in `get`.
        match self.0.compare_exchange(0, at.get(), Ordering::Release, Ordering::Acquire) {
            Ok(_) => at,
            Err(earlier) => NonZeroU64::new(earlier).unwrap_or(at),
        }
    }
}

// The checkers' atomics are no words in memory.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
const _: () = {
    assert!(size_of::<Header>() == HEADER_LEN);
    assert!(core::mem::offset_of!(Header, magic) == 0);
    assert!(core::mem::offset_of!(Header, version) == 8);
    assert!(core::mem::offset_of!(Header, header_len) == 12);
    assert!(core::mem::offset_of!(Header, total) == 16);
    assert!(core::mem::offset_of!(Header, cookie) == 24);
    assert!(core::mem::offset_of!(Header, cursor) == 32);
    assert!(core::mem::offset_of!(Header, peers) == 40);
    assert!(core::mem::offset_of!(Header, root) == 48);
};

impl Header {
    /// As in fresh memory: not published.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Header {
        Header {
            magic: AtomicU64::new(0),
            version: AtomicU32::new(0),
            header_len: AtomicU32::new(0),
            total: AtomicU64::new(0),
            cookie: AtomicU64::new(0),
            cursor: Cursor::new(0),
            peers: Place::new(),
            root: Root::new(),
        }
    }

    /// Fills the header of a fresh segment of `total` bytes and publishes it.
    pub(crate) fn publish(&self, total: u64, cookie: u64) {
        // ORDERING: Relaxed: the Release store of the magic below publishes these together.
        self.version.store(LAYOUT_VERSION, Ordering::Relaxed);
        self.header_len.store(HEADER_LEN as u32, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.cookie.store(cookie, Ordering::Relaxed);
        self.cursor.start(HEADER_LEN as u64);
        // ORDERING: Release: pairs with the Acquire load in `check`; the fields above become visible with it.
        self.magic.store(MAGIC, Ordering::Release);
    }

    /// The cookie, if the header is a published one of this layout and says `len` bytes.
    pub(crate) fn check(&self, len: u64) -> Result<u64, HeaderFault> {
        // ORDERING: Acquire: pairs with the Release store in `publish`; the fields below are then the creator's.
        match self.magic.load(Ordering::Acquire) {
            MAGIC => {}
            0 => return Err(HeaderFault::NotPublished),
            found => return Err(HeaderFault::NotOurs { found }),
        }
        // ORDERING: Relaxed here and below: ordered by the Acquire load of the magic.
        let version = self.version.load(Ordering::Relaxed);
        if version != LAYOUT_VERSION {
            return Err(HeaderFault::Version { found: version, expected: LAYOUT_VERSION });
        }
        let header_len = self.header_len.load(Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed);
        if header_len as usize != HEADER_LEN || total != len {
            return Err(HeaderFault::Size { header: total, file: len });
        }
        Ok(self.cookie.load(Ordering::Relaxed))
    }
}

/// Why a header was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    NotPublished,
    NotOurs { found: u64 },
    Version { found: u32, expected: u32 },
    Size { header: u64, file: u64 },
}
