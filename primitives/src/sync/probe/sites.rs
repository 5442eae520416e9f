//! Which call sites a program reaches, for a list of all that can be changed.
//!
//! A line is a JSON object: `site` (`file:line:column`), `operation`, `orders`, and for a wake `many` (whether it may wake more
//! than one) and `after` (the site of the calling thread's last write to the word that it announces).

use super::Site;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Where the lines go, and what is there already: sites, operations and writes by address, orderings by number.
struct Listing {
    file: File,
    seen: HashSet<Key>,
}

type Key = (usize, usize, [u8; 2], usize);

static LISTING: OnceLock<Option<Mutex<Listing>>> = OnceLock::new();

std::thread_local! {
    /// The last write to each word by each thread of the program under test. The checkers run all of them on one thread.
    static WRITES: RefCell<HashMap<(usize, usize), Site>> = RefCell::default();
}

/// Opens the file that the environment names.
///
/// # Panics
/// If it cannot be opened.
pub(super) fn prepare() {
    listing();
}

#[inline]
fn listing() -> Option<&'static Mutex<Listing>> {
    LISTING
        .get_or_init(|| {
            let path = std::env::var_os("HEDDLE_SITES")?;
            let file = OpenOptions::new().append(true).create(true).open(&path);
            let file = file.unwrap_or_else(|error| panic!("HEDDLE_SITES: {error}"));
            Some(Mutex::new(Listing { file, seen: HashSet::new() }))
        })
        .as_ref()
}

/// Lists an operation with its orderings.
#[inline]
pub(super) fn reached(site: Site, operation: &'static str, orders: &[Ordering]) {
    let Some(listing) = listing() else { return };
    let number = |n: usize| orders.get(n).map_or(0, |order| *order as u8 + 1);
    let key = (address(site), operation.as_ptr().addr(), [number(0), number(1)], 0);
    list(listing, key, || {
        let orders: Vec<_> = orders.iter().map(|order| format!("{order:?}")).collect();
        serde_json::json!({ "site": site.to_string(), "operation": operation, "orders": orders })
    });
}

/// Remembers a write for the wake that may follow.
#[inline]
pub(super) fn written(site: Site, address: usize) {
    if listing().is_some() {
        WRITES.with_borrow_mut(|writes| writes.insert((thread(), address), site));
    }
}

/// Lists a wake.
#[inline]
pub(super) fn woken(site: Site, word: usize, n: u32) {
    let Some(listing) = listing() else { return };
    let after = WRITES.with_borrow(|writes| writes.get(&(thread(), word)).copied());
    let key = (address(site), 0, [u8::from(n > 1), 0], after.map_or(0, address));
    list(listing, key, || {
        serde_json::json!({
            "site": site.to_string(),
            "operation": "wake",
            "orders": [],
            "many": n > 1,
            "after": after.map(|site| site.to_string()),
        })
    });
}

fn address(site: Site) -> usize {
    std::ptr::from_ref(site).addr()
}

fn list(listing: &Mutex<Listing>, key: Key, line: impl FnOnce() -> serde_json::Value) {
    let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
    if listing.seen.insert(key) {
        // What cannot be listed shows as a site that is missing.
        let _ = writeln!(listing.file, "{}", line());
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn thread() -> usize {
    crate::sync::backend::current_index()
}

/// Real threads have maps of their own.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn thread() -> usize {
    0
}
