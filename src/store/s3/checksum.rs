//! What guards the bytes on their way: one checksum that the store itself computes and compares.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm::Crc64Nvme;
use md5::{Digest as _, Md5};

/// Which checksum goes along with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// CRC-64/NVME in `x-amz-checksum-crc64nvme`: the store says it back, so that one that ignored it is noticed. It
    /// covers a whole object, in parts or not, and costs nothing.
    Crc64Nvme,
    /// `Content-MD5`, for stores that refuse or ignore the other.
    Md5,
}

/// CRC-64/NVME of a growing object.
#[derive(Debug, Clone)]
pub struct Crc(crc_fast::Digest);

impl Default for Crc {
    fn default() -> Self {
        Self(crc_fast::Digest::new(Crc64Nvme))
    }
}

impl Crc {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// As S3 writes it: base64 of the eight bytes, most significant first.
    pub fn text(&self) -> String {
        BASE64_STANDARD.encode(self.0.finalize().to_be_bytes())
    }
}

/// CRC-64/NVME of these bytes, as S3 writes it.
pub fn crc_of(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(crc_fast::checksum(Crc64Nvme, bytes).to_be_bytes())
}

/// MD5 of these bytes, as `Content-MD5` has it.
pub fn md5_of(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Md5::digest(bytes))
}

/// The headers for one body: CRC-64/NVME or MD5, never both.
pub fn headers(guard: Guard, bytes: &Bytes) -> (Option<String>, Option<String>) {
    match guard {
        Guard::Crc64Nvme => (Some(crc_of(bytes)), None),
        Guard::Md5 => (None, Some(md5_of(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogues() {
        // The check values of CRC-64/NVME (reveng's catalogue) and of MD5 (RFC 1321).
        assert_eq!(
            BASE64_STANDARD.decode(crc_of(b"123456789")).unwrap(),
            0xae8b_1486_0a79_9888_u64.to_be_bytes()
        );
        assert_eq!(md5_of(b"abc"), "kAFQmDzST7DWlj99KOF/cg==");
        let mut grown = Crc::default();
        grown.update(b"12345");
        grown.update(b"6789");
        assert_eq!(grown.text(), crc_of(b"123456789"));
    }
}
