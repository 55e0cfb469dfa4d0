//! Extended attributes, also of what cannot be opened for them: symbolic links, pipes, sockets, devices.

use super::metadata::Spot;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::fs::{Access, Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

/// Held while the process is in another directory than it was started in.
static ELSEWHERE: Mutex<()> = Mutex::new(());

/// Makes a call that takes a path alone for a name in an open directory. A rescue system may have no /proc to
/// lead there: then the process goes there itself. Whatever else it opens meanwhile, it opens below a directory
/// that is open.
fn by_path<T>(
    dir: BorrowedFd<'_>,
    name: &[u8],
    mut call: impl FnMut(&CStr) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let open = "/proc/self/fd";
    let path = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| Errno::INVAL);
    let through = path([format!("{open}/{}/", dir.as_raw_fd()).as_bytes(), name].concat())?;
    match call(&through) {
        Err(Errno::NOENT) if rustix::fs::access(open, Access::EXISTS).is_err() => {}
        called => return called,
    }
    let _held = ELSEWHERE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = path(name.to_vec())?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let before = rustix::fs::open(".", flags, Mode::empty())?;
    rustix::process::fchdir(dir)?;
    let called = call(&name);
    rustix::process::fchdir(before)?;
    called
}

impl Spot<'_> {
    fn list_xattrs(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Named(dir, name) => by_path(*dir, name, |path| rustix::fs::llistxattr(path, &mut *buffer)),
            Self::Open(fd) => rustix::fs::flistxattr(fd, buffer),
        }
    }

    fn get_xattr(&self, name: &str, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Named(dir, of) => by_path(*dir, of, |path| rustix::fs::lgetxattr(path, name, &mut *buffer)),
            Self::Open(fd) => rustix::fs::fgetxattr(fd, name, buffer),
        }
    }

    /// Sets an extended attribute.
    pub fn set_xattr(&self, name: &str, value: &[u8]) -> Result<(), Errno> {
        let flags = XattrFlags::empty();
        match self {
            Self::Named(dir, of) => by_path(*dir, of, |path| rustix::fs::lsetxattr(path, name, value, flags)),
            Self::Open(fd) => rustix::fs::fsetxattr(fd, name, value, flags),
        }
    }

    /// The names of all extended attributes.
    pub fn xattr_names(&self) -> Result<BTreeSet<String>, Errno> {
        // Nearly always there are none: one call, no allocation. 64 KiB is the kernel's own limit.
        let mut few = [0u8; 256];
        let names = match self.list_xattrs(&mut few) {
            Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(BTreeSet::new()),
            Ok(length) => few[..length].to_vec(),
            Err(Errno::RANGE) => {
                let mut many = vec![0; 65_536];
                let length = self.list_xattrs(&mut many)?;
                many.truncate(length);
                many
            }
            Err(error) => return Err(error),
        };
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names.map(|name| std::str::from_utf8(name).map(str::to_owned).map_err(|_| Errno::ILSEQ)).collect()
    }

    /// Reads all extended attributes.
    pub fn xattrs(&self) -> Result<BTreeMap<String, String>, Errno> {
        let mut found = BTreeMap::new();
        let names = self.xattr_names()?;
        if names.is_empty() {
            return Ok(found);
        }
        let mut value = vec![0; 65_536];
        for name in names {
            match self.get_xattr(&name, &mut value) {
                Ok(length) => drop(found.insert(name, STANDARD.encode(&value[..length]))),
                // Removed since it was listed.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
