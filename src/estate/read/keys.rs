//! Every key that may stand in `outlive.toml`, table by table.

/// The tables as they are named to people, each with the keys that it may hold.
///
/// Nothing else is accepted, so `docs/configuration.md` has to name each of them.
pub const KEYS: &[(&str, &[&str])] = &[
    (
        "outlive.toml",
        &[
            "as_of",
            "asset",
            "catalogue",
            "copy",
            "drills",
            "escrow",
            "host",
            "nightly",
            "policy",
            "provider",
            "recovery_point",
            "runbook",
            "signing",
            "vault",
            "volume",
            "waiver",
        ],
    ),
    ("[host]", &["stands_on"]),
    (
        "[policy.NAME]",
        &[
            "detect_within",
            "drill_every",
            "keep",
            "locked_for",
            "min_cut_order",
            "rpo",
            "rto",
            "survive",
            "verify_within",
        ],
    ),
    ("keep", &["hourly", "daily", "weekly", "monthly", "yearly"]),
    ("[[provider]]", &["endpoint", "id", "kind", "longest", "token"]),
    (
        "[[volume]]",
        &[
            "administered_by",
            "after",
            "cascades_from",
            "deletable_by",
            "id",
            "is",
            "look_in",
            "needs",
            "owner",
            "path",
            "plan_changed_at",
            "policy",
            "stands_on",
            "stored_on",
            "waive_drill",
        ],
    ),
    ("waive_drill", &["owner", "reason", "until"]),
    (
        "stands_on",
        &[
            "account",
            "host",
            "network",
            "organisation",
            "owner",
            "project",
            "provider",
            "region",
            "site",
            "upstream_provider",
        ],
    ),
    (
        "[[vault]]",
        &[
            "addressing",
            "administered_by",
            "bucket",
            "deletable_by",
            "driller",
            "endpoint",
            "epoch_key",
            "escrow_within",
            "id",
            "identity",
            "insecure",
            "kind",
            "lock",
            "needs",
            "path",
            "prefix",
            "reader",
            "readers",
            "region",
            "stands_on",
            "waive_damage",
            "waive_unread",
            "writer",
        ],
    ),
    ("readers", &["key", "owner", "role"]),
    ("waive_damage", &["objects", "owner", "reason", "until"]),
    ("waive_unread", &["objects", "owner", "reason", "until"]),
    ("lock", &["mode", "most", "check_within", "until"]),
    (
        "writer or reader",
        &[
            "access_key_id",
            "command",
            "credential",
            "env",
            "file",
            "profile",
            "role",
            "secret_access_key",
            "session_token",
        ],
    ),
    ("a secret", &["command", "credential", "env", "file"]),
    ("[[copy]]", &["at", "every", "from", "longest", "to", "volume"]),
    ("from", &["command", "consistency", "env", "file", "live", "path", "s3"]),
    ("s3", &["addressing", "bucket", "endpoint", "insecure", "prefix", "reader", "region"]),
    (
        "[[asset]]",
        &[
            "administered_by",
            "cascades_from",
            "deletable_by",
            "kind",
            "name",
            "needs",
            "owner",
            "stored_on",
            "yielded_by",
        ],
    ),
    (
        "[[recovery_point]]",
        &[
            "administered_by",
            "bytes",
            "cascades_from",
            "deletable_by",
            "drilled_at",
            "id",
            "kind",
            "lock",
            "needs",
            "owner",
            "review_by",
            "stored_on",
            "taken_at",
            "useless",
            "volume",
        ],
    ),
    ("[[waiver]]", &["owner", "reason", "rule", "undetermined", "until", "volume"]),
    ("a bond", &["any", "dies_at", "grace"]),
    ("[nightly]", &["concurrency", "deadline", "evidence", "ping", "textfile", "webhook"]),
    ("[runbook]", &["believe_for", "into", "vaults_every"]),
    ("[escrow]", &["instructions", "credential"]),
    ("[signing]", &["key", "trust"]),
];

/// The same of `incident.toml`, which `docs/incidents.md` describes.
pub const INCIDENT_KEYS: &[(&str, &[&str])] = &[
    ("incident.toml", &["act", "acts_at", "fates", "finding", "found_useless", "hazards", "left", "title"]),
    ("[[finding]]", &["rule", "verdict", "volume"]),
    ("[[left]]", &["age", "point", "volume"]),
];

/// The keys of one table; none where there is no such table.
pub(super) fn of(title: &str) -> &'static [&'static str] {
    KEYS.iter().chain(INCIDENT_KEYS).find(|(name, _)| *name == title).map_or(&[], |(_, keys)| keys)
}

/// Why a key that stands in other tables makes no sense in this one.
pub(super) fn refused(title: &str, key: &str) -> Option<&'static str> {
    match (title, key) {
        ("[[recovery_point]]" | "[[volume]]" | "[[vault]]", "yielded_by") => Some(
            "a credential is yielded by what holds it, and this is no credential: declare that as [[asset]]",
        ),
        ("[[vault]]", "stored_on" | "cascades_from") => {
            Some("what a vault stands on is said by `stands_on`, and what takes its bucket along by that")
        }
        _ => None,
    }
}
