//! The queue of tasks that come out once more if whoever had one dies.

use std::time::Duration;

use heddle_ipc::queue::JoinableQueue;

use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::tracer::traced;

/// A death from getting a task to having done it.
pub struct Task;

struct Working(JoinableQueue<u64>);

impl Operation for Task {
    fn name(&self) -> &'static str {
        "joinable_queue::task"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        let queue = JoinableQueue::new(4).expect("a segment");
        (0..2).for_each(|n| queue.put(n).expect("room"));
        Box::new(Working(queue))
    }
}

impl Working {
    fn attach(&self) -> JoinableQueue<u64> {
        JoinableQueue::attach(self.0.address()).expect("its maker lives")
    }
}

impl Scene for Working {
    fn victim(&self) {
        let queue = self.attach();
        let got = traced(|| queue.get().map(|task| *task));
        assert_eq!(got, Ok(0));
    }

    /// The task comes out once more, unless it was done; and when all are done, whoever waits for that goes on.
    fn check(&self, death: Death) -> Found {
        let queue = self.attach();
        let mut again = Vec::new();
        while !queue.join_timeout(Duration::ZERO) {
            again.push(*queue.get_timeout(self.limit()).expect("a task is left"));
        }
        again.sort_unstable();
        assert!(again == [1] || (again == [0, 1] && !death.complete), "{again:?}");
        if again.len() == 2 { Found::Repaired } else { Found::Whole }
    }
}
