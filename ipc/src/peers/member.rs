//! A process's membership of a segment.

use core::fmt;
use core::num::NonZeroU64;
use std::io;
use std::sync::Arc;

use heddle_primitives::Mutex;
use memmap2::{Advice, MmapOptions, MmapRaw};
use thiserror::Error;

use super::census::{Census, PeerId};
use super::mark::Mark;
use super::table::{Entered, SLOTS, Table};
use crate::arena::AllocError;
use crate::offset::Offset;
use crate::os;
use crate::segment::{BoundsError, CreateError, OpenError, Segment, SegmentRef};

/// The memberships of this process that somebody holds, so that a segment is joined once.
static JOINED: Mutex<Vec<(u64, std::sync::Weak<Joined>)>> = Mutex::new(Vec::new());

/// This process's membership of a [`Segment`]: what it needs to use the robust primitives that live there.
///
/// Clones are the same membership. It ends with its last clone, or with the process, however that ends; whatever the process still
/// holds then counts as left behind by a dead owner. There can be 256 members at a time.
///
/// # How it is known who is dead
///
/// Each member holds a lock on one byte of the segment's file, through a file description of its own that nothing but a
/// mapping keeps open (an "open file description lock", `F_OFD_SETLK`). The kernel releases it when it has taken the process down, and not
/// before; no process id is involved, so neither the reuse of ids nor PID namespaces can mislead. Others ask by
/// `F_OFD_GETLK`, which costs 0.2 us. Whoever waits for a member asks before its first sleep and then after 1, 2, 4 and at most 50 ms:
/// a death is noticed within 50 ms of the release. How long the kernel takes to come to that is not up to us: 0.1 ms for a
/// small process, 50 ms with 2 GB resident, longer where it writes a core dump; a stopped process is not dead.
///
/// Not covered: a thread that ends, or leaks its guard, while its process lives on. To the others its process holds what it held.
///
/// A child that is forked (without exec) does not inherit the membership: using it there panics. It has to attach by itself.
/// Guards and permits that it inherited it must not drop: that would let go of what its parent holds.
///
/// # Trust
///
/// Members are trusted not to lie: whoever maps a segment can write to it everywhere. They may die at any instruction.
///
/// ```
/// use heddle_ipc::{Member, Segment};
///
/// let member = Member::join(Segment::create("example", 1 << 16)?)?;
/// assert_eq!(member.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Member {
    joined: Arc<Joined>,
}

struct Joined {
    // Fields are dropped in this order: the lock last, after `drop` has left the table.
    mark: Mark,
    table: Offset<Table>,
    segment: Segment,
    me: PeerId,
    /// Keeps the file description that holds the lock; not inherited over a fork.
    lock: Option<MmapRaw>,
}

impl Member {
    /// Joins a segment, or returns the membership that this process has of it already.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(segment: Segment) -> Result<Member, JoinError> {
        let mut joined = JOINED.lock();
        let cookie = segment.share().cookie;
        if let Some(known) = find(&joined, cookie) {
            return Ok(known);
        }
        let table = find_table(&segment)?;
        let member = Member { joined: Arc::new(enter(segment, table)?) };
        joined.retain(|(_, known)| known.strong_count() > 0);
        joined.push((cookie, Arc::downgrade(&member.joined)));
        Ok(member)
    }

    /// Creates a segment of `len` bytes for robust primitives, beside what the table of members needs, and joins it.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn create(name: &str, len: usize) -> Result<Member, JoinError> {
        Member::join(Segment::create(
            name,
            len.saturating_add(size_of::<Table>() + crate::header::HEADER_LEN),
        )?)
    }

    /// Joins the segment that another process [shared](Segment::share), or returns the membership that this process has.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn attach(reference: SegmentRef) -> Result<Member, JoinError> {
        let known = find(&JOINED.lock(), reference.cookie);
        known.map_or_else(|| Member::join(Segment::attach(reference)?), Ok)
    }

    /// The segment.
    #[inline]
    pub fn segment(&self) -> &Segment {
        &self.joined.segment
    }

    /// How many members there are, this one included. Others may come and go meanwhile.
    pub fn count(&self) -> usize {
        self.joined.table().present().filter(|&peer| !self.is_dead(peer)).count()
    }
}

impl Census for Member {
    #[inline(always)]
    fn me(&self) -> PeerId {
        match PeerId::from_word(self.joined.mark.get()) {
            Some(me) => me,
            None => forked(),
        }
    }

    fn is_dead(&self, peer: PeerId) -> bool {
        self.joined.is_dead(peer)
    }

    fn noticed(&self) -> u32 {
        self.joined.table().ended()
    }

    fn deaths(&self) -> u32 {
        let table = self.joined.table();
        for peer in table.present() {
            // Notes the deaths that it finds.
            self.joined.is_dead(peer);
        }
        table.ended()
    }
}

/// This process's membership of a segment among those that are held, but for those of the process that it was forked from.
fn find(joined: &[(u64, std::sync::Weak<Joined>)], cookie: u64) -> Option<Member> {
    let of_segment = joined.iter().filter(|(of, _)| *of == cookie);
    of_segment
        .filter_map(|(_, known)| known.upgrade())
        .find(|known| known.mark.get() != 0)
        .map(|joined| Member { joined })
}

#[cold]
fn forked() -> ! {
    panic!("this process was forked from the member of the segment: a child has to attach by itself")
}

impl Joined {
    #[inline]
    fn table(&self) -> &Table {
        // SAFETY: `find_table` allocated it, as a `Table`, and `enter` has resolved it before.
        unsafe { self.segment.get(self.table) }.expect("resolved before")
    }

    fn is_dead(&self, peer: PeerId) -> bool {
        let table = self.table();
        if table.has_ended(peer) {
            return true;
        }
        if peer == self.me {
            return false;
        }
        match os::is_byte_locked(self.segment.fd(), peer.slot() as u32) {
            Ok(false) => {
                table.end(peer);
                true
            }
            // An error proves nothing.
            Ok(true) | Err(_) => false,
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if self.mark.get() == 0 {
            // A forked child: the stay is its parent's, and it never had the mapping, whose addresses may be another's now.
            core::mem::forget(self.lock.take());
            return;
        }
        self.table().end(self.me);
    }
}

/// The segment's table of peers, which the first who joins allocates.
fn find_table(segment: &Segment) -> Result<Offset<Table>, JoinError> {
    let place = &segment.header().peers;
    if let Some(at) = place.get() {
        return checked(segment, at);
    }
    let at = segment.arena().reserve::<Table>().map_err(|source| JoinError::NoRoom { source })?;
    // Of two that come at once one has allocated for nothing.
    checked(segment, place.set(at))
}

fn checked(segment: &Segment, at: NonZeroU64) -> Result<Offset<Table>, JoinError> {
    let table = Offset::new(at.get());
    segment.ptr(table).map_err(|source| JoinError::Table { source })?;
    Ok(table)
}

/// Takes a slot of the table.
fn enter(segment: Segment, at: Offset<Table>) -> Result<Joined, JoinError> {
    let system = |source| JoinError::Os { source };
    let own = os::reopen(segment.fd()).map_err(system)?;
    // SAFETY: as in `Joined::table`.
    let table = unsafe { segment.get(at) }.expect("just checked");
    // At first only slots that look free; then also those whose peers may be dead.
    let slots = (0..SLOTS).filter(|&slot| table.looks_free(slot)).chain(0..SLOTS);
    for slot in slots {
        if !os::lock_byte(&own, slot as u32).map_err(system)? {
            continue;
        }
        match table.enter(slot) {
            Entered::Full => os::unlock_byte(&own, slot as u32).map_err(system)?,
            Entered::As(me) => {
                let kept = keep_open(&own).and_then(|lock| Ok((lock, Mark::new(me.word())?)));
                let (lock, mark) = kept.map_err(|source| {
                    table.end(me);
                    JoinError::Os { source }
                })?;
                return Ok(Joined { mark, table: at, segment, me, lock: Some(lock) });
            }
        }
    }
    Err(JoinError::TooMany { max: SLOTS })
}

/// Maps a page, which keeps the file description open without a descriptor: closing descriptors, as some programs do with all they
/// find, does not release the lock then, and a forked child does not keep it.
pub(crate) fn keep_open(own: &std::os::fd::OwnedFd) -> io::Result<MmapRaw> {
    let lock = MmapOptions::new().len(1).map_raw_read_only(own)?;
    lock.advise(Advice::DontFork)?;
    Ok(lock)
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("segment", &self.joined.segment).field("me", &self.joined.me).finish()
    }
}

/// Why a segment could not be joined.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It could not be created.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Every slot is taken by a process that lives.
    #[error("the segment has {max} members already")]
    TooMany {
        /// How many there can be.
        max: usize,
    },
    /// The segment has no room left for a table of members.
    #[error("the segment has no room for a table of members")]
    NoRoom {
        /// What the arena said.
        source: AllocError,
    },
    /// The table is not where the header says.
    #[error("the segment's table of members is damaged")]
    Table {
        /// What is wrong with the place.
        source: BoundsError,
    },
    /// The system refused: `/proc` is not mounted, or there are no descriptors left.
    #[error("the system cannot lock a byte of the segment")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}
