//! Echo: members that wait. Each request goes to a TCP server on the loopback interface, which sends it back after a
//! set delay; nothing is computed, so what a model can gain is overlap.
//!
//! A member opens one connection a run and claims requests. A reply must repeat its request byte by byte; its digest
//! goes into the replies. N requests by W members take N d / W at least, for a delay d.

mod server;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Cost, Kernel, Size};
use crate::Mismatch;
use crate::region::{Flow, Layout, PartMut, Regions};
use crate::team::{Schedule, Team};

pub use server::Server;

/// Bytes of a request and of its reply.
pub const MESSAGE: usize = 64;

/// The server's delay unless a job says otherwise.
pub const DELAY: Duration = Duration::from_millis(2);

/// A reply that takes longer than this is an error.
const PATIENCE: Duration = Duration::from_secs(10);

const REPLIES: usize = 0;

/// The kernel.
#[derive(Debug)]
pub struct Echo;

/// A job: how many requests, with which delay, to which port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Params {
    requests: u64,
    delay_us: u32,
    port: u32,
}

impl Params {
    /// `requests` requests that are answered after `delay`, by a server that the job starts.
    pub fn new(requests: usize, delay: Duration) -> Params {
        let delay_us = u32::try_from(delay.as_micros()).expect("a delay of less than an hour");
        Params { requests: requests as u64, delay_us, port: 0 }
    }

    /// Requests.
    pub fn requests(&self) -> usize {
        self.requests as usize
    }

    /// The server's delay.
    pub fn delay(&self) -> Duration {
        Duration::from_micros(u64::from(self.delay_us))
    }

    /// The least time in which `workers` members can be done.
    pub fn ideal(&self, workers: usize) -> Duration {
        let turns = self.requests().div_ceil(workers);
        self.delay() * u32::try_from(turns).expect("fewer than 2^32 requests a member")
    }

    /// The port of the job's server on the loopback interface.
    ///
    /// # Panics
    /// If the server was not started.
    pub fn port(&self) -> u16 {
        assert_ne!(self.port, 0, "the echo server was not started");
        self.port as u16
    }
}

/// Request `i`.
pub fn request(i: usize) -> [u8; MESSAGE] {
    let mut message = [0u8; MESSAGE];
    let mut word = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for bytes in message.as_chunks_mut::<8>().0 {
        *bytes = word.to_le_bytes();
        word = word.rotate_left(17).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    message
}

/// The digest of a message: FNV-1a, 64 bits.
pub fn digest(message: &[u8]) -> u64 {
    message
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn exchange(stream: &mut TcpStream, i: usize) -> std::io::Result<u64> {
    let mut reply = [0u8; MESSAGE];
    stream.write_all(&request(i))?;
    stream.read_exact(&mut reply)?;
    Ok(digest(&reply))
}

// SAFETY: one reduction, whose arguments depend on the parameters only.
unsafe impl Kernel for Echo {
    const NAME: &'static str = "echo";
    type Params = Params;
    /// The wrapping sum of the replies' digests.
    type Output = u64;

    fn params(size: Size) -> Params {
        let requests = match size {
            Size::Test => 24,
            Size::Small => 160,
            Size::Medium => 2_000,
            Size::Large => 10_000,
            Size::Python => 200,
        };
        Params::new(requests, DELAY)
    }

    fn layout(params: &Params, _workers: usize) -> Layout {
        Layout::new()
            .region::<u64>("replies", params.requests(), 1, Flow::Out)
            .partials::<u64>(params.requests())
    }

    fn fill(_params: &Params, _data: &mut Regions) {}

    fn service(params: &mut Params) -> std::io::Result<Option<Box<dyn Send>>> {
        let server = Server::start(params.delay())?;
        params.port = u32::from(server.port());
        Ok(Some(Box::new(server)))
    }

    fn run<T: Team>(params: &Params, team: &T, data: &Regions) -> u64 {
        let replies = data.region::<u64>(REPLIES);
        let mut stream = None;
        let schedule = Schedule::Claimed;
        let total = team.reduce(
            schedule,
            params.requests(),
            PartMut(replies),
            |i, reply| {
                let stream = stream.get_or_insert_with(|| {
                    connect(params.port())
                        .unwrap_or_else(|error| panic!("connecting to the echo server: {error}"))
                });
                reply[0] = exchange(stream, i).unwrap_or_else(|error| panic!("request {i}: {error}"));
                reply[0]
            },
            u64::wrapping_add,
        );
        total.unwrap_or(0)
    }

    fn verify(_params: &Params, data: &mut Regions, output: &u64, _runs: u64) -> Result<(), Mismatch> {
        let mut total = 0u64;
        for (i, found) in data.slice::<u64>(REPLIES).iter().enumerate() {
            let expected = digest(&request(i));
            Mismatch::unless_equal(|| format!("reply {i}"), expected, *found)?;
            total = total.wrapping_add(expected);
        }
        Mismatch::unless_equal(|| "sum of the digests".into(), total, *output)
    }

    fn cost(params: &Params) -> Cost {
        Cost { written: 8 * params.requests, ..Cost::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_differ_and_digests_are_fnv() {
        assert_eq!(digest(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(digest(b"a"), 0xAF63_DC4C_8601_EC8C);
        let digests: std::collections::HashSet<u64> = (0..10_000).map(|i| digest(&request(i))).collect();
        assert_eq!(digests.len(), 10_000);
    }
}
