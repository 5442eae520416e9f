//! Locks at work: a bank whose accounts are behind locks, a teller who takes turns, a ledger that locks itself again.
//!
//! `cargo run -p heddle-primitives --example locks`

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod program {
    use heddle_primitives::sync::{Arc, thread};
    use heddle_primitives::{FairMutex, Mutex, MutexGuard, RawMutex, ReentrantMutex};
    use std::cell::RefCell;
    use std::time::Duration;

    const ACCOUNTS: usize = 4;
    const START: i64 = 100;
    const TRANSFERS: usize = 1_000;

    struct Bank {
        accounts: [Mutex<i64>; ACCOUNTS],
        /// Locked again by whoever writes several lines at once.
        ledger: ReentrantMutex<RefCell<Vec<String>>>,
        /// Each teller in turn, however busy the others are.
        served: FairMutex<[u64; 3]>,
    }

    impl Bank {
        /// Locks in the order of the accounts, so that no two transfers wait for each other.
        fn transfer(&self, from: usize, to: usize, amount: i64) {
            let (low, high) = (from.min(to), from.max(to));
            let mut first = self.accounts[low].lock();
            let mut second = self.accounts[high].lock();
            let (source, target) =
                if from < to { (&mut first, &mut second) } else { (&mut second, &mut first) };
            **source -= amount;
            **target += amount;
        }

        fn note(&self, line: String) {
            self.ledger.lock().borrow_mut().push(line);
        }

        fn close_the_day(&self, teller: usize) {
            let _together = self.ledger.lock();
            self.note(format!("teller {teller}"));
            self.note("done".into());
        }
    }

    pub fn run() {
        let bank = Arc::new(Bank {
            accounts: [const { Mutex::new(START) }; ACCOUNTS],
            ledger: ReentrantMutex::new(RefCell::new(Vec::new())),
            served: FairMutex::new_fair([0; 3]),
        });
        let tellers: Vec<_> = (0..3)
            .map(|teller| {
                let bank = bank.clone();
                thread::spawn(move || {
                    for n in 0..TRANSFERS {
                        bank.transfer((n + teller) % ACCOUNTS, (n + teller + 1 + n % 2) % ACCOUNTS, 1);
                        let mut served = MutexGuard::map(bank.served.lock(), |all| &mut all[teller]);
                        *served += 1;
                    }
                    bank.close_the_day(teller);
                })
            })
            .collect();
        tellers.into_iter().for_each(|teller| teller.join().unwrap());

        let total: i64 = bank.accounts.iter().map(|account| *account.lock()).sum();
        assert_eq!(total, START * ACCOUNTS as i64);
        assert_eq!(*bank.served.lock(), [TRANSFERS as u64; 3]);
        let ledger = bank.ledger.lock();
        assert!(ledger.borrow().chunks(2).all(|lines| lines[0].starts_with("teller") && lines[1] == "done"));

        // A lock that does not come in time is given up.
        let vault = Arc::new(Mutex::new("gold"));
        let held = vault.lock_arc();
        let impatient = thread::spawn({
            let vault = vault.clone();
            move || vault.try_lock_for(Duration::from_millis(1)).is_none()
        });
        assert!(impatient.join().unwrap());
        drop(held);

        // The same algorithm under the field's common types.
        let shared: lock_api::Mutex<RawMutex, u32> = lock_api::Mutex::new(1);
        *shared.lock() += 1;
        assert_eq!(*shared.lock(), 2);
        println!("{total} in {ACCOUNTS} accounts, {} lines in the ledger", ledger.borrow().len());
    }
}

fn main() {
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    program::run();
}
