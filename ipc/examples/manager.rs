//! A manager's dictionary, filled by several processes: the `Manager` of Python's tutorials.

use heddle_ipc::Workers;
use heddle_ipc::manager::{Dict, Manager};

/// The manager's name travels as plain data.
type Name = [u8; 48];

fn square(task: (Name, u64)) -> u64 {
    let (name, n) = task;
    let name = core::str::from_utf8(&name).expect("ASCII").trim_end();
    let manager = Manager::connect(name).expect("the parent holds it");
    let squares: Dict<u64, u64> = manager.lookup("squares").expect("published");
    squares.insert(&n, &(n * n)).expect("the manager lives");
    n
}

/// Tasks take plain data: two words beside each other are.
fn task([a, b, c, d, e, f, n]: [u64; 7]) -> u64 {
    let mut name = [0; 48];
    for (bytes, word) in name.chunks_exact_mut(8).zip([a, b, c, d, e, f]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    square((name, n))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manager = Manager::start()?;
    let squares: Dict<u64, u64> = manager.dict()?;
    manager.publish("squares", &squares)?;

    let mut words = [0; 7];
    let name = format!("{:48}", manager.name());
    for (word, bytes) in words.iter_mut().zip(name.as_bytes().chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into()?);
    }
    let workers = Workers::start(3)?;
    for n in 0..9 {
        words[6] = n;
        workers.call(n as usize % 3, task, words)?;
    }

    let mut items = squares.items()?;
    items.sort_unstable();
    for (n, square) in &items {
        println!("{n}^2 = {square}");
    }
    assert_eq!(items, (0..9).map(|n| (n, n * n)).collect::<Vec<_>>());
    Ok(())
}
