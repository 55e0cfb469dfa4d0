//! What the kernel tells about this machine: where it is read, and how.

use super::unseen::Unseen;
use crate::domain::{AssetId, GapReason, printable};
use crate::estate::ThisHost;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Where the kernel's own trees are read. Tests put recorded trees here, for what a kernel may lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The process tree, `/proc`.
    pub proc: PathBuf,
    /// The device tree, `/sys`.
    pub sys: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into() }
    }
}

impl System {
    /// True unless this is known to be physical hardware: inside a virtual machine the medium below a
    /// disk cannot be seen. Only x86 says so, by the absence of a processor flag.
    pub(super) fn may_be_virtual(&self) -> bool {
        let Ok(text) = fs::read_to_string(self.proc.join("cpuinfo")) else { return true };
        let mut flags = text.lines().filter(|line| line.starts_with("flags"));
        flags.next().is_none_or(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
    }

    /// The network addresses of this machine; `None` where they cannot be read.
    pub(super) fn own_addresses(&self) -> Option<BTreeSet<IpAddr>> {
        let table = fs::read_to_string(self.proc.join("net/fib_trie")).ok()?;
        let mut own: BTreeSet<IpAddr> = BTreeSet::new();
        let mut last: Option<IpAddr> = None;
        for line in table.lines().map(str::trim) {
            match line.strip_prefix("|-- ") {
                Some(address) => last = address.parse().ok(),
                None if line.ends_with("host LOCAL") => own.extend(last),
                None => {}
            }
        }
        // A kernel without IPv6 has no such file.
        let six = fs::read_to_string(self.proc.join("net/if_inet6")).unwrap_or_default();
        let digits = six.lines().filter_map(|line| line.split_whitespace().next());
        let numbers = digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok());
        own.extend(numbers.map(|number| IpAddr::from(Ipv6Addr::from(number))));
        Some(own)
    }

    /// The directory of a block device in the device tree, by its number.
    pub(super) fn block(&self, (major, minor): (u32, u32)) -> Option<PathBuf> {
        fs::canonicalize(self.sys.join(format!("dev/block/{major}:{minor}"))).ok()
    }
}

/// The name by which this machine is called in volumes and assets.
pub(super) fn node_name() -> String {
    printable(rustix::system::uname().nodename().to_bytes())
}

/// The identity of this machine: its machine id, or its name where it has none.
pub(super) fn machine_identity() -> String {
    machine_id().unwrap_or_else(node_name)
}

/// This machine, as the assets of a survey name it.
pub fn this_host() -> ThisHost {
    ThisHost { asset: AssetId(format!("host:{}", machine_identity())), name: node_name() }
}

fn machine_id() -> Option<String> {
    let id = fs::read_to_string("/etc/machine-id").ok()?;
    let id = id.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

/// What volume ids begin with: two machines of one name must not be taken for one.
pub(super) fn volume_host() -> String {
    host_part(&node_name(), machine_id().as_deref())
}

/// Whatever the kernel was told, there is no colon in it: a volume id's path begins after the first one.
fn host_part(name: &str, machine_id: Option<&str>) -> String {
    let name = name.replace(':', "_");
    match machine_id.and_then(|id| id.get(..8)) {
        Some(short) => format!("{name}-{short}"),
        None => name,
    }
}

/// Reads an attribute: one value without its line end.
pub(super) fn attribute(path: &Path) -> Result<Vec<u8>, Unseen> {
    let mut bytes = fs::read(path).map_err(|error| Unseen::io(&error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}

/// Reads an attribute that holds a number.
pub(super) fn number(path: &Path) -> Result<usize, Unseen> {
    let bytes = attribute(path)?;
    let text = String::from_utf8_lossy(&bytes);
    text.trim().parse().map_err(|_| {
        Unseen::new(GapReason::Failed, format!("{} holds no number", printable(path.as_os_str().as_bytes())))
    })
}

/// Reads an attribute that holds a path.
pub(super) fn path_attribute(path: &Path) -> Result<PathBuf, Unseen> {
    Ok(PathBuf::from(std::ffi::OsString::from_vec(attribute(path)?)))
}

/// The entries of a directory, sorted by name so that the order of listing never shows.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, Unseen> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| Unseen::io(&error))? {
        found.push(entry.map_err(|error| Unseen::io(&error))?.path());
    }
    found.sort();
    Ok(found)
}

/// A path, safe to print.
pub(super) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// The last part of a path, safe to print; the kernel writes `!` for `/` in device names.
pub(super) fn kernel_name(directory: &Path) -> String {
    printable(directory.file_name().unwrap_or(OsStr::new("?")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_machines_of_one_name_have_different_volumes() {
        let (one, other) = ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "1a1b2c3d4e5f60718293a4b5c6d7e8f9");
        assert_eq!(host_part("web", Some(one)), "web-0a1b2c3d");
        assert_ne!(host_part("web", Some(one)), host_part("web", Some(other)));
        assert_eq!((host_part("web", None), host_part("a:b", None)), ("web".into(), "a_b".into()));
        let id = machine_id().map_or_else(String::new, |id| id[..8].to_owned());
        assert!(volume_host().ends_with(&id));
    }
}
