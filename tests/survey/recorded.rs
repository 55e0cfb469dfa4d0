//! Device mapper, md and physical disks, as recorded trees: the kernels that run this suite have no
//! device mapper and no md, and are virtual. The trees are cut down from what such machines show; the
//! temporary directory's real device number stands for the device at their top.

use crate::hand::fs;
use crate::lab::{Lab, now, survey_on};
use outlive::catalogue::Catalogue;
use outlive::domain::{
    Asset, Bond, Bonds, CopyState, GapReason, GapScope, HazardClass, Inventory, Known, Nature, PointId,
    PointKind, RecoveryPoint, Usable,
};
use outlive::isolation::{Cell, Row, expand, survival};
use outlive::providers::local::{Standing, System, stand};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

/// A recorded machine whose device `top` holds the laboratory's own directory.
struct Machine {
    lab: Lab,
    system: System,
}

impl Machine {
    fn physical(top: &str) -> Self {
        let mut lab = Lab::new();
        let held = lab.filesystem("ext4", "held");
        let device = fs::metadata(&held).unwrap().dev();
        let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let (proc, sys) = (lab.directory("proc"), lab.directory("sys"));
        fs::create_dir(proc.join("self")).unwrap();
        fs::copy("/proc/self/mountinfo", proc.join("self/mountinfo")).unwrap();
        fs::write(proc.join("cpuinfo"), "processor : 0\nflags\t\t: fpu vme sse2\n").unwrap();
        fs::create_dir_all(sys.join("dev/block")).unwrap();
        symlink(sys.join("devices").join(top), sys.join("dev/block").join(number)).unwrap();
        Self { lab, system: System { proc, sys } }
    }

    fn write(&self, path: &str, content: &str) -> &Self {
        let path = self.system.sys.join("devices").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Makes `above` stand on `below`, both as paths in the device tree.
    fn slave(&self, above: &str, below: &str) -> &Self {
        let devices = self.system.sys.join("devices");
        fs::create_dir_all(devices.join(below)).unwrap();
        let slaves = devices.join(above).join("slaves");
        fs::create_dir_all(&slaves).unwrap();
        symlink(devices.join(below), slaves.join(Path::new(below).file_name().unwrap())).unwrap();
        self
    }

    fn stand(&self) -> Standing {
        stand(&self.lab.path("held"), &self.system, now())
    }
}

fn asset<'a>(standing: &'a Standing, id: &str) -> &'a Asset {
    standing.assets.iter().find(|asset| asset.id.0 == id).unwrap_or_else(|| {
        panic!("no {id} among {:?}", standing.assets.iter().map(|asset| &asset.id.0).collect::<Vec<_>>())
    })
}

/// Each bond of storage: how many must fall, of which.
fn stored(standing: &Standing, id: &str) -> Vec<(usize, Vec<String>)> {
    let bonds = asset(standing, id).bonds.of(Nature::StoredOn);
    bonds.map(|bond| (bond.dies_at, bond.on.iter().map(|on| on.0.clone()).collect())).collect()
}

const SDA: &str = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda";
const SDB: &str = "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0/block/sdb";

fn array(level: &str, degraded: &str) -> Machine {
    let machine = Machine::physical("virtual/block/md0");
    machine
        .write("virtual/block/md0/md/level", level)
        .write("virtual/block/md0/md/raid_disks", "2\n")
        .write("virtual/block/md0/md/degraded", degraded)
        .slave("virtual/block/md0", &format!("{SDA}/sda1"))
        .slave("virtual/block/md0", SDB)
        .write(&format!("{SDA}/sda1/partition"), "1\n");
    machine
}

#[test]
fn a_recorded_mirror_dies_with_all_its_devices_and_a_stripe_with_one() {
    for (level, degraded, dies_at) in [
        ("raid1\n", "0\n", 2),
        ("raid1\n", "1\n", 1),
        ("raid0\n", "0\n", 1),
        ("linear\n", "0\n", 1),
        ("raid5\n", "0\n", 2),
        ("raid10\n", "0\n", 2),
    ] {
        let standing = array(level, degraded).stand();
        assert_eq!(standing.gaps, []);
        let both = vec!["partition:sda1".to_owned(), "device:sdb".to_owned()];
        assert_eq!(stored(&standing, "device:md0"), [(dies_at, both)], "{level:?}");
        assert_eq!(stored(&standing, "partition:sda1"), [(1, vec!["device:sda".to_owned()])]);
        for disk in ["device:sda", "device:sdb"] {
            assert!(asset(&standing, disk).bonds.is_complete(Nature::StoredOn), "physical: {disk}");
        }
    }
}

#[test]
fn a_recorded_array_of_an_unknown_level_counts_as_no_redundancy_and_is_a_gap() {
    for (level, reason) in [("raid99\x1b\n", GapReason::Unsupported), ("raid1\n", GapReason::Failed)] {
        let standing = array(level, "not a number\n").stand();
        assert_eq!(stored(&standing, "device:md0")[0].0, 1);
        assert_eq!(standing.gaps[0].reason, reason);
        assert!(!standing.gaps[0].detail.contains('\x1b'));
    }
}

#[test]
fn a_recorded_encrypted_logical_volume_leaves_its_key_and_its_snapshots_open() {
    let machine = Machine::physical("virtual/block/dm-1");
    machine
        .write("virtual/block/dm-1/dm/uuid", "CRYPT-LUKS2-0123-home\n")
        .write("virtual/block/dm-1/dm/name", "home\n")
        .slave("virtual/block/dm-1", "virtual/block/dm-0")
        .write("virtual/block/dm-0/dm/uuid", "LVM-abcdef\n")
        .write("virtual/block/dm-0/dm/name", "vg-home\n")
        .slave("virtual/block/dm-0", SDA)
        .slave("virtual/block/dm-0", SDB);
    let standing = machine.stand();
    assert_eq!(standing.gaps, []);
    let encrypted = asset(&standing, "device:dm-1");
    assert_eq!(encrypted.name, "/dev/mapper/home");
    assert!(!encrypted.bonds.is_complete(Nature::Needs) && encrypted.bonds.is_complete(Nature::StoredOn));
    assert!(asset(&standing, "device:dm-0").bonds.is_complete(Nature::Needs));
    let both = vec!["device:sda".to_owned(), "device:sdb".to_owned()];
    assert_eq!(stored(&standing, "device:dm-0"), [(1, both)]);

    let inventory = survey_on(machine.system.clone(), &[&machine.lab.path("held")], &[]);
    let scope = GapScope::PointsOf(inventory.volumes[0].id.clone());
    let gaps: Vec<_> = inventory.gaps.iter().map(|gap| (gap.reason, gap.scope.clone())).collect();
    assert_eq!(gaps, [(GapReason::Unsupported, scope)]);
}

#[test]
fn a_recorded_disk_over_a_network_is_not_known_to_the_bottom_and_a_virtual_one_is_left_open() {
    for remote in ["platform/host3/session1/target3:0:0/3:0:0:1/block/sdc", "virtual/block/rbd0"] {
        let machine = Machine::physical(remote);
        machine.write(&format!("{remote}/size"), "8\n");
        let standing = machine.stand();
        assert_eq!(standing.gaps[0].reason, GapReason::Unsupported, "{remote}");
    }
    let machine = Machine::physical(SDA);
    machine.write(&format!("{SDA}/size"), "8\n");
    assert!(asset(&machine.stand(), "device:sda").bonds.is_complete(Nature::StoredOn));
    fs::write(machine.system.proc.join("cpuinfo"), "flags : fpu hypervisor\n").unwrap();
    let standing = machine.stand();
    assert_eq!(standing.gaps, []);
    assert!(!asset(&standing, "device:sda").bonds.is_complete(Nature::StoredOn));
    fs::remove_file(machine.system.proc.join("cpuinfo")).unwrap();
    assert!(!asset(&machine.stand(), "device:sda").bonds.is_complete(Nature::StoredOn));
}

#[test]
fn a_recorded_circle_of_devices_ends() {
    let machine = Machine::physical("virtual/block/dm-0");
    machine
        .write("virtual/block/dm-0/dm/name", "\x1b[31m\n")
        .slave("virtual/block/dm-0", "virtual/block/dm-1")
        .slave("virtual/block/dm-1", "virtual/block/dm-0");
    let standing = machine.stand();
    assert_eq!(stored(&standing, "device:dm-1"), [(1, vec!["device:dm-0".to_owned()])]);
    assert_eq!(asset(&standing, "device:dm-0").name, "/dev/mapper/\\e[31m");
}

#[test]
fn a_recorded_tower_of_devices_is_a_gap_where_it_leads_too_deep() {
    let machine = Machine::physical("virtual/block/dm-0");
    for level in 0..1000 {
        machine.slave(&format!("virtual/block/dm-{level}"), &format!("virtual/block/dm-{}", level + 1));
    }
    let standing = machine.stand();
    assert_eq!(standing.gaps.len(), 1);
    let GapScope::Below(last) = &standing.gaps[0].scope else { panic!("{:?}", standing.gaps) };
    assert!(!asset(&standing, &last.0).bonds.is_complete(Nature::StoredOn));
}

#[test]
fn a_recorded_machine_without_a_device_tree_is_a_gap() {
    let machine = Machine::physical("virtual/block/nothing");
    let standing = machine.stand();
    assert_eq!(standing.gaps.len(), 1);
    assert_eq!(standing.gaps[0].reason, GapReason::Vanished);
}

/// The table of mounts is recorded too: what the suite cannot mount.
fn mounted_as(line: &str) -> (Machine, Inventory) {
    let machine = Machine::physical("virtual/block/nothing");
    let path = machine.lab.path("held");
    let table = line.replace("POINT", path.to_str().unwrap());
    fs::write(machine.system.proc.join("self/mountinfo"), format!("{table}\n")).unwrap();
    let inventory = survey_on(machine.system.clone(), &[&path], &[]);
    (machine, inventory)
}

#[test]
fn a_recorded_share_stands_on_its_server_and_the_server_on_what_nobody_knows() {
    for (kind, source, server) in [
        ("nfs4", "nas.example:/export", "nas.example"),
        ("cifs", "//files.example/share", "files.example"),
        ("fuse.sshfs", "me@far.example:/data", "far.example"),
    ] {
        let (_machine, inventory) = mounted_as(&format!("50 1 0:50 / POINT rw - {kind} {source} rw"));
        assert_eq!(inventory.gaps, []);
        let below = crate::lab::below(&inventory, &inventory.volumes[0].asset);
        assert_eq!(below[0].0, format!("server:{server}"));
        assert!(!inventory.asset(&below[0]).unwrap().bonds.is_complete(Nature::StoredOn));
    }
}

#[test]
fn a_recorded_pool_of_zfs_leaves_its_devices_and_snapshots_open() {
    let (_machine, inventory) = mounted_as("50 1 0:50 / POINT rw - zfs tank/home rw");
    let below = crate::lab::below(&inventory, &inventory.volumes[0].asset);
    assert_eq!(below[0].0, "pool:tank");
    let scopes: Vec<_> = inventory.gaps.iter().map(|gap| gap.scope.clone()).collect();
    assert_eq!(scopes.len(), 2);
    assert!(scopes.contains(&GapScope::Below(below[0].clone())));
    assert!(scopes.contains(&GapScope::PointsOf(inventory.volumes[0].id.clone())));
}

#[test]
fn a_recorded_filesystem_of_an_unknown_type_is_a_gap_below_it() {
    let (_machine, inventory) = mounted_as("50 1 0:50 / POINT rw - strangefs thing rw");
    assert_eq!(inventory.gaps[0].reason, GapReason::Unsupported);
    assert_eq!(inventory.gaps[0].scope, GapScope::Below(inventory.volumes[0].asset.clone()));
    let (_machine, inventory) = mounted_as("50 1 0:50 / POINT rw - fuse.mergerfs /a:/b rw");
    assert_eq!(inventory.gaps[0].reason, GapReason::Unsupported);
}

#[test]
fn a_machine_whose_table_of_mounts_cannot_be_read_gives_gaps_and_no_volumes() {
    let machine = Machine::physical("virtual/block/nothing");
    fs::remove_file(machine.system.proc.join("self/mountinfo")).unwrap();
    let inventory = survey_on(machine.system.clone(), &[&machine.lab.path("held")], &[]);
    assert_eq!((inventory.volumes.len(), inventory.gaps.len()), (0, 1));
}

/// What becomes of a vault on shares, under deletion of the primary and under losses by class.
struct Shares<'a> {
    /// The primary's mount, if it is on a share.
    primary: Option<&'a str>,
    /// The vault's mount.
    vault: &'a str,
    cpu: &'a str,
}

impl Shares<'_> {
    /// The cells by class of hazard, from a recorded table of mounts through to the survival table.
    fn cells(&self) -> Vec<(HazardClass, Cell)> {
        let machine = Machine::physical(SDA);
        machine.write(&format!("{SDA}/size"), "1\n");
        let (held, vault) = (machine.lab.path("held"), machine.lab.directory("vault"));
        let proc = &machine.system.proc;
        fs::create_dir(proc.join("net")).unwrap();
        fs::write(proc.join("net/fib_trie"), "Main:\n  |-- 192.0.2.2\n    /32 host LOCAL\n").unwrap();
        fs::write(proc.join("cpuinfo"), format!("flags\t\t: {}\n", self.cpu)).unwrap();
        let device = fs::metadata(&held).unwrap().dev();
        let local = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let primary = self.primary.map_or_else(
            || format!("40 1 {local} / {} rw - ext4 /dev/sda rw", held.display()),
            |share| format!("40 1 0:49 / {} rw - {share}", held.display()),
        );
        let table = format!("{primary}\n50 1 0:50 / {} rw - {}\n", vault.display(), self.vault);
        fs::write(proc.join("self/mountinfo"), table).unwrap();
        let data = held.join("data");
        fs::create_dir(&data).unwrap();
        let mut inventory = survey_on(machine.system.clone(), &[&data], &[]);
        let Standing { on, assets, gaps } = stand(&vault, &machine.system, now());
        inventory.merge(Inventory { assets, gaps, ..Inventory::default() });
        let (on, of) = (on.unwrap(), inventory.volumes[0].id.clone());
        let bonds = Bonds::default().with(Bond::observed(Nature::StoredOn, on, now()));
        inventory.points.push(RecoveryPoint {
            id: PointId("vault:1".into()),
            name: "copy 1".into(),
            of: Known::Observed(of, now()),
            taken_at: Known::Observed(now(), now()),
            kind: PointKind::VaultCopy,
            catalogued: None,
            drilled_at: Known::Unknown,
            consistency: Known::Unknown,
            bytes: Known::Unknown,
            lock: Known::Unknown,
            state: Some(CopyState::Verified),
            usable: Usable::Yes,
            bonds: bonds.complete(Nature::StoredOn).complete(Nature::Needs),
        });
        assert_eq!(inventory.gaps, []);
        let graph = expand(&inventory, &Catalogue::built_in().unwrap());
        let table = survival(&graph, &inventory.volumes[0], &outlive::domain::Policy::default(), now());
        // What only may take the primary, and surely the copy, leaves open whether anything is lost.
        let perhaps = |row: &Row| !row.takes_primary && row.cell == Cell::None;
        let rows = table.rows.into_iter().filter(|row| !perhaps(row));
        rows.map(|row| (row.class, row.cell)).collect()
    }

    /// The classes of hazard that it survives for certain; of all others it is not known, but for those of
    /// which it is known that primary and vault share the host.
    fn survives(&self) -> Vec<HazardClass> {
        let cells = self.cells();
        let fatal = |(class, cell): &(_, Cell)| *class != HazardClass::Host && *cell == Cell::None;
        assert!(!cells.iter().any(fatal), "{cells:?}");
        let kept = cells.into_iter().filter(|(_, cell)| matches!(cell, Cell::Survivor { .. }));
        kept.map(|(class, _)| class).collect()
    }
}

#[test]
fn a_recorded_vault_on_a_share_survives_what_happens_to_files_here_and_perhaps_not_the_host() {
    use HazardClass::*;
    let nfs = "nfs4 nas.example:/vault rw,clientaddr=192.0.2.2,addr=192.0.2.9";
    let smb = "cifs //files/vault rw,addr=2001:db8::9";
    for vault in [nfs, smb, "virtiofs tag rw", "9p tag rw,trans=virtio"] {
        let physical = Shares { primary: None, vault, cpu: "fpu" };
        assert_eq!(physical.survives(), [PrimaryDeletion, Filesystem, Device], "{vault}");
        let own = Shares { cpu: "fpu hypervisor", ..physical };
        assert_eq!(own.survives(), [PrimaryDeletion, Filesystem], "a virtual disk: {vault}");
    }
}

#[test]
fn a_recorded_share_that_may_be_served_from_here_leaves_everything_open() {
    for vault in [
        "nfs4 localhost:/vault rw,addr=127.0.0.1",
        "nfs4 other.name:/vault rw,addr=192.0.2.2",
        "nfs4 nas.example:/vault rw",
        "9p 192.0.2.9 rw,trans=tcp",
        "fuse.sshfs me@alias:/vault rw",
    ] {
        assert_eq!(Shares { primary: None, vault, cpu: "fpu" }.survives(), [], "{vault}");
    }
}

#[test]
fn recorded_shares_of_one_server_may_be_one_and_those_of_two_are_apart() {
    let (one, two) =
        ("nfs4 nas.example:/export rw,addr=192.0.2.9", "nfs4 nas.example:/export/b rw,addr=192.0.2.9");
    let other = "nfs4 other.example:/export rw,addr=192.0.2.10";
    let same = |vault| Shares { primary: Some(one), vault, cpu: "fpu" }.survives();
    assert_eq!(same(two), []);
    assert_eq!(same(other), [HazardClass::PrimaryDeletion, HazardClass::Filesystem]);
}
