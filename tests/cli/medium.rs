//! Reading back asks the medium, not what the system still remembers of writing it.

use super::place::{Place, noise, tool};
use super::strace::calls;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The largest pack of a vault.
fn pack(vault: &std::path::Path) -> PathBuf {
    let packs = std::fs::read_dir(vault.join("packs")).unwrap().map(|pack| pack.unwrap().path());
    packs.max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}

#[test]
fn verify_sees_bytes_that_went_bad_below_the_filesystem_while_it_was_mounted() {
    let mut place = Place::new();
    let vault = place.filesystem("ext4", "disk", 64).join("vault");
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    tool("sync", &["-f".as_ref(), vault.as_os_str()]);
    let pack = pack(&vault);
    let stored = std::fs::read(&pack).unwrap();
    let image = place.path("disk.img");
    let (bytes, wanted) = (std::fs::read(&image).unwrap(), &stored[8192..8192 + 64]);
    let found: Vec<usize> =
        (0..bytes.len() - 64).step_by(1024).filter(|at| &bytes[*at..at + 64] == wanted).collect();
    let [at] = found[..] else { panic!("the pack is in the image at {found:?}") };
    let disk = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
    disk.write_all_at(&[0; 64], at as u64).unwrap();
    disk.sync_all().unwrap();
    assert_eq!(
        std::fs::read(&pack).unwrap(),
        stored,
        "the system remembers nothing: no fault to be found out"
    );
    let name = pack.file_name().unwrap().to_str().unwrap();
    place.outlive(&[&"verify", &vault]).end().expect(14).says(name);
}

#[test]
fn a_copy_asks_the_medium_for_every_object_it_wrote() {
    let place = Place::new();
    let (data, vault) = (place.file("data/a", noise(1, 100_000)), place.path("vault"));
    let data = data.parent().unwrap();
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault]).inject("fadvise64:delay_enter=1");
    let calls = calls(&run.end().expect(0).log);
    let mut objects = 0;
    for folder in ["packs", "sidecars", "roots"] {
        for object in std::fs::read_dir(vault.join(folder)).unwrap() {
            let path = object.unwrap().path().into_os_string().into_encoded_bytes();
            let linked = calls.iter().position(|call| call.name == "linkat" && call.path_at(2) == path);
            let forgotten = |call: &super::strace::Call| {
                call.name == "fadvise64" && call.descriptor(0) == path && call.has(3, "POSIX_FADV_DONTNEED")
            };
            let after = &calls[linked.expect("it was never linked")..];
            assert!(after.iter().any(forgotten), "{}", String::from_utf8_lossy(&path));
            objects += 1;
        }
    }
    assert!(objects >= 7, "{objects}");
}

#[test]
fn what_was_restored_is_read_back_from_the_medium() {
    let place = Place::new();
    place.file("data/a", noise(1, 100_000));
    place.file("data/b/large", noise(2, 20_000_000));
    let (data, vault, to) = (place.path("data"), place.path("vault"), place.path("to"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let run = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &to]);
    let calls = calls(&run.inject("fadvise64:delay_enter=1").end().expect(0).log);
    for name in ["a", "b/large"] {
        let path = to.join(name).into_os_string().into_encoded_bytes();
        let forgotten = |call: &super::strace::Call| {
            call.name == "fadvise64" && call.descriptor(0) == path && call.has(3, "POSIX_FADV_DONTNEED")
        };
        assert!(calls.iter().any(forgotten), "{name}");
    }
}
