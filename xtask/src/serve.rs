//! `serve`: the site on 127.0.0.1, for reading only.
//!
//! One connection at a time, closed after its answer: enough for a reader, and nothing to get wrong.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::flags::ServeFlags;
use crate::outcome::{Outcome, usage};
use crate::workspace::Places;

/// A silent connection is dropped after this, so that it does not keep others waiting.
const PATIENCE: Duration = Duration::from_millis(500);
/// A request longer than this is nobody's browser.
const LONGEST_REQUEST: u64 = 16 * 1024;

/// Serves until it is interrupted.
pub fn run(flags: &ServeFlags) -> Result<Outcome> {
    let folder = match &flags.dir {
        Some(dir) => dir.clone(),
        None => Places::find(None)?.site(),
    };
    let root = folder.canonicalize().ok().filter(|it| it.join("index.html").exists()).ok_or_else(|| {
        usage(format!("there is no site in {}; `cargo xtask report` makes one", folder.display()))
    })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, flags.port))
        .with_context(|| format!("port {}; --port takes another", flags.port))?;
    println!("http://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        // A reader that hangs up is no concern of the next one.
        let _ = stream.and_then(|stream| answer(stream, &root));
    }
    Ok(Outcome::Fine)
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(Read::take(stream.try_clone()?, LONGEST_REQUEST));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    // The rest is read too: closing with unread bytes would reset the connection.
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let Response { status, kind, body, head_only } = respond(&first, root);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if !head_only {
        stream.write_all(&body)?;
    }
    stream.flush()
}

struct Response {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    head_only: bool,
}

/// The response to a request line.
fn respond(request: &str, root: &Path) -> Response {
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let text = |status, text: &str| Response {
        status,
        kind: "text/html; charset=utf-8",
        body: format!("<!doctype html><html lang=en><title>{status}</title><h1>{status}</h1><p>{text}")
            .into(),
        head_only: method == "HEAD",
    };
    if method != "GET" && method != "HEAD" {
        return text("405 Method Not Allowed", "Only GET and HEAD are answered.");
    }
    let found = find(target, root).and_then(|path| Some((fs::read(&path).ok()?, kind(&path))));
    match found {
        Some((body, kind)) => Response { status: "200 OK", kind, body, head_only: method == "HEAD" },
        None => text("404 Not Found", "There is no such page. <a href=\"/\">To the start</a>."),
    }
}

/// The file that a target names, if it lies within `root`.
fn find(target: &str, root: &Path) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = decode(path)?;
    if path.split('/').any(|part| part.starts_with('.') || part.contains(['\\', '\0'])) {
        return None;
    }
    let mut file = root.join(path.trim_start_matches('/'));
    if file.is_dir() {
        file.push("index.html");
    }
    // Links may lead anywhere; only what really lies within is served.
    file.canonicalize().ok().filter(|file| file.starts_with(root) && file.is_file())
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(others.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &others[2..];
        } else {
            bytes.push(first);
            rest = others;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The content type, by the file's extension.
fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|it| it.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "jsonl" => "application/jsonl; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("site");
        fs::create_dir_all(root.join("data")).unwrap();
        fs::write(root.join("index.html"), "home").unwrap();
        fs::write(root.join("data/a b.csv"), "x").unwrap();
        fs::write(root.join(".hidden"), "secret").unwrap();
        fs::write(folder.path().join("outside"), "secret").unwrap();
        std::os::unix::fs::symlink(folder.path().join("outside"), root.join("link")).unwrap();
        folder
    }

    #[test]
    fn files_within_are_served_with_their_type() {
        let folder = site();
        let root = folder.path().join("site").canonicalize().unwrap();
        let home = respond("GET / HTTP/1.1\r\n", &root);
        assert_eq!(
            (home.status, &home.body[..], home.kind),
            ("200 OK", &b"home"[..], "text/html; charset=utf-8")
        );
        let csv = respond("GET /data/a%20b.csv?x=1 HTTP/1.1\r\n", &root);
        assert_eq!((csv.status, csv.kind), ("200 OK", "text/csv; charset=utf-8"));
        assert!(respond("HEAD /index.html HTTP/1.1\r\n", &root).head_only);
    }

    #[test]
    fn nothing_else_is() {
        let folder = site();
        let root = folder.path().join("site").canonicalize().unwrap();
        for target in [
            "/../outside",
            "/%2e%2e/outside",
            "/data/../../outside",
            "/link",
            "/.hidden",
            "/none",
            "/data",
            "outside",
            "/%zz",
            "/%",
            "//etc/passwd",
            "/a%00b",
        ] {
            assert_eq!(respond(&format!("GET {target} HTTP/1.1"), &root).status, "404 Not Found", "{target}");
        }
        assert_eq!(respond("POST / HTTP/1.1", &root).status, "405 Method Not Allowed");
        assert_eq!(respond("", &root).status, "405 Method Not Allowed");
    }
}
