//! A mutex between processes whose owner is killed: the next one is told, repairs the data, and goes on.

use heddle_ipc::process::Process;
use heddle_ipc::sync::{Address, Event, LockError, Mutex};

/// Two accounts that always have 100 together, but for a moment.
type Accounts = [i64; 2];

fn transfer_and_die((accounts, half_done): (Address<Mutex<Accounts>>, Address<Event>)) {
    let accounts = Mutex::attach(accounts).expect("its maker lives");
    let mut both = accounts.lock().expect("nobody died");
    both[0] -= 30;
    Event::attach(half_done).expect("its maker lives").set();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (accounts, half_done) = (Mutex::new([50, 50])?, Event::new()?);
    let process = Process::spawn(transfer_and_die, (accounts.address(), half_done.address()))?;
    half_done.wait();
    process.kill()?;
    match accounts.lock() {
        Ok(_) => unreachable!("the owner is dead"),
        Err(LockError::OwnerDied(mut both)) => {
            println!("the owner died; the accounts are {:?}", *both);
            assert_eq!(*both, [20, 50]);
            both[1] = 100 - both[0];
            both.mark_consistent();
        }
        Err(error) => return Err(error.to_string().into()),
    }
    let both = accounts.lock().map_err(|error| error.to_string())?;
    println!("repaired: {:?}", *both);
    assert_eq!(*both, [20, 80]);
    Ok(())
}
