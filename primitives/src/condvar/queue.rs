//! The queue of a condition variable: who waits, in 64 bits.

use std::num::NonZeroU32;

/// In the word that waiters look at: somebody may sleep there.
pub const SLEEPERS: u32 = 1 << 31;
/// In that word: how many tickets have been released. Tickets are counted modulo 2^31 everywhere.
pub const TICKETS: u32 = SLEEPERS - 1;
/// A ticket less than so far ahead of the released ones is not released; any other is. More than there can be threads.
const WINDOW: u32 = 1 << 24;

/// What the queue's word says; its bits are documented at [`Condvar`](super::Condvar).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Tickets drawn so far, modulo 2^31.
    pub drawn: u32,
    /// How many of these, the last ones, are in the queue.
    pub tickets: u32,
    /// A bit for each of the first tickets in the queue: its holder has gone. Never the first one's.
    pub gone: u32,
}

impl Queue {
    const GONE: u32 = 17;
    const TICKETS: u32 = 16;
    pub const MOST: u32 = (1 << Self::TICKETS) - 1;

    #[inline(always)]
    pub fn decode(state: u64) -> Self {
        Self {
            drawn: (state >> (Self::GONE + Self::TICKETS)) as u32,
            tickets: (state >> Self::GONE) as u32 & Self::MOST,
            gone: state as u32 & ((1 << Self::GONE) - 1),
        }
    }

    pub fn encode(self) -> u64 {
        u64::from(self.drawn) << (Self::GONE + Self::TICKETS)
            | u64::from(self.tickets) << Self::GONE
            | u64::from(self.gone)
    }

    pub fn draw(&mut self) -> u32 {
        assert!(self.tickets < Self::MOST, "too many threads wait");
        let ticket = self.drawn;
        self.drawn = self.drawn.wrapping_add(1) & TICKETS;
        self.tickets += 1;
        ticket
    }

    /// How many tickets are before this one, if it is in the queue.
    pub fn position(self, ticket: u32) -> Option<u32> {
        let first = self.drawn.wrapping_sub(self.tickets);
        let position = ticket.wrapping_sub(first) & TICKETS;
        (position < self.tickets).then_some(position)
    }

    /// Takes the first `n` and those after them whose holders have gone; returns how many.
    pub fn take(&mut self, n: u32) -> u32 {
        let gone = self.gone.checked_shr(n).unwrap_or(0);
        let more = gone.trailing_ones();
        self.gone = gone >> more;
        self.tickets -= n + more;
        n + more
    }

    /// Takes all; returns how many, and how many of these have a holder.
    pub fn take_all(&mut self) -> (u32, u32) {
        let (tickets, waiters) = (self.tickets, self.tickets - self.gone.count_ones());
        (self.tickets, self.gone) = (0, 0);
        (tickets, waiters)
    }

    /// Removes one ticket; returns how many must be released for that.
    pub fn withdraw(&mut self, position: u32) -> u32 {
        if position == 0 {
            return self.take(1);
        }
        if position == self.tickets - 1 {
            // Back to the last whose holder is there; the first one's is.
            loop {
                self.tickets -= 1;
                self.drawn = self.drawn.wrapping_sub(1) & TICKETS;
                let last = 1_u32.checked_shl(self.tickets - 1).unwrap_or(0);
                if self.gone & last == 0 {
                    return 0;
                }
                self.gone &= !last;
            }
        }
        if position < Self::GONE {
            self.gone |= 1 << position;
            return 0;
        }
        self.take(position + 1)
    }
}

pub fn is_released(released: u32, ticket: u32) -> bool {
    ticket.wrapping_sub(released) & TICKETS >= WINDOW
}

/// What the holders of `n` tickets from `first` wake for.
pub fn bits(first: u32, n: u32) -> NonZeroU32 {
    let bits = if n >= u32::BITS { u32::MAX } else { ((1 << n) - 1_u32).rotate_left(first % u32::BITS) };
    NonZeroU32::new(bits).unwrap_or(NonZeroU32::MAX)
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The queue in a word against a list of tickets.
        #[test]
        fn the_queue_is_a_queue(
            start in prop_oneof![Just(0), Just(TICKETS - 3), Just(TICKETS)],
            ops in prop::collection::vec((0..4_u8, any::<prop::sample::Index>()), 0..120),
        ) {
            let mut queue = Queue { drawn: start, tickets: 0, gone: 0 };
            let (mut released, mut waiting) = (start, Vec::new());
            for (op, index) in ops {
                prop_assert_eq!(Queue::decode(queue.encode()), queue);
                match op {
                    0 | 1 => waiting.push(queue.draw()),
                    2 if !waiting.is_empty() => {
                        released += queue.take(1);
                        waiting.remove(0);
                    }
                    3 if !waiting.is_empty() => {
                        let n = index.index(waiting.len());
                        let position = queue.position(waiting[n]).unwrap();
                        let taken = queue.withdraw(position);
                        released += taken;
                        // Far from both ends it takes all before it away.
                        let deep = taken != 0 && n != 0;
                        prop_assert!(!deep || position >= Queue::GONE);
                        waiting.drain(if deep { 0 } else { n }..=n);
                    }
                    _ => {}
                }
                prop_assert_eq!(queue.tickets - queue.gone.count_ones(), waiting.len() as u32);
                prop_assert_eq!(queue.gone & 1, 0);
                released &= TICKETS;
                for &ticket in &waiting {
                    prop_assert!(queue.position(ticket).is_some() && !is_released(released, ticket));
                }
                if let Some(&first) = waiting.first() {
                    prop_assert_eq!(released, first);
                    prop_assert!(is_released(released, first.wrapping_sub(1) & TICKETS));
                }
            }
            let (_, waiters) = queue.take_all();
            prop_assert_eq!(waiters, waiting.len() as u32);
        }
    }
}
