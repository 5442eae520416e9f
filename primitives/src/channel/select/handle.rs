//! One end of a channel in a selection.

use crate::channel::context::Context;
use crate::channel::flavour::{Flavour, Registered, Side, Token};
use crate::channel::receiver::Receiver;
use crate::channel::sender::Sender;
use crate::channel::shared::each_kind;
use crate::sync::Arc;
use std::time::Instant;

/// One end of a channel, for [`Select`](super::Select), which need not know the type of its values.
pub(super) trait Handle {
    fn start(&self) -> Option<Token>;
    fn register(&self, context: &Arc<Context>, operation: u32, watch: bool) -> Registered;
    fn unregister(&self, context: &Arc<Context>, operation: u32);
    fn accept(&self, packet: *mut ()) -> Option<Token>;
    fn is_ready(&self) -> bool;
    fn next_beat(&self) -> Option<Instant>;
    fn address(&self) -> *const ();
    fn side(&self) -> Side;
}

macro_rules! handle {
    ($end:ident, $side:expr) => {
        impl<T> Handle for $end<T> {
            fn start(&self) -> Option<Token> {
                each_kind!(&self.kind, channel => channel.flavour.start($side))
            }

            fn register(&self, context: &Arc<Context>, operation: u32, watch: bool) -> Registered {
                each_kind!(&self.kind, channel => channel.flavour.register($side, context, operation, watch))
            }

            fn unregister(&self, context: &Arc<Context>, operation: u32) {
                each_kind!(&self.kind, channel => channel.flavour.unregister($side, context, operation))
            }

            fn accept(&self, packet: *mut ()) -> Option<Token> {
                each_kind!(&self.kind, channel => channel.flavour.accept($side, packet))
            }

            fn is_ready(&self) -> bool {
                each_kind!(&self.kind, channel => channel.flavour.is_ready($side))
            }

            fn next_beat(&self) -> Option<Instant> {
                each_kind!(&self.kind, channel => channel.flavour.next_beat())
            }

            fn address(&self) -> *const () {
                self.kind.address()
            }

            fn side(&self) -> Side {
                $side
            }
        }
    };
}

handle!(Sender, Side::Send);
handle!(Receiver, Side::Recv);
