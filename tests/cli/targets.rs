//! Where a restore may go: standard output, an empty block device, and nowhere else that is anything.

use super::place::{Place, noise, tool};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A tree and an image, each in a vault of its own.
struct Scene {
    place: Place,
    data: PathBuf,
    tree: PathBuf,
    image: PathBuf,
}

/// What the image holds: with a hole, and an end that is no whole block.
fn bytes() -> Vec<u8> {
    let mut bytes = noise(5, 5_000_003);
    bytes[1_000_000..3_000_000].fill(0);
    bytes
}

fn scene() -> Scene {
    let place = Place::new();
    place.file("data/a/one", noise(1, 700_000));
    place.file("data/a/two", "two");
    fs::hard_link(place.path("data/a/two"), place.path("data/two")).unwrap();
    let (data, disk) = (place.path("data"), place.file("disk.img", bytes()));
    let (tree, image) = (place.path("tree"), place.path("image"));
    place.outlive(&[&"copy", &data, &"--vault", &tree]).end().expect(0);
    place.outlive(&[&"copy", &disk, &"--vault", &image]).end().expect(0);
    Scene { place, data, tree, image }
}

/// Everything that can be seen of a directory.
fn listing(directory: &Path) -> String {
    let arguments = ["-printf", "%P %y %m %s %T@ %C@ %l\n"];
    tool("find", &[&[directory.to_str().unwrap()][..], &arguments].concat())
}

/// A loop device over a new file of so many bytes.
fn loop_device(place: &Place, name: &str, length: u64) -> (PathBuf, LoopDevice) {
    let file = place.path(name);
    fs::File::create_new(&file).unwrap().set_len(length).unwrap();
    let device = tool("losetup", &["--find", "--show", file.to_str().unwrap()]).trim().to_owned();
    (file, LoopDevice(device))
}

struct LoopDevice(String);

impl Drop for LoopDevice {
    fn drop(&mut self) {
        tool("losetup", &["-d", &self.0]);
    }
}

/// Runs `outlive … > file` with a shell, which is how standard output becomes a file.
fn to_file(place: &Place, arguments: &[&dyn AsRef<OsStr>], file: &Path) -> super::run::Ended {
    let script = "out=$1; shift; exec \"$0\" \"$@\" >\"$out\"";
    let mut program: Vec<OsString> = ["sh", "-c", script].map(OsString::from).to_vec();
    program.extend([super::run::binary().into(), file.into(), "--state".into(), place.path("state").into()]);
    program.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
    let ended = place.recorded(program).start().end_unjudged();
    let wrong = super::judge::complaints(&ended.log);
    let wrong: Vec<_> = wrong.iter().filter(|found| !found.contains(file.to_str().unwrap())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    ended
}

#[test]
fn one_file_goes_to_standard_output_byte_for_byte_and_what_is_said_goes_elsewhere() {
    let Scene { place, data, tree, image } = scene();
    let out = place.path("out");
    let ended = to_file(&place, &[&"restore", &"--vault", &image, &"--to", &"-"], &out).expect(0);
    ended.complains("written, each chunk compared before").complains("standard output");
    assert!(fs::read(&out).unwrap() == bytes(), "other bytes");
    for (glob, of) in [("a/one", "a/one"), ("/two", "two")] {
        let only: [&dyn AsRef<OsStr>; 7] = [&"restore", &"--vault", &tree, &"--to", &"-", &"--only", &glob];
        to_file(&place, &only, &out).expect(0);
        assert!(fs::read(&out).unwrap() == fs::read(data.join(of)).unwrap(), "{glob}");
    }
    // Nobody here can say that it arrived: the point is not called restored.
    let listed = place.outlive(&[&"vault", &"list", &image]).end().expect(0);
    assert!(!listed.stdout.contains("restored"), "{}", listed.stdout);
    for more in [&[][..], &["--only", "a"], &["--only", "*"]] {
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"restore", &"--vault", &tree, &"--to", &"-"];
        all.extend(more.iter().map(|word| word as &dyn AsRef<OsStr>));
        let ended = place.outlive(&all).end().expect(2).complains("standard output takes one file");
        assert_eq!(ended.stdout, "");
    }
    let full = to_file(&place, &[&"restore", &"--vault", &image, &"--to", &"-"], Path::new("/dev/full"));
    assert_eq!(full.code, Some(1), "{}", full.stderr);
}

#[test]
fn a_damaged_chunk_never_reaches_standard_output() {
    let Scene { place, image, .. } = scene();
    let packs = super::place::names(&image.join("packs"));
    let largest = packs.iter().map(|name| image.join("packs").join(name));
    let largest = largest.max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
    let pack = fs::OpenOptions::new().write(true).open(&largest).unwrap();
    pack.write_all_at(b"rot", fs::metadata(&largest).unwrap().len() * 3 / 4).unwrap();
    let out = place.path("out");
    let ended = to_file(&place, &[&"restore", &"--vault", &image, &"--to", &"-"], &out).expect(14);
    ended.complains("where: packs/");
    let written = fs::read(&out).unwrap();
    assert!(written.len() < bytes().len() && bytes().starts_with(&written), "{} bytes", written.len());
    // Neither does what is said of it to programs.
    let json: [&dyn AsRef<OsStr>; 7] = [&"restore", &"--vault", &image, &"--to", &"-", &"--format", &"json"];
    let ended = to_file(&place, &json, &out).expect(14).complains("\"schema\":").complains("packs/");
    assert!(bytes().starts_with(&fs::read(&out).unwrap()), "{}", ended.stderr);
}

#[test]
fn an_image_goes_to_a_block_device_that_is_empty_and_to_no_other() {
    let Scene { mut place, image, tree, .. } = scene();
    let device = |device: &LoopDevice| PathBuf::from(&device.0);
    let (file, empty) = loop_device(&place, "empty", 6 << 20);
    let restore =
        |vault: &PathBuf, to: &PathBuf| place.outlive(&[&"restore", &"--vault", vault, &"--to", to]).end();
    restore(&image, &device(&empty)).expect(0).says("restored and compared");
    let there = fs::read(&file).unwrap();
    assert!(there[..bytes().len()] == bytes() && there[bytes().len()..].iter().all(|byte| *byte == 0));
    // Now it is not empty any more; and a single byte at its very end is enough.
    restore(&image, &device(&empty)).expect(2).complains("the device is not empty");
    let (last, used) = loop_device(&place, "last", 6 << 20);
    fs::OpenOptions::new().write(true).open(&last).unwrap().write_all_at(&[1], (6 << 20) - 1).unwrap();
    restore(&image, &device(&used)).expect(2).complains("there is something at byte 6291455");
    let (_, small) = loop_device(&place, "small", 4 << 20);
    restore(&image, &device(&small)).expect(2).complains("5000003 are needed");
    let (_, trees) = loop_device(&place, "trees", 6 << 20);
    restore(&tree, &device(&trees)).expect(2).complains("there is something already");
    let link = place.path("link");
    symlink(&trees.0, &link).unwrap();
    restore(&image, &link).expect(2).complains("nothing is overwritten");
    assert!(fs::read(place.path("trees")).unwrap().iter().all(|byte| *byte == 0), "written to");
    let mounted = place.filesystem("ext4", "mounted", 16);
    let source = tool("findmnt", &["-n", "-o", "SOURCE", mounted.to_str().unwrap()]).trim().to_owned();
    let before = fs::read(place.path("mounted.img")).unwrap();
    let ended = place.outlive(&[&"restore", &"--vault", &image, &"--to", &source]).end().expect(2);
    ended.complains("the device is in use");
    assert!(fs::read(place.path("mounted.img")).unwrap() == before, "written to");
}

/// An estate with two volumes, one of them an empty directory, and two vaults.
fn estate(place: &Place, data: &Path, tree: &Path) {
    place.directory("unmounted");
    place.file("other/precious", "p");
    let text = format!(
        "[[volume]]\nid = \"data\"\npath = {data:?}\n[[volume]]\nid = \"unmounted\"\npath = {:?}\n\
         [[volume]]\nid = \"other\"\npath = {:?}\n[[vault]]\nid = \"near\"\nkind = \"dir\"\npath = {tree:?}\n\
         [[vault]]\nid = \"far\"\nkind = \"dir\"\npath = {:?}\n",
        place.path("unmounted"),
        place.path("other"),
        place.path("image")
    );
    place.file("outlive.toml", text);
}

/// Targets that are something, in this place.
fn taken(place: &mut Place) -> Vec<PathBuf> {
    let targets = place.directory("targets");
    place.file("targets/file", "p");
    place.file("targets/empty-file", "");
    place.file("targets/full/precious", "p");
    place.file("targets/hidden/.precious", "p");
    place.directory("targets/holds-empty/empty");
    place.directory("targets/to-empty-is");
    for (name, to) in [
        ("to-file", "file"),
        ("to-full", "full"),
        ("to-empty", "to-empty-is"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("to-root", "/"),
        ("to-null", "/dev/null"),
    ] {
        symlink(to, targets.join(name)).unwrap();
    }
    tool("mkfifo", &[targets.join("pipe")]);
    drop(UnixListener::bind(targets.join("socket")).unwrap());
    tool("mknod", &[targets.join("null").to_str().unwrap(), "c", "1", "3"]);
    let mount = place.tmpfs("targets/mounted", "1m");
    fs::write(mount.join("precious"), "p").unwrap();
    let names = [
        "file",
        "empty-file",
        "full",
        "hidden",
        "holds-empty",
        "to-file",
        "to-full",
        "to-empty",
        "dangling",
        "loop",
        "to-root",
        "to-null",
        "pipe",
        "socket",
        "null",
        "mounted",
        "full/",
        "full/.",
        "full/../full",
        "to-full/",
        "file/below",
        "no/such/parent",
    ];
    names.map(|name| targets.join(name)).to_vec()
}

/// What the estate has, in its place.
const OF_ESTATE: [&str; 14] = [
    "",
    "data",
    "data/a",
    "data/../data",
    "unmounted",
    "unmounted/",
    "other",
    "tree",
    "tree/new",
    "tree/roots",
    "image",
    "image/new",
    "image/packs/new",
    "disk.img",
];
/// What every system has.
const OF_SYSTEM: [&str; 19] = [
    "/",
    "/proc",
    "/proc/new",
    "/proc/self",
    "/sys",
    "/sys/new",
    "/dev",
    "/dev/new",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/shm/new",
    "/dev/stdout",
    "/etc",
    "/etc/passwd",
    "/usr",
    "/tmp",
    ".",
    "..",
];

#[test]
fn what_is_anything_already_is_refused_and_not_touched() {
    let Scene { mut place, data, tree, image } = scene();
    estate(&place, &data, &tree);
    let mut targets = taken(&mut place);
    targets.extend(OF_ESTATE.map(|name| place.path(name)));
    targets.extend(OF_SYSTEM.map(PathBuf::from));
    assert!(targets.len() >= 40, "{}", targets.len());
    let seen = ["targets", "data", "unmounted", "other", "tree", "image"].map(|name| place.path(name));
    let before = seen.each_ref().map(|directory| listing(directory));
    let precious = || (fs::read("/etc/passwd").unwrap(), fs::read(place.path("disk.img")).unwrap());
    let unchanged = precious();
    let heading = "--\n-- PostgreSQL database dump\n--\n\n";
    let (sql, dump) = (place.file("shop.sql", heading), place.path("dump"));
    place.outlive(&[&"copy", &sql, &"--vault", &dump]).end().expect(0);
    for (vault, to) in [(&tree, "--to"), (&image, "--to"), (&dump, "--to-postgres")] {
        for target in &targets {
            let config = place.path("outlive.toml");
            let order: [&dyn AsRef<OsStr>; 7] =
                [&"--config", &config, &"restore", &"--vault", vault, &to, target];
            let ended = place.outlive(&order).end();
            assert_ne!(ended.code, Some(0), "{} was taken:\n{}", target.display(), ended.stdout);
            assert!(ended.stderr.starts_with("error: "), "{}: {}", target.display(), ended.stderr);
            let now = seen.each_ref().map(|directory| listing(directory));
            assert!(now == before && precious() == unchanged, "{} was touched", target.display());
        }
    }
    assert!(!Path::new("/dev/new").exists() && !Path::new("/dev/shm/new").exists());
    // Beside all that, it goes; in a volume too, and that is said.
    let new = place.path("data/new");
    place
        .outlive_by_file(&["restore", "--vault", tree.to_str().unwrap(), "--to", new.to_str().unwrap()])
        .end()
        .expect(0)
        .says("the target lies in volume data");
}
