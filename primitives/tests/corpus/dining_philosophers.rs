//! Dijkstra's philosophers, each of whom takes the left fork and then the right one: all have one, and nobody eats.
//!
//! Repaired by an order of the forks. loom finds it with three philosophers, shuttle with five.

use crate::scenarios::team;
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;

pub fn dining_philosophers(broken: bool, philosophers: u32) {
    let forks: Arc<Vec<_>> = Arc::new((0..philosophers).map(|_| Mutex::new(0)).collect());
    team(philosophers, &forks, move |forks, me| {
        let (left, right) = (me, (me + 1) % philosophers);
        let (first, second) = if broken { (left, right) } else { (left.min(right), left.max(right)) };
        let mut first = forks[first as usize].lock();
        let mut second = forks[second as usize].lock();
        *first += 1;
        *second += 1;
    });
}
