//! What lives in the server.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use heddle_primitives::{Condvar, Mutex};

use super::protocol::{Blob, DictOp, Kind, ListOp, Refusal, Reply, ValueOp};

/// An object, used by the threads of all connections.
pub(super) enum Object {
    Dict(Mutex<BTreeMap<Blob, Blob>>),
    List(Mutex<Vec<Blob>>),
    Value(Mutex<Blob>),
    Queue(Queue),
    Lock(Lock),
}

pub(super) struct Queue {
    pub(super) items: Mutex<VecDeque<Blob>>,
    /// Notified when an item comes or goes.
    pub(super) changed: Condvar,
    /// The most items; 0 for any number.
    pub(super) max: usize,
}

pub(super) struct Lock {
    pub(super) state: Mutex<LockState>,
    /// Notified when it becomes free.
    pub(super) freed: Condvar,
}

#[derive(Clone, Copy, Default)]
pub(super) struct LockState {
    /// The connection that has it.
    pub(super) owner: Option<u64>,
    /// Whether the last owner's connection ended while it had the lock.
    pub(super) owner_died: bool,
}

impl Object {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Object::Dict(_) => Kind::Dict,
            Object::List(_) => Kind::List,
            Object::Value(_) => Kind::Value,
            Object::Queue(_) => Kind::Queue,
            Object::Lock(_) => Kind::Lock,
        }
    }

    pub(super) fn queue(max: u64) -> Object {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Object::Queue(Queue { items: Mutex::default(), changed: Condvar::new(), max })
    }

    pub(super) fn lock() -> Object {
        Object::Lock(Lock { state: Mutex::new(LockState::default()), freed: Condvar::new() })
    }
}

/// All objects, and the names of some.
#[derive(Default)]
pub(super) struct Objects {
    next: u64,
    by_id: HashMap<u64, Arc<Object>>,
    by_name: HashMap<String, u64>,
}

impl Objects {
    pub(super) fn add(&mut self, object: Object) -> Reply {
        self.next += 1;
        let kind = object.kind();
        self.by_id.insert(self.next, Arc::new(object));
        Reply::Object(self.next, kind)
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Object>> {
        self.by_id.get(&id).cloned()
    }

    pub(super) fn delete(&mut self, id: u64) -> Reply {
        self.by_name.retain(|_, named| *named != id);
        Reply::Truth(self.by_id.remove(&id).is_some())
    }

    pub(super) fn publish(&mut self, name: String, id: u64) -> Reply {
        if !self.by_id.contains_key(&id) {
            return Reply::Refused(Refusal::NoSuchObject);
        }
        self.by_name.insert(name, id);
        Reply::Done
    }

    pub(super) fn lookup(&self, name: &str) -> Reply {
        let found = self.by_name.get(name).and_then(|id| Some((*id, self.by_id.get(id)?)));
        match found {
            Some((id, object)) => Reply::Object(id, object.kind()),
            None => Reply::Refused(Refusal::NoSuchName),
        }
    }
}

pub(super) fn ask_dict(dict: &Mutex<BTreeMap<Blob, Blob>>, op: DictOp) -> Reply {
    let mut dict = dict.lock();
    match op {
        DictOp::Get(key) => Reply::Maybe(dict.get(&key).cloned()),
        DictOp::Insert(key, value) => Reply::Maybe(dict.insert(key, value)),
        DictOp::InsertIfAbsent(key, value) => Reply::Blob(dict.entry(key).or_insert(value).clone()),
        DictOp::Remove(key) => Reply::Maybe(dict.remove(&key)),
        DictOp::Len => Reply::Count(dict.len() as u64),
        DictOp::Keys => Reply::Many(dict.keys().cloned().collect()),
        DictOp::Items => Reply::Pairs(dict.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        DictOp::Clear => {
            dict.clear();
            Reply::Done
        }
    }
}

pub(super) fn ask_list(list: &Mutex<Vec<Blob>>, op: ListOp) -> Reply {
    let mut list = list.lock();
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let out = Reply::Refused(Refusal::OutOfBounds);
    match op {
        ListOp::Get(at) => Reply::Maybe(list.get(index(at)).cloned()),
        ListOp::Set(at, item) => match list.get_mut(index(at)) {
            Some(place) => Reply::Blob(core::mem::replace(place, item)),
            None => out,
        },
        ListOp::Push(item) => {
            list.push(item);
            Reply::Done
        }
        ListOp::Pop => Reply::Maybe(list.pop()),
        ListOp::Insert(at, item) if index(at) <= list.len() => {
            list.insert(index(at), item);
            Reply::Done
        }
        ListOp::Remove(at) if index(at) < list.len() => Reply::Blob(list.remove(index(at))),
        ListOp::Insert(..) | ListOp::Remove(_) => out,
        ListOp::Extend(items) => {
            list.extend(items);
            Reply::Done
        }
        ListOp::Len => Reply::Count(list.len() as u64),
        ListOp::All => Reply::Many(list.clone()),
        ListOp::Clear => {
            list.clear();
            Reply::Done
        }
    }
}

pub(super) fn ask_value(value: &Mutex<Blob>, op: ValueOp) -> Reply {
    let mut value = value.lock();
    match op {
        ValueOp::Get => Reply::Blob(value.clone()),
        ValueOp::Swap(new) => Reply::Blob(core::mem::replace(&mut value, new)),
        ValueOp::CompareExchange(expected, new) => {
            let equal = *value == expected;
            if equal {
                *value = new;
            }
            Reply::Truth(equal)
        }
    }
}
