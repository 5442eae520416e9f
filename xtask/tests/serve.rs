//! `cargo xtask serve` over a real connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn a_site_is_served_on_the_loopback_address() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("index.html"), "<!doctype html><title>home</title>").unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["serve", "--port", "0", "--dir"])
        .arg(site.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("http://").and_then(|it| it.strip_suffix('/')).unwrap().to_string();
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // A connection that says nothing must not keep others waiting for long.
    let silent = TcpStream::connect(&address).unwrap();
    let home = ask("GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n");
    assert!(home.starts_with("HTTP/1.1 200 OK\r\n") && home.ends_with("<title>home</title>"), "{home}");
    let head = ask("HEAD /index.html HTTP/1.1\r\n\r\n");
    assert!(head.contains("Content-Length: 34") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask("GET /../Cargo.toml HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    drop(silent);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn without_a_site_it_says_how_to_make_one() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["serve", "--dir"])
        .arg(empty.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cargo xtask report"));
}
