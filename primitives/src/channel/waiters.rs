//! Who waits at one side of a channel.

use super::context::{Chosen, Context, Sleeper};
use crate::mutex::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, fence, fence_after_rmw};
use std::ptr::null_mut;

/// The threads that wait at one side of a channel with a buffer, and a word that says whether there are any, which is all that
/// the other side looks at while nobody waits.
///
/// # Why no wake is lost
///
/// Let P publish (its exchange of the head or the tail is P1) and Q be about to sleep.
///
/// ```text
/// P1 exchange of tail or head           Q1 Q is in the list, present <- 1
/// P2 fence(SeqCst), or P1 is one (x86)  Q2 fence(SeqCst)
/// P3 load present                       Q3 load tail and head
/// P4 if 1: choose one in the list       Q4 if nothing new: sleep until chosen
/// ```
///
/// One of the fences is first. If P2 is, Q3 sees P1. If Q2 is, P3 sees Q1 or something later: Q is in the list, or somebody has
/// chosen it or it has left by itself. Without the fences both may read old values, and Q sleeps beside a full channel. Q looks
/// at the tail, not at the value's slot: a value whose push is claimed and not written counts as there.
///
/// Who was chosen and finds nothing (a third thread was faster) goes back into the list; the exchange of that third thread, or
/// of whoever comes after it, chooses the next.
#[derive(Debug)]
pub(super) struct Waiters {
    /// 0 if the list is empty. Changed under its lock.
    present: AtomicU32,
    list: Mutex<List>,
}

impl Waiters {
    pub fn new() -> Self {
        Self { present: AtomicU32::new(0), list: Mutex::new(List::default()) }
    }

    /// Chooses one that waits, for what the caller has just published by an exchange.
    #[inline(always)]
    pub fn notify(&self) {
        // P2. The exchange of the head or the tail was this thread's.
        fence_after_rmw();
        // ORDERING: ordered by the fence.
        if self.present.load(Ordering::Relaxed) != 0 {
            self.notify_one();
        }
    }

    #[cold]
    fn notify_one(&self) {
        let mut sleepers = Vec::new();
        self.change(|list| {
            list.alert_watchers(&mut sleepers);
            if let Some((_, sleeper)) = list.choose_one() {
                sleepers.push(sleeper);
            }
        });
        sleepers.into_iter().for_each(Sleeper::wake);
    }

    /// Ends all waits, because the channel was closed.
    pub fn disconnect(&self) {
        let mut sleepers = Vec::new();
        self.change(|list| list.disconnect(&mut sleepers));
        sleepers.into_iter().for_each(Sleeper::wake);
    }

    /// Adds a waiter, who looks once more at the channel before it sleeps.
    pub fn add(&self, context: &Arc<Context>, operation: u32, watch: bool) {
        self.change(|list| list.add(context, operation, null_mut(), watch));
        // ORDERING: Q2 above.
        fence(Ordering::SeqCst);
    }

    pub fn remove(&self, context: &Arc<Context>, operation: u32) {
        self.change(|list| list.remove(context, operation));
    }

    fn change<R>(&self, change: impl FnOnce(&mut List) -> R) -> R {
        let mut list = self.list.lock();
        let result = change(&mut list);
        let present = u32::from(!list.is_empty());
        // ORDERING: ordered by the caller's fence, or by nothing where waiters leave: who sees the old value looks into the
        // list in vain.
        self.present.swap(present, Ordering::Relaxed);
        result
    }
}

/// Threads that wait, the longest first.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Of these one is chosen at a time, for an operation that it is to complete.
    selectors: Vec<Entry>,
    /// All of these are told at every change.
    watchers: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// None where the thread waits at its packet, in a channel without a buffer.
    context: Option<Arc<Context>>,
    operation: u32,
    /// Where a value is handed over, in a channel without a buffer.
    pub packet: *mut (),
}

// SAFETY: what lies behind the packet's address is handed over by the rules of the channel without a buffer, which asks for
// `T: Send`; the rest is `Send`.
unsafe impl Send for Entry {}

impl Entry {
    fn is(&self, context: &Arc<Context>, operation: u32) -> bool {
        self.operation == operation && self.belongs_to(context)
    }

    fn belongs_to(&self, context: &Arc<Context>) -> bool {
        self.context.as_ref().is_some_and(|own| std::ptr::eq(&**own, &**context))
    }

    /// Ends the wait, unless it has ended otherwise. Who waits at its packet waits as long as it is in the list.
    fn choose(&self, chosen: Chosen) -> Option<Sleeper> {
        self.context.as_ref().map_or(Some(Sleeper::nobody()), |context| Context::choose(context, chosen))
    }
}

impl List {
    pub fn is_empty(&self) -> bool {
        self.selectors.is_empty() && self.watchers.is_empty()
    }

    pub fn add(&mut self, context: &Arc<Context>, operation: u32, packet: *mut (), watch: bool) {
        let entries = if watch { &mut self.watchers } else { &mut self.selectors };
        entries.push(Entry { context: Some(context.clone()), operation, packet });
    }

    /// Adds a thread that waits at its packet until somebody takes that out and makes it ready.
    pub fn add_packet(&mut self, packet: *mut ()) {
        self.selectors.push(Entry { context: None, operation: 0, packet });
    }

    /// Takes a packet out, unless somebody else has.
    pub fn remove_packet(&mut self, packet: *mut ()) -> bool {
        let at = self.selectors.iter().position(|entry| entry.context.is_none() && entry.packet == packet);
        at.map(|at| self.selectors.remove(at)).is_some()
    }

    /// Takes all such packets out.
    pub fn take_packets(&mut self) -> impl Iterator<Item = *mut ()> {
        self.selectors.extract_if(.., |entry| entry.context.is_none()).map(|entry| entry.packet)
    }

    /// Takes the entry out, unless somebody who chose it has.
    pub fn remove(&mut self, context: &Arc<Context>, operation: u32) -> Option<Entry> {
        for entries in [&mut self.selectors, &mut self.watchers] {
            if let Some(at) = entries.iter().position(|entry| entry.is(context, operation)) {
                return Some(entries.remove(at));
            }
        }
        None
    }

    /// Chooses the first whose wait has not ended otherwise.
    pub fn choose_one(&mut self) -> Option<(Entry, Sleeper)> {
        for at in 0..self.selectors.len() {
            let entry = &self.selectors[at];
            if let Some(sleeper) = entry.choose(Chosen::Operation(entry.operation)) {
                return Some((self.selectors.remove(at), sleeper));
            }
        }
        None
    }

    /// Whether there is one to choose other than `context`.
    pub fn can_choose(&self, context: Option<&Arc<Context>>) -> bool {
        self.selectors.iter().any(|entry| {
            !context.is_some_and(|own| entry.belongs_to(own))
                && entry.context.as_ref().is_none_or(|context| context.chosen().is_none())
        })
    }

    pub fn alert_watchers(&mut self, sleepers: &mut Vec<Sleeper>) {
        sleepers.extend(
            self.watchers.drain(..).filter_map(|entry| entry.choose(Chosen::Operation(entry.operation))),
        );
    }

    /// Entries stay until their owners take them out.
    pub fn disconnect(&mut self, sleepers: &mut Vec<Sleeper>) {
        sleepers.extend(self.selectors.iter().filter_map(|entry| entry.choose(Chosen::Disconnected)));
        self.alert_watchers(sleepers);
    }
}
