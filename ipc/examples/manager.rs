//! A manager's dictionary, filled by several processes: the `Manager` of Python's tutorials.

use heddle_ipc::manager::{Dict, Manager};
use heddle_ipc::process::Process;

fn square((squares, n): (Dict<u64, u64>, u64)) -> u64 {
    squares.insert(&n, &(n * n)).expect("the manager lives");
    n
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manager = Manager::start()?;
    let squares: Dict<u64, u64> = manager.dict()?;

    // A proxy travels like any other argument.
    let processes: Vec<Process<u64>> =
        (0..5).map(|n| Process::spawn(square, (squares.clone(), n))).collect::<Result<_, _>>()?;
    for process in processes {
        process.join()?;
    }

    let mut items = squares.items()?;
    items.sort_unstable();
    for (n, square) in &items {
        println!("{n}^2 = {square}");
    }
    assert_eq!(items, [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]);
    Ok(())
}
