//! A segment's header: published once, and its memory divided up.

use crate::*;
use heddle_ipc::model::SegmentHeader;
use heddle_primitives::sync::{Arc, thread};
use std::num::NonZeroU64;

const LEN: u64 = 1024;

/// Whoever sees that a header is published sees all of it.
#[test]
fn published_whole() {
    complete("publish and check", 6).check(|| {
        let header = Arc::new(SegmentHeader::new());
        let other = thread::spawn({
            let header = header.clone();
            move || header.publish(LEN, 7)
        });
        if let Some(cookie) = header.check(LEN) {
            assert_eq!(cookie, 7);
            assert_eq!(header.take(NonZeroU64::MIN, 128, LEN), Some(128));
        }
        other.join().unwrap();
        assert_eq!(header.check(LEN), Some(7));
    });
}

/// Pieces do not overlap, and lie within the segment.
#[test]
fn pieces_are_disjoint() {
    complete("two allocate", 295).check(|| {
        let header = Arc::new(SegmentHeader::new());
        header.publish(LEN, 7);
        let size = NonZeroU64::new(300).unwrap();
        let take = move |header: &SegmentHeader| [header.take(size, 128, LEN), header.take(size, 128, LEN)];
        let other = thread::spawn({
            let header = header.clone();
            move || take(&header)
        });
        let mine = take(&header);
        let mut all: Vec<u64> = mine.into_iter().chain(other.join().unwrap()).flatten().collect();
        all.sort_unstable();
        assert_eq!(all, [128, 512], "two pieces fit");
    });
}
