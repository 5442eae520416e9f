//! What all proxies have.

use core::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::client::{Client, refused};
use super::error::ManagerError;
use super::protocol::{Blob, Kind, Reply, Request};

/// A proxy of an object in a manager: a [`Dict`](super::Dict), [`List`](super::List), [`Value`](super::Value), [`Queue`](super::Queue) or
/// [`Lock`](super::Lock).
pub trait Proxy: private::Sealed {}

impl<P: private::Sealed> Proxy for P {}

pub(super) mod private {
    use super::{Kind, Remote};

    /// What only this crate implements.
    #[allow(private_interfaces, reason = "nobody outside can name them or needs to")]
    pub trait Sealed: Sized {
        const KIND: Kind;

        fn over(remote: Remote) -> Self;

        fn remote(&self) -> &Remote;
    }
}

/// An object in a manager, whatever its kind.
#[derive(Clone)]
pub(super) struct Remote {
    pub(super) client: Arc<Client>,
    pub(super) id: u64,
}

impl Remote {
    /// Asks; a refusal is an error.
    pub(super) fn ask(&self, request: &Request) -> Result<Reply, ManagerError> {
        told(self.client.ask(request)?)
    }
}

/// An answer that is no refusal.
pub(super) fn told(reply: Reply) -> Result<Reply, ManagerError> {
    match reply {
        Reply::Refused(refusal) => Err(refused(refusal)),
        Reply::TimedOut => Err(ManagerError::TimedOut),
        reply => Ok(reply),
    }
}

/// Where an object is, in the form in which proxies travel.
#[derive(Serialize, Deserialize)]
struct Travelling {
    name: String,
    id: u64,
}

impl Serialize for Remote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Travelling { name: self.client.name().to_owned(), id: self.id }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Remote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Travelling { name, id } = Travelling::deserialize(deserializer)?;
        Ok(Remote { client: Client::of(&name), id })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.id, self.client.name())
    }
}

pub(super) fn to_blob(value: &(impl Serialize + ?Sized)) -> Result<Blob, ManagerError> {
    postcard::to_stdvec(value).map(Blob).map_err(|source| ManagerError::Serialize { source })
}

pub(super) fn from_blob<T: DeserializeOwned>(blob: &Blob) -> Result<T, ManagerError> {
    postcard::from_bytes(&blob.0).map_err(|source| ManagerError::Deserialize { source })
}

pub(super) fn maybe<T: DeserializeOwned>(reply: Reply) -> Result<Option<T>, ManagerError> {
    match reply {
        Reply::Maybe(blob) => blob.as_ref().map(from_blob).transpose(),
        _ => Err(ManagerError::Protocol),
    }
}

pub(super) fn one<T: DeserializeOwned>(reply: Reply) -> Result<T, ManagerError> {
    match reply {
        Reply::Blob(blob) => from_blob(&blob),
        _ => Err(ManagerError::Protocol),
    }
}

pub(super) fn many<T: DeserializeOwned>(reply: Reply) -> Result<Vec<T>, ManagerError> {
    match reply {
        Reply::Many(blobs) => blobs.iter().map(from_blob).collect(),
        _ => Err(ManagerError::Protocol),
    }
}

pub(super) fn count(reply: Reply) -> Result<usize, ManagerError> {
    match reply {
        Reply::Count(n) => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
        _ => Err(ManagerError::Protocol),
    }
}

pub(super) fn truth(reply: Reply) -> Result<bool, ManagerError> {
    match reply {
        Reply::Truth(truth) => Ok(truth),
        _ => Err(ManagerError::Protocol),
    }
}

pub(super) fn done(reply: Reply) -> Result<(), ManagerError> {
    match reply {
        Reply::Done => Ok(()),
        _ => Err(ManagerError::Protocol),
    }
}

/// What each proxy is made of: a [`Remote`] and the types of what it holds.
macro_rules! proxy {
    ($name:ident $(<$($parameter:ident),*>)?, $kind:ident) => {
        impl $(<$($parameter),*>)? $crate::manager::proxy::private::Sealed for $name $(<$($parameter),*>)? {
            #[allow(private_interfaces, reason = "as the trait")]
            const KIND: $crate::manager::protocol::Kind = $crate::manager::protocol::Kind::$kind;

            #[allow(private_interfaces, reason = "as the trait")]
            fn over(remote: $crate::manager::proxy::Remote) -> Self {
                $name { remote, of: core::marker::PhantomData }
            }

            #[allow(private_interfaces, reason = "as the trait")]
            fn remote(&self) -> &$crate::manager::proxy::Remote {
                &self.remote
            }
        }

        impl $(<$($parameter),*>)? Clone for $name $(<$($parameter),*>)? {
            fn clone(&self) -> Self {
                $name { remote: self.remote.clone(), of: core::marker::PhantomData }
            }
        }

        impl $(<$($parameter),*>)? core::fmt::Debug for $name $(<$($parameter),*>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.remote).finish()
            }
        }
    };
}
pub(super) use proxy;
