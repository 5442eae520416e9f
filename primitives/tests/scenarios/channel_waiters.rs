//! Several who wait at a channel on one side. A capacity of `None` is one without a limit.

use super::channel::channel;
use super::team;
use heddle_primitives::channel::*;
use heddle_primitives::sync::Arc;

/// Two who wait, to send or to receive, are both told of the end.
pub fn channel_end_is_told_to_all(capacity: Option<usize>, they_send: bool) {
    two_wait_and_a_third(capacity, they_send, false, |_, receiver| assert!(receiver.close()));
}

/// Two who wait are both served, while nobody leaves.
pub fn channel_serves_all_who_wait(capacity: Option<usize>, they_send: bool) {
    two_wait_and_a_third(capacity, they_send, true, move |sender, receiver| {
        for _ in 0..2 {
            if they_send {
                receiver.recv().unwrap();
            } else {
                sender.send(0).unwrap();
            }
        }
    });
}

/// Two send into a full channel, or receive from an empty one, and succeed or not, as `third` has it.
fn two_wait_and_a_third(
    capacity: Option<usize>,
    they_send: bool,
    succeed: bool,
    third: impl Fn(&Sender<u32>, &Receiver<u32>) + Clone + Send + 'static,
) {
    let ends = Arc::new(channel(capacity));
    if they_send {
        (0..ends.0.capacity().unwrap_or(0)).for_each(|_| ends.0.send(0).unwrap());
    }
    team(3, &ends, move |(sender, receiver), n| match n {
        2 => third(sender, receiver),
        _ if they_send => assert_eq!(sender.send(n).is_ok(), succeed),
        _ => assert_eq!(receiver.recv().is_ok(), succeed),
    });
}
