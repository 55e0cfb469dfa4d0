//! The entry of what is one file in a vault and none where it comes from: a stream, a block device.

use crate::domain::{ByteName, Timestamp};
use crate::vault::format::{Entry, EntryKind, Meta, Moment};
use std::collections::BTreeMap;

/// A regular file of `size` bytes that belongs to whoever makes the copy, and that nobody else may read. Its times are
/// that of the copy, so no point before ever tells that it is unchanged.
pub(super) fn entry(now: Timestamp, size: u64) -> Entry {
    let moment = Moment { seconds: now.timestamp(), nanoseconds: now.timestamp_subsec_nanos() };
    Entry {
        path: ByteName::from(&b""[..]),
        kind: EntryKind::File,
        meta: Meta {
            mode: "0600".into(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            mtime: moment,
            xattrs: BTreeMap::new(),
        },
        size,
        ctime: moment,
        inode: 0,
        target: None,
        device: None,
        unsettled: false,
        content: None,
    }
}
