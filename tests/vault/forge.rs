//! Makes vaults that the program would never write: consistent digests around content made to harm.

use super::support::Place;
use crate::hand::fs;
use outlive::domain::{ByteName, Result, Silent};
use outlive::store::{Key, Store};
use outlive::vault::format::{
    Chunk, Content, Digest, Entry, EntryKind, Frame, Meta, Moment, PackKey, PackLine, PackRole, PageHeader,
    PageKind, PageRef, Root, Run, Sidecar, SidecarFrame, Totals,
};
use outlive::vault::{FoundRoot, RestoreOptions, Roots, VerifyReport, restore, verify};
use std::path::PathBuf;

pub struct Forge {
    pub place: Place,
    template: Root,
    tree: Pack,
    data: Pack,
    list: Pack,
}

struct Pack {
    name: &'static str,
    role: PackRole,
    bytes: Vec<u8>,
    frames: Vec<SidecarFrame>,
}

impl Pack {
    fn new(name: &'static str, role: PackRole) -> Self {
        Self { name, role, bytes: Vec::new(), frames: Vec::new() }
    }

    fn append(&mut self, packed: &[u8], chunks: Vec<Chunk>) -> Frame {
        let (at, length) = (self.bytes.len() as u64, u32::try_from(packed.len()).unwrap());
        self.bytes.extend_from_slice(packed);
        self.frames.push(SidecarFrame { at, length, chunks });
        Frame { pack: PackKey(self.name.into()), at, length }
    }

    fn write(self, store: &dyn Store) -> PackLine {
        let pack = PackKey(self.name.into());
        let (bytes, sha256) = (self.bytes.len() as u64, Digest::of(&self.bytes));
        store.put_bytes(&pack.pack().unwrap(), &self.bytes).unwrap();
        let sidecar = Sidecar::new(pack.clone(), self.role, bytes, sha256, self.frames).render().unwrap();
        store.put_bytes(&pack.sidecar().unwrap(), &sidecar).unwrap();
        let (sidecar_bytes, sidecar_sha256) = (sidecar.len() as u64, Digest::of(&sidecar));
        PackLine { pack, role: self.role, bytes, sha256, sidecar_bytes, sidecar_sha256 }
    }
}

impl Forge {
    pub fn new() -> Self {
        let place = Place::new();
        let original = place.path("original");
        fs::create_dir(&original).unwrap();
        let root = place.copy(&original).root;
        fs::remove_file(place.path("vault").join(root.key.as_str())).unwrap();
        Self {
            place,
            template: root.root,
            tree: Pack::new("forged-tree", PackRole::Tree),
            data: Pack::new("forged-data", PackRole::Data),
            list: Pack::new("forged-list", PackRole::Tree),
        }
    }

    /// A page of the tree of entries or runs, from lines of JSON.
    pub fn page(&mut self, kind: PageKind, level: u8, lines: &[String]) -> PageRef {
        append_page(&mut self.tree, &PageHeader::line(kind, level).unwrap(), level, lines)
    }

    pub fn page_with_header(&mut self, header: &str, lines: &[String]) -> PageRef {
        append_page(&mut self.tree, header.as_bytes(), 0, lines)
    }

    /// A leaf of entries below the root of a tree, which comes by itself.
    pub fn leaf(&mut self, entries: &[Entry]) -> PageRef {
        let mut lines = vec![json(&entry("", EntryKind::Dir))];
        lines.extend(entries.iter().map(json));
        self.page(PageKind::Entries, 0, &lines)
    }

    /// A frame of content.
    pub fn content(&mut self, bytes: &[u8]) -> Run {
        let chunk = Chunk(u32::try_from(bytes.len()).unwrap(), Digest::of(bytes));
        let frame = self.data.append(&zstd::bulk::compress(bytes, 1).unwrap(), vec![chunk]);
        Run { offset: 0, frame, skip: 0, chunks: vec![chunk] }
    }

    /// A frame of content whose chunks are not what it decodes to.
    pub fn frame(&mut self, packed: &[u8], chunks: Vec<Chunk>) -> Frame {
        self.data.append(packed, chunks)
    }

    /// Ends the vault with a root over `entries`.
    pub fn finish(self, entries: PageRef) -> Forged {
        self.finish_with(entries, |lines| lines)
    }

    /// The same with another list of packs.
    pub fn finish_with(self, entries: PageRef, list: impl Fn(Vec<PackLine>) -> Vec<PackLine>) -> Forged {
        let Self { place, mut template, tree, data, list: mut list_pack } = self;
        let store = place.vault.store();
        let lines = list(vec![data.write(store), tree.write(store)]);
        let lines: Vec<String> = lines.iter().map(json).collect();
        let header = PageHeader::line(PageKind::Packs, 0).unwrap();
        template.packs = append_page(&mut list_pack, &header, 0, &lines);
        template.list_packs = vec![list_pack.write(store)];
        template.entries = entries;
        template.key = "roots/forged".into();
        template.totals = Totals::default();
        store.put_bytes(&Key::new("roots/forged").unwrap(), &template.seal().unwrap()).unwrap();
        let cage = place.path("cage");
        fs::create_dir(&cage).unwrap();
        fs::write(cage.join("secret"), "canary").unwrap();
        Forged { place, cage }
    }
}

/// A forged vault, and a directory in which nothing but `cage/target` may change.
pub struct Forged {
    pub place: Place,
    pub cage: PathBuf,
}

impl Forged {
    pub fn root(&self) -> Result<FoundRoot> {
        Ok(Roots::read(&self.place.vault)?.sound.into_iter().next().expect("the forged root is sound"))
    }

    pub fn verify(&self) -> Result<VerifyReport> {
        verify(&self.place.vault, &[], &Silent)
    }

    /// Restores, and reads back what was restored.
    pub fn restore(&self, name: &str, options: RestoreOptions) -> Result<()> {
        let restored = restore(&self.place.vault, &self.root()?, &self.cage.join(name), options, &Silent)?;
        restored.verify(&self.place.vault, &Silent)?;
        Ok(())
    }

    /// Nothing beside the targets is there, and the canary is as it was.
    #[track_caller]
    pub fn assert_nothing_escaped(&self, case: &str) {
        let mut names: Vec<String> = fs::read_dir(&self.cage)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["target", "despite"].contains(&name.as_str()))
            .collect();
        names.sort();
        assert_eq!(names, ["secret"], "{case}: something escaped");
        assert_eq!(fs::read_to_string(self.cage.join("secret")).unwrap(), "canary", "{case}");
        let meta = fs::metadata(self.cage.join("secret")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&meta), 1, "{case}: linked to the canary");
    }
}

fn append_page(pack: &mut Pack, header: &[u8], level: u8, lines: &[String]) -> PageRef {
    let mut page = header.to_vec();
    lines.iter().for_each(|line| page.extend([line.as_bytes(), b"\n"].concat()));
    let (bytes, sha256) = (u32::try_from(page.len()).unwrap(), Digest::of(&page));
    let frame = pack.append(&zstd::bulk::compress(&page, 3).unwrap(), vec![Chunk(bytes, sha256)]);
    PageRef { frame, bytes, sha256, level }
}

pub fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

pub fn entry(path: &str, kind: EntryKind) -> Entry {
    let time = Moment { seconds: 1_000_000_000, nanoseconds: 5 };
    let mode = if kind == EntryKind::Dir { "0755" } else { "0644" };
    Entry {
        path: ByteName(path.into()),
        kind,
        meta: Meta { mode: mode.into(), uid: 0, gid: 0, mtime: time, xattrs: Default::default() },
        size: 0,
        ctime: time,
        inode: 1,
        target: None,
        device: None,
        unsettled: false,
        content: None,
    }
}

pub fn link(path: &str, kind: EntryKind, target: &str) -> Entry {
    Entry { target: Some(ByteName(target.into())), ..entry(path, kind) }
}

pub fn file(path: &str, size: u64, runs: Vec<Run>) -> Entry {
    let content = (!runs.is_empty()).then_some(Content::Runs(runs));
    Entry { size, content, ..entry(path, EntryKind::File) }
}
