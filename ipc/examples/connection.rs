//! A connection between two processes: objects one way, answers the other, as with Python's `Pipe()`.
//!
//! `cargo run -p heddle-ipc --example connection`

use heddle_ipc::Workers;
use heddle_ipc::connection::{ConnectionHandle, RecvError, pipe};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Question {
    LengthOf(String),
    SumOf(Vec<u64>),
}

/// An end on its way to the other process, as bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Packed {
    len: u64,
    bytes: [u8; 240],
}

/// What the other process does: answers until nobody asks any more.
fn answer(packed: Packed) -> u64 {
    let handle: ConnectionHandle =
        postcard::from_bytes(&packed.bytes[..packed.len as usize]).expect("packed by the parent");
    let mut connection = handle.attach().expect("given to this process");
    let mut answered = 0;
    while let Ok(question) = connection.recv() {
        let answer = match question {
            Question::LengthOf(text) => text.len() as u64,
            Question::SumOf(numbers) => numbers.iter().sum(),
        };
        connection.send(&answer).expect("the parent listens");
        answered += 1;
    }
    answered
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut here, there) = pipe()?;
    let handle = postcard::to_stdvec(&there.give())?;
    let mut packed = Packed { len: handle.len() as u64, bytes: [0; 240] };
    packed.bytes[..handle.len()].copy_from_slice(&handle);
    let workers = Workers::start(1)?;
    let other = workers.submit(0, answer, packed)?;

    here.send(&Question::LengthOf("a pipe between two processes".into()))?;
    let length: u64 = here.recv()?;
    println!("length: {length}");
    assert_eq!(length, 28);

    // Larger than the connection's ring: it is copied in while the other side copies it out.
    here.send(&Question::SumOf((1..=1_000_000).collect()))?;
    let sum: u64 = here.recv()?;
    println!("sum: {sum}");
    assert_eq!(sum, 500_000_500_000);

    // The other end lives as long as somebody may ask.
    here.send(&Question::LengthOf(String::new()))?;
    workers.kill(0)?;
    let end = loop {
        match here.recv::<u64>() {
            Ok(answer) => assert_eq!(answer, 0),
            Err(error) => break error,
        }
    };
    println!("after a kill: {end}");
    assert!(matches!(end, RecvError::EndOfFile));
    assert!(other.wait(None).is_err());
    Ok(())
}
