//! Ends that go from one process to another.

use serde::{Deserialize, Serialize};

use super::mailbox::{MailboxPlace, MailboxRef};
use super::{Connection, Receiver, Sender};
use crate::peers::Member;
use crate::ring::{AttachError, ConsumerHandle, ProducerHandle};

/// A [`Sender`] that was given away; see [`ConnectionHandle`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderHandle {
    producer: ProducerHandle,
    mailbox: MailboxPlace,
}

/// A [`Receiver`] that was given away; see [`ConnectionHandle`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceiverHandle {
    consumer: ConsumerHandle,
    mailbox: MailboxPlace,
}

/// A [`Connection`] that was given away.
///
/// Plain data for serde: it goes to another process of the same user by whatever way, an argument or another connection, and becomes a
/// connection there, once. Until then the process that gave it must live and keep the handle or the other end, through which the
/// connection's memory is found; if it dies before, the other end learns that nobody is there. Descriptors that were sent to the end and not received are
/// lost on the way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionHandle {
    sender: SenderHandle,
    receiver: ReceiverHandle,
}

impl Sender {
    /// Gives the end away, to the process that [attaches](SenderHandle::attach) the handle.
    pub fn give(self) -> SenderHandle {
        SenderHandle { mailbox: self.mailbox.place(), producer: self.producer.give() }
    }
}

impl Receiver {
    /// Gives the end away, to the process that [attaches](ReceiverHandle::attach) the handle. Of a message in pieces, what has come is lost,
    /// and with it the message: give between messages.
    pub fn give(self) -> ReceiverHandle {
        ReceiverHandle { mailbox: self.mailbox.place(), consumer: self.consumer.give() }
    }
}

impl Connection {
    /// Gives the end away, to the process that [attaches](ConnectionHandle::attach) the handle.
    pub fn give(self) -> ConnectionHandle {
        ConnectionHandle { sender: self.sender.give(), receiver: self.receiver.give() }
    }
}

impl SenderHandle {
    /// The end, in this process from now on.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(self) -> Result<Sender, AttachError> {
        self.attach_in(&Member::attach(self.producer.segment())?)
    }

    fn attach_in(&self, member: &Member) -> Result<Sender, AttachError> {
        let mailbox = MailboxRef::at(member, self.mailbox).ok_or(AttachError::Layout)?;
        Ok(Sender::new(self.producer.attach_in(member)?, mailbox))
    }
}

impl ReceiverHandle {
    /// The end, in this process from now on.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(self) -> Result<Receiver, AttachError> {
        self.attach_in(&Member::attach(self.consumer.segment())?)
    }

    fn attach_in(&self, member: &Member) -> Result<Receiver, AttachError> {
        let mailbox = MailboxRef::at(member, self.mailbox).ok_or(AttachError::Layout)?;
        Ok(Receiver::new(self.consumer.attach_in(member)?, mailbox))
    }
}

impl ConnectionHandle {
    /// The end, in this process from now on.
    ///
    /// # Errors
    ///
    /// See [`AttachError`]. If only one direction can be had, it is closed again.
    pub fn attach(self) -> Result<Connection, AttachError> {
        let member = Member::attach(self.sender.producer.segment())?;
        if self.receiver.consumer.segment() == self.sender.producer.segment() {
            return self.attach_in(&member);
        }
        Ok(Connection::from_parts(self.sender.attach_in(&member)?, self.receiver.attach()?))
    }

    /// [`attach`](ConnectionHandle::attach), where the segment of both directions is known already.
    pub(super) fn attach_in(&self, member: &Member) -> Result<Connection, AttachError> {
        let sender = self.sender.attach_in(member)?;
        Ok(Connection::from_parts(sender, self.receiver.attach_in(member)?))
    }
}
