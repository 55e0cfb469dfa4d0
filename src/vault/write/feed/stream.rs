//! A stream: read once, from its beginning to its end, and cut where its content says so, so that bytes which
//! were inserted or moved leave the other chunks as they were.

use super::{Feed, Out, STOPPED, Stop};
use crate::domain::{Kind, Monitor, Problem};
use crate::vault::format::{Entry, UNIT};
use crate::vault::write::work::Step;
use fastcdc::v2020::{Error, StreamCDC};
use std::io::{self, ErrorKind, Read};

/// The least, usual and largest size of a chunk, in bytes. The largest is what a frame may hold.
const SIZES: (usize, usize, usize) = (32 * 1024, 128 * 1024, UNIT);

impl Feed<'_> {
    /// Reads a stream as the one entry that it is.
    pub(super) fn stream(
        &mut self,
        entry: Entry,
        bytes: Box<dyn Read + Send>,
        out: &Out,
    ) -> std::result::Result<(), Stop> {
        self.work.steps.push(Step::Open(Box::new(entry)));
        let patient = Patient { bytes, monitor: self.monitor };
        let mut size = 0;
        for chunk in StreamCDC::new(patient, SIZES.0, SIZES.1, SIZES.2) {
            let chunk = chunk.map_err(|error| Stop::All(failed(error)))?.data;
            if self.work.raw.len() + chunk.len() > UNIT {
                self.flush(out)?;
            }
            let start = self.work.raw.len();
            let length = chunk.len() as u64;
            self.work.raw.extend_from_slice(&chunk);
            let range = start..self.work.raw.len();
            self.work.steps.push(Step::Data { offset: size, range, before: None, claim: None });
            self.monitor.advance(length, 0);
            size += length;
        }
        self.work.steps.push(Step::Close { size, unsettled: false });
        Ok(())
    }
}

/// A stream may be silent for hours. Meanwhile the wish to stop is looked for.
struct Patient<'a> {
    bytes: Box<dyn Read + Send>,
    monitor: &'a dyn Monitor,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.bytes.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
            if self.monitor.cancelled() {
                return Err(io::Error::other(Problem::new(Kind::Cancelled, STOPPED)));
            }
        }
    }
}

/// A stream has no second reading, and half of one is no copy. What a source says as a problem is kept as it is.
fn failed(error: Error) -> Problem {
    let error = match error {
        Error::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    };
    error
        .downcast::<Problem>()
        .unwrap_or_else(|error| Problem::new(Kind::Io, format!("reading the stream: {error}")))
}
