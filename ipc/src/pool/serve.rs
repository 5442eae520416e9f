//! What a worker of a pool does: one task after the other, off its station.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use heddle_primitives::sync::atomic::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::job::{self, Sink, Verdict};
use super::memory::{Delivered, Floor};
use super::station::{Answer, Begun, NOWHERE, ROOM, WorkerEnd};
use crate::segment::SegmentRef;
use crate::task::Call;
use crate::worker::{self, EXIT_BROKEN};

/// The heap that a worker keeps for its next large result.
const KEPT: usize = 1 << 20;

/// Where a worker works: plain data, for the task that the pool gives to each process of its [`Workers`](crate::Workers).
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Post {
    pub(crate) floor: SegmentRef,
    pub(crate) rank: u64,
    pub(crate) stations: u64,
    pub(crate) spin_ns: u64,
}

/// Serves until the station is closed. Ends the process if there is no station.
pub(crate) fn attend(post: Post) {
    let floor = match Floor::attach(post.floor, post.stations as usize) {
        Ok(floor) => floor,
        Err(error) => worker::give_up(EXIT_BROKEN, format_args!("no station: {error}")),
    };
    // SAFETY: the pool gives each station to one worker, and makes it fresh before it gives it to the next.
    let end = unsafe { WorkerEnd::new(floor.station(post.rank as usize), floor.bell()) };
    Servant { end, spin: Duration::from_nanos(post.spin_ns), room: [0; ROOM], spill: Vec::new() }.serve();
}

struct Servant<'f> {
    end: WorkerEnd<'f>,
    spin: Duration,
    room: [u8; ROOM],
    spill: Vec<u8>,
}

impl Servant<'_> {
    fn serve(&mut self) {
        while let Some(task) = self.end.next(self.spin) {
            let verdict = self.run(&task);
            self.answer(&task, verdict);
            if self.spill.capacity() > KEPT {
                self.spill = Vec::new();
            }
        }
    }

    /// Runs a task, and returns what became of it and the number of small bytes, if the bytes are not in the heap.
    fn run(&mut self, task: &Begun) -> (Verdict, Option<usize>) {
        let Servant { end, room, spill, .. } = self;
        let call = Call::from(task.call);
        // ORDERING: Relaxed: read after the process has ended, or by this thread.
        end.at_item().store(0, Ordering::Relaxed);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut sink = Sink::new(room, spill);
            let verdict = match task.argument {
                None => end.argument(task, |bytes| {
                    // SAFETY: the pool made it, of the same build as the handshake found.
                    unsafe { job::run(call, bytes, &mut sink, end.at_item()) }
                }),
                Some(place) => Delivered::attach(place).ok().and_then(|parcel| {
                    // SAFETY: the parcel is the task's until it is answered.
                    let bytes = unsafe { parcel.bytes(task.len) }?;
                    // SAFETY: as above.
                    Some(unsafe { job::run(call, bytes, &mut sink, end.at_item()) })
                }),
            };
            (verdict.unwrap_or(Verdict::BadArgument), sink.small())
        }));
        match ran {
            Ok(ran) => ran,
            Err(payload) => {
                let mut sink = Sink::new(room, spill);
                // A string's bytes as they are.
                let _ = sink.put_raw(worker::message(&*payload).as_bytes());
                // The payload's drop is the task's code too, and may panic.
                core::mem::forget(payload);
                (Verdict::Panicked, sink.small())
            }
        }
    }

    fn answer(&mut self, task: &Begun, (verdict, small): (Verdict, Option<usize>)) {
        // ORDERING: Relaxed: this thread's own.
        let item = self.end.at_item().load(Ordering::Relaxed);
        let answer = |verdict: Verdict, large, len| Answer { verdict: verdict as u32, large, len, item };
        match small {
            Some(len) => self.end.answer(answer(verdict, false, len as u64), &self.room[..len]),
            None => {
                let len = self.spill.len() as u64;
                let packed = self.pack(task);
                let verdict = if packed { verdict } else { Verdict::NoMemory };
                self.end.answer(answer(verdict, packed, len), &[]);
            }
        }
    }

    /// Puts the result into the segment that came with the task, or one that it asks for.
    fn pack(&mut self, task: &Begun) -> bool {
        let need = self.spill.len();
        let fitting = |place| {
            if place == NOWHERE {
                return None;
            }
            Delivered::attach(place).ok().filter(|parcel| parcel.capacity() >= need)
        };
        let room = match fitting(task.room) {
            Some(room) => Some(room),
            None => fitting(self.end.ask(need as u64, self.spin)),
        };
        let Some(room) = room else { return false };
        // SAFETY: it is this task's, and long enough, as just checked.
        unsafe { room.fill(&self.spill) };
        true
    }
}
