//! Filesystems: what each type stands on.

use super::mountinfo::{Mount, split};
use super::place::Place;
use super::stack::{Stack, plain};
use super::system::{node_name, shown};
use super::unseen::Unseen;
use crate::domain::{AssetId, AssetKind, Bonds, GapReason, Nature, printable};
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Views of the kernel: nothing is stored in them.
const VIEWS: &[&str] = &[
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "bpf",
    "pstore",
    "mqueue",
    "fusectl",
    "binfmt_misc",
    "efivarfs",
    "autofs",
    "nsfs",
    "rpc_pipefs",
    "selinuxfs",
    "pipefs",
    "sockfs",
];

/// Filesystems whose bytes lie with a server that the source names.
const REMOTE: &[&str] =
    &["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"];

/// True for a filesystem type that only shows what the kernel knows.
pub(super) fn is_view(kind: &str) -> bool {
    VIEWS.contains(&kind)
}

impl Stack<'_> {
    /// The filesystem that holds `place`.
    pub(super) fn filesystem(&mut self, place: &Place) -> AssetId {
        let mount = &place.mount;
        if place.is_btrfs() {
            return self.btrfs(place);
        }
        // By device number: two clones of an image share an UUID, and must not become one asset.
        let id = match self.is_remote(mount) {
            true => AssetId(format!("filesystem:{}", printable(&mount.source))),
            false => AssetId(format!("filesystem:{}:{}", mount.device.0, mount.device.1)),
        };
        if self.begin(&id) {
            let bonds = match mount.kind.as_str() {
                "tmpfs" | "ramfs" | "devtmpfs" | "hugetlbfs" => {
                    let memory = self.memory();
                    plain().with(self.stored_on(memory)).complete(Nature::StoredOn)
                }
                "overlay" => self.overlay(&id, mount),
                "zfs" => self.pool(mount),
                _ if self.is_remote(mount) => self.remote(&id, mount),
                _ => self.on_block(&id, mount),
            };
            let name = self.called(mount);
            self.add(&id, AssetKind::Filesystem, name, bonds);
        }
        id
    }

    fn is_remote(&self, mount: &Mount) -> bool {
        mount.device.0 == 0 && (REMOTE.contains(&mount.kind.as_str()) || mount.kind.starts_with("fuse"))
    }

    /// What a person calls the filesystem: where the whole of it is mounted first.
    pub(super) fn called(&self, mount: &Mount) -> String {
        let mounts = self.machine.mounts.as_deref().unwrap_or_default();
        let mut same = mounts.iter().filter(|other| other.device == mount.device);
        let whole = same.clone().find(|other| *other.root == *"/");
        let named = whole.or_else(|| same.next()).unwrap_or(mount);
        format!("{} ({})", shown(&named.point), printable(mount.kind.as_bytes()))
    }

    fn on_block(&mut self, id: &AssetId, mount: &Mount) -> Bonds {
        if mount.device.0 == 0 {
            let detail = format!(
                "this version does not know what a filesystem of type {} stands on",
                printable(mount.kind.as_bytes())
            );
            let unseen = Unseen::new(GapReason::Unsupported, detail);
            self.unseen_below(id, shown(&mount.point), unseen);
            return Bonds::default().complete(Nature::CascadesFrom);
        }
        let device = self.block_number(mount.device);
        let mut bonds = plain().with(self.stored_on(device)).complete(Nature::StoredOn);
        // XFS can keep its log and its real-time data on devices of their own; it dies with each.
        for apart in mount.option("logdev").into_iter().chain(mount.option("rtdev")) {
            let path = PathBuf::from(OsString::from_vec(apart));
            match self.follow(&path, id) {
                Some(device) => bonds = bonds.with(self.stored_on(device)),
                None => bonds.complete.remove(Nature::StoredOn),
            }
        }
        bonds
    }

    /// An overlay keeps what was changed in its upper directory, and needs the lower ones for the rest.
    fn overlay(&mut self, id: &AssetId, mount: &Mount) -> Bonds {
        let lower = mount.option("lowerdir").into_iter().flat_map(|list| split(&list, b':'));
        let added = ["lowerdir+", "datadir+"].into_iter().flat_map(|name| mount.option(name));
        let lower: Vec<_> = lower.chain(added).filter(|path| !path.is_empty()).collect();
        let upper = mount.option("upperdir");
        let mut bonds = plain().complete(Nature::StoredOn);
        let layers = upper.iter().map(|path| (Nature::StoredOn, path));
        // Without an upper directory nothing but the lower ones holds bytes.
        let nature = if upper.is_empty() { Nature::StoredOn } else { Nature::Needs };
        for (nature, layer) in layers.chain(lower.iter().map(|path| (nature, path))) {
            let path = PathBuf::from(OsString::from_vec(without_backslashes(layer)));
            match self.layer(id, &path) {
                Some(on) if nature == Nature::StoredOn => bonds = bonds.with(self.stored_on(on)),
                Some(on) => bonds = bonds.with(self.needs(on)),
                None => bonds.complete.remove(nature),
            }
        }
        if upper.is_empty() && lower.is_empty() {
            let unseen = Unseen::new(GapReason::Unsupported, "the table of mounts does not name its layers");
            self.unseen_below(id, shown(&mount.point), unseen);
            return Bonds::default().complete(Nature::CascadesFrom);
        }
        bonds
    }

    fn layer(&mut self, id: &AssetId, path: &std::path::Path) -> Option<AssetId> {
        if path.is_absolute() {
            return self.follow(path, id);
        }
        let detail = "the layer was mounted by a relative path: where it is cannot be told";
        self.unseen_below(id, shown(path), Unseen::new(GapReason::Unsupported, detail));
        None
    }

    fn pool(&mut self, mount: &Mount) -> Bonds {
        let name = printable(mount.source.split(|&byte| byte == b'/').next().unwrap_or_default());
        let pool = AssetId(format!("pool:{name}"));
        if self.begin(&pool) {
            let unseen = Unseen::new(GapReason::Unsupported, "the devices of ZFS pools are not read yet");
            self.unseen_below(&pool, name.clone(), unseen);
            self.add(&pool, AssetKind::Pool, name, Bonds::default());
        }
        // Keys of encrypted datasets are not read either: what it needs stays open.
        Bonds::default().complete(Nature::CascadesFrom).with(self.stored_on(pool)).complete(Nature::StoredOn)
    }

    fn remote(&mut self, id: &AssetId, mount: &Mount) -> Bonds {
        let host = server_of(&mount.kind, &mount.source);
        let server = AssetId(format!("server:{host}"));
        if self.begin(&server) {
            let bonds = if is_here(&host) {
                let this = self.host();
                Bonds::default().with(self.stored_on(this))
            } else if self.is_elsewhere(&host) {
                // What it stands on nobody sees; but no deletion on this machine deletes it.
                plain()
            } else {
                Bonds::default()
            };
            self.add(&server, AssetKind::Server, host, bonds);
        }
        let bonds = Bonds::default().complete(Nature::CascadesFrom).with(self.stored_on(server));
        if REMOTE.contains(&mount.kind.as_str()) {
            return bonds.complete(Nature::StoredOn).complete(Nature::Needs);
        }
        // A filesystem of a program may store anywhere, here too, and encrypt.
        let detail = "a program serves this filesystem; where it keeps the bytes cannot be told";
        self.unseen_below(id, shown(&mount.point), Unseen::new(GapReason::Unsupported, detail));
        bonds
    }
}

impl Stack<'_> {
    /// True where the server is for certain another machine. It may be this one under another name: then
    /// what is deleted here may be what it serves. And one share mounted twice shows one directory under
    /// two numbers, so that it could not be told whether one path lies inside another.
    fn is_elsewhere(&self, host: &str) -> bool {
        let mounts = self.machine.mounts.as_deref().unwrap_or_default();
        let shares = mounts.iter().filter(|mount| self.is_remote(mount));
        let shares: Vec<_> = shares.filter(|mount| server_of(&mount.kind, &mount.source) == host).collect();
        let Some(own) = self.machine.system.own_addresses() else { return false };
        shares.iter().all(|mount| {
            let twice =
                shares.iter().any(|other| other.source == mount.source && other.device != mount.device);
            let outside = match mount.kind.as_str() {
                "virtiofs" => true,
                "9p" => mount.option("trans") == [b"virtio"],
                _ => address_of(mount).is_some_and(|at| !at.is_loopback() && !own.contains(&at)),
            };
            outside && !twice
        })
    }
}

fn is_here(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]", "::1"].contains(&host) || host == node_name()
}

/// The address that the kernel speaks to, which NFS and SMB show among their options.
fn address_of(mount: &Mount) -> Option<IpAddr> {
    let shown = mount.option("addr").pop()?;
    let text = std::str::from_utf8(&shown).ok()?;
    let address: IpAddr = text.split('%').next()?.parse().ok()?;
    Some(address.to_canonical())
}

/// The host part of what was mounted: `host:/export`, `//host/share`, `user@host:path`.
fn server_of(kind: &str, source: &[u8]) -> String {
    let text = printable(source);
    if matches!(kind, "9p" | "virtiofs") {
        return format!("the hypervisor (share {text})");
    }
    if let Some(rest) = text.strip_prefix("//") {
        return rest.split('/').next().unwrap_or(rest).to_owned();
    }
    let host = match text.find("]:").or_else(|| text.find(":/")) {
        Some(end) if text[end..].starts_with(']') => &text[..=end],
        Some(end) => &text[..end],
        None => text.split(':').next().unwrap_or(&text),
    };
    host.rsplit('@').next().unwrap_or(host).to_owned()
}

/// Overlayfs writes a backslash before a character that would split its lists.
pub(super) fn without_backslashes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        out.push(if byte == b'\\' { rest.next().copied().unwrap_or(byte) } else { byte });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_read_from_what_was_mounted() {
        for (kind, source, host) in [
            ("nfs4", "nas.example:/export/home", "nas.example"),
            ("nfs", "[fe80::1]:/x", "[fe80::1]"),
            ("cifs", "//files/share/deep", "files"),
            ("fuse.sshfs", "me@far.example:data", "far.example"),
            ("fuse.sshfs", "far.example:/", "far.example"),
            ("virtiofs", "tag", "the hypervisor (share tag)"),
            ("nfs", "", ""),
            ("nfs", "\u{e9}:/", "é"),
        ] {
            assert_eq!(server_of(kind, source.as_bytes()), host, "{kind} {source}");
        }
    }

    #[test]
    fn a_layer_with_a_colon_in_its_name_is_one_layer() {
        let layers: Vec<_> =
            split(b"/a\\:b:/c", b':').iter().map(|layer| without_backslashes(layer)).collect();
        assert_eq!(layers, [b"/a:b".to_vec(), b"/c".to_vec()]);
    }
}
