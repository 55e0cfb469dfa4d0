//! The head of an HTTP/1.1 request.

use super::body::Body;
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Longer heads are none of S3's.
const MOST_HEAD: u64 = 64 * 1024;

pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Body,
}

impl Request {
    /// The next request's head; `None` where the client is done.
    pub fn head(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let mut lines = reader.take(MOST_HEAD);
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(Error::new(ErrorKind::InvalidData, "not HTTP"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true), decoded(value, true))
        };
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        let (method, path) = (method.to_owned(), decoded(path, false));
        let mut headers = Vec::new();
        loop {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        Ok(Some(Self { method, path, query, headers, body: Body::default() }))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Headers whose names begin so.
    pub fn headers_from(&self, start: &str) -> impl Iterator<Item = &(String, String)> {
        self.headers.iter().filter(move |(name, _)| name.starts_with(start))
    }

    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub fn asks(&self, name: &str) -> bool {
        self.asked(name).is_some()
    }

    /// Whose key signed it.
    pub fn access_key(&self) -> &str {
        let credential = self.header("authorization").and_then(|line| line.split_once("Credential="));
        credential.and_then(|(_, rest)| rest.split('/').next()).unwrap_or("nobody")
    }

    /// The contents of each element of that name in a small XML body.
    pub fn elements(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body.bytes()).into_owned();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let after = text.split(open.as_str()).skip(1);
        after.filter_map(|rest| rest.split_once(close.as_str())).map(|(inner, _)| unescaped(inner)).collect()
    }
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&apos;", "'");
    plain.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Undoes `%20`, and in a query `+`.
fn decoded(text: &str, is_query: bool) -> String {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' if is_query => b' ',
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or(b'%')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}
