//! A vault with two volumes and three recovery points, and what each of them needs, found out by reading the
//! stored JSON without the program.

use super::support::{Place, chmod, copy_as, noise};
use crate::hand::fs;
use base64::{Engine, engine::general_purpose::STANDARD};
use outlive::domain::Silent;
use outlive::vault::{FoundRoot, RootRecord, Roots};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub struct Gallery {
    pub place: Place,
    /// The points in the order in which they were made, each with what it must restore to.
    pub points: Vec<(FoundRoot, PathBuf)>,
    /// Each object below a root, and the roots that need it.
    pub needed: BTreeMap<String, BTreeSet<String>>,
}

impl Gallery {
    pub fn new() -> Self {
        let place = Place::new();
        let mut points = Vec::new();
        for (volume, number) in [("test:/a", 1), ("test:/a", 2), ("test:/b", 3)] {
            let original = place.path(&format!("original {number}"));
            fs::create_dir_all(original.join("folder")).unwrap();
            let seed = if volume == "test:/a" { 1 } else { 7 };
            fs::write(original.join("folder/large"), noise(seed, 700_000)).unwrap();
            fs::write(original.join("folder/small"), noise(seed + 1, 900)).unwrap();
            fs::write(original.join("own"), noise(20 + number, 5000)).unwrap();
            let report = copy_as(volume, &place.vault, &original, &Silent).unwrap();
            points.push((report.root, original));
        }
        let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (found, _) in &points {
            for pack in packs_needed(&place.path("vault"), found.key.as_str()) {
                for folder in ["packs", "sidecars"] {
                    let points = needed.entry(format!("{folder}/{pack}")).or_default();
                    points.insert(found.key.as_str().to_owned());
                }
            }
        }
        Self { place, points, needed }
    }

    pub fn object(&self, key: &str) -> PathBuf {
        self.place.path("vault").join(key)
    }

    pub fn all_points(&self) -> BTreeSet<String> {
        self.points.iter().map(|(found, _)| found.key.as_str().to_owned()).collect()
    }

    /// What a ledger would have recorded.
    pub fn records(&self) -> Vec<RootRecord> {
        let record = |(found, _): &(FoundRoot, PathBuf)| RootRecord {
            key: found.key.as_str().into(),
            id: found.id,
            volume: found.root.volume.clone(),
            taken_at: found.root.taken_at,
        };
        self.points.iter().map(record).collect()
    }

    pub fn find(&self, key: &str) -> Option<FoundRoot> {
        let roots = Roots::read(&self.place.vault).unwrap();
        roots.sound.into_iter().find(|found| found.key.as_str() == key)
    }

    /// The pack that holds the top page of the entries of a point.
    pub fn tree_pack(&self, point: usize) -> String {
        format!("packs/{}", self.points[point].0.root.entries.frame.pack.0)
    }

    /// The pack that holds the list of packs of a point.
    pub fn list_pack(&self, point: usize) -> String {
        format!("packs/{}", self.points[point].0.root.packs.frame.pack.0)
    }

    /// The packs with content that exactly these points need.
    pub fn data_pack(&self, points: &[usize]) -> String {
        let points: BTreeSet<String> =
            points.iter().map(|point| self.points[*point].0.key.as_str().to_owned()).collect();
        let pages: BTreeSet<String> =
            (0..3).flat_map(|point| [self.tree_pack(point), self.list_pack(point)]).collect();
        let fits = |(key, needs): &(&String, &BTreeSet<String>)| {
            key.starts_with("packs/") && **needs == points && !pages.contains(*key)
        };
        self.needed.iter().find(fits).expect("a pack for these points").0.clone()
    }
}

/// The packs that a root's trees lead to.
fn packs_needed(vault: &Path, root: &str) -> BTreeSet<String> {
    let envelope: Value = serde_json::from_slice(&fs::read(vault.join(root)).unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let mut packs = BTreeSet::new();
    walk(vault, &payload["entries"], &mut packs);
    let mut listed = BTreeSet::new();
    let list = pages(vault, &payload["packs"], &mut packs);
    for line in list.iter().chain(payload["list_packs"].as_array().unwrap()) {
        listed.insert(line["pack"].as_str().unwrap().to_owned());
    }
    assert_eq!(packs, listed, "the list of packs is not what the trees need");
    packs
}

/// Notes every pack that a value, or a page it refers to, names.
fn walk(vault: &Path, value: &Value, packs: &mut BTreeSet<String>) {
    if value.get("level").is_some() && value.get("pack").is_some() {
        for line in pages(vault, value, packs) {
            walk(vault, &line, packs);
        }
        return;
    }
    if let Some(pack) = value.get("pack").and_then(Value::as_str) {
        packs.insert(pack.to_owned());
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| walk(vault, value, packs)),
        Value::Object(fields) => fields.values().for_each(|value| walk(vault, value, packs)),
        _ => {}
    }
}

/// The lines of a tree's leaves; notes the packs of its pages.
fn pages(vault: &Path, page: &Value, packs: &mut BTreeSet<String>) -> Vec<Value> {
    let number = |field: &str| usize::try_from(page[field].as_u64().unwrap()).unwrap();
    let pack = page["pack"].as_str().unwrap();
    packs.insert(pack.to_owned());
    let bytes = fs::read(vault.join("packs").join(pack)).unwrap();
    let frame = &bytes[number("at")..number("at") + number("length")];
    let text = String::from_utf8(zstd::bulk::decompress(frame, number("bytes")).unwrap()).unwrap();
    let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    if number("level") == 0 {
        lines.collect()
    } else {
        lines.flat_map(|line| pages(vault, &line, packs)).collect()
    }
}

/// What can befall a stored object.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    FlipFirst,
    FlipMiddle,
    FlipLast,
    CutOne,
    CutAll,
    Append,
    Remove,
    Directory,
}

pub const ACTIONS: [Action; 8] = [
    Action::FlipFirst,
    Action::FlipMiddle,
    Action::FlipLast,
    Action::CutOne,
    Action::CutAll,
    Action::Append,
    Action::Remove,
    Action::Directory,
];

/// Tampers with an object until dropped.
pub struct Tampered {
    object: PathBuf,
    bytes: Vec<u8>,
}

impl Tampered {
    pub fn new(object: PathBuf, action: Action) -> Self {
        let bytes = fs::read(&object).unwrap();
        let mut changed = bytes.clone();
        let last = bytes.len() - 1;
        match action {
            Action::FlipFirst => changed[0] ^= 1,
            Action::FlipMiddle => changed[last / 2] ^= 1,
            Action::FlipLast => changed[last] ^= 1,
            Action::CutOne => changed.truncate(last),
            Action::CutAll => changed.clear(),
            Action::Append => changed.push(b'\n'),
            Action::Remove | Action::Directory => {}
        }
        fs::remove_file(&object).unwrap();
        match action {
            Action::Remove => {}
            Action::Directory => fs::create_dir(&object).unwrap(),
            _ => fs::write(&object, changed).unwrap(),
        }
        Self { object, bytes }
    }

    /// Gives the object other bytes.
    pub fn with(object: PathBuf, other: &[u8]) -> Self {
        let bytes = fs::read(&object).unwrap();
        chmod(&object, 0o600);
        fs::write(&object, other).unwrap();
        Self { object, bytes }
    }
}

impl Drop for Tampered {
    fn drop(&mut self) {
        if self.object.is_dir() {
            fs::remove_dir(&self.object).unwrap();
        }
        fs::write(&self.object, &self.bytes).unwrap();
    }
}
