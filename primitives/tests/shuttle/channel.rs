//! Channels.

use crate::broken::channel::{ChannelBug, channel_beside, channel_meeting};
use crate::*;

/// As [`check`], with a third of the schedules: a channel's programs are long, and so is each schedule.
pub fn check_long(name: &str, model: impl Fn() + Clone + Send + Sync + 'static) {
    const SOME: usize = SCHEDULES / 3;
    for spurious in [None, Some(0), Some(1)] {
        explore_spurious(spurious);
        let random = run(RandomScheduler::new_from_seed(SEED, SOME), model.clone());
        assert_eq!(random.unwrap_or_else(|failure| panic!("{name}, random: {failure:?}")), SOME);
        let pct = run(PctScheduler::new_from_seed(SEED, 3, SOME), model.clone());
        assert_eq!(pct.unwrap_or_else(|failure| panic!("{name}, PCT: {failure:?}")), SOME);
    }
    explore_spurious(None);
}

#[test]
fn passes_values() {
    for capacity in [Some(0), Some(1), None] {
        check_long("channel", move || channel_send_recv(capacity, 2, 1, 2));
    }
    check_long("channel time-out", || channel_times_out_or_delivers(Some(1)));
    check_long("channel, impatient", || channel_time_out_strands_nobody(Some(0)));
}

#[test]
fn closes() {
    check_long("channel close, 0", || channel_closes_while_a_sender_waits(Some(0)));
    check_long("channel close, 1", || channel_closes_while_a_sender_waits(Some(1)));
    check_long("channel, receiver leaves", || channel_receiver_leaves(None, 3));
}

#[test]
fn selects() {
    check_long("channel, select of two", || channel_select_of_two(Some(1)));
    check_long("channel, select against select", channel_select_meets_select);
    check_long("channel, select times out", || channel_select_times_out(0));
    check_long("channel, select beside a receiver", channel_select_beside_a_receiver);
}

#[test]
fn planted_bugs_are_found() {
    for bug in [ChannelBug::WakesBeforePublishing, ChannelBug::LooksBeforeRegistering] {
        finds(&format!("small channel, {bug:?}"), "deadlock", move || channel_beside(bug));
    }
    finds("small channel, looks before ending", "deadlock", || {
        channel_meeting(ChannelBug::LooksBeforeEnding, false)
    });
    finds("small channel, leaves unasked", "differ", || channel_meeting(ChannelBug::LeavesUnasked, true));
}
