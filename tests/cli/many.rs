//! A vault with many recovery points of many packs each: verifying holds one point's list of packs at a time.

use super::place::{Place, names};
use super::run::binary;
use outlive::store::Key;
use outlive::vault::format::{
    Chunk, Digest, Frame, PackKey, PackLine, PackRole, PageHeader, PageKind, PageRef, Root, Sidecar,
    SidecarFrame,
};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const POINTS: usize = 200;
const PACKS: usize = 1000;
/// 32 MiB: a run that holds one list at a time takes less than 16, all lists together alone about 50.
const LIMIT: &str = "--data=33554432";

/// Writes a pack of one frame, and its sidecar.
pub fn write_pack(vault: &Path, name: &str, role: PackRole, content: &[u8]) -> (PackLine, PageRef) {
    let pack = PackKey(name.into());
    let packed = zstd::bulk::compress(content, 1).unwrap();
    let (size, length) = (u32::try_from(content.len()).unwrap(), u32::try_from(packed.len()).unwrap());
    let chunk = Chunk(size, Digest::of(content));
    let (bytes, sha256) = (packed.len() as u64, Digest::of(&packed));
    let frames = vec![SidecarFrame { at: 0, length, chunks: vec![chunk] }];
    let sidecar = Sidecar::new(pack.clone(), role, bytes, sha256, frames).render().unwrap();
    fs::write(vault.join(pack.pack().unwrap().as_str()), packed).unwrap();
    fs::write(vault.join(pack.sidecar().unwrap().as_str()), &sidecar).unwrap();
    let (sidecar_bytes, sidecar_sha256) = (sidecar.len() as u64, Digest::of(&sidecar));
    let page = PageRef {
        frame: Frame { pack: pack.clone(), at: 0, length },
        bytes: size,
        sha256: chunk.1,
        level: 0,
    };
    (PackLine { pack, role, bytes, sha256, sidecar_bytes, sidecar_sha256 }, page)
}

/// The list of packs of a point whose list is one page.
fn list_of(vault: &Path, root: &Root) -> Vec<PackLine> {
    let PageRef { frame, bytes, level: 0, .. } = &root.packs else { panic!("{:?}", root.packs) };
    let pack = fs::read(vault.join(frame.pack.pack().unwrap().as_str())).unwrap();
    let at = usize::try_from(frame.at).unwrap();
    let page = zstd::bulk::decompress(&pack[at..at + frame.length as usize], *bytes as usize).unwrap();
    let lines = page.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A vault with one point whose list of packs is one page. Where a page ends is told by digests, so that now and
/// then even a list of two packs has two pages: then another vault is made.
fn vault_of_one(place: &Place) -> (PathBuf, Root) {
    let data = place.file("data/a", "content");
    let made = (0..10).map(|number| {
        let vault = place.path(&format!("vault-{number}"));
        place.outlive(&[&"copy", &data.parent().unwrap(), &"--vault", &vault]).end().expect(0);
        let key = format!("roots/{}", names(&vault.join("roots"))[0].to_str().unwrap());
        let root = Root::open(&Key::new(&*key).unwrap(), &fs::read(vault.join(&key)).unwrap()).unwrap();
        (vault, root)
    });
    made.into_iter().find(|(_, root)| root.packs.level == 0).expect("ten lists of two pages")
}

/// A vault with one point that was copied, and many more of its tree that share a thousand packs.
fn vault_of_many(place: &Place) -> PathBuf {
    let (vault, mut root) = vault_of_one(place);
    let mut list = list_of(&vault, &root);
    for number in 0..PACKS {
        let content = format!("content of pack {number}");
        list.push(write_pack(&vault, &format!("many-{number:04}"), PackRole::Data, content.as_bytes()).0);
    }
    list.sort_by(|a, b| a.pack.cmp(&b.pack));
    let mut page = PageHeader::line(PageKind::Packs, 0).unwrap();
    for line in &list {
        page.extend(serde_json::to_vec(line).unwrap());
        page.push(b'\n');
    }
    for number in 0..POINTS {
        let (line, packs) = write_pack(&vault, &format!("list-{number:04}"), PackRole::Tree, &page);
        (root.packs, root.list_packs) = (packs, vec![line]);
        root.key = format!("roots/many-{number:04}");
        fs::write(vault.join(&root.key), root.seal().unwrap()).unwrap();
    }
    vault
}

#[test]
fn verifying_many_points_takes_the_memory_of_one_list_of_packs() {
    let place = Place::new();
    let vault = vault_of_many(&place);
    // A run without memory may also stand still.
    let bounds = ["timeout", "--signal=KILL", "300", "prlimit", LIMIT, "--"];
    let mut program: Vec<OsString> = bounds.map(OsString::from).to_vec();
    program.extend([binary().into(), "--state".into(), place.path("state").into()]);
    program.extend(["verify".into(), vault.into(), "--format".into(), "json".into()]);
    let json = place.recorded(program).end().expect(0).json("verify");
    assert_eq!(json["points"].as_array().unwrap().len(), POINTS + 1);
    // Every pack with its sidecar, every root, and the two objects beside them.
    assert!(json["objects"].as_u64().unwrap() > 2 * (PACKS + POINTS) as u64, "{}", json["objects"]);
}
