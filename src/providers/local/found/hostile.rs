//! Bytes that somebody else wrote may be anything: nothing here panics, takes long, or fills memory.

#[cfg(test)]
mod tests {
    use super::super::kind::{Content, FAR, HEAD, Sample, TAIL, Whole, recognise};
    use super::super::{borg, postgres, restic};
    use crate::domain::PointKind;
    use std::io::Write;
    use std::time::{Duration, Instant};

    const SEED: u64 = 0x6f75_746c_6976_6521;

    /// Numbers that look random and are the same in every run (xorshift64*).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn below(&mut self, end: usize) -> usize {
            (self.next() % end.max(1) as u64) as usize
        }
    }

    fn sample(file: &[u8]) -> Sample {
        let far = file.get(FAR.0 as usize..).unwrap_or_default();
        Sample {
            size: file.len() as u64,
            head: file[..file.len().min(HEAD)].to_vec(),
            tail: Some(file[file.len().saturating_sub(TAIL)..].to_vec()),
            far: far[..far.len().min(FAR.1)].to_vec(),
        }
    }

    /// A header of `pg_dump` 15, custom format, as in `tests/survey`; the time is 2026-11-28 06:03:47.
    fn dump() -> Vec<u8> {
        let mut bytes = b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec();
        bytes.extend([1, 1, 0, 0, 0]);
        for value in [47, 3, 6, 28, 10, 126, 0, 6] {
            bytes.extend([0, value, 0, 0, 0]);
        }
        bytes.extend(b"orders\x00\x05\x00\x00\x0015.18\x00\x05\x00\x00\x0015.18");
        bytes.extend([0; 400]);
        bytes
    }

    fn tar() -> Vec<u8> {
        let mut bytes = vec![0; 10_240];
        bytes[..5].copy_from_slice(b"notes");
        bytes[257..265].copy_from_slice(b"ustar  \0");
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes[..512].iter().map(|&byte| u32::from(byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn placed(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; length];
        for (at, part) in parts {
            bytes[*at..*at + part.len()].copy_from_slice(part);
        }
        bytes
    }

    /// One file of each kind, small enough to be built here.
    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let sql = b"--\n-- PostgreSQL database dump\n--\n\n-- PostgreSQL database dump complete\n--\n";
        let lite =
            [(0, &b"SQLite format 3\0\x10\0"[..]), (24, &[0, 0, 0, 1, 0, 0, 0, 2]), (92, &[0, 0, 0, 1])];
        let ext = [(1024, &[9, 0, 0, 0, 8, 0, 0, 0][..]), (1024 + 56, &[0x53, 0xef, 1, 0, 1, 0])];
        vec![
            ("custom", dump()),
            ("plain", sql.to_vec()),
            ("mysql", b"-- MySQL dump 10\n-- Host: a\n\n-- Dump completed on 2026-11-28  6:03:47\n".to_vec()),
            ("shell", b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n".to_vec()),
            ("tar", tar()),
            ("gzip", gzip(&tar())),
            ("zstd", zstd::encode_all(&*tar(), 1).unwrap()),
            ("xz", b"\xfd7zXZ\0 and so on YZ".to_vec()),
            ("sqlite", placed(8192, &lite)),
            ("ext", placed(8192, &ext)),
            ("xfs", placed(4096, &[(0, b"XFSB\0\0\x10\0\0\0\0\0\0\0\0\x01")])),
            ("btrfs", placed(66_000, &[(65_600, b"_BHRfS_M")])),
            ("qcow2", placed(512, &[(0, b"QFI\xfb\0\0\0\x03")])),
        ]
    }

    /// Changes up to eight places, mostly near the start, and may cut the end.
    fn mutated(file: &[u8], numbers: &mut Numbers) -> Vec<u8> {
        let mut bytes = file.to_vec();
        for _ in 0..=numbers.below(8) {
            let end = if numbers.below(3) == 0 { bytes.len() } else { bytes.len().min(600) };
            let at = numbers.below(end);
            let value = [0, 1, 0x7f, 0x80, 0xff, numbers.below(256) as u8][numbers.below(6)];
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if numbers.below(4) == 0 {
            bytes.truncate(numbers.below(bytes.len() + 1));
        }
        bytes
    }

    fn is_printable(content: &Content) -> bool {
        !content.what.chars().any(char::is_control)
    }

    #[test]
    fn every_kind_is_recognised_before_it_is_changed() {
        for (name, file) in files() {
            assert!(recognise(&sample(&file)).is_some(), "{name}");
        }
        let found = recognise(&sample(&dump())).unwrap();
        assert_eq!(found.claims.unwrap().to_rfc3339(), "2026-11-28T06:03:47+00:00");
        assert_eq!(found.kind, PointKind::Dump);
    }

    #[test]
    fn no_change_of_any_header_makes_it_panic_or_print_what_is_unsafe() {
        println!("seed {SEED:#x}");
        let (mut numbers, began) = (Numbers(SEED), Instant::now());
        let (mut known, mut unknown) = (0, 0);
        for (name, file) in files() {
            for round in 0..500 {
                let bytes = mutated(&file, &mut numbers);
                let mut sample = sample(&bytes);
                if numbers.below(8) == 0 {
                    (sample.size, sample.tail) = (numbers.next(), None);
                }
                drop(postgres::directory(&sample));
                match recognise(&sample) {
                    Some(content) => {
                        assert!(is_printable(&content), "{name}, round {round}: {}", content.what);
                        known += 1;
                    }
                    None => unknown += 1,
                }
            }
        }
        assert!(
            known > 1000 && unknown > 1000,
            "the changes are too rough or too fine: {known} and {unknown}"
        );
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_small_file_that_decodes_to_much_is_decoded_in_part() {
        let mut bomb = tar();
        bomb.resize(64 << 20, 0);
        for (with, file) in [("gzip", gzip(&bomb)), ("zstd", zstd::encode_all(&*bomb, 1).unwrap())] {
            let began = Instant::now();
            let content = recognise(&sample(&file)).unwrap();
            assert!(content.what.ends_with(with), "{}", content.what);
            assert_eq!(content.whole, Whole::Open("only its beginning was decoded".into()));
            assert!(began.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn no_answer_of_a_program_makes_it_panic() {
        let restic_said = br#"[{"id":"0123","time":"2026-11-28T03:00:00Z","hostname":"a","paths":["/b"]}]"#;
        let borg_said =
            br#"{"archives":[{"id":"1","name":"a","start":"2026-11-28T03:00:00.0","command_line":["b"]}]}"#;
        assert_eq!(restic::read(restic_said, "a").unwrap().len(), 1);
        assert_eq!(borg::read(borg_said, "a").unwrap().saved.len(), 1);
        println!("seed {SEED:#x}");
        let mut numbers = Numbers(SEED);
        for _ in 0..2_000 {
            drop(restic::read(&mutated(restic_said, &mut numbers), "a"));
            drop(borg::read(&mutated(borg_said, &mut numbers), "a"));
        }
    }
}
