//! What is not known never makes anything greener: estates of which a campaign or a reader found that it did.

use crate::elsewhere::{ends, estate, known, without};
use crate::forgotten_each::turned;
use outlive::domain::*;

#[test]
fn what_nothing_is_known_of_below_a_thing_takes_along_no_less_than_what_is_known() {
    use AssetKind::{Account, Bucket, Filesystem, Host, Provider, Server};
    use Nature::{Needs, StoredOn};
    let volume = || known("filesystem:f", Filesystem, &[(StoredOn, "host:h")]);
    let bucket = || known("bucket:b", Bucket, &[(StoredOn, "provider:p")]);
    let at = || (StoredOn, "provider:p");
    // A server that a host and an account need, nobody knows on what.
    let server = |server: Asset| {
        let needs = (Needs, "server:s");
        let assets = vec![
            known("provider:p", Provider, &[]),
            known("account:o", Account, &[at()]),
            known("account:a", Account, &[at(), needs]),
            known("host:h", Host, &[(StoredOn, "account:o"), needs]),
            volume(),
            bucket(),
            without(server, StoredOn),
        ];
        estate("bucket:b", assets)
    };
    // A provider elsewhere that may need the host, and may build the account that the host is in.
    let account = |account: Asset| {
        let assets = vec![
            known("provider:p", Provider, &[]),
            without(known("provider:q", Provider, &[]), Needs),
            without(account, StoredOn),
            known("host:h", Host, &[(StoredOn, "account:u")]),
            volume(),
            bucket(),
        ];
        estate("bucket:b", assets)
    };
    let (own, under) = (|| known("server:s", Server, &[]), || known("account:u", Account, &[]));
    let lost = || Hazard::Lost(AssetId("host:h".into()));
    for (whole, less) in
        [(server(own()), server(without(own(), Needs))), (account(under()), account(without(under(), Needs)))]
    {
        assert_eq!(ends(&whole, lost()), "may die");
        assert_eq!(ends(&less, lost()), "may die");
    }
}

/// Both were found by a campaign, and the bond that is forgotten is the first of the second asset.
#[test]
fn who_is_not_named_somewhere_may_close_an_account_that_nobody_saw() {
    use AssetKind::{Bucket, Device, File, Filesystem, Host, Key, Organisation, Provider, Region, Site};
    use AssetKind::{UpstreamProvider, Volume};
    use Nature::{CascadesFrom, Needs, StoredOn};
    let keys = vec![
        known("filesystem:f", Filesystem, &[(StoredOn, "key:0")]),
        without(known("key:0", Key, &[(Needs, "key:3")]), Needs),
        without(known("region:1", Region, &[(Needs, "key:3")]), Needs),
        without(known("provider:2", Provider, &[]), Needs),
        without(known("key:3", Key, &[(Needs, "volume:4")]), StoredOn),
        known("volume:4", Volume, &[]),
        known("bucket:b", Bucket, &[(StoredOn, "provider:2")]),
    ];
    let disk = (StoredOn, "device:6");
    let sites = vec![
        known("filesystem:f", Filesystem, &[disk]),
        known("site:0", Site, &[(CascadesFrom, "file:5"), (Needs, "device:6")]),
        without(known("provider:1", UpstreamProvider, &[]), Needs),
        without(known("site:2", Site, &[(Needs, "file:5")]), Needs),
        known("organisation:3", Organisation, &[(Needs, "device:6"), (Needs, "host:4")]),
        without(known("host:4", Host, &[disk]), StoredOn),
        without(known("file:5", File, &[disk, disk]), StoredOn),
        known("device:6", Device, &[]),
        known("bucket:b", Bucket, &[(StoredOn, "site:0")]),
    ];
    for assets in [keys, sites] {
        let whole = estate("bucket:b", assets);
        let mut less = whole.clone();
        let bonds = &mut less.assets[1].bonds;
        let forgotten = bonds.list.remove(0);
        bonds.complete.remove(forgotten.nature);
        turned(&whole, &less).unwrap();
    }
}

/// What lies where no other thing here does, of which all is known.
fn apart(id: &str, kind: AssetKind, more: &[(Nature, &str)]) -> Asset {
    let own = ["provider:v", "account:v", "region:v", "site:v", "network:v"].map(|on| (Nature::StoredOn, on));
    known(id, kind, &[&own, more].concat())
}

/// A volume on a host of its own, and that.
fn beside(more: Vec<Asset>) -> Vec<Asset> {
    use AssetKind::{Account, Filesystem, Host, Network, Provider, Region, Site};
    let on = [(Nature::StoredOn, "provider:v")];
    let mut assets = vec![
        known("provider:v", Provider, &[]),
        known("account:v", Account, &on),
        known("region:v", Region, &on),
        known("site:v", Site, &[]),
        known("network:v", Network, &[]),
        apart("host:v", Host, &[]),
        known("filesystem:f", Filesystem, &[(Nature::StoredOn, "host:v")]),
    ];
    assets.extend(more);
    assets
}

/// The same once the bonds of a nature of one asset are forgotten.
fn less(whole: &Inventory, of: &str, nature: Nature) -> Inventory {
    let mut less = whole.clone();
    let asset = less.assets.iter_mut().find(|asset| asset.id.0 == of).unwrap();
    assert!(asset.bonds.list.iter().any(|bond| bond.nature == nature));
    asset.bonds.list.retain(|bond| bond.nature != nature);
    asset.bonds.complete.remove(nature);
    less
}

#[test]
fn whoever_holds_an_account_may_hold_a_place_within_it() {
    use AssetKind::{Account, Bucket, Credential, Provider, Region, Site};
    use Nature::{DeletableBy, StoredOn};
    let within = |on: &str| {
        let more = vec![
            known("provider:q", Provider, &[]),
            known("account:a", Account, &[(StoredOn, "provider:q")]),
            known("region:z", Region, &[(StoredOn, "account:a")]),
            known("site:y", Site, &[(StoredOn, on)]),
            known("credential:k", Credential, &[(StoredOn, "site:y")]),
            apart("bucket:b", Bucket, &[(DeletableBy, "credential:k")]),
        ];
        estate("bucket:b", beside(more))
    };
    let taken = || Hazard::Compromised(AssetId("account:a".into()));
    for on in ["account:a", "region:z"] {
        let whole = within(on);
        assert_eq!(ends(&whole, taken()), "dies");
        assert_eq!(ends(&less(&whole, "site:y", StoredOn), taken()), "may die", "{on}");
    }
}

#[test]
fn a_provider_may_build_on_one_that_somebody_holds() {
    use AssetKind::{Bucket, Provider, UpstreamProvider};
    use Nature::StoredOn;
    let more = vec![
        known("upstream:u", UpstreamProvider, &[]),
        known("provider:p", Provider, &[(StoredOn, "upstream:u")]),
        known("bucket:b", Bucket, &[(StoredOn, "provider:p")]),
    ];
    let whole = estate("bucket:b", beside(more));
    let taken = || Hazard::Compromised(AssetId("upstream:u".into()));
    assert_eq!(ends(&whole, taken()), "dies");
    assert_eq!(ends(&less(&whole, "provider:p", StoredOn), taken()), "may die");
}

#[test]
fn what_may_be_kept_anywhere_and_holds_nothing_still_tells_what_falls_with_it() {
    use AssetKind::{Catalogue, Filesystem, Host, Server};
    use Nature::{Needs, StoredOn};
    let more = vec![
        without(apart("server:1", Server, &[]), Needs),
        without(apart("server:2", Server, &[]), Needs),
        known("catalogue:q", Catalogue, &[(StoredOn, "server:1")]),
        apart("host:o", Host, &[(Needs, "catalogue:q"), (Needs, "server:2")]),
        known("filesystem:x", Filesystem, &[(StoredOn, "server:1"), (Needs, "host:o")]),
        known("filesystem:y", Filesystem, &[(StoredOn, "server:2"), (Needs, "catalogue:q")]),
        known("filesystem:m", Filesystem, &[(StoredOn, "server:2")]),
    ];
    let whole = estate("filesystem:m", beside(more));
    let lost = || Hazard::Lost(AssetId("host:o".into()));
    assert_eq!(ends(&whole, lost()), "may die");
    assert_eq!(ends(&less(&whole, "catalogue:q", StoredOn), lost()), "may die");
}

/// Alarms that were false, and ended once a fact was forgotten.
#[test]
fn what_only_carries_a_disk_or_only_acts_takes_nothing_along_by_that() {
    use AssetKind::{Credential, Filesystem, Host, Identity, Key, Provider, Region, Server};
    use Nature::{AdministeredBy, Needs, StoredOn};
    let disks = vec![
        without(known("server:1", Server, &[]), StoredOn),
        known("key:x", Key, &[]),
        known("key:m", Key, &[(StoredOn, "server:1"), (Needs, "key:x")]),
        without(known("server:2", Server, &[(Needs, "key:m")]), StoredOn),
        known("filesystem:g", Filesystem, &[(StoredOn, "server:1")]),
    ];
    let disks = estate("filesystem:g", beside(disks));
    let lost = || Hazard::Lost(AssetId("key:x".into()));
    assert_eq!(ends(&disks, lost()), "stays");
    assert_eq!(ends(&less(&disks, "key:m", Needs), lost()), "stays");
    let by = (AdministeredBy, "identity:i");
    let acts = vec![
        known("identity:i", Identity, &[]),
        known("credential:k", Credential, &[by]),
        known("provider:9", Provider, &[]),
        without(known("region:m", Region, &[]), StoredOn),
        without(known("region:r", Region, &[]), StoredOn),
        known("host:d", Host, &[(StoredOn, "region:m"), by]),
        known("provider:p", Provider, &[(Needs, "host:d")]),
        known(
            "host:9",
            Host,
            &["region:m", "provider:9", "account:v", "site:v", "network:v"].map(|on| (StoredOn, on)),
        ),
    ];
    let acts = estate("host:9", beside(acts));
    let taken = || Hazard::Compromised(AssetId("identity:i".into()));
    assert_eq!(ends(&acts, taken()), "stays");
    assert_eq!(ends(&less(&acts, "credential:k", AdministeredBy), taken()), "stays");
}

#[test]
fn what_was_never_seen_may_be_an_account_that_is_closed() {
    use AssetKind::{Account, Bucket, Host, Key, Provider};
    use Nature::{Needs, StoredOn};
    let more = vec![
        known("provider:p", Provider, &[]),
        without(known("account:y", Account, &[]), StoredOn),
        known("host:h", Host, &[(StoredOn, "account:y"), (StoredOn, "provider:p")]),
        known("bucket:b", Bucket, &[(StoredOn, "host:h")]),
        known("key:w", Key, &[(Needs, "ghost")]),
    ];
    let estate = estate("bucket:b", beside(more));
    for act in [Hazard::Lost, Hazard::Deleted, Hazard::Compromised] {
        assert_eq!(ends(&estate, act(AssetId("ghost".into()))), "may die");
    }
}
