use super::support::{Place, allocated, assert_same, chmod, noise, run};
use crate::hand::fs;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Everything a filesystem can hold that a user may have.
fn make_everything(root: &Path) {
    fs::create_dir(root).unwrap();
    let dirs = ["empty", "deep/er/and/deeper", "a b", "modes"];
    dirs.iter().for_each(|dir| fs::create_dir_all(root.join(dir)).unwrap());
    fs::write(root.join("deep/er/file"), b"hello").unwrap();
    fs::write(root.join("none"), b"").unwrap();
    fs::write(root.join("large"), noise(1, 3_000_001)).unwrap();
    fs::write(root.join("unit"), noise(2, 512 * 1024)).unwrap();
    fs::write(root.join("unit and one"), noise(3, 512 * 1024 + 1)).unwrap();
    for number in 0..300 {
        fs::write(root.join(format!("a b/{number}")), noise(number, 1000 + number as usize)).unwrap();
    }
    for name in [&b"not utf-8 \xff\xfe"[..], b"new\nline", b"esc\x1b[31m", b"\\back", b"qu'ote\"", b" "] {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    symlink("deep/er/file", root.join("link")).unwrap();
    symlink(OsStr::from_bytes(b"nowhere \xff"), root.join("dangling")).unwrap();
    fs::hard_link(root.join("large"), root.join("zz second name")).unwrap();
    fs::hard_link(root.join("link"), root.join("zz second link")).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
    run("mkfifo", &[root.join("fifo").to_str().unwrap()]);
    for (number, mode) in [0o400, 0o4755, 0o2750, 0o1777, 0o000].into_iter().enumerate() {
        fs::write(root.join(format!("modes/{number}")), b"mode").unwrap();
        chmod(&root.join(format!("modes/{number}")), mode);
    }
    chmod(&root.join("modes"), 0o3555);
    run("chown", &["1234:4321", root.join("none").to_str().unwrap()]);
    run("setfattr", &["-n", "user.note", "-v", "kept", root.join("none").to_str().unwrap()]);
    run("setfattr", &["-n", "user.dir", "-v", "kept too", root.join("empty").to_str().unwrap()]);
    run("setfacl", &["-m", "u:65534:rw", root.join("deep/er/file").to_str().unwrap()]);
    run("setfacl", &["-d", "-m", "g:7:rx", root.join("deep").to_str().unwrap()]);
    run("touch", &["-d", "1969-07-20T20:17:40.123456789Z", root.join("none").to_str().unwrap()]);
    run("touch", &["-h", "-d", "2001-02-03T04:05:06.000000007Z", root.join("link").to_str().unwrap()]);
    run("touch", &["-d", "1999-12-31T23:59:59.999999999Z", root.join("deep/er").to_str().unwrap()]);
}

#[test]
fn a_tree_with_everything_comes_back_exactly() {
    let place = Place::new();
    let original = place.path("original");
    make_everything(&original);
    let report = place.copy(&original);
    assert_eq!(report.root.root.totals.missed, 0, "{:?}", report.root.root.missed);
    assert_same(&original, &place.restore("restored"));
}

#[test]
fn an_unchanged_second_copy_writes_a_few_kilobytes_and_comes_back_too() {
    let place = Place::new();
    let original = place.path("original");
    make_everything(&original);
    let first = place.copy(&original);
    let second = place.copy(&original);
    assert!(first.written_bytes > 3_000_000, "{}", first.written_bytes);
    assert!(second.written_bytes < 8_000, "an unchanged copy wrote {} bytes", second.written_bytes);
    assert_eq!(second.root.root.counter, 2);
    assert_same(&original, &place.restore("restored"));
}

#[test]
fn a_change_in_a_large_file_costs_its_blocks_only() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    let mut bytes = noise(9, 40 * 1024 * 1024);
    fs::write(original.join("db"), &bytes).unwrap();
    place.copy(&original);
    bytes[20_000_000] ^= 1;
    fs::write(original.join("db"), &bytes).unwrap();
    let second = place.copy(&original);
    assert!(second.written_bytes < 100_000, "one changed byte cost {} bytes", second.written_bytes);
    assert_same(&original, &place.restore("restored"));
}

#[test]
fn holes_and_zeros_cost_nothing_and_come_back_as_holes() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    let sparse = original.join("sparse");
    run("truncate", &["-s", "1G", sparse.to_str().unwrap()]);
    run(
        "dd",
        &[
            "if=/dev/urandom",
            &format!("of={}", sparse.display()),
            "bs=4096",
            "count=1",
            "seek=177777",
            "conv=notrunc",
        ],
    );
    fs::write(original.join("zeros"), vec![0; 2_000_000]).unwrap();
    let report = place.copy(&original);
    assert!(report.written_bytes < 20_000, "holes cost {} bytes", report.written_bytes);
    let restored = place.restore("restored");
    assert!(allocated(&restored.join("sparse")) <= 64 * 1024, "{}", allocated(&restored.join("sparse")));
    assert_eq!(allocated(&restored.join("zeros")), 0);
    run("cmp", &[sparse.to_str().unwrap(), restored.join("sparse").to_str().unwrap()]);
}

#[test]
fn an_image_file_comes_back_as_a_file() {
    let place = Place::new();
    let image = place.path("disk.img");
    let mut bytes = noise(5, 80 * 1024 * 1024);
    bytes[1_000_000..70_000_000].fill(0);
    bytes[66_000_000..66_000_100].fill(7);
    fs::write(&image, &bytes).unwrap();
    place.copy(&image);
    let restored = place.restore("restored.img");
    run("cmp", &[image.to_str().unwrap(), restored.to_str().unwrap()]);
    bytes[66_000_050] = 8;
    fs::write(&image, &bytes).unwrap();
    let second = place.copy(&image);
    assert!(second.written_bytes < 60_000, "{}", second.written_bytes);
    run("cmp", &[image.to_str().unwrap(), place.restore("again.img").to_str().unwrap()]);
}
