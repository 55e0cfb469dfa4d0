//! A server on loopback that answers byte for byte as it is told, and keeps what it was asked.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which one it is, from 0.
    pub number: usize,
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The document that it asks with, and its variables.
    pub fn question(&self) -> (String, Value) {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        (body["query"].as_str().unwrap().to_owned(), body["variables"].clone())
    }

    /// The name of the operation.
    pub fn operation(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["operationName"].as_str().unwrap().to_owned()
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub enum Reply {
    /// 200 with this as JSON.
    Json(Value),
    /// These bytes as the body of 200.
    Body(Vec<u8>),
    /// A status with headers, and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// These bytes as they are.
    Bytes(Vec<u8>),
    /// Nothing; the connection stays open.
    Silence,
    /// A head, and then a byte of body now and then.
    Trickle,
    /// A head that promises no end, and bytes as fast as they are taken.
    Endless(&'static [u8]),
    /// The connection is closed.
    HangUp,
}

/// A server. It ends with the value.
pub struct Raw {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

impl Raw {
    /// Answers as `answer` says.
    pub fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (asked, over): (Arc<Mutex<Vec<Asked>>>, Arc<AtomicBool>) = Default::default();
        let (record, ended, answer) = (asked.clone(), over.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (record, answer, ended) = (record.clone(), answer.clone(), ended.clone());
                std::thread::spawn(move || while serve(&stream, &*answer, &record, &ended) {});
            }
        });
        Self { port, asked, over }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/graphql/v2", self.port)
    }

    /// Everything that was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// Answers one request; whether another may come on this connection.
fn serve(
    stream: &TcpStream,
    answer: &(impl Fn(&Asked) -> Reply + ?Sized),
    record: &Mutex<Vec<Asked>>,
    over: &AtomicBool,
) -> bool {
    let Some(mut asked) = read(stream) else { return false };
    {
        let mut all = record.lock().unwrap();
        asked.number = all.len();
        all.push(asked.clone());
    }
    let mut out = stream;
    let mut send = |bytes: &[u8]| out.write_all(bytes).is_ok();
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n")
    };
    match answer(&asked) {
        Reply::Json(value) => {
            let body = value.to_string();
            send(format!("{}\r\n{body}", head(200, body.len())).as_bytes())
        }
        Reply::Body(body) => send(&[format!("{}\r\n", head(200, body.len())).as_bytes(), &body].concat()),
        Reply::Status(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            send(format!("{}{headers}\r\n{body}", head(status, body.len())).as_bytes())
        }
        Reply::Bytes(bytes) => {
            send(&bytes);
            false
        }
        Reply::Silence => {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            false
        }
        Reply::Trickle => {
            send(format!("{}\r\n", head(200, 1_000_000)).as_bytes());
            while send(b" ") && !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            false
        }
        Reply::Endless(bytes) => {
            send(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n");
            let many = bytes.repeat((64 << 10) / bytes.len());
            while send(&many) && !over.load(Ordering::Relaxed) {}
            false
        }
        Reply::HangUp => false,
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { number: 0, line: lines[0].clone(), headers, body: String::from_utf8(body).unwrap() })
}
