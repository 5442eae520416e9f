//! The account that is looked at under its lock, and drawn from under its lock, but not under one and the same: overdrawn.
//!
//! loom and shuttle find it. There is no data race, so nothing that looks for races alone can.

use crate::scenarios::team;
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;

pub fn check_then_act(broken: bool) {
    let account = Arc::new(Mutex::new(1));
    team(2, &account, move |account, _| {
        let mut balance = account.lock();
        let enough = *balance >= 1;
        if broken {
            drop(balance);
            balance = account.lock();
        }
        if enough {
            *balance -= 1;
        }
    });
    assert!(*account.lock() >= 0, "the account is overdrawn");
}
