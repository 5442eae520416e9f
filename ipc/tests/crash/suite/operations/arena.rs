//! A segment's memory, of which a death may waste a piece.

use std::sync::Arc;

use heddle_ipc::{Offset, Segment};

use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::tracer::traced;

const LEN: usize = 1 << 14;
/// Bytes of each piece; the arena begins each at a multiple of 128.
const PIECE: usize = 100;

/// A death at taking a piece.
pub struct Alloc;

struct Allocating {
    segment: Arc<Segment>,
    before: Offset<[u8]>,
}

impl Operation for Alloc {
    fn name(&self) -> &'static str {
        "arena::alloc"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast]
    }

    fn prepare(&self, _: Path) -> Box<dyn Scene> {
        let segment = Segment::create("arena", LEN).expect("a segment");
        let before = segment.arena().alloc::<u8>(PIECE).expect("room");
        Box::new(Allocating { segment: Arc::new(segment), before })
    }
}

impl Scene for Allocating {
    fn victim(&self) {
        let segment = Segment::open(self.segment.fd()).expect("a segment");
        let piece = traced(|| segment.arena().alloc::<u8>(PIECE));
        assert!(piece.is_ok());
    }

    /// The next piece is nobody else's, and at most one is wasted.
    fn check(&self, death: Death) -> Found {
        let next = self.segment.arena().alloc::<u8>(PIECE).expect("room").at();
        let wasted = (next - self.before.at()) / 128 - 1;
        assert!(wasted == 1 || (wasted == 0 && !death.complete), "{wasted} pieces between");
        assert!(self.segment.slice(self.before).is_ok());
        Found::Whole
    }
}
