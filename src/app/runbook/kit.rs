//! The break-glass kit: a directory for a stick, with all that is needed once this machine is gone, and no secret.

use super::keep::write_runbooks;
use super::{access, make_runbooks};
use crate::app::Context;
use crate::app::stores::open_vault;
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{Estate, VaultEntry};
use crate::report::activity::KitMade;
use crate::report::runbook::{PageFormat, RunbookVault, Runbooks, escrow_page, kit_page};
use crate::store::sync_names;
use crate::vault::Vault;
use crate::vault::format::{MAX_OBJECT, Marker};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A kit that is asked for.
#[derive(Debug)]
pub struct KitOrder<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The vault.
    pub entry: &'a VaultEntry,
    /// The new directory.
    pub into: &'a Path,
    /// The program that goes into it: the running one.
    pub program: &'a Path,
    /// How long looking at one path or vault may take.
    pub limit: Duration,
}

/// Makes a kit.
///
/// # Errors
/// `Refused` where the directory is there already; where the vault cannot be read, or its instructions are damaged; `Io`. What was begun stays,
/// without `SHA256SUMS`.
pub fn make_kit(context: &Context, order: &KitOrder<'_>) -> Result<KitMade> {
    let vault = open_vault(context, &order.entry.place)?;
    vault.check_readme()?;
    let instructions = vault.store().get_bytes(&Marker::readme_key()?, MAX_OBJECT)?;
    let marker = vault.store().get_bytes(&Marker::key()?, MAX_OBJECT)?;
    let made = make_runbooks(context, order.estate, None, order.limit)?;
    let facts = made.vaults.iter().find(|facts| facts.name == order.entry.id);
    let facts = facts.ok_or_else(|| Problem::new(Kind::Internal, "a vault that was not looked at"))?;
    let (entry, environment) = (order.entry, &context.environment);
    let reach = access::reach_with_outlive(order.estate, entry, environment, vault.is_encrypted());
    let mut kit = Kit::new(order.into)?;
    let program = kit.program(order.program)?;
    kit.write("vault-README.md", &instructions)?;
    kit.write("vault.json", &marker)?;
    kit.write("escrow.md", escrow_page(facts, made.escrow.as_deref(), made.reading.as_deref()).as_bytes())?;
    kit.runbooks(&made)?;
    // Printed, it tells whether somebody changed one of these.
    let sums = kit.sums.clone();
    for format in [PageFormat::Markdown, PageFormat::Html] {
        let name = format!("START-HERE.{}", format.extension());
        kit.write(&name, kit_page(&made, (facts, &reach), &sums, format).as_bytes())?;
    }
    kit.end()?;
    Ok(told(order, (&vault, facts), kit, program, &made))
}

fn told(
    order: &KitOrder<'_>,
    (vault, facts): (&Vault, &RunbookVault),
    kit: Kit,
    program: Program,
    made: &Runbooks,
) -> KitMade {
    let mut missing = Vec::new();
    if vault.is_encrypted() && made.escrow.is_none() {
        missing.push(
            "how the private key is had: fill escrow.md in by hand, or write [escrow] in the estate file"
                .into(),
        );
    }
    if facts.address.starts_with("s3://") && made.reading.is_none() {
        missing.push(
            "how a credential that reads the vault is had: fill escrow.md in by hand, or write `credential` into [escrow]"
                .into(),
        );
    }
    if made.runbooks.iter().all(|runbook| runbook.procedures.is_empty()) {
        missing.push("commands that restore anything: no vault that could be read has a copy".into());
    }
    KitMade {
        folder: printable(order.into.as_os_str().as_bytes()),
        vault: facts.name.clone(),
        address: printable(facts.address.as_bytes()),
        files: kit.files,
        bytes: kit.bytes,
        program_sha256: program.sha256,
        is_static: program.is_static,
        missing,
        gaps: made.gaps.clone(),
    }
}

/// A kit on its way.
struct Kit {
    path: PathBuf,
    sums: String,
    files: u64,
    bytes: u64,
}

/// A program that was copied.
struct Program {
    sha256: String,
    is_static: Option<bool>,
}

impl Kit {
    fn new(path: &Path) -> Result<Self> {
        let place = printable(path.as_os_str().as_bytes());
        match DirBuilder::new().mode(0o755).create(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Problem::new(Kind::Refused, "it is there already, and nothing is written over")
                    .at(place)
                    .remedy("name a new directory"))
            }
            Err(error) => Err(Problem::io("making the kit", error).at(place)),
            Ok(()) => Ok(Self { path: path.to_path_buf(), sums: String::new(), files: 0, bytes: 0 }),
        }
    }

    fn failed(&self, error: std::io::Error) -> Problem {
        Problem::io("writing the kit", error).at(printable(self.path.as_os_str().as_bytes()))
    }

    fn new_file(&self, name: &str, mode: u32) -> Result<File> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(mode).open(self.path.join(name));
        opened.map_err(|error| self.failed(error))
    }

    fn note(&mut self, name: &str, sha256: &str, bytes: u64) {
        self.sums.push_str(&format!("{sha256}  {name}\n"));
        self.files += 1;
        self.bytes += bytes;
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut file = self.new_file(name, 0o644)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| self.failed(error))?;
        self.note(name, &super::keep::sum(bytes), bytes.len() as u64);
        Ok(())
    }

    /// Copies the program, and says what it is.
    fn program(&mut self, from: &Path) -> Result<Program> {
        let place = printable(from.as_os_str().as_bytes());
        let reading = |error| Problem::io("reading the program", error).at(&*place);
        let mut source = File::open(from).map_err(reading)?;
        let mut file = self.new_file("outlive", 0o755)?;
        let (mut hasher, mut head, mut bytes) = (Sha256::new(), Vec::new(), 0_u64);
        let mut part = vec![0; 1 << 16];
        loop {
            let read = source.read(&mut part).map_err(reading)?;
            if read == 0 {
                break;
            }
            hasher.update(&part[..read]);
            if head.len() < HEAD {
                head.extend_from_slice(&part[..read]);
            }
            file.write_all(&part[..read]).map_err(|error| self.failed(error))?;
            bytes += read as u64;
        }
        file.sync_all().map_err(|error| self.failed(error))?;
        let sha256: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.note("outlive", &sha256, bytes);
        Ok(Program { sha256, is_static: is_static(&head) })
    }

    fn runbooks(&mut self, made: &Runbooks) -> Result<()> {
        let folder = self.path.join("runbooks");
        write_runbooks(made, &folder, &[PageFormat::Markdown, PageFormat::Html])?;
        let listed = std::fs::read_dir(&folder).map_err(|error| self.failed(error))?;
        let mut names = Vec::new();
        for entry in listed {
            names.push(entry.map_err(|error| self.failed(error))?.file_name());
        }
        names.sort();
        for name in names {
            let bytes = std::fs::read(folder.join(&name)).map_err(|error| self.failed(error))?;
            let name = format!("runbooks/{}", name.to_string_lossy());
            self.note(&name, &super::keep::sum(&bytes), bytes.len() as u64);
        }
        Ok(())
    }

    /// The sums come last: without them a kit is not whole.
    fn end(&mut self) -> Result<()> {
        let sums = std::mem::take(&mut self.sums);
        self.write("SHA256SUMS", sums.as_bytes())?;
        let names = File::open(&self.path).map_err(|error| self.failed(error))?;
        sync_names(&names).map_err(|error| self.failed(error.into()))
    }
}

/// How much of a program is looked at: the headers of an ELF file are at its beginning.
const HEAD: usize = 64 * 1024;

/// Whether an ELF file of 64 bits names no interpreter that would load libraries; none where it is something else.
fn is_static(head: &[u8]) -> Option<bool> {
    const INTERPRETER: u32 = 3;
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let half = |at: usize| Some(usize::from(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?)));
    let table = usize::try_from(u64::from_le_bytes(head.get(32..40)?.try_into().ok()?)).ok()?;
    let (size, count) = (half(54)?, half(56)?);
    let mut kinds = (0..count).map(|place| {
        let at = table.checked_add(place.checked_mul(size)?)?;
        Some(u32::from_le_bytes(head.get(at..at.checked_add(4)?)?.try_into().ok()?))
    });
    let kinds: Option<Vec<u32>> = kinds.by_ref().collect();
    Some(!kinds?.contains(&INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_loader_is_told_from_one_that_does_not() {
        // What runs this test is linked dynamically on every system that the suite runs on.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(is_static(&own[..HEAD]), Some(false));
        let mut without = own[..HEAD].to_vec();
        let table = usize::try_from(u64::from_le_bytes(own[32..40].try_into().unwrap())).unwrap();
        let size = usize::from(u16::from_le_bytes([own[54], own[55]]));
        for place in 0..usize::from(u16::from_le_bytes([own[56], own[57]])) {
            without[table + place * size] = 1;
        }
        assert_eq!(is_static(&without), Some(true));
        assert_eq!(is_static(b"#!/bin/sh\n"), None);
        assert_eq!(is_static(&own[..100]), None, "cut short");
    }
}
