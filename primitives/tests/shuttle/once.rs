//! Once, OnceLock, LazyLock.

use crate::*;

#[test]
fn runs_once() {
    check("once", || once_runs_once(5));
    check("once, first fails", || once_fails_first(5));
    check("once, awaited", || once_is_awaited(4));
    check("once lock", || once_lock_publishes(4));
    check("lazy lock", || lazy_lock_is_made_once(4));
    check_all("once lock, read", 1, once_lock_is_read);
}
