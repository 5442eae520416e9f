//! A queue of bytes as a pipe.

use crate::spsc::{Buffer, Consumer, Producer};
use std::io::{ErrorKind, Read, Result, Write};

/// Never blocks: a full queue is [`ErrorKind::WouldBlock`], and [`ErrorKind::BrokenPipe`] once the consumer is gone. `flush`
/// wakes a consumer that sleeps.
impl<B: Buffer<u8>> Write for Producer<u8, B> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.push_partial_slice(bytes).0.len() {
            0 if bytes.is_empty() => Ok(0),
            0 if self.is_abandoned() => Err(ErrorKind::BrokenPipe.into()),
            0 => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.notify();
        Ok(())
    }
}

/// Never blocks: an empty queue is [`ErrorKind::WouldBlock`], and the end of the input once the producer is gone.
impl<B: Buffer<u8>> Read for Consumer<u8, B> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        // Gone first, then the tail: what was pushed before the end is not lost.
        let ended = self.is_empty() && self.is_abandoned();
        match self.pop_partial_slice(bytes).0.len() {
            0 if bytes.is_empty() || ended => Ok(0),
            0 => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}
