//! Once, OnceLock, LazyLock.

use crate::*;

#[test]
fn runs_once() {
    check("once", || once_runs_once(3));
    check("once, first fails", || once_fails_first(3));
    check("once, awaited", || once_is_awaited(2));
    check("lazy lock", || lazy_lock_is_made_once(3));
    check_all("once lock, read", 34, once_lock_is_read);
}
