//! Objects and the directories that their keys imply, as entries of a tree.

use crate::domain::ByteName;
use crate::store::Object;
use crate::vault::format::{Entry, EntryKind, Meta, Moment};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Objects and directories have no time at which their inode changed: what tells an object from what replaces it is its mark.
const NONE: Moment = Moment { seconds: 0, nanoseconds: 0 };

/// An object as a regular file, modified when the store took it. It belongs to whoever makes the copy, and nobody else may read
/// it.
pub fn of(object: &Object) -> Entry {
    let stored = |at: crate::domain::Timestamp| Moment {
        seconds: at.timestamp(),
        nanoseconds: at.timestamp_subsec_nanos(),
    };
    let mtime = object.stored_at.map_or(NONE, stored);
    let (path, size) = (ByteName::from(object.name.as_bytes()), object.bytes);
    Entry { size, inode: mark(object), ..entry(path, EntryKind::File, "0600", mtime) }
}

/// A directory. The store knows none, nor a time of it.
pub fn directory(path: &str) -> Entry {
    entry(ByteName::from(path.as_bytes()), EntryKind::Dir, "0700", NONE)
}

/// What stands in the place of an inode's number: other for another ETag, size or time. 53 bits, so that every reader of JSON takes
/// it for the same number.
fn mark(object: &Object) -> u64 {
    let at = object
        .stored_at
        .map_or_else(String::new, |at| format!("{}.{:09}", at.timestamp(), at.timestamp_subsec_nanos()));
    let told = format!("{}\n{}\n{at}", object.etag, object.bytes);
    let digest = Sha256::digest(told);
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) >> 11
}

fn entry(path: ByteName, kind: EntryKind, mode: &str, mtime: Moment) -> Entry {
    let meta = Meta {
        mode: mode.into(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mtime,
        xattrs: BTreeMap::new(),
    };
    Entry {
        path,
        kind,
        meta,
        size: 0,
        ctime: NONE,
        inode: 0,
        target: None,
        device: None,
        unsettled: false,
        content: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_size_etag_and_time_is_the_same_file() {
        let object = |bytes, etag: &str, at| Object {
            name: "a".into(),
            bytes,
            etag: etag.into(),
            stored_at: crate::domain::Timestamp::from_timestamp(at, 0),
        };
        let before = of(&object(5, "e", 7));
        assert!(before.is_unchanged(&of(&object(5, "e", 7))));
        for other in [object(6, "e", 7), object(5, "f", 7), object(5, "e", 8)] {
            assert!(!before.is_unchanged(&of(&other)), "{other:?}");
        }
        assert!(before.inode < 1 << 53);
        // What points hold already: how something prints must not change it.
        let wanted = Sha256::digest("e\n5\n7.000000000");
        assert_eq!(
            before.inode.to_be_bytes()[1..],
            (u64::from_be_bytes(wanted[..8].try_into().unwrap()) >> 11).to_be_bytes()[1..]
        );
    }
}
