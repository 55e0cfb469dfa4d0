//! Answers, and how they are sent.

use super::body::Body;
use std::fmt::Write as _;
use std::io::{IoSlice, Result, Write};

pub struct Answer {
    status: u16,
    headers: String,
    body: Body,
    /// The part of the body that is sent.
    range: (u64, u64),
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, headers: String::new(), body: Body::default(), range: (0, 0) }
    }

    pub fn ok() -> Self {
        Self::new(200)
    }

    pub fn json(text: String) -> Self {
        Self::ok().with("Content-Type", "application/json").holding(Body::of(text.into_bytes()))
    }

    /// A document with this root element.
    pub fn xml(root: &str, inner: &str) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{root}>"
        );
        Self::ok().with("Content-Type", "application/xml").holding(Body::of(text.into_bytes()))
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Self::new(status).with("Content-Type", "application/xml").holding(Body::of(text.into_bytes()))
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    pub fn holding(mut self, body: Body) -> Self {
        self.range = (0, body.len);
        self.body = body;
        self
    }

    /// Only these bytes of the body, as 206.
    pub fn ranged(mut self, at: u64, end: u64) -> Self {
        let total = self.body.len;
        self.range = (at, end);
        self.status = 206;
        self.with("Content-Range", &format!("bytes {at}-{}/{total}", end - 1))
    }

    /// Sends it; gives the bytes of the body that went.
    pub fn send(&self, writer: &mut impl Write, is_head: bool) -> Result<u64> {
        let (at, end) = self.range;
        let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let mut head = format!("HTTP/1.1 {} X\r\nDate: {date}\r\nServer: s3-stub\r\n", self.status);
        // An answer without a body has no length of one.
        if self.status != 204 && self.status != 304 {
            let _ = write!(head, "Content-Length: {}\r\n", end - at);
        }
        head.push_str(&self.headers);
        head.push_str("\r\n");
        if is_head || end == at {
            writer.write_all(head.as_bytes())?;
            return Ok(0);
        }
        let mut head = head.as_bytes();
        self.body.each(at, end, |bytes| {
            // The head goes with the first bytes: two packets would cost a small answer twice.
            let mut sent = 0;
            while !head.is_empty() {
                let wrote = writer.write_vectored(&[IoSlice::new(head), IoSlice::new(bytes)])?;
                let of_head = wrote.min(head.len());
                head = &head[of_head..];
                sent += wrote - of_head;
            }
            writer.write_all(&bytes[sent..])
        })?;
        Ok(end - at)
    }
}

/// Text as XML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Eight bytes as S3 writes a CRC-64.
pub fn base64(crc: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = crc.to_be_bytes();
    let mut text = String::with_capacity(12);
    for three in bytes.chunks(3) {
        let wide =
            three.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(wide >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}
