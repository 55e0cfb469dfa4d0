//! A vault on a medium that really gives read errors: btrfs refuses bytes that do not match its checksums.

use super::place::{Place, names, noise, tool};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The largest pack.
fn content_pack(vault: &Path) -> PathBuf {
    let packs = names(&vault.join("packs")).into_iter().map(|name| vault.join("packs").join(name));
    packs.max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap()
}

/// Spoils the block of this image that begins with these bytes.
fn spoil(image: &Path, block: &[u8]) {
    let image = fs::OpenOptions::new().read(true).write(true).open(image).unwrap();
    let mut found = 0;
    let mut here = vec![0; block.len()];
    for at in (0..image.metadata().unwrap().len()).step_by(4096) {
        if image.read_exact_at(&mut here, at).is_ok() && here == block {
            image.write_all_at(b"spoilt", at).unwrap();
            found += 1;
        }
    }
    assert_eq!(found, 1, "the block lies in the image {found} times");
}

#[test]
fn a_pack_that_the_filesystem_cannot_read_is_damage_with_its_name_and_its_points() {
    let mut place = Place::new();
    let medium = place.filesystem("btrfs", "medium", 256);
    let vault = medium.join("vault");
    for number in 0..2 {
        let data = place.file(&format!("data-{number}/a"), noise(number, 600_000));
        place.outlive(&[&"copy", &data.parent().unwrap(), &"--vault", &vault]).end().expect(0);
        if number == 0 {
            continue;
        }
        let (pack, image) = (content_pack(&vault), place.path("medium.img"));
        let bytes = fs::read(&pack).unwrap();
        tool("umount", &[&medium]);
        // In the midst of the pack, at the beginning of a block of the filesystem.
        spoil(&image, &bytes[40 * 4096..40 * 4096 + 64]);
        tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), medium.as_os_str()]);
        let error = fs::read(&pack).expect_err("the filesystem reads what was spoilt").raw_os_error();
        assert_eq!(error, Some(rustix::io::Errno::IO.raw_os_error()));

        let verified = place.outlive(&[&"verify", &vault, &"--format", &"json"]).end().expect(14);
        let json = verified.json("verify");
        let damage = json["damage"].as_array().unwrap();
        let object = format!("packs/{}", pack.file_name().unwrap().to_str().unwrap());
        assert_eq!((damage.len(), damage[0]["object"].as_str()), (1, Some(object.as_str())), "{json:#}");
        assert!(damage[0]["because"].as_str().unwrap().contains("Input/output error"), "{json:#}");
        // The point that needs it is broken, and the other is sound.
        let [broken, sound] = ["broken", "points"].map(|list| json[list].as_array().unwrap());
        assert_eq!((broken.len(), sound.len()), (1, 1), "{json:#}");
        let needs = damage[0]["points"].as_array().unwrap();
        let point = broken[0]["point"].as_str().unwrap();
        assert!(needs.len() == 1 && needs[0].as_str().unwrap().starts_with(point), "{json:#}");
        let told = place.outlive(&[&"verify", &vault]).end().expect(14);
        told.says(&format!("DAMAGED {object}")).says("takes along recovery point").says("broken: ");
    }
}

#[test]
fn an_object_that_cannot_even_be_opened_is_damage_with_its_name_and_its_points() {
    let place = Place::new();
    let (data, vault) = (place.file("data/a", "content"), place.path("vault"));
    place.outlive(&[&"copy", &data.parent().unwrap(), &"--vault", &vault]).end().expect(0);
    let first = place.outlive(&[&"verify", &vault]).end().expect(0);
    let number = first.count_until("openat2", "\"packs/");
    let verify = place.outlive(&[&"verify", &vault, &"--format", &"json"]);
    let verified = verify.inject(&format!("openat2:error=EIO:when={number}")).end().expect(14);
    let json = verified.json("verify");
    let damage = json["damage"].as_array().unwrap();
    assert!(!damage.is_empty(), "{json:#}");
    for found in damage {
        assert!(found["object"].as_str().unwrap().contains('/'), "{json:#}");
        assert!(found["because"].as_str().unwrap().contains("Input/output error"), "{json:#}");
        assert_eq!(found["points"].as_array().unwrap().len(), 1, "{json:#}");
    }
    assert_eq!(json["points"].as_array().unwrap().len(), 0, "{json:#}");
}
