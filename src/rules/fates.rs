//! The family of rules that ask of one class of hazard each whether it takes the volume and its recovery points:
//! `same-file` to `same-network`, and what deletions, credentials, keys and bad data take along.

use super::shared_fate::{Scope, SharedFate};
use crate::domain::{HazardClass, Severity};

pub(super) const CASCADE_ON_DELETION: SharedFate = SharedFate {
    id: "cascade-on-deletion",
    title: "a recent recovery point survives the deletion of the volume",
    page: include_str!("../../docs/rules/cascade-on-deletion.md"),
    remedy: "keep a recent recovery point that the volume's deletion does not take along: outlive copy, into a vault elsewhere",
    class: HazardClass::PrimaryDeletion,
    scope: Scope::WithinRpo,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "CIS 8.1 11.4", "UK NCSC P1"],
};

pub(super) const SAME_FILE: SharedFate = SharedFate {
    id: "same-file",
    title: "a recovery point survives the loss of the volume's file",
    page: include_str!("../../docs/rules/same-file.md"),
    remedy: "keep a recovery point outside this file: outlive copy, into a vault on another filesystem",
    class: HazardClass::File,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_FILESYSTEM: SharedFate = SharedFate {
    id: "same-filesystem",
    title: "a recovery point survives the loss of the volume's filesystem",
    page: include_str!("../../docs/rules/same-filesystem.md"),
    remedy: "keep a recovery point on another filesystem: outlive copy, into a vault elsewhere",
    class: HazardClass::Filesystem,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_DEVICE: SharedFate = SharedFate {
    id: "same-device",
    title: "a recovery point survives the loss of the volume's device",
    page: include_str!("../../docs/rules/same-device.md"),
    remedy: "keep a recovery point on another device: outlive copy, into a vault on another disk",
    class: HazardClass::Device,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_HOST: SharedFate = SharedFate {
    id: "same-host",
    title: "a recovery point survives the loss of the volume's host",
    page: include_str!("../../docs/rules/same-host.md"),
    remedy: "keep a recovery point off this host: outlive copy, into a vault on another machine",
    class: HazardClass::Host,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const KEY_ONLY_WITH_PRIMARY: SharedFate = SharedFate {
    id: "key-only-with-primary",
    title: "a recovery point stays readable when one key is lost",
    page: include_str!("../../docs/rules/key-only-with-primary.md"),
    remedy: "keep a second copy of the key where neither the volume nor the vault is, or add a reader with a key of its own",
    class: HazardClass::Key,
    scope: Scope::Alone,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-9(8)", "UK NCSC P4"],
};

pub(super) const CATALOGUE_ONLY_WITH_PRIMARY: SharedFate = SharedFate {
    id: "catalogue-only-with-primary",
    title: "a recovery point stays readable when one catalogue is lost",
    page: include_str!("../../docs/rules/catalogue-only-with-primary.md"),
    remedy: "keep a copy of the catalogue beside the recovery points, or points that need none: outlive copy",
    class: HazardClass::Catalogue,
    scope: Scope::Alone,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST CSF 2.0 PR.DS-11"],
};

pub(super) const SAME_HOST_COMPROMISE: SharedFate = SharedFate {
    id: "same-host-compromise",
    title: "a recent recovery point is out of reach from a compromised host",
    page: include_str!("../../docs/rules/same-host-compromise.md"),
    remedy: "keep a recent recovery point that nothing on this host may delete: another credential, or a compliance lock",
    class: HazardClass::HostCompromise,
    scope: Scope::WithinRpo,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 AC-6", "UK NCSC P1"],
};

pub(super) const CREDENTIAL_REACHES_BOTH: SharedFate = SharedFate {
    id: "credential-reaches-both",
    title: "no single credential reaches the volume and every recent recovery point",
    page: include_str!("../../docs/rules/credential-reaches-both.md"),
    remedy: "keep a recent recovery point that this credential may not delete: outlive copy, into another account or under a compliance lock",
    class: HazardClass::Credential,
    scope: Scope::WithinRpo,
    severity: Severity::Critical,
    frameworks: &[
        "NIST SP 800-53r5 CP-9(3)",
        "NIST SP 800-53r5 AC-6",
        "NIST SP 800-53r5 CP-9(7)",
        "UK NCSC P1",
    ],
};

pub(super) const IDENTITY_REACHES_BOTH: SharedFate = SharedFate {
    id: "identity-reaches-both",
    title: "no single identity reaches the volume and every recent recovery point",
    page: include_str!("../../docs/rules/identity-reaches-both.md"),
    remedy: "keep a recent recovery point that this person or program cannot reach: credentials of somebody else, or a compliance lock",
    class: HazardClass::Identity,
    scope: Scope::WithinRpo,
    severity: Severity::Critical,
    frameworks: &[
        "NIST SP 800-53r5 CP-9(3)",
        "NIST SP 800-53r5 AC-6",
        "NIST SP 800-53r5 CP-9(7)",
        "UK NCSC P1",
    ],
};

pub(super) const SAME_SITE: SharedFate = SharedFate {
    id: "same-site",
    title: "a recovery point survives the loss of the volume's site",
    page: include_str!("../../docs/rules/same-site.md"),
    remedy: "keep a recovery point in another building, and declare the site of both under stands_on",
    class: HazardClass::Site,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_REGION: SharedFate = SharedFate {
    id: "same-region",
    title: "a recovery point survives the loss of the volume's region",
    page: include_str!("../../docs/rules/same-region.md"),
    remedy: "keep a recovery point in another region, and declare the region of both under stands_on",
    class: HazardClass::Region,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_ACCOUNT: SharedFate = SharedFate {
    id: "same-account",
    title: "a recovery point survives the loss of the volume's account",
    page: include_str!("../../docs/rules/same-account.md"),
    remedy: "keep a recovery point under another account, and declare the account of both under stands_on",
    class: HazardClass::Account,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"],
};

pub(super) const SAME_PROVIDER: SharedFate = SharedFate {
    id: "same-provider",
    title: "a recovery point survives the loss of the volume's provider",
    page: include_str!("../../docs/rules/same-provider.md"),
    remedy: "keep a recovery point at another provider, and declare the provider of both under stands_on",
    class: HazardClass::Provider,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &[
        "NIST SP 800-53r5 CP-9(3)",
        "NIST SP 800-53r5 CP-6(1)",
        "CIS 8.1 11.4",
        "DORA RTS 2024/1774 26",
    ],
};

pub(super) const SAME_NETWORK: SharedFate = SharedFate {
    id: "same-network",
    title: "a recovery point survives the loss of the volume's network",
    page: include_str!("../../docs/rules/same-network.md"),
    remedy: "keep a recovery point reachable through another network, and declare the network of both under stands_on",
    class: HazardClass::Network,
    scope: Scope::Every,
    severity: Severity::Critical,
    frameworks: &[
        "NIST SP 800-53r5 CP-9(3)",
        "NIST SP 800-53r5 CP-6(1)",
        "CIS 8.1 11.4",
        "NIS2 IR 2024/2690 4.2.2",
    ],
};

pub(super) const RETENTION_SHORTER_THAN_DETECTION: SharedFate = SharedFate {
    id: "retention-shorter-than-detection",
    title: "a recovery point is older than bad data can stay unnoticed",
    page: include_str!("../../docs/rules/retention-shorter-than-detection.md"),
    remedy: "keep points for longer than detect_within, on a medium that does not follow the volume's changes",
    class: HazardClass::BadData,
    scope: Scope::Alone,
    severity: Severity::High,
    frameworks: &["UK NCSC P3", "ISO 27001:2022 A.8.13"],
};
