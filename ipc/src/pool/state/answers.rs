//! What workers publish, and what is left of them when they die.

use std::sync::Arc;

use super::{HINTS, ROOM_AHEAD, State};
use crate::lane::CallWords;
use crate::os;
use crate::pool::desk::{Flight, Readiness};
use crate::pool::job::Verdict;
use crate::pool::memory::Parcel;
use crate::pool::station::{Answer, Fate, NOWHERE, ROOM, Station};
use crate::pool::tasks::{Outcome, Stored, TaskKey};

impl State {
    /// Reads a worker's answers, and gives it room if it asks.
    pub(super) fn drain(&mut self, rank: usize) {
        let base = Arc::clone(&self.base);
        let station = base.floor.station(rank);
        let desk = &mut self.desks[rank];
        if desk.readiness == Readiness::Dead {
            return base.note(rank, station.news());
        }
        let (asked, need) = station.asked();
        let done = station.done();
        if done < desk.seen || done > desk.next {
            return self.distrust(rank, done);
        }
        let answers = done - desk.seen;
        let starved = done == desk.next;
        if answers > 0 && !(starved && self.pending.is_empty()) {
            desk.measure(answers, starved);
        }
        while self.desks[rank].seen < done {
            let seq = self.desks[rank].seen;
            let Flight { key, room } = core::mem::take(self.desks[rank].flight(seq));
            if let Some(key) = key {
                self.accept(station, seq, key, room);
            }
            self.desks[rank].seen += 1;
        }
        let desk = &mut self.desks[rank];
        if asked != desk.granted {
            self.grant(rank, station, asked, need);
        }
        base.note(rank, done.wrapping_add(asked));
        let desk = &mut self.desks[rank];
        if desk.readiness == Readiness::Retiring && desk.next == desk.seen {
            desk.readiness = Readiness::Leaving;
            station.close();
            desk.link.close();
        }
    }

    /// Reads one answer.
    #[inline]
    fn accept(&mut self, station: &Station, seq: u64, key: TaskKey, room: Option<Parcel>) {
        // SAFETY: `done` is above `seq`, and the cell is used again only after this.
        let Answer { verdict, large, len, item } = unsafe { station.answer(seq) };
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = if verdict == Verdict::NoMemory as u32 {
            Some(Stored::Missing(len))
        } else if large {
            room.filter(|parcel| size <= parcel.capacity()).map(|parcel| {
                self.remember(key, size);
                Stored::Parcel(parcel, size)
            })
        } else if size <= ROOM {
            // SAFETY: as above.
            Some(unsafe { station.result(seq, size, Stored::new) })
        } else {
            None
        };
        let outcome = match bytes {
            Some(bytes) => Outcome::Answered { verdict, item, bytes },
            None => Outcome::Garbage(format!("a result of {len} bytes, for which there is no room")),
        };
        self.finish(key, outcome);
    }

    /// A worker has written numbers that cannot be: it is ended, and with it its task.
    #[cold]
    fn distrust(&mut self, rank: usize, done: u64) {
        let desk = &self.desks[rank];
        let _ = os::kill(desk.link.pidfd());
        // Nothing it says is looked at until it has ended: then its station is what it was when this was last looked at.
        self.base.note(rank, self.base.floor.station(rank).news());
        let (seen, next) = (desk.seen, desk.next);
        if let Some(key) = self.desks[rank].flight(seen).key {
            let what = format!("its worker claims {done} answers, after {seen} and of {next}");
            self.finish(key, Outcome::Garbage(what));
        }
    }

    /// Gives a worker a segment for the result of the task that it is at.
    fn grant(&mut self, rank: usize, station: &Station, asked: u64, need: u64) {
        let desk = &mut self.desks[rank];
        desk.granted = asked;
        let room = usize::try_from(need).ok().and_then(|need| self.base.parcels.take(need).ok());
        let place = room.as_ref().map_or(NOWHERE, Parcel::place);
        if desk.seen < desk.next {
            desk.flight(desk.seen).room = room;
        }
        // SAFETY: under the lock nobody else grants; the request is newer than the last that was answered.
        unsafe { station.grant(asked, place) };
    }

    /// How large this function's results have been, if too large for a cell.
    pub(super) fn hint(&self, call: CallWords) -> Option<usize> {
        let (known, len) = self.hints[call.mix() % HINTS];
        (len > 0 && known == call).then_some(len)
    }

    fn remember(&mut self, key: TaskKey, len: usize) {
        let Some(task) = self.tasks.get(key) else { return };
        let call = task.order.call;
        if len <= ROOM_AHEAD {
            self.hints[call.mix() % HINTS] = (call, len);
        }
    }

    /// Settles what a worker had that has ended, and whose answers were read.
    pub(super) fn bury(&mut self, rank: usize) {
        let base = Arc::clone(&self.base);
        let station = base.floor.station(rank);
        let desk = &mut self.desks[rank];
        let starting = match desk.readiness {
            Readiness::Starting(key) => Some(key),
            _ => None,
        };
        let (seen, next, pid) = (desk.seen, desk.next, desk.link.pid);
        let exit = desk.link.death().unwrap_or(crate::Exit::Unknown);
        desk.readiness = Readiness::Dead;
        // The last first, so that they end up in front of the others in their order.
        for seq in (seen..next).rev() {
            let Flight { key, room } = core::mem::take(self.desks[rank].flight(seq));
            drop(room);
            let Some(key) = key else { continue };
            let fate = station.fate(seq);
            let Some(task) = self.tasks.get(key) else { continue };
            let again = match fate {
                Fate::Queued => true,
                Fate::Withdrawn => continue,
                Fate::Begun if task.overtime.is_none() && task.order.reruns > 0 => {
                    task.order.reruns -= 1;
                    true
                }
                Fate::Begun => false,
            };
            if again && starting != Some(key) && !task.is_over() {
                self.reclaim(rank, seq, key);
                self.pending.push_front(key);
            } else {
                let outcome = match task.overtime {
                    Some(limit) => Outcome::Overtime(limit),
                    None => Outcome::Died { pid, exit, item: station.item() },
                };
                self.finish(key, outcome);
            }
        }
        self.desks[rank].seen = next;
        if let Some(key) = starting {
            self.tasks.remove(key);
            self.fail(&format!("a worker ended with {exit} before it was ready"));
        }
        self.call_handler = true;
    }
}
