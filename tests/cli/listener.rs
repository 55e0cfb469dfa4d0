//! A real server on loopback that answers as it is told, and keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16),
    /// With this status to this address.
    Redirect(u16, String),
    /// Not at all; the connection stays open.
    Silence,
    /// One byte of the head after the other, without end.
    Trickle,
    /// The connection is closed.
    HangUp,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A server. It ends with the process.
pub struct Listener {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Listener {
    /// Answers one request after the other as `answers` say; the last one holds for all that follow.
    pub fn new(answers: Vec<Answer>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let record = asked.clone();
        std::thread::spawn(move || {
            for (number, stream) in socket.incoming().enumerate() {
                let answer = answers[number.min(answers.len() - 1)].clone();
                let (stream, record) = (stream.unwrap(), record.clone());
                std::thread::spawn(move || serve(stream, &answer, &record));
            }
        });
        Self { port, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Everything that was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The targets of everything that was asked, in order.
    pub fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

fn serve(mut stream: TcpStream, answer: &Answer, record: &Mutex<Vec<Asked>>) {
    let Some(asked) = read(&stream) else { return };
    record.lock().unwrap().push(asked);
    let text = match answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nOK"),
        Answer::Redirect(status, to) => {
            format!("HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
        }
        Answer::HangUp => return,
        Answer::Silence => return std::thread::sleep(Duration::from_secs(60)),
        Answer::Trickle => {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nX-Endless: "));
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
            return;
        }
    };
    drop(stream.write_all(text.as_bytes()));
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
    let mut first = lines.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body: String::from_utf8(body).unwrap() })
}
