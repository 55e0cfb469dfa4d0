//! An S3 server in memory for comparing clients: it does as little as a truthful store can, so that what is measured is
//! the client. `scripts/bench-peers` starts it. Nothing is ever on disk, and no signature is checked.
//!
//! `s3-stub PORT MIB` serves on loopback, with so many MiB of memory touched beforehand: pages that are touched for the first time
//! cost more than what is measured. Objects keep versions and locks in buckets that were made with Object Lock. A CRC-64/NVME that goes along is
//! compared, and told; MD5 and SHA-256 are neither computed nor compared, and an ETag is no MD5.
//!
//! `GET /-/counts` tells as JSON how many requests and bytes there were by access key; `POST /-/zero` begins to count
//! anew; `POST /-/empty` forgets every bucket.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

mod answer;
mod body;
mod counts;
mod list;
mod objects;
mod parts;
mod request;
mod shelf;

use answer::Answer;
use body::Pool;
use counts::Counts;
use request::Request;
use shelf::Shelf;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What all connections share.
pub struct Server {
    pool: Arc<Pool>,
    shelf: Mutex<Shelf>,
    counts: Mutex<Counts>,
}

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [port, mib] = asked[..] else {
        println!("s3-stub PORT MIB");
        return;
    };
    let listener = TcpListener::bind(("127.0.0.1", u16::try_from(port).expect("a port"))).expect("the port");
    let (shelf, counts) = Default::default();
    let server = Arc::new(Server { pool: Pool::touched(mib), shelf, counts });
    println!("serving");
    for stream in listener.incoming().flatten() {
        let server = server.clone();
        // A client that goes away in the middle ends its thread, and nothing else.
        std::thread::spawn(move || drop(serve(&server, stream)));
    }
}

fn serve(server: &Server, stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    while let Some(mut request) = Request::head(&mut reader)? {
        if request.header("expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = body::read(&request, &mut reader, &server.pool)?;
        let answer = dispatch(server, &request);
        let sent = answer.send(&mut writer, request.method == "HEAD")?;
        if !request.path.starts_with("/-/") {
            server.counts.lock().unwrap().note(&request, sent);
        }
        if request.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

fn dispatch(server: &Server, request: &Request) -> Answer {
    match request.path.as_str() {
        "/-/counts" => {
            let (objects, bytes) = server.shelf.lock().unwrap().weight();
            return Answer::json(server.counts.lock().unwrap().json(objects, bytes));
        }
        "/-/zero" => *server.counts.lock().unwrap() = Counts::default(),
        "/-/empty" => *server.shelf.lock().unwrap() = Shelf::default(),
        "/" => return list::buckets(&server.shelf.lock().unwrap()),
        _ => {
            let path = request.path.trim_start_matches('/');
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            return match key {
                "" => list::of_bucket(server, request, bucket),
                key => objects::of_object(server, request, bucket, key),
            };
        }
    }
    Answer::ok()
}
