//! What the words say: the protocol step by step, with waiters that are only counted.

use super::*;
use crate::Shared;

/// A lock that is held and has `waiters` that never come.
fn held<H: Handover>(waiters: u32) -> RawMutex<Private, H> {
    let raw = RawMutex::new_raw();
    assert!(raw.acquire_fast());
    raw.futex.word().fetch_add(waiters * WAITER, Ordering::Relaxed);
    raw
}

fn word<H: Handover>(raw: &RawMutex<Private, H>) -> u32 {
    raw.futex.word().load(Ordering::Relaxed)
}

#[test]
fn a_fair_unlock_reserves_only_where_somebody_waits() {
    let raw = held::<Barging>(0);
    raw.release_fair();
    assert_eq!(word(&raw), 0);
    let raw = held::<Barging>(1);
    raw.release_fair();
    assert_eq!(word(&raw), WAITER | TURN | RESERVED);
    assert!(raw.is_taken() && !raw.try_acquire());
}

#[test]
fn newcomers_stand_back_but_not_for_ever() {
    let raw = held::<Fair>(1);
    raw.release();
    let before = word(&raw);
    assert!(!raw.acquire_slow(Some(Instant::now() + STAND_BACK / 4)));
    assert_eq!(word(&raw) & !SLEEPERS, before);
    assert!(raw.acquire_slow(None));
    assert_eq!(word(&raw) & (LOCKED | RESERVED | FULL), LOCKED | WAITER);
}

#[test]
fn who_waits_takes_the_next_turn_at_once() {
    let first = reserved(WAITER);
    let mut me = Waiter::new();
    assert!(!me.may_take(first) && me.may_take(WAITER));
    let now = Waiter::counted(first);
    me.is_counted(first, now);
    assert!(me.counted && !me.may_take(now));
    assert!(!me.may_take(now | LOCKED));
    assert!(me.may_take(reserved(now)));
    // Seen once, and so for good.
    assert!(me.may_take(now));
}

#[test]
fn turns_wrap_and_touch_nothing_else() {
    let before = (3 * WAITER) | SLEEPERS;
    let mut seen = before;
    for _ in 0..=TURNS / TURN {
        seen = reserved(seen) & !RESERVED;
    }
    assert_eq!(seen, before);
}

#[test]
fn the_last_to_leave_takes_all_marks_along() {
    let me = Waiter { counted: true, slept: true, barred: None };
    assert_eq!(me.taken(reserved(WAITER | SLEEPERS)), LOCKED);
    assert_eq!(me.gone(reserved(WAITER | SLEEPERS | LOCKED)), LOCKED);
    assert_eq!(me.taken(2 * WAITER), WAITER | SLEEPERS | LOCKED);
}

#[test]
fn sleepers_are_kept_where_nobody_has_been_woken_for_them() {
    let spinner = Waiter { counted: true, slept: false, barred: None };
    // After a plain unlock one sleeper is on its way; a reserved lock may have sleepers that came after the unlock.
    assert_eq!(spinner.taken((2 * WAITER) | SLEEPERS), WAITER | LOCKED);
    assert_eq!(spinner.taken((2 * WAITER) | SLEEPERS | RESERVED), WAITER | SLEEPERS | LOCKED);
    let raw = held::<Fair>(2);
    raw.futex.word().fetch_add(SLEEPERS, Ordering::Relaxed);
    raw.release();
    assert_eq!(word(&raw), (2 * WAITER) | TURN | RESERVED);
}

#[test]
fn more_waiters_than_can_be_counted_still_get_the_lock() {
    let raw = held::<Fair>(FULL / WAITER);
    assert!(!raw.acquire_slow(Some(Instant::now() + Duration::from_micros(50))));
    assert_eq!(word(&raw), FULL | LOCKED);
    raw.futex.word().fetch_sub(LOCKED, Ordering::Relaxed);
    assert!(raw.acquire_slow(None));
    assert_eq!(word(&raw), FULL | LOCKED);
}

#[test]
fn layout_is_one_word() {
    assert_eq!(size_of::<RawMutex<Shared>>(), 4);
}
