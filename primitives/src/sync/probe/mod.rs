//! What a verification build knows of each call of the facade: where it is made, what is changed about it, what it did.
//!
//! Compiled under `--cfg heddle_loom`, `heddle_shuttle` or `heddle_mutants` only. Settings are environment variables that are
//! read once, before the program under test starts its threads:
//!
//! - `HEDDLE_SITES=FILE`: appends a line for each call site that is reached ([`sites`]);
//! - `HEDDLE_MUTANT=SITE=CHANGE`: changes what one site does ([`mutant`]);
//! - the checkers keep a [`trace`] of the current execution, and stop threads that are to [die](death).

#[cfg(any(heddle_loom, heddle_shuttle))]
pub(crate) mod death;
pub(crate) mod mutant;
pub(crate) mod sites;
#[cfg(any(heddle_loom, heddle_shuttle))]
pub(crate) mod trace;

use std::panic::Location;
use std::sync::atomic::Ordering;

pub(crate) type Site = &'static Location<'static>;

/// Reads the settings. Whoever starts a program under test calls it first: reading them later, from several threads, would
/// order these.
pub(crate) fn prepare() {
    mutant::chosen();
    sites::prepare();
}

/// Stops a thread whose time has come.
#[inline]
fn die_if_due() {
    #[cfg(any(heddle_loom, heddle_shuttle))]
    death::step();
}

/// The ordering of a load at the caller's site.
#[track_caller]
#[inline]
pub(crate) fn load(order: Ordering) -> Ordering {
    die_if_due();
    let site = Location::caller();
    sites::reached(site, "load", &[order]);
    mutant::changed(site).map_or(order, |change| change.of_read(order))
}

/// The ordering of a store at the caller's site.
#[track_caller]
#[inline]
pub(crate) fn store(address: usize, order: Ordering) -> Ordering {
    die_if_due();
    let site = Location::caller();
    sites::reached(site, "store", &[order]);
    sites::written(site, address);
    mutant::before_write(site, address);
    mutant::changed(site).map_or(order, |change| change.of_write(order))
}

/// The ordering of the read-modify-write `operation` at the caller's site.
#[track_caller]
#[inline]
pub(crate) fn rmw(operation: &'static str, address: usize, order: Ordering) -> Ordering {
    die_if_due();
    let site = Location::caller();
    sites::reached(site, operation, &[order]);
    sites::written(site, address);
    mutant::before_write(site, address);
    mutant::changed(site).map_or(order, |change| change.of_exchange(order))
}

/// The orderings of a compare-and-exchange at the caller's site: on success, on failure.
#[track_caller]
#[inline]
pub(crate) fn exchange(address: usize, success: Ordering, failure: Ordering) -> (Ordering, Ordering) {
    die_if_due();
    let site = Location::caller();
    sites::reached(site, "compare_exchange", &[success, failure]);
    sites::written(site, address);
    mutant::before_write(site, address);
    match mutant::changed(site) {
        None => (success, failure),
        Some(mutant::Change::NoFailureAcquire) => (success, Ordering::Relaxed),
        Some(change) => (change.of_exchange(success), failure),
    }
}

/// The ordering of a fence at the caller's site, if there is still one.
#[track_caller]
#[inline]
pub(crate) fn fence(order: Ordering) -> Option<Ordering> {
    die_if_due();
    let site = Location::caller();
    sites::reached(site, "fence", &[order]);
    mutant::changed(site).map_or(Some(order), |change| change.of_fence(order))
}

/// How many sleepers a wake at the caller's site may wake; `address` is the word's.
#[track_caller]
#[inline]
pub(crate) fn wake(address: usize, n: u32) -> u32 {
    die_if_due();
    let site = Location::caller();
    sites::woken(site, address, n);
    mutant::changed(site).map_or(n, |change| change.of_wake(n))
}
