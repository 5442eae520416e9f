//! Where the words of a primitive lie that is in no segment: on the heap.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;

use crate::model::Peer;

/// A peer's view of words. Clones are the same words.
pub(crate) struct Place<T> {
    peer: Peer,
    words: Arc<T>,
}

// SAFETY: as in a segment: words are used by reference from all sides.
unsafe impl<T: Sync> Send for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Place<T> {}

impl<T> Place<T> {
    pub(crate) fn within(peer: &Peer, words: T) -> Place<T> {
        Place { peer: peer.clone(), words: Arc::new(words) }
    }

    /// The same words, for another peer.
    pub(crate) fn seen_by(&self, peer: &Peer) -> Place<T> {
        Place { peer: peer.clone(), words: Arc::clone(&self.words) }
    }

    /// Who looks.
    pub(crate) fn census(&self) -> &Peer {
        &self.peer
    }
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        self.seen_by(&self.peer)
    }
}

impl<T> Deref for Place<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.words
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.peer).finish()
    }
}

/// The constructors that each primitive has in place of those in a segment.
macro_rules! placed {
    ([$($parameter:ident: $bound:path)?] $name:ty, $what:literal, new($($argument:ident: $type:ty),*) = $words:expr) => {
        impl$(<$parameter: $bound + Send>)? $name {
            #[doc = concat!("Creates ", $what, ".")]
            pub fn new_in(peer: &$crate::model::Peer, $($argument: $type),*) -> Self {
                Self { place: $crate::sync::place::Place::within(peer, $words) }
            }

            /// The same one, for another peer.
            pub fn seen_by(&self, peer: &$crate::model::Peer) -> Self {
                Self { place: self.place.seen_by(peer) }
            }
        }
    };
}
pub(crate) use placed;
