//! Bodies in memory: large ones in blocks of a pool that was touched beforehand and is used again.

use super::request::Request;
use crc_fast::CrcAlgorithm::Crc64Nvme;
use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::sync::{Arc, Mutex};

/// Bytes of a block of the pool.
const BLOCK: usize = 1024 * 1024;
/// What is smaller has memory of its own length.
const SMALL: u64 = 256 * 1024;

#[derive(Default)]
pub struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// So many MiB, written to once.
    pub fn touched(mib: usize) -> Arc<Self> {
        let blocks = (0..mib).map(|_| vec![1; BLOCK]).collect();
        Arc::new(Self { free: Mutex::new(blocks) })
    }

    fn block(&self) -> Vec<u8> {
        self.free.lock().unwrap().pop().unwrap_or_else(|| vec![0; BLOCK])
    }
}

/// Some bytes of a body. Dropping it gives its block back.
pub struct Piece {
    bytes: Vec<u8>,
    used: usize,
    pool: Option<Arc<Pool>>,
}

impl Piece {
    fn all(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.free.lock().unwrap().push(std::mem::take(&mut self.bytes));
        }
    }
}

#[derive(Clone, Default)]
pub struct Body {
    pieces: Vec<Arc<Piece>>,
    pub len: u64,
    /// CRC-64/NVME of all of it.
    pub crc: u64,
}

impl Body {
    fn push(&mut self, piece: Piece) {
        let crc = crc_fast::checksum(Crc64Nvme, piece.all());
        let len = piece.used as u64;
        self.crc = crc_fast::checksum_combine(Crc64Nvme, self.crc, crc, len);
        self.len += len;
        self.pieces.push(Arc::new(piece));
    }

    /// Another one behind this, which shares its memory.
    pub fn append(&mut self, other: &Self) {
        self.crc = crc_fast::checksum_combine(Crc64Nvme, self.crc, other.crc, other.len);
        self.len += other.len;
        self.pieces.extend(other.pieces.iter().cloned());
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        let (mut body, used) = (Self::default(), bytes.len());
        body.push(Piece { bytes, used, pool: None });
        body
    }

    /// A copy of a small one.
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.all()).copied().collect()
    }

    /// Hands out the bytes from `at` up to `end`, piece by piece.
    pub fn each(&self, at: u64, end: u64, mut give: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut start = 0;
        for piece in &self.pieces {
            let stop = start + piece.used as u64;
            if stop > at && start < end {
                let from = usize::try_from(at.saturating_sub(start)).expect("within a piece");
                let to = usize::try_from(end.min(stop) - start).expect("within a piece");
                give(&piece.all()[from..to])?;
            }
            start = stop;
        }
        Ok(())
    }
}

/// Reads what follows a head, and undoes the framing of HTTP and of S3's signed chunks.
pub fn read(request: &Request, reader: &mut impl BufRead, pool: &Arc<Pool>) -> Result<Body> {
    let number = |name| request.header(name).and_then(|text| text.parse::<u64>().ok());
    let is_framed = |name, word| request.header(name).is_some_and(|text| text.contains(word));
    let has_chunks =
        is_framed("x-amz-content-sha256", "STREAMING-") || is_framed("content-encoding", "aws-chunked");
    let hint = number("x-amz-decoded-content-length").or(number("content-length"));
    match (is_framed("transfer-encoding", "chunked"), has_chunks) {
        (true, true) => {
            let (mut http, mut hinted) = (Chunked::new(reader), hint);
            let body = fill(&mut Chunked::new(&mut http), hinted.take(), pool)?;
            drain(&mut http)?;
            Ok(body)
        }
        (true, false) => fill(&mut Chunked::new(reader), hint, pool),
        (false, true) => {
            let mut limited = reader.take(number("content-length").unwrap_or(0));
            let body = fill(&mut Chunked::new(&mut limited), hint, pool)?;
            drain(&mut limited)?;
            Ok(body)
        }
        (false, false) => {
            let length = number("content-length").unwrap_or(0);
            let body = fill(&mut reader.take(length), Some(length), pool)?;
            if body.len == length { Ok(body) } else { Err(ErrorKind::UnexpectedEof.into()) }
        }
    }
}

fn drain(reader: &mut impl Read) -> Result<()> {
    std::io::copy(reader, &mut std::io::sink()).map(drop)
}

fn fill(reader: &mut impl Read, hint: Option<u64>, pool: &Arc<Pool>) -> Result<Body> {
    let mut body = Body::default();
    if hint.is_some_and(|hint| hint < SMALL) {
        let mut bytes = Vec::with_capacity(usize::try_from(hint.unwrap_or(0)).expect("small"));
        reader.read_to_end(&mut bytes)?;
        if !bytes.is_empty() {
            body.push(Piece { used: bytes.len(), bytes, pool: None });
        }
        return Ok(body);
    }
    loop {
        let mut piece = Piece { bytes: pool.block(), used: 0, pool: Some(pool.clone()) };
        while piece.used < BLOCK {
            match reader.read(&mut piece.bytes[piece.used..]) {
                Ok(0) => break,
                Ok(read) => piece.used += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let is_last = piece.used < BLOCK;
        if piece.used > 0 {
            body.push(piece);
        }
        if is_last {
            return Ok(body);
        }
    }
}

/// Chunks with their sizes in front, as HTTP and S3's signed uploads both have them; trailers are skipped.
struct Chunked<R> {
    inner: R,
    left: usize,
    begun: bool,
    done: bool,
}

impl<R: BufRead> Chunked<R> {
    fn new(inner: R) -> Self {
        Self { inner, left: 0, begun: false, done: false }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.inner.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Sees to it that there is some of a chunk left, or that all is done.
    fn advance(&mut self) -> Result<()> {
        if self.left > 0 || self.done {
            return Ok(());
        }
        if std::mem::replace(&mut self.begun, true) {
            self.line()?;
        }
        let line = self.line()?;
        let size = line.split(';').next().unwrap_or_default();
        self.left =
            usize::from_str_radix(size, 16).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        if self.left == 0 {
            while !self.line()?.is_empty() {}
            self.done = true;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Chunked<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        self.advance()?;
        let most = self.left.min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.inner.read(&mut into[..most])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Chunked<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.advance()?;
        let left = self.left;
        if left == 0 {
            return Ok(&[]);
        }
        let buffer = self.inner.fill_buf()?;
        Ok(&buffer[..buffer.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        self.left -= amount;
        self.inner.consume(amount);
    }
}
