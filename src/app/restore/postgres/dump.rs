//! What kind of dump a file is, by what is in it.

use crate::domain::{Kind, Problem, Result};

/// How much of a file tells.
pub(super) const HEAD: usize = 4096;

/// A dump in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DumpKind {
    /// For `pg_restore`: the custom format.
    Custom,
    /// For `pg_restore`: the tar format.
    Tar,
    /// SQL of one database.
    Database,
    /// SQL of all databases of a server, with its roles.
    Cluster,
}

impl DumpKind {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Custom => "a dump by pg_dump in its custom format",
            Self::Tar => "a dump by pg_dump in its tar format",
            Self::Database => "a dump by pg_dump in plain SQL",
            Self::Cluster => "a dump by pg_dumpall in plain SQL",
        }
    }

    /// Whether `pg_restore` makes SQL of it.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Custom | Self::Tar)
    }

    /// Of the first bytes of a file.
    ///
    /// # Errors
    /// `Refused` where it is no dump that is read here.
    pub fn of(head: &[u8]) -> Result<Self> {
        let first = |text: &str| {
            let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
            let mut lines = lines.by_ref().filter(|line| !line.is_empty());
            lines.next() == Some(b"--") && lines.next() == Some(text.as_bytes())
        };
        if head.starts_with(b"PGDMP") {
            return Ok(Self::Custom);
        }
        if head.get(257..262) == Some(b"ustar") && head.starts_with(b"toc.dat\0") {
            return Ok(Self::Tar);
        }
        if first("-- PostgreSQL database dump") {
            return Ok(Self::Database);
        }
        if first("-- PostgreSQL database cluster dump") {
            return Ok(Self::Cluster);
        }
        let packed: [(&[u8], &str); 4] = [
            (&[0x1f, 0x8b], "gzip -dc"),
            (&[0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"),
            (&[0x04, 0x22, 0x4d, 0x18], "lz4 -dc"),
            (&[0xfd, b'7', b'z', b'X', b'Z'], "xz -dc"),
        ];
        let problem = Problem::new(
            Kind::Refused,
            "the point is no dump of PostgreSQL: neither an archive of pg_dump nor SQL with its heading",
        );
        Err(match packed.iter().find(|(magic, _)| head.starts_with(magic)) {
            Some((_, tool)) => problem.remedy(format!(
                "it is packed: restore the file with --to, unpack it with `{tool}`, and read it with psql into a new database"
            )),
            None => problem.remedy("restore the file with --to, and see what it is"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_told_by_its_content() {
        let mut tar = b"toc.dat".to_vec();
        tar.resize(512, 0);
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(DumpKind::of(&tar).unwrap(), DumpKind::Tar);
        assert_eq!(DumpKind::of(b"PGDMP\x01\x0e").unwrap(), DumpKind::Custom);
        let plain = b"--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n";
        assert_eq!(DumpKind::of(plain).unwrap(), DumpKind::Database);
        let all = b"--\r\n-- PostgreSQL database cluster dump\r\n--\r\n";
        assert_eq!(DumpKind::of(all).unwrap(), DumpKind::Cluster);
        for text in [&b"-- PostgreSQL database dump"[..], b"select 1;", b"", b"\x1f\x8b\x08"] {
            assert!(DumpKind::of(text).is_err());
        }
        assert!(DumpKind::of(b"\x1f\x8b\x08").unwrap_err().remedy.contains("gzip -dc"));
    }
}
