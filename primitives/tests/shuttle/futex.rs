//! The futex itself.

use crate::*;

#[test]
fn wakes() {
    check("futex", futex_wakes);
}
