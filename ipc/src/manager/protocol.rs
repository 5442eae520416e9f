//! What clients ask, and what the server answers.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Said first by both sides; changes with what follows.
pub(super) const GREETING: [u8; 8] = *b"heddleM\x01";

/// A key, a value, an item: what serde made of it, which is nothing to the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Blob(pub(super) Vec<u8>);

// As bytes, and not as a sequence of numbers, which would be taken one by one.
impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Blob, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = sequence.next_element()? {
                    bytes.push(byte);
                }
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Dict,
    List,
    Value,
    Queue,
    Lock,
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    CreateDict,
    CreateList,
    CreateValue(Blob),
    /// Of so many items at most; 0 for any number.
    CreateQueue(u64),
    CreateLock,
    /// Forgets an object.
    Delete(u64),
    /// Gives an object a name; another that had it loses it.
    Publish(String, u64),
    Lookup(String),
    Dict(u64, DictOp),
    List(u64, ListOp),
    Value(u64, ValueOp),
    Queue(u64, QueueOp),
    Lock(u64, LockOp),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum DictOp {
    Get(Blob),
    Insert(Blob, Blob),
    InsertIfAbsent(Blob, Blob),
    Remove(Blob),
    Len,
    Keys,
    Items,
    Clear,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ListOp {
    Get(u64),
    Set(u64, Blob),
    Push(Blob),
    Pop,
    Insert(u64, Blob),
    Remove(u64),
    Extend(Vec<Blob>),
    Len,
    All,
    Clear,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ValueOp {
    Get,
    Swap(Blob),
    CompareExchange(Blob, Blob),
}

/// Times are in milliseconds; `None` waits without end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum QueueOp {
    Put(Blob, Option<u64>),
    /// Answered by the item; the client then [confirms](CONFIRMED) that it has it.
    Get(Option<u64>),
    Len,
}

/// What a client says once it has an item of a queue.
pub(super) const CONFIRMED: u8 = 0x06;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum LockOp {
    /// The lock is the connection's, until it is unlocked or the connection ends.
    Lock(Option<u64>),
    Unlock,
    IsLocked,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Done,
    Truth(bool),
    Count(u64),
    Maybe(Option<Blob>),
    Blob(Blob),
    Many(Vec<Blob>),
    Pairs(Vec<(Blob, Blob)>),
    Object(u64, Kind),
    /// The time was over.
    TimedOut,
    Refused(Refusal),
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refusal {
    NoSuchObject,
    OtherKind,
    NoSuchName,
    OutOfBounds,
    NotHeld,
    NotUnderstood,
}
