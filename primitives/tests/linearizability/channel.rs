//! Channels: first in, first out, until one side is gone or the channel was closed.

use super::program::{LogOf, Subject};
use super::random::Random;
use super::specification::{Sight, Specification, only};
use heddle_primitives::channel::{self, Receiver, Sender, TryRecvError, TrySendError};
use std::collections::VecDeque;

pub struct Channel {
    /// None: as many values as there is memory for.
    capacity: Option<usize>,
    senders: usize,
    receivers: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ChannelOperation {
    Send(u32),
    TrySend(u32),
    Recv,
    TryRecv,
    Close,
    DropSender,
    DropReceiver,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ChannelAnswer {
    Done,
    Value(u32),
    Full,
    Empty,
    Disconnected,
    /// Whether it was this call that closed the channel.
    Closed(bool),
}
use ChannelAnswer::*;
use ChannelOperation::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChannelState {
    values: VecDeque<u32>,
    senders: usize,
    receivers: usize,
    closed: bool,
}

impl Specification for Channel {
    type Operation = ChannelOperation;
    type Answer = ChannelAnswer;
    type State = ChannelState;

    fn initial(&self) -> ChannelState {
        let Self { senders, receivers, .. } = *self;
        ChannelState { values: VecDeque::new(), senders, receivers, closed: false }
    }

    fn next(
        &self,
        state: &ChannelState,
        operation: &ChannelOperation,
        answer: &ChannelAnswer,
    ) -> Vec<ChannelState> {
        let mut next = state.clone();
        let full = Some(state.values.len()) == self.capacity;
        let takes = !state.closed && state.receivers > 0;
        let gives = !state.closed && state.senders > 0;
        match (operation, answer) {
            (Send(value) | TrySend(value), Done) => {
                next.values.push_back(*value);
                only(takes && !full, next)
            }
            (TrySend(_), Full) => only(takes && full, next),
            (Send(_) | TrySend(_), Disconnected) => only(!takes, next),
            (Recv | TryRecv, Value(value)) => only(next.values.pop_front() == Some(*value), next),
            (TryRecv, Empty) => only(gives && state.values.is_empty(), next),
            (Recv | TryRecv, Disconnected) => only(!gives && state.values.is_empty(), next),
            (Close, Closed(first)) => {
                next.closed = true;
                only(*first != (state.closed || state.senders == 0), next)
            }
            (DropSender, Done) => {
                next.senders -= 1;
                vec![next]
            }
            (DropReceiver, Done) => {
                next.receivers -= 1;
                if next.receivers == 0 {
                    next.values.clear();
                }
                vec![next]
            }
            _ => Vec::new(),
        }
    }

    /// As for queues.
    fn sight(&self, _operation: &ChannelOperation, answer: &ChannelAnswer) -> Sight {
        if matches!(answer, Full | Empty | Disconnected) { Sight::Idle } else { Sight::Late }
    }
}

/// Channels with a sender in every other thread, and a receiver in the others. Who waits is released at the latest when the other side
/// leaves.
#[derive(Debug, Clone)]
pub struct Channels {
    pub capacity: Option<usize>,
}

pub enum ChannelEnd {
    Sender(Sender<u32>),
    Receiver(Receiver<u32>),
}

impl Subject for Channels {
    type Specification = Channel;
    type Hand = ChannelEnd;

    fn specification(&self, threads: usize) -> Channel {
        Channel { capacity: self.capacity, senders: threads.div_ceil(2), receivers: threads / 2 }
    }

    fn hands(&self, threads: usize) -> Vec<ChannelEnd> {
        let (sender, receiver) = self.capacity.map_or_else(channel::unbounded, channel::bounded);
        let mut hands: Vec<_> = (2..threads)
            .map(|n| match n % 2 {
                0 => ChannelEnd::Sender(sender.clone()),
                _ => ChannelEnd::Receiver(receiver.clone()),
            })
            .collect();
        hands.splice(0..0, [ChannelEnd::Sender(sender), ChannelEnd::Receiver(receiver)]);
        hands
    }

    fn draw(&self, thread: usize, random: &mut Random) -> ChannelOperation {
        match (thread % 2, random.below(8)) {
            (0, 0..4) => TrySend(random.fresh()),
            (0, _) => Send(random.fresh()),
            (_, 0..4) => TryRecv,
            (_, 4..7) => Recv,
            _ => Close,
        }
    }

    fn perform(end: &mut ChannelEnd, operation: ChannelOperation, log: &mut LogOf<Self>) {
        log.call(operation.clone(), || match (end, operation) {
            (ChannelEnd::Sender(sender), Send(value)) => sender.send(value).map_or(Disconnected, |()| Done),
            (ChannelEnd::Sender(sender), TrySend(value)) => match sender.try_send(value) {
                Ok(()) => Done,
                Err(TrySendError::Full(_)) => Full,
                Err(TrySendError::Disconnected(_)) => Disconnected,
            },
            (ChannelEnd::Receiver(receiver), Recv) => receiver.recv().map_or(Disconnected, Value),
            (ChannelEnd::Receiver(receiver), TryRecv) => match receiver.try_recv() {
                Ok(value) => Value(value),
                Err(TryRecvError::Empty) => Empty,
                Err(TryRecvError::Disconnected) => Disconnected,
            },
            (ChannelEnd::Receiver(receiver), Close) => Closed(receiver.close()),
            (_, other) => unreachable!("{other:?} at the wrong end"),
        });
    }

    fn leave(end: ChannelEnd, log: &mut LogOf<Self>) {
        let operation = if matches!(end, ChannelEnd::Sender(_)) { DropSender } else { DropReceiver };
        log.call(operation, || {
            drop(end);
            Done
        });
    }
}
