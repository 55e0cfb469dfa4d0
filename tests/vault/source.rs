//! Copying from a source of a test's own making.

use super::support::Place;
use outlive::domain::{AssetId, Consistency, Silent, Timestamp, Volume, VolumeId, VolumeKind};
use outlive::vault::format::Origin;
use outlive::vault::{CopyReport, CopyRequest, Source, copy};
use std::collections::BTreeSet;

/// Copies what the source gives as a point of one volume, at this moment.
pub fn copy_from(place: &Place, source: &mut dyn Source, now: Timestamp) -> CopyReport {
    let volume = Volume {
        id: VolumeId("test:/volume".into()),
        name: "/volume".into(),
        kind: VolumeKind::Directory,
        asset: AssetId("directory:test".into()),
    };
    let path = place.path("original").as_os_str().as_encoded_bytes().into();
    let origin = Origin { host: "test".into(), path, snapshot: None, consistency: Consistency::Live };
    let clock = &|| now;
    let request = CopyRequest { volume: &volume, origin, taken_at: now, avoid: BTreeSet::new(), clock };
    copy(&place.vault, source, &request, &Silent).unwrap()
}
