//! Two programs that meet at a socket's file, as with Python's `Listener` and `Client`: from then on they talk through shared memory.
//!
//! The client is this same program, started once more by its name, as any other program could be.
//!
//! `cargo run -p heddle-ipc --example client_server`

use heddle_ipc::connection::{Client, Listener, RecvError};
use std::path::Path;
use std::process::Command;

type Failure = Box<dyn std::error::Error>;

/// What tells the second program that it is the client.
const SOCKET: &str = "CLIENT_SERVER_SOCKET";

fn client(socket: &str) -> Result<(), Failure> {
    let mut connection = Client::new().connect(socket)?;
    for n in 1..=3_u64 {
        connection.send(&n)?;
        assert_eq!(connection.recv::<u64>()?, n * n);
    }
    // So large that it goes in pieces.
    connection.send_bytes(&vec![7; 3 << 20])?;
    Ok(())
}

fn serve(listener: &Listener) -> Result<(), Failure> {
    let mut connection = listener.accept()?;
    for _ in 0..3 {
        let n: u64 = connection.recv()?;
        println!("asked for the square of {n}");
        connection.send(&(n * n))?;
    }
    let large = connection.recv_bytes()?;
    println!("received {} bytes", large.len());
    assert_eq!(large, vec![7; 3 << 20]);
    assert!(matches!(connection.recv_bytes(), Err(RecvError::EndOfFile)), "the client is gone");
    Ok(())
}

fn main() -> Result<(), Failure> {
    if let Ok(socket) = std::env::var(SOCKET) {
        return client(&socket);
    }
    let socket = std::env::temp_dir().join(format!("heddle-example-{}", std::process::id()));
    let listener = Listener::bind(Path::new(&socket))?;
    let mut child = Command::new(std::env::current_exe()?).env(SOCKET, &socket).spawn()?;
    serve(&listener)?;
    assert!(child.wait()?.success());
    drop(listener);
    assert!(!socket.exists(), "nothing is left of it");
    Ok(())
}
