//! What guards the bytes on their way: one checksum that the store itself computes and compares, and whatever a store tells of what
//! others wrote.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::{ChecksumType, ServerSideEncryption};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc32IsoHdlc, Crc64Nvme};
use md5::{Digest as _, Md5};
use sha2::{Digest as _, Sha256};

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

/// The sums of a whole object that comes in, beside what the store says that they are.
#[derive(Default)]
pub struct Sums {
    sha256: Option<(Sha256, String)>,
    crcs: Vec<(&'static str, crc_fast::Digest, String)>,
    md5: Option<(Md5, String)>,
}

impl Sums {
    /// CRC-64/NVME alone, where the answer tells it of the whole object.
    pub fn crc64(answer: &GetObjectOutput) -> Self {
        let told = answer.checksum_crc64_nvme().filter(|told| is_whole(answer, told));
        let crcs = told.map(|told| ("CRC-64/NVME", crc_fast::Digest::new(Crc64Nvme), told.to_owned()));
        Self { crcs: crcs.into_iter().collect(), ..Self::default() }
    }

    /// All that the answer tells of the whole object; an ETag too, where it is the MD5 of what was uploaded at once.
    pub fn all(answer: &GetObjectOutput) -> Self {
        let whole = |told: Option<&str>| told.filter(|told| is_whole(answer, told)).map(str::to_owned);
        let crcs = [
            ("CRC-64/NVME", Crc64Nvme, answer.checksum_crc64_nvme()),
            ("CRC-32C", Crc32Iscsi, answer.checksum_crc32_c()),
            ("CRC-32", Crc32IsoHdlc, answer.checksum_crc32()),
        ];
        let crcs = crcs.into_iter().filter_map(|(name, algorithm, told)| {
            whole(told).map(|told| (name, crc_fast::Digest::new(algorithm), told))
        });
        Self {
            sha256: whole(answer.checksum_sha256()).map(|told| (Sha256::default(), told)),
            crcs: crcs.collect(),
            md5: md5_told(answer).map(|told| (Md5::default(), told)),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some((sum, _)) = &mut self.sha256 {
            sum.update(bytes);
        }
        self.crcs.iter_mut().for_each(|(_, sum, _)| sum.update(bytes));
        if let Some((sum, _)) = &mut self.md5 {
            sum.update(bytes);
        }
    }

    /// What is wrong once all bytes came: the name of a sum, what it is, and what the store says that it is.
    pub fn wrong(self) -> Option<(&'static str, String, String)> {
        let crc = |sum: crc_fast::Digest, name| {
            let bytes = sum.finalize().to_be_bytes();
            BASE64_STANDARD.encode(if name == "CRC-64/NVME" { &bytes[..] } else { &bytes[4..] })
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sha256 = self.sha256.map(|(sum, told)| ("SHA-256", BASE64_STANDARD.encode(sum.finalize()), told));
        let crcs = self.crcs.into_iter().map(|(name, sum, told)| (name, crc(sum, name), told));
        let md5 = self.md5.map(|(sum, told)| ("MD5", hex(&sum.finalize()), told));
        sha256.into_iter().chain(crcs).chain(md5).find(|(_, is, told)| is != told)
    }
}

/// False for a sum of the sums of parts.
fn is_whole(answer: &GetObjectOutput, told: &str) -> bool {
    answer.checksum_type().is_none_or(|kind| *kind == ChecksumType::FullObject) && !told.contains('-')
}

/// The MD5 that an ETag is: that of an object in one part, unless it is encrypted with a key of its own.
fn md5_told(answer: &GetObjectOutput) -> Option<String> {
    let is_plain = answer.server_side_encryption().is_none_or(|how| *how == ServerSideEncryption::Aes256)
        && answer.sse_customer_algorithm().is_none();
    let etag = answer.e_tag()?.strip_prefix('"')?.strip_suffix('"')?.to_ascii_lowercase();
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_plain && is_md5).then_some(etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sum_that_a_store_tells_is_compared_and_a_sum_of_parts_is_not() {
        let answer = GetObjectOutput::builder;
        let wrong = |answer: GetObjectOutput| {
            let mut sums = Sums::all(&answer);
            sums.update(b"12345");
            sums.update(b"6789");
            sums.wrong().map(|(name, ..)| name)
        };
        // The check values of reveng's catalogue, of FIPS 180-4's SHA-256 and of MD5.
        let text = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        let sha256 = text(&Sha256::digest(b"123456789"));
        let right = answer().checksum_crc32_c(text(&0xe306_9283_u32.to_be_bytes()));
        let right = right.checksum_crc32(text(&0xcbf4_3926_u32.to_be_bytes())).checksum_sha256(&sha256);
        let right = right.checksum_crc64_nvme(crc_of(b"123456789"));
        let right = right.e_tag("\"25F9E794323B453885F5181F1B624D0B\"");
        assert_eq!(wrong(right.build()), None);
        let other = |bytes: u8| text(&[bytes; 4]);
        assert_eq!(wrong(answer().checksum_crc32_c(other(1)).build()), Some("CRC-32C"));
        assert_eq!(wrong(answer().checksum_crc32(other(1)).build()), Some("CRC-32"));
        assert_eq!(wrong(answer().checksum_sha256(other(1)).build()), Some("SHA-256"));
        assert_eq!(wrong(answer().checksum_crc64_nvme(other(1)).build()), Some("CRC-64/NVME"));
        let etag = || answer().e_tag("\"00000000000000000000000000000000\"");
        assert_eq!(wrong(etag().build()), Some("MD5"));
        assert_eq!(wrong(etag().server_side_encryption(ServerSideEncryption::AwsKms).build()), None);
        assert_eq!(wrong(etag().sse_customer_algorithm("AES256").build()), None);
        for multipart in ["\"00000000000000000000000000000000-2\"", "W/\"0\"", "\"abc\""] {
            assert_eq!(wrong(answer().e_tag(multipart).build()), None, "{multipart}");
        }
        let of_parts = answer().checksum_type(ChecksumType::Composite).checksum_sha256(other(1));
        assert_eq!(wrong(of_parts.build()), None);
    }

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
