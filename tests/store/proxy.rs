//! A small proxy between a store and its server, which does one fault to one request of those that pass.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::sleep;
use std::time::Duration;

/// What can be done to a request or its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request arrives, and the connection breaks before the answer.
    Reset,
    /// 503 with `Retry-After`; nothing arrives.
    Unavailable,
    /// The request arrives, and is answered 500.
    Internal,
    /// Nothing arrives, and the answer is 200 with an error as its body.
    ErrorInSuccess,
    /// The answer comes a byte at a time.
    Trickle,
    /// Half of the answer, and an end.
    Truncated,
    /// One bit of the request's body is another, or of the answer's where the request has none.
    Corrupt,
    /// The answer says one byte less than it has; where it has none, more comes than was said.
    WrongLength,
    /// A list as it was before.
    StaleList,
    /// The answer comes after everybody has stopped waiting for it.
    Delay,
    /// The credential has expired.
    Expired,
    /// 404.
    NotFoundOnce,
}

/// All of them.
pub const FAULTS: [Fault; 12] = [
    Fault::Reset,
    Fault::Unavailable,
    Fault::Internal,
    Fault::ErrorInSuccess,
    Fault::Trickle,
    Fault::Truncated,
    Fault::Corrupt,
    Fault::WrongLength,
    Fault::StaleList,
    Fault::Delay,
    Fault::Expired,
    Fault::NotFoundOnce,
];

#[derive(Default)]
struct Plan {
    requests: Vec<String>,
    fault: Option<(Fault, usize)>,
    always: Option<(Fault, String)>,
    fired: bool,
    lists: HashMap<String, Message>,
    before: Option<(&'static str, Meanwhile)>,
    instead: Option<Instead>,
}

/// What happens meanwhile, elsewhere.
type Meanwhile = Box<dyn FnOnce() + Send>;

/// What a request with this head is answered, should it not reach the server: the status line's end, and a body.
type Instead = Arc<dyn Fn(&Head) -> Option<(String, String)> + Send + Sync>;

/// The lines before a request's body.
pub struct Head(Vec<String>);

impl Head {
    /// `GET /bucket/key?query HTTP/1.1`.
    pub fn line(&self) -> &str {
        &self.0[0]
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.0, name)
    }
}

/// The proxy. Its threads end with the process.
pub struct Proxy {
    pub endpoint: String,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    /// Between whoever asks and `upstream`, for example `http://127.0.0.1:8333`.
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let plan: Arc<Mutex<Plan>> = Arc::default();
        let (shared, upstream) = (plan.clone(), upstream.trim_start_matches("http://").to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (plan, upstream) = (shared.clone(), upstream.clone());
                // An end of either side ends the connection: that is what it is for.
                std::thread::spawn(move || drop(serve(client, &upstream, &plan)));
            }
        });
        Self { endpoint, plan }
    }

    /// Counts from now on, and does `fault` to the request of this number, from 0.
    pub fn arm(&self, fault: Option<(Fault, usize)>) {
        let mut plan = lock(&self.plan);
        (plan.fault, plan.fired) = (fault, false);
        plan.requests.clear();
    }

    /// Does `fault` to every request whose line has these words, from now on; none for an end of that.
    pub fn always(&self, fault: Option<(Fault, &str)>) {
        lock(&self.plan).always = fault.map(|(fault, words)| (fault, words.to_owned()));
    }

    /// Does something once, before the next request of this method reaches the server.
    pub fn before(&self, method: &'static str, act: impl FnOnce() + Send + 'static) {
        lock(&self.plan).before = Some((method, Box::new(act)));
    }

    /// Answers by `answer` what it gives an answer for, from now on. It may wait for other requests.
    pub fn instead(&self, answer: impl Fn(&Head) -> Option<(String, String)> + Send + Sync + 'static) {
        lock(&self.plan).instead = Some(Arc::new(answer));
    }

    /// The request lines since it was armed, and whether the fault was done.
    pub fn seen(&self) -> (Vec<String>, bool) {
        let plan = lock(&self.plan);
        (plan.requests.clone(), plan.fired)
    }
}

fn lock(plan: &Mutex<Plan>) -> MutexGuard<'_, Plan> {
    plan.lock().unwrap()
}

/// A request or an answer.
#[derive(Clone)]
struct Message {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Message {
    fn answer(status: &str, headers: &[&str], code: &str) -> Self {
        let body = if code.is_empty() { String::new() } else { error(code, "a fault") };
        Self::with_body(status, headers, body)
    }

    fn with_body(status: &str, headers: &[&str], body: String) -> Self {
        let body = body.into_bytes();
        let mut head = vec![format!("HTTP/1.1 {status}"), "Content-Type: application/xml".into()];
        head.extend(headers.iter().map(|header| (*header).to_owned()));
        head.push(format!("Content-Length: {}", body.len()));
        Self { head, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    fn set_length(&mut self, length: usize) {
        self.head.retain(|line| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("content-length:") && !line.starts_with("transfer-encoding:")
        });
        self.head.push(format!("Content-Length: {length}"));
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n\r\n", self.head.join("\r\n")).into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    /// Reads one; none at the end of the connection. `has_body` is false for answers to HEAD.
    fn read(from: &mut impl BufRead, has_body: bool) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" if head.is_empty() => {}
                "" => break,
                text => head.push(text.to_owned()),
            }
        }
        let mut message = Self { head, body: Vec::new() };
        if !has_body {
            return Ok(Some(message));
        }
        if message.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            message.body = chunks(from)?;
            message.set_length(message.body.len());
        } else if let Some(length) = message.header("content-length").and_then(|text| text.parse().ok()) {
            message.body = vec![0; length];
            from.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let lines = head.iter().skip(1).filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The body of an answer that refuses.
pub fn error(code: &str, message: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
}

fn chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        from.take(length as u64).read_to_end(&mut body)?;
        from.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn serve(mut client: TcpStream, upstream: &str, plan: &Mutex<Plan>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut requests = BufReader::new(client.try_clone()?);
    let mut server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    let mut answers = BufReader::new(server.try_clone()?);
    while let Some(mut request) = Message::read(&mut requests, true)? {
        let line = request.head[0].clone();
        assert!(request.header("transfer-encoding").is_none(), "a body without a length: {line}");
        assert!(request.header("content-encoding").is_none(), "a body with a framing of its own: {line}");
        let is_head = line.starts_with("HEAD ");
        let fault = take_fault(plan, &line);
        if let Some(instead) = fault.and_then(|fault| made_up(fault, is_head)) {
            client.write_all(&instead.bytes())?;
            continue;
        }
        let rule = lock(plan).instead.clone();
        if let Some((status, body)) = rule.and_then(|rule| rule(&Head(request.head.clone()))) {
            client.write_all(&Message::with_body(&status, &[], body).bytes())?;
            continue;
        }
        let has_body = !request.body.is_empty();
        if fault == Some(Fault::Corrupt) && has_body {
            let middle = request.body.len() / 2;
            request.body[middle] ^= 1;
        }
        let meanwhile = lock(plan).before.take_if(|(method, _)| line.starts_with(*method));
        if let Some((_, act)) = meanwhile {
            act();
        }
        server.write_all(&request.bytes())?;
        let Some(mut answer) = Message::read(&mut answers, !is_head)? else { return Ok(()) };
        if line.contains("list-type=2") {
            let mut plan = lock(plan);
            match fault {
                Some(Fault::StaleList) => answer = plan.lists[&line].clone(),
                _ => drop(plan.lists.insert(line, answer.clone())),
            }
        }
        match fault {
            None => client.write_all(&answer.bytes())?,
            Some(fault) => spoil(fault, answer, has_body, &mut client)?,
        }
        if matches!(fault, Some(Fault::Reset | Fault::Truncated | Fault::WrongLength | Fault::Trickle)) {
            return client.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

fn take_fault(plan: &Mutex<Plan>, line: &str) -> Option<Fault> {
    let mut plan = lock(plan);
    let number = plan.requests.len();
    plan.requests.push(line.to_owned());
    if let Some((fault, _)) = plan.always.as_ref().filter(|(_, words)| line.contains(words)) {
        return Some(*fault);
    }
    let (fault, _) = plan.fault.filter(|(fault, at)| {
        let can = *fault != Fault::StaleList || plan.lists.contains_key(line);
        *at == number && !plan.fired && can
    })?;
    plan.fired = true;
    Some(fault)
}

/// Answers to requests that never arrive.
fn made_up(fault: Fault, is_head: bool) -> Option<Message> {
    let code = |code| if is_head { "" } else { code };
    Some(match fault {
        Fault::Unavailable => {
            Message::answer("503 Service Unavailable", &["Retry-After: 1"], code("SlowDown"))
        }
        Fault::ErrorInSuccess => Message::answer("200 OK", &[], code("InternalError")),
        Fault::Expired if is_head => Message::answer("400 Bad Request", &[], ""),
        Fault::Expired => Message::answer("400 Bad Request", &[], "ExpiredToken"),
        Fault::NotFoundOnce => Message::answer("404 Not Found", &[], code("NoSuchKey")),
        _ => return None,
    })
}

fn spoil(fault: Fault, mut answer: Message, has_body: bool, client: &mut TcpStream) -> io::Result<()> {
    match fault {
        Fault::Reset => return Ok(()),
        Fault::Internal => answer = Message::answer("500 Internal Server Error", &[], ""),
        Fault::Trickle => {
            for byte in answer.bytes() {
                client.write_all(&[byte])?;
                sleep(Duration::from_millis(10));
            }
            return Ok(());
        }
        Fault::Truncated => {
            let bytes = answer.bytes();
            let cut = if answer.body.is_empty() {
                bytes.len() / 2
            } else {
                bytes.len() - answer.body.len() / 2 - 1
            };
            return client.write_all(&bytes[..cut]);
        }
        Fault::Corrupt if !has_body && !answer.body.is_empty() => {
            let middle = answer.body.len() / 2;
            answer.body[middle] ^= 1;
        }
        Fault::WrongLength if answer.body.is_empty() => answer.body = b"more than was said".to_vec(),
        Fault::WrongLength => answer.set_length(answer.body.len() - 1),
        Fault::Delay => sleep(Duration::from_millis(3500)),
        _ => {}
    }
    client.write_all(&answer.bytes())
}
