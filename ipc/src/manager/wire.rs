//! Messages over a socket: a length in four bytes, and what postcard made of them.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message. A length beyond it is nonsense, and not worth the memory.
const LONGEST: u32 = 1 << 30;

/// Sends a message.
pub(super) fn send(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let len = u32::try_from(bytes.len() - 4).ok().filter(|&len| len <= LONGEST).ok_or_else(too_long)?;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    stream.write_all(&bytes)
}

/// Receives a message, or `None` if the other side has closed between two messages.
pub(super) fn receive<M: DeserializeOwned>(stream: &UnixStream) -> io::Result<Option<M>> {
    let mut len = [0; 4];
    if !read_or_end(stream, &mut len)? {
        return Ok(None);
    }
    let len = u32::from_le_bytes(len);
    if len > LONGEST {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    // Grows with what comes, not with what was announced.
    Read::by_ref(&mut &*stream).take(len.into()).read_to_end(&mut bytes)?;
    if bytes.len() < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Fills `bytes`, or returns `false` if the other side has closed before the first.
fn read_or_end(mut stream: &UnixStream, bytes: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < bytes.len() {
        match stream.read(&mut bytes[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a message of more than 1 GiB")
}
