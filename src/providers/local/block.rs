//! Block devices: partitions, disks, loop devices, and what the kernel stacks on others.

use super::raid;
use super::stack::{Stack, plain};
use super::system::{attribute, entries, kernel_name, path_attribute, shown};
use super::unseen::Unseen;
use crate::domain::{AssetId, AssetKind, Bond, Bonds, GapReason, How, Nature, printable};
use std::path::{Path, PathBuf};

impl Stack<'_> {
    /// The block device with this number.
    pub(super) fn block_number(&mut self, number: (u32, u32)) -> AssetId {
        if let Some(directory) = self.machine.system.block(number) {
            return self.block(&directory);
        }
        let (major, minor) = number;
        let id = AssetId(format!("device:{major}:{minor}"));
        if self.begin(&id) {
            let name = format!("block device {major}:{minor}");
            let missing = Unseen::new(GapReason::Vanished, "the device tree does not show it; mount /sys");
            self.unseen_below(&id, name.clone(), missing);
            self.add(&id, AssetKind::Device, name, Bonds::default().complete(Nature::CascadesFrom));
        }
        id
    }

    /// The block device that `directory` of the device tree describes.
    pub(super) fn block(&mut self, directory: &Path) -> AssetId {
        let name = kernel_name(directory);
        let is_partition = directory.join("partition").exists();
        let id = AssetId(format!("{}:{name}", if is_partition { "partition" } else { "device" }));
        if self.begin(&id) {
            let kind = if is_partition { AssetKind::Partition } else { AssetKind::Device };
            let bonds = match directory.parent() {
                Some(disk) if is_partition => {
                    let disk = self.block(disk);
                    plain().with(self.stored_on(disk)).complete(Nature::StoredOn)
                }
                _ => self.below(&id, directory, &name),
            };
            self.add(&id, kind, called(directory, &name), bonds);
        }
        id
    }

    fn below(&mut self, id: &AssetId, directory: &Path, name: &str) -> Bonds {
        if directory.join("loop").is_dir() {
            return self.below_loop(id, directory, name);
        }
        if name.starts_with("zram") || (name.starts_with("ram") && is_virtual(directory)) {
            let memory = self.memory();
            return plain().with(self.stored_on(memory)).complete(Nature::StoredOn);
        }
        match entries(&directory.join("slaves")) {
            Ok(slaves) if !slaves.is_empty() => self.below_stacked(id, directory, name, &slaves),
            _ if directory.join("dm").is_dir() || directory.join("md").is_dir() => {
                let why = Unseen::new(GapReason::Failed, "the device tree names no devices below it");
                self.unseen_below(id, format!("/dev/{name}"), why);
                Bonds::default().complete(Nature::CascadesFrom)
            }
            _ => self.below_disk(id, directory, name),
        }
    }

    fn below_loop(&mut self, id: &AssetId, directory: &Path, name: &str) -> Bonds {
        let file = path_attribute(&directory.join("loop/backing_file")).and_then(|path| {
            // The kernel writes this after the path of a file that was removed.
            let removed = path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
            if removed && !path.exists() {
                let detail = format!("its backing file {} was removed", shown(&path));
                return Err(Unseen::new(GapReason::Vanished, detail));
            }
            Ok(path)
        });
        match file {
            Ok(path) => match self.follow(&path, id) {
                Some(file) => plain().with(self.stored_on(file)).complete(Nature::StoredOn),
                None => plain(),
            },
            Err(unseen) => {
                self.unseen_below(id, format!("/dev/{name}"), unseen);
                plain()
            }
        }
    }

    /// A device of the device mapper or md: on each device below it, or on so many of them.
    fn below_stacked(&mut self, id: &AssetId, directory: &Path, name: &str, slaves: &[PathBuf]) -> Bonds {
        let mut whole = true;
        let mut on = Vec::new();
        for slave in slaves {
            let found = slave.canonicalize().map_err(|error| Unseen::io(&error));
            match found.and_then(|slave| self.deeper(|stack| stack.block(&slave))) {
                Ok(slave) => on.push(slave),
                Err(unseen) => {
                    whole = false;
                    self.unseen_below(id, shown(slave), unseen);
                }
            }
        }
        let (dies_at, unseen) = match directory.join("md").is_dir() {
            true => raid::md(&directory.join("md"), on.len()),
            false => (1, None),
        };
        if let Some(unseen) = unseen {
            self.unseen_below(id, format!("/dev/{name}"), unseen);
        }
        let mut bonds = Bonds::default().complete(Nature::CascadesFrom);
        if !on.is_empty() {
            let how = How::Observed(self.machine.now);
            bonds = bonds.with(Bond { nature: Nature::StoredOn, on, dies_at, how, grace: None });
        }
        // What is encrypted needs its key, and where that lies cannot be seen from here.
        let mapper = attribute(&directory.join("dm/uuid")).unwrap_or_default();
        if !mapper.starts_with(b"CRYPT-") {
            bonds = bonds.complete(Nature::Needs);
        }
        self.has_logical_volume |= mapper.starts_with(b"LVM-");
        if whole { bonds.complete(Nature::StoredOn) } else { bonds }
    }

    /// A disk that stands on nothing else here. In a virtual machine it is a file or volume elsewhere:
    /// that is left open, without a gap, because it is so everywhere and nothing here could close it.
    fn below_disk(&mut self, id: &AssetId, directory: &Path, name: &str) -> Bonds {
        let host = self.host();
        let bonds = plain().with(self.stored_on(host));
        if self.machine.system.may_be_virtual() {
            return bonds;
        }
        if is_remote(directory) {
            let detail = "its medium is not in this machine, or this version cannot tell where it is";
            let unseen = Unseen::new(GapReason::Unsupported, detail);
            self.unseen_below(id, format!("/dev/{name}"), unseen);
            return bonds;
        }
        bonds.complete(Nature::StoredOn)
    }
}

fn called(directory: &Path, name: &str) -> String {
    match attribute(&directory.join("dm/name")) {
        Ok(mapped) if !mapped.is_empty() => format!("/dev/mapper/{}", printable(&mapped)),
        _ => format!("/dev/{}", name.replace('!', "/")),
    }
}

fn is_virtual(directory: &Path) -> bool {
    has(directory, |part| part == b"virtual")
}

fn has(directory: &Path, test: impl Fn(&[u8]) -> bool) -> bool {
    directory.iter().any(|part| test(part.as_encoded_bytes()))
}

/// True unless the device tree shows the disk behind a bus of this machine: network disks are virtual
/// devices, iSCSI shows its session and Fibre Channel its remote port. NVMe disks that can have several
/// paths are virtual too; their controllers say how they are reached.
fn is_remote(directory: &Path) -> bool {
    if has(directory, |part| part.starts_with(b"session") || part.starts_with(b"rport-")) {
        return true;
    }
    if !is_virtual(directory) {
        return !has(directory, |part| part.starts_with(b"pci") || part == b"platform");
    }
    let subsystem = directory.parent().unwrap_or(directory);
    let transports: Vec<_> = entries(subsystem)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| attribute(&entry.join("transport")).ok())
        .collect();
    transports.is_empty() || transports.iter().any(|transport| transport != b"pcie")
}
