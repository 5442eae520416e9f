//! The futex itself.

use crate::*;

#[test]
fn wakes() {
    check("futex", Complete, 6, futex_wakes);
}
