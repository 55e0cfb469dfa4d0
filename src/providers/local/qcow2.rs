//! qcow2 images: the snapshots inside, the files below, and what an image needs.

use super::place::Place;
use super::run;
use super::stack::Stack;
use super::system::shown;
use super::unseen::Unseen;
use crate::domain::{AssetId, Bonds, GapReason, Nature, Timestamp, printable};
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What an image told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) snapshots: Vec<Snapshot>,
    /// The file it was laid upon, with the moment that file was last written.
    pub(super) backing: Option<Backing>,
}

/// The file below an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backing {
    pub(super) asset: AssetId,
    pub(super) name: String,
    pub(super) modified: Option<Timestamp>,
    pub(super) bytes: u64,
}

/// A snapshot inside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) taken_at: Option<Timestamp>,
}

/// What `qemu-img info --output=json` says; unknown fields are of no interest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Told {
    snapshots: Vec<ToldSnapshot>,
    backing_filename: Option<String>,
    full_backing_filename: Option<String>,
    encrypted: bool,
    format_specific: ToldFormat,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ToldSnapshot {
    id: String,
    name: String,
    date_sec: Option<i64>,
    date_nsec: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToldFormat {
    data: ToldData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ToldData {
    data_file: Option<String>,
}

/// How the formats begin that can be laid upon another file, but that this version does not read.
const LAYERED: &[&[u8]] = &[b"KDMV", b"# Disk", b"vhdxfile", b"conectix", b"QED\0", b"<<< "];

impl Stack<'_> {
    /// Adds what the file `place` needs: nothing, unless it is an image laid upon others.
    pub(super) fn image_needs(&mut self, id: &AssetId, place: &Place, bonds: Bonds) -> Bonds {
        let start = match beginning(&place.path) {
            Ok(start) => start,
            Err(unseen) => return self.unread_image(id, place, bonds, unseen),
        };
        if start.starts_with(b"QFI\xfb") {
            return match self.ask(&place.path) {
                Ok(told) => self.told_needs(id, place, bonds, told),
                Err(unseen) => self.unread_image(id, place, bonds, unseen),
            };
        }
        if LAYERED.iter().any(|format| start.starts_with(format)) {
            let detail = "an image of a format that this version does not read: it may need other files";
            return self.unread_image(id, place, bonds, Unseen::new(GapReason::Unsupported, detail));
        }
        bonds.complete(Nature::Needs)
    }

    fn unread_image(&mut self, id: &AssetId, place: &Place, bonds: Bonds, unseen: Unseen) -> Bonds {
        self.unseen_below(id, shown(&place.path), unseen.clone());
        self.images.insert(id.clone(), Err(unseen));
        bonds
    }

    /// Asks for one image at a time instead of `--backing-chain`: that fails altogether where one file
    /// is gone, and it opens whatever an image names, be it on a network.
    fn ask(&self, path: &Path) -> Result<Told, Unseen> {
        let mut arguments: Vec<_> =
            ["info", "-U", "--output=json", "-f", "qcow2"].iter().map(OsStr::new).collect();
        arguments.push(path.as_os_str());
        parse(&run::output("qemu-img", &arguments, self.limit)?)
    }

    fn told_needs(&mut self, id: &AssetId, place: &Place, mut bonds: Bonds, told: Told) -> Bonds {
        let mut whole = !told.encrypted;
        let data = told.format_specific.data.data_file.map(|name| self.part(id, place, &name));
        let backing = told.full_backing_filename.or(told.backing_filename);
        let backing = backing.map(|name| self.part(id, place, &name));
        for part in [&data, &backing].into_iter().flatten() {
            match part {
                Some(part) => bonds = bonds.with(self.needs(part.asset.clone())),
                None => whole = false,
            }
        }
        let snapshots = told.snapshots.into_iter().map(Snapshot::from).collect();
        self.images.insert(id.clone(), Ok(Image { snapshots, backing: backing.flatten() }));
        if whole { bonds.complete(Nature::Needs) } else { bonds }
    }

    /// A file that an image names.
    fn part(&mut self, id: &AssetId, place: &Place, name: &str) -> Option<Backing> {
        let name = name.strip_prefix("file:").unwrap_or(name);
        if !name.starts_with('/') && name.split('/').next().is_some_and(|first| first.contains(':')) {
            let detail = format!("it needs {}, which is no local file", printable(name.as_bytes()));
            self.unseen_below(id, shown(&place.path), Unseen::new(GapReason::Unsupported, detail));
            return None;
        }
        let path = place.path.parent().map_or_else(|| PathBuf::from(name), |parent| parent.join(name));
        let asset = self.follow(&path, id)?;
        let part = self.machine.place(&path).ok()?;
        Some(Backing { asset, name: shown(&part.path), modified: part.modified, bytes: part.bytes })
    }
}

impl From<ToldSnapshot> for Snapshot {
    fn from(told: ToldSnapshot) -> Self {
        Self {
            id: printable(told.id.as_bytes()),
            name: printable(told.name.as_bytes()),
            taken_at: told.date_sec.and_then(|at| Timestamp::from_timestamp(at, told.date_nsec)),
        }
    }
}

fn parse(json: &[u8]) -> Result<Told, Unseen> {
    serde_json::from_slice(json)
        .map_err(|error| Unseen::new(GapReason::Failed, format!("qemu-img's answer makes no sense: {error}")))
}

/// The first bytes of a file, fewer where it is shorter.
fn beginning(path: &Path) -> Result<Vec<u8>, Unseen> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|error| Unseen::io(&error))?;
    file.take(8).read_to_end(&mut start).map_err(|error| Unseen::io(&error))?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_malformed_one_is_an_error() {
        let told = parse(
            br#"{"format":"qcow2","backing-filename":"b","full-backing-filename":"/x/b","snapshots":[
            {"id":"1","name":"a\u001b[31m","date-sec":1700000000,"date-nsec":5,"vm-state-size":0}],
            "format-specific":{"type":"qcow2","data":{"data-file":"raw"}}}"#,
        )
        .unwrap();
        assert_eq!(told.full_backing_filename.as_deref(), Some("/x/b"));
        assert_eq!(told.format_specific.data.data_file.as_deref(), Some("raw"));
        let snapshot = Snapshot::from(told.snapshots.into_iter().next().unwrap());
        assert_eq!(snapshot.name, "a\\e[31m");
        assert_eq!(snapshot.taken_at.unwrap().timestamp(), 1_700_000_000);
        for wrong in [&b""[..], b"{", b"[]x", b"{\"snapshots\":3}", b"\xff", b"{\"snapshots\":[{\"id\":{}}]}"]
        {
            assert_eq!(parse(wrong).unwrap_err().reason, GapReason::Failed, "{wrong:?}");
        }
        let absurd = parse(br#"{"snapshots":[{"id":"1","date-sec":9223372036854775807}]}"#).unwrap();
        assert_eq!(Snapshot::from(absurd.snapshots.into_iter().next().unwrap()).taken_at, None);
    }
}
