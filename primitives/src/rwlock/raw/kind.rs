//! The bits of the word, and the ways to take the lock in their terms.

use std::num::NonZeroU32;

/// Somebody has the lock for itself.
pub(super) const WRITER: u32 = 1;
/// Somebody has an upgradable read lock.
pub(super) const UPGRADABLE: u32 = 1 << 1;
/// With `UPGRADABLE`: its holder waits for the readers to leave, and no new ones come in.
pub(super) const DRAINING: u32 = 1 << 2;
/// Readers may sleep.
pub(super) const READERS_QUEUED: u32 = 1 << 3;
/// A writer has queued: no new readers come in.
pub(super) const WRITERS_QUEUED: u32 = 1 << 4;
/// Upgradable readers may sleep.
pub(super) const UPGRADABLES_QUEUED: u32 = 1 << 5;
/// Unlocked fairly: whoever has not slept lets those go first who have.
pub(super) const HANDED: u32 = 1 << 6;
/// One reader; they are counted in the bits above.
pub(super) const READER: u32 = 1 << 7;
/// So many readers that the next one panics. As many again fit: those who come at the same time and find out too late.
pub(super) const FULL: u32 = 1 << 31;

pub(super) const READERS: u32 = !(READER - 1);
pub(super) const QUEUED: u32 = READERS_QUEUED | WRITERS_QUEUED | UPGRADABLES_QUEUED;

/// What each class sleeps as.
pub(super) const AS_READER: NonZeroU32 = NonZeroU32::new(1).unwrap();
pub(super) const AS_WRITER: NonZeroU32 = NonZeroU32::new(2).unwrap();
pub(super) const AS_UPGRADABLE: NonZeroU32 = NonZeroU32::new(4).unwrap();
pub(super) const AS_UPGRADER: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// A way of taking the lock.
pub(super) struct Kind {
    /// What taking the lock adds to the word.
    pub(super) taken: u32,
    /// Each of these bits keeps out who has just come.
    pub(super) blocked: u32,
    /// Those that still do once one has slept and was woken.
    pub(super) blocked_woken: u32,
    /// Set before going to sleep.
    pub(super) queued: u32,
    /// Set on taking the lock after having queued: a wake goes to one of the class, so others may be asleep.
    pub(super) others: u32,
    pub(super) class: NonZeroU32,
}

pub(super) const READ: Kind = Kind {
    taken: READER,
    blocked: WRITER | DRAINING | WRITERS_QUEUED | HANDED,
    blocked_woken: WRITER | DRAINING,
    queued: READERS_QUEUED,
    others: 0,
    class: AS_READER,
};

pub(super) const READ_RECURSIVE: Kind = Kind { blocked: WRITER, blocked_woken: WRITER, ..READ };

pub(super) const WRITE: Kind = Kind {
    taken: WRITER,
    blocked: WRITER | UPGRADABLE | READERS | HANDED,
    blocked_woken: WRITER | UPGRADABLE | READERS,
    queued: WRITERS_QUEUED,
    others: WRITERS_QUEUED,
    class: AS_WRITER,
};

pub(super) const READ_UPGRADABLE: Kind = Kind {
    taken: UPGRADABLE,
    blocked: WRITER | UPGRADABLE | WRITERS_QUEUED | HANDED,
    blocked_woken: WRITER | UPGRADABLE,
    queued: UPGRADABLES_QUEUED,
    others: UPGRADABLES_QUEUED,
    class: AS_UPGRADABLE,
};
