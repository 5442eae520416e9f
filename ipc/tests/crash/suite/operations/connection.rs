//! A message that goes from one process to another over a connection.

use core::cell::Cell;

use heddle_ipc::connection::{ReceiverHandle, RecvError, SenderHandle, pipe_one_way};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use crate::suite::memory::InSegment;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

/// Messages of which every byte tells which one it is.
fn message(n: u8) -> [u8; 100] {
    [n; 100]
}

/// A sender dies at a message; contended: the receiver sleeps for it.
pub struct Send;

struct Sending {
    // An end is taken by the process that uses it, which has a copy of its own.
    sender: Cell<Option<SenderHandle>>,
    receiver: Cell<Option<ReceiverHandle>>,
    contended: bool,
    /// Messages that were received.
    received: InSegment<AtomicU64>,
}

impl Operation for Send {
    fn name(&self) -> &'static str {
        "connection::send_bytes"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let (receiver, sender) = pipe_one_way(1 << 12).expect("a segment");
        Box::new(Sending {
            sender: Cell::new(Some(sender.give())),
            receiver: Cell::new(Some(receiver.give())),
            contended: path == Path::Contended,
            received: InSegment::new(AtomicU64::new(0)),
        })
    }
}

impl Sending {
    /// Receives until the end; each message is whole.
    fn receive(&self, before: impl FnOnce()) {
        let mut receiver = self.receiver.take().expect("not taken").attach().expect("its maker lives");
        before();
        loop {
            match receiver.recv_bytes() {
                // ORDERING: Relaxed: this process ends before anybody looks.
                Ok(bytes) => {
                    let n = self.received.get().fetch_add(1, Ordering::Relaxed);
                    assert_eq!(bytes, message(n as u8 + 1), "torn or twice");
                }
                Err(RecvError::EndOfFile) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Scene for Sending {
    fn bystanders(&self) -> usize {
        usize::from(self.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        self.receive(|| cue.ready());
    }

    fn victim(&self) {
        let mut sender = self.sender.take().expect("not taken").attach().expect("its maker lives");
        sender.send_bytes(&message(1)).expect("room");
        let sent = traced(|| sender.send_bytes(&message(2)));
        assert!(sent.is_ok());
    }

    fn check(&self, death: Death) -> Found {
        if !self.contended {
            self.receive(|| ());
        }
        // ORDERING: Relaxed: whoever received has ended.
        let received = self.received.get().load(Ordering::Relaxed);
        assert!(received == 2 || (received == 1 && !death.complete), "{received} messages of 2 came");
        Found::Whole
    }
}
