//! What a pool's threads share without a lock.

use std::sync::Arc;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use super::memory::{Floor, Parcels};

/// The shared memory, and what was made of it so far.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) floor: Floor,
    pub(crate) parcels: Arc<Parcels>,
    /// For each worker the [`news`](super::station::Station::news) that were dealt with. Written under the pool's lock.
    noted: Box<[AtomicU64]>,
    /// Deaths, and what else no worker announces.
    alarms: AtomicU64,
    /// Alarms that were dealt with. Written under the pool's lock.
    heeded: AtomicU64,
}

impl Base {
    pub(crate) fn new(floor: Floor, stations: usize) -> Base {
        Base {
            floor,
            parcels: Arc::default(),
            noted: (0..stations).map(|_| AtomicU64::new(0)).collect(),
            alarms: AtomicU64::new(0),
            heeded: AtomicU64::new(0),
        }
    }

    /// Whether there is anything to deal with: a hint, for who does not hold the lock.
    #[inline]
    pub(crate) fn news(&self) -> bool {
        (0..self.noted.len()).any(|rank| self.news_of(rank))
            // ORDERING: Relaxed, both: a hint.
            || self.alarms.load(Ordering::Relaxed) != self.heeded.load(Ordering::Relaxed)
    }

    /// Whether this worker has published anything that was not dealt with.
    #[inline]
    pub(crate) fn news_of(&self, rank: usize) -> bool {
        // ORDERING: Relaxed: a hint.
        self.floor.station(rank).news() != self.noted[rank].load(Ordering::Relaxed)
    }

    /// Notes that so much was dealt with. Under the lock.
    #[inline]
    pub(crate) fn note(&self, rank: usize, news: u64) {
        // ORDERING: Relaxed: see `news`.
        self.noted[rank].store(news, Ordering::Relaxed);
    }

    /// Has everybody look around: something happened that no worker announces.
    pub(crate) fn alarm(&self) {
        // ORDERING: Release: pairs with the Acquire load in `heed`: what happened is seen by who deals with it.
        self.alarms.fetch_add(1, Ordering::Release);
        self.floor.bell().alarm();
    }

    /// Whether there was an alarm since the last call. Under the lock.
    #[inline]
    pub(crate) fn heed(&self) -> bool {
        // ORDERING: Acquire: pairs with `alarm`.
        let alarms = self.alarms.load(Ordering::Acquire);
        // ORDERING: Relaxed, here and below: only the lock's holder writes it.
        let due = alarms != self.heeded.load(Ordering::Relaxed);
        if due {
            self.heeded.store(alarms, Ordering::Relaxed);
        }
        due
    }
}
