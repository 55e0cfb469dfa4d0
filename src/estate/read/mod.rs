//! Reads `outlive.toml`. Strict: what is not understood is a mistake, and all mistakes are told at once.

mod address;
mod after;
mod agree;
mod as_of;
mod assets;
mod bonds;
mod catalogue;
mod copy;
mod cycles;
mod declared;
mod file;
mod incident;
mod keys;
mod names;
mod nightly;
mod policy;
mod provider;
mod runbook;
mod secrets;
mod signing;
mod text;
mod value;
mod vault;
mod volume;
mod waivers;
mod words;

pub use keys::{INCIDENT_KEYS, KEYS};

use super::stand::canonical;
use super::{Estate, NamedBy, PolicyEntry, StandsOn};
use crate::catalogue::Catalogue;
use crate::domain::{Kind, Problem, Result, printable};
use assets::AssetNames;
use copy::Around;
use cycles::Hang;
use file::File;
use names::Names;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::Path;
use text::text_of;
use toml::de::DeTable;
use value::{Table, Value};

const PAGE: &str = "docs/configuration.md describes every key";

impl Estate {
    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// `NotFound` or `Io` where it cannot be read; `Usage` with file, line and column where it is wrong. Several
    /// mistakes are told in one problem, by line.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_unless(path, |_| Ok(()))
    }

    /// The same, unless `refuse` has something against the file. It is asked of what was opened: its name may be given to another one meanwhile.
    ///
    /// # Errors
    /// As [`Estate::read`], and those of `refuse`.
    pub fn read_unless(path: &Path, refuse: impl FnOnce(&Metadata) -> Result<()>) -> Result<Self> {
        let text = text_of(path, "the estate file", refuse)?;
        let place = printable(path.as_os_str().as_encoded_bytes());
        let failed = |error| Problem::io("reading the estate file", error).at(&*place);
        let whole = std::path::absolute(path).map_err(failed)?;
        let directory = whole.parent().unwrap_or(Path::new("/"));
        check(path, directory, &text).map_err(told_at_once)
    }

    /// What a file of this name with this text says; relative paths begin at the file's directory, as it is named.
    /// The catalogue files that it names are read.
    ///
    /// # Errors
    /// As [`Estate::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        Self::check(path, text).map_err(told_at_once)
    }

    /// As [`Estate::parse`].
    ///
    /// # Errors
    /// Every mistake by itself, by line: at least one, and no more than a hundred.
    pub fn check(path: &Path, text: &str) -> std::result::Result<Self, Vec<Problem>> {
        check(path, path.parent().unwrap_or(Path::new("")), text)
    }
}

/// Several mistakes as one problem, at the place of the first.
fn told_at_once(problems: Vec<Problem>) -> Problem {
    match <[Problem; 1]>::try_from(problems) {
        Ok([only]) => only,
        Err(several) => {
            let told = |problem: &Problem| match problem.remedy.as_str() {
                "" => format!("\n  {problem}"),
                remedy => format!("\n  {problem}\n    ({remedy})"),
            };
            let lines: String = several.iter().map(told).collect();
            let place = several.first().map(|first| first.place.clone()).unwrap_or_default();
            Problem::new(Kind::Usage, format!("{} mistakes:{lines}", several.len()))
                .at(place)
                .remedy(format!("correct them; {PAGE}"))
        }
    }
}

/// The names that the file gives, for those parts that use them.
struct Known<'e> {
    policies: &'e BTreeMap<String, PolicyEntry>,
    providers: Names,
    /// Those of them that can be asked what they hold.
    asked: BTreeSet<String>,
    volumes: Names,
    vaults: Names,
    assets: AssetNames,
    /// What hangs on what, as it was read so far.
    hangs: RefCell<Vec<Hang>>,
    /// The kinds of recovery points that somebody describes.
    catalogue: Catalogue,
}

impl Known<'_> {
    /// The name of a policy that is there.
    fn policy(&self, value: &Value<'_>) -> Option<String> {
        let name = value.text()?;
        if !self.policies.contains_key(name) {
            policy::unknown(value, name, self.policies);
            return None;
        }
        Some(name.to_owned())
    }
}

fn check(path: &Path, directory: &Path, text: &str) -> std::result::Result<Estate, Vec<Problem>> {
    let file = File::new(path, directory, text);
    let mut found = None;
    parsed(&file, text, |document| {
        found = Some(whole(path, &Table::whole_file(&file, "outlive.toml", document), text));
    });
    let unhonoured = file.finish()?;
    found.map(|estate| Estate { unhonoured, ..estate }).ok_or_else(Vec::new)
}

/// Hands on the text as TOML. After a mistake in the grammar, what follows from it would only be noise.
fn parsed(file: &File<'_>, text: &str, read: impl FnOnce(&DeTable<'_>)) {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        // Not the error's own display: that repeats the line, and the line may hold a secret.
        let at = error.span().map_or(text.len(), |span| span.start);
        file.complain(
            at,
            format!("no valid TOML: {}", printable(error.message().as_bytes())),
            "correct it there",
        );
    }
    if errors.is_empty() {
        read(document.get_ref());
    }
}

fn whole(path: &Path, table: &Table<'_>, text: &str) -> Estate {
    let providers = table.each("provider", "[[provider]]", "id");
    let volumes = table.each("volume", "[[volume]]", "id");
    let vaults = table.each("vault", "[[vault]]", "id");
    let copies = table.each("copy", "[[copy]]", "volume");
    let assets = table.each("asset", "[[asset]]", "name");
    let points = table.each("recovery_point", "[[recovery_point]]", "id");
    let waivers = table.each("waiver", "[[waiver]]", "rule");
    let _unique = Names::of_tables("recovery point", "[[recovery_point]]", &points);

    let policies = policy::policies(table.get("policy").as_ref());
    let host = table.get("host").and_then(|value| value.table("[host]"));
    let host = host.map(|table| volume::stands_on(&table)).unwrap_or_default();
    let below = |tables: &[Table<'_>]| tables.iter().map(volume::stands_on).collect::<Vec<StandsOn>>();
    let (of_volumes, of_vaults) = (below(&volumes), below(&vaults));
    let volume_names = Names::of_tables("volume", "[[volume]]", &volumes);
    let mut names = AssetNames::of_tables(&assets, &volume_names);
    of_volumes.iter().chain(&of_vaults).chain([&host]).for_each(|stands_on| names.stood_upon(stands_on));
    names.credentials(&vaults, &providers, &copies);
    let known = Known {
        policies: &policies,
        asked: asked_providers(&providers),
        providers: Names::of_tables("provider", "[[provider]]", &providers),
        volumes: volume_names,
        vaults: Names::of_tables("vault", "[[vault]]", &vaults),
        assets: names,
        hangs: RefCell::default(),
        catalogue: catalogue::catalogue(table),
    };
    let as_of = as_of::as_of(table, &volumes);
    let providers = provider::providers(&providers);
    let volumes = volume::volumes(&volumes, &of_volumes, &known);
    after::complain_of_circles(table.file, &volumes);
    let vaults = vault::vaults(&vaults, &of_vaults, &known);
    let copies = copy::copies(&copies, &Around::new(&known, &volumes, &policies), &vaults);
    let drills = table.get("drills").map(|value| value.path());
    let drills_by = if drills.is_some() { NamedBy::File } else { NamedBy::Custom };
    let assets = declared::assets(&assets, &known);
    let points = declared::points(&points, &known);
    let stands = agree::Stands { volumes: &volumes, vaults: &vaults, host: &host };
    agree::complain(table.file, &stands, &assets, known.hangs.take());
    Estate {
        path: path.to_owned(),
        digest: digest(text),
        as_of,
        host,
        providers,
        copies,
        points,
        waivers: waivers::waivers(&waivers, &known),
        nightly: nightly::nightly(table.get("nightly").as_ref()),
        runbook: runbook::runbook(table.get("runbook").as_ref(), table.get("escrow").as_ref()),
        signing: signing::signing(table.get("signing").as_ref()),
        drills: drills.flatten().unwrap_or_else(|| table.file.resolve("drills")),
        drills_by,
        catalogue: known.catalogue,
        unhonoured: Vec::new(),
        assets: assets.into_iter().map(|(asset, _)| asset).collect(),
        policies,
        volumes,
        vaults,
    }
}

/// The names of providers behind whom there is somebody who can be asked.
fn asked_providers(tables: &[Table<'_>]) -> BTreeSet<String> {
    let text = |table: &Table<'_>, key| table.get(key).and_then(|value| value.as_text().map(str::to_owned));
    let asked =
        tables.iter().filter(|table| text(table, "kind").is_some_and(|kind| provider::is_asked(&kind)));
    asked.filter_map(|table| text(table, "id")).collect()
}

/// SHA-256 of the text, as hexadecimal digits.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::text::LARGEST;
    use super::*;
    use crate::hand::{TempDir, by_hand, fs};

    fn said(bytes: &[u8]) -> Problem {
        let directory = TempDir::new();
        let path = directory.path().join("outlive.toml");
        fs::write(&path, bytes).unwrap();
        Estate::read(&path).unwrap_err()
    }

    #[test]
    fn a_file_is_read_with_paths_that_begin_at_its_directory() {
        let directory = TempDir::new();
        let path = directory.path().join("outlive.toml");
        fs::write(&path, "[[volume]]\nid = 'a'\npath = 'data'\n").unwrap();
        let estate = Estate::read(&path).unwrap();
        assert_eq!(estate.path, path);
        assert_eq!(estate.volumes[0].path, Some(directory.path().join("data")));
        assert_eq!(estate.digest, digest("[[volume]]\nid = 'a'\npath = 'data'\n"));
    }

    #[test]
    fn a_file_named_relatively_still_has_absolute_paths() {
        let here = std::env::current_dir().unwrap();
        let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
        let directory = TempDir::new();
        fs::write(directory.path().join("outlive.toml"), "drills = 'd'").unwrap();
        let name = up.join(directory.path().strip_prefix("/").unwrap()).join("outlive.toml");
        assert!(name.is_relative());
        let drills = Estate::read(&name).unwrap().drills;
        assert!(drills.is_absolute() && drills.ends_with("d"), "{drills:?}");
    }

    #[test]
    fn what_is_no_estate_file_is_refused_at_once() {
        let missing = Estate::read(Path::new("/nowhere/at/all.toml")).unwrap_err();
        assert_eq!((missing.kind, &*missing.place), (Kind::NotFound, "/nowhere/at/all.toml"));
        let large = said(&vec![b' '; (LARGEST + 1) as usize]);
        assert!(large.what.contains("larger than 16 MiB"), "{large}");
        let text = said(b"# a\n# \xff\n");
        assert!(text.what.contains("no UTF-8") && text.place.ends_with("outlive.toml:2"), "{text}");
        for path in ["/", "/dev/zero"] {
            let problem = Estate::read(Path::new(path)).unwrap_err();
            assert!(problem.what.contains("no regular file"), "{problem}");
        }
        let directory = TempDir::new();
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        by_hand(|| rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)).unwrap();
        assert!(Estate::read(&pipe).unwrap_err().what.contains("no regular file"));
    }

    #[test]
    fn the_largest_file_and_one_with_a_byte_order_mark_are_read() {
        let directory = TempDir::new();
        let path = directory.path().join("outlive.toml");
        fs::write(&path, vec![b'\n'; LARGEST as usize]).unwrap();
        assert!(Estate::read(&path).is_ok());
        fs::write(&path, "\u{feff}drills = 'd'\n").unwrap();
        assert!(Estate::read(&path).is_ok());
    }
}
