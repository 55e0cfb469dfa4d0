//! Archives, compressed files and images that real programs made, found by what is in them.

use crate::found_lab::{cut, found, halve, look, said, script};
use crate::hand::fs;
use crate::lab::Lab;
use outlive::domain::{Nature, PointKind};

const ARCHIVES: &str = r#"
mkdir tree && head -c 400000 /dev/urandom > tree/file
tar cf gnu tree; tar --format=posix -cf posix tree
gzip -c gnu > gnu.gz; zstd -q gnu -o gnu.zst; xz -k gnu; bzip2 -k gnu
head -c 20000 /dev/urandom > tree/file && tar cf small tree && gzip -k small
gzip -c script-notes > only-notes
"#;

const UNUSUAL: &str = r#"
head -c 20000 /dev/urandom > file && tar cf tar file
gzip -c tar > padded.gz && head -c 512 /dev/zero >> padded.gz && gzip -tq padded.gz
{ gzip -c tar; head -c 512 /dev/urandom; } > followed.gz
xz -c tar > padded.xz && head -c 6000 /dev/zero >> padded.xz && xz -t padded.xz
xz -c tar > whole && head -c 9000 whole > cut.xz && rm whole
pzstd -q -c tar > pieces.zst
zstd -q --long=30 -c < tar > window.zst
printf '\x28\xb5\x2f\xfdnotes about zstd' > magic.zst
rm file tar
"#;

#[test]
fn compressed_files_that_their_programs_take_are_not_called_useless_and_not_passed_over() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    script(&copies, UNUSUAL, &[]);
    let inventory = look(&[&data], &[&copies]);
    assert_eq!(inventory.gaps, []);
    for (name, words, cut) in [
        ("/padded.gz", "a tar archive, compressed with gzip; found", false),
        ("/followed.gz", "its gzip stream is damaged", true),
        ("/padded.xz", "compressed with xz; its content was not looked at", false),
        ("/cut.xz", "does not end as xz", true),
        ("/pieces.zst", "a tar archive, compressed with zstd; found", false),
        ("/window.zst", "compressed with zstd; its content was not looked at", false),
    ] {
        let (why, useless) = said(found(&inventory, name, PointKind::Archive));
        assert!(why.contains(words) && useless == cut, "{name}: {why}");
    }
    assert_eq!(inventory.points.len(), 6, "what only begins like zstd passed for an archive");
}

#[test]
fn archives_are_found_by_content_whatever_they_are_called() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    fs::write(copies.join("script-notes"), "notes\n").unwrap();
    script(&copies, ARCHIVES, &[]);
    for (from, to) in
        [("gnu", "gnu.half"), ("posix", "posix.half"), ("gnu.xz", "xz.half"), ("small.gz", "gz.half")]
    {
        halve(&copies.join(from), &copies.join(to));
    }
    let mut header = std::fs::read(copies.join("gnu")).unwrap();
    header[0] ^= 1;
    fs::write(copies.join("wrong-sum"), header).unwrap();
    let inventory = look(&[&data], &[&copies]);
    assert_eq!(inventory.gaps, []);
    for (name, words, cut) in [
        ("/gnu", "a tar archive; found", false),
        ("/posix", "a tar archive; found", false),
        ("/gnu.gz", "a tar archive, compressed with gzip; only its beginning", false),
        ("/gnu.zst", "a tar archive, compressed with zstd; only its beginning", false),
        ("/small", "a tar archive; found", false),
        ("/small.gz", "a tar archive, compressed with gzip; found", false),
        ("/gnu.xz", "compressed with xz; its content was not looked at", false),
        ("/gnu.bz2", "compressed with bzip2; its content was not looked at", false),
        ("/gnu.half", "two empty blocks", true),
        ("/posix.half", "two empty blocks", true),
        ("/xz.half", "does not end as xz", true),
        ("/gz.half", "ends too early", true),
    ] {
        let (why, useless) = said(found(&inventory, name, PointKind::Archive));
        assert!(why.contains(words) && useless == cut, "{name}: {why}");
    }
    assert_eq!(inventory.points.len(), 12, "a wrong checksum, or compressed notes, passed for an archive");
}

const IMAGES: &str = r#"
truncate -s 16M ext && mkfs.ext4 -q ext
truncate -s 320M xfs && mkfs.xfs -q xfs
truncate -s 128M btrfs && mkfs.btrfs -q btrfs
qemu-img create -q -f qcow2 qcow2 64M
qemu-img create -q -f qcow2 -b qcow2 -F qcow2 overlay
"#;

#[test]
fn images_of_filesystems_are_found_and_cut_ones_told() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    script(&copies, IMAGES, &[]);
    for name in ["ext", "xfs", "btrfs"] {
        cut(&copies.join(name), &copies.join(format!("{name}.cut")), |_| 2 << 20);
    }
    fs::write(copies.join("zeros"), vec![0; 2 << 20]).unwrap();
    fs::write(copies.join("notes"), "XFSB and _BHRfS_M are magics\n".repeat(9000)).unwrap();
    let inventory = look(&[&data], &[&copies]);
    for (name, words, cut) in [
        ("/ext", "an ext filesystem, which says that it is of", false),
        ("/xfs", "an XFS filesystem", false),
        ("/btrfs", "a btrfs filesystem; found", false),
        ("/qcow2", "a qcow2 image of 67108864 bytes; whether", false),
        ("/overlay", "laid upon another file", false),
        ("/ext.cut", "cut off", true),
        ("/xfs.cut", "cut off", true),
        ("/btrfs.cut", "cut off, or one of several devices", false),
    ] {
        let (why, useless) = said(found(&inventory, name, PointKind::FilesystemImage));
        assert!(why.contains(words) && useless == cut, "{name}: {why}");
    }
    let needs = |name| found(&inventory, name, PointKind::FilesystemImage).bonds.is_complete(Nature::Needs);
    assert_eq!((needs("/qcow2"), needs("/overlay")), (true, false));
    assert_eq!(inventory.points.len(), 8);
}
