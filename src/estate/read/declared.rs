//! Assets and recovery points that somebody declared, with their bonds.

use super::super::{DeclaredAsset, DeclaredPoint};
use super::Known;
use super::bonds::{self, bonds};
use super::value::{Table, Value, is_hyphened};
use super::words::{suggestion, variant};
use crate::catalogue::Catalogue;
use crate::domain::{AssetId, AssetKind, LockMode, Nature, Owner, PointKind, Timestamp, VolumeId, printable};

/// All declared assets, in the order of the file, each with the offset of what it says of its bytes.
pub(super) fn assets(tables: &[Table<'_>], known: &Known<'_>) -> Vec<(DeclaredAsset, usize)> {
    tables.iter().filter_map(|table| Some((asset(table, known)?, table.place_of("stored_on")))).collect()
}

fn asset(table: &Table<'_>, known: &Known<'_>) -> Option<DeclaredAsset> {
    let kind = table.required("kind");
    let word = kind.as_ref().and_then(Value::as_text);
    let kind: Option<AssetKind> = kind.and_then(|kind| kind.variant());
    let name = table.required("name").and_then(|name| name.text());
    let owner = table.required("owner").and_then(|owner| owner.owner());
    let id = word.zip(name).map(|(word, name)| AssetId(format!("{word}:{name}")));
    let bonds = bonds(table, &bonds::ALL, &or_nobody(owner), id.as_ref(), known);
    let is_yielded = matches!(kind, None | Some(AssetKind::Credential | AssetKind::Identity));
    if let Some(yielded) = table.get("yielded_by").filter(|_| !is_yielded)
        && bonds.of(Nature::YieldedBy).next().is_some()
    {
        let remedy =
            "write who administers it under `administered_by`, or declare the credential that is yielded";
        yielded.complain("is said of something that is neither a credential nor an identity", remedy);
    }
    let mut on: Vec<&AssetId> = bonds.of(Nature::StoredOn).flat_map(|bond| &bond.on).collect();
    on.retain(|on| bonds::kind_of(on) != Some(AssetKind::Server));
    if let Some(stored) = table.get("stored_on").filter(|_| kind == Some(AssetKind::Device))
        && on.iter().any(|on| bonds::kind_of(on) == Some(AssetKind::Host))
        && on.iter().any(|other| super::canonical(other) != super::canonical(on[0]))
    {
        let remedy = "leave the host out: whatever it lies on is part of that, or is served to it";
        stored.complain("says that it is a disk of a host, and that it lies on something else", remedy);
    }
    if let Some((what, remedy)) = kind.and_then(in_no_hands) {
        for nature in [Nature::AdministeredBy, Nature::DeletableBy] {
            let said = table.get(nature.key()).filter(|_| bonds.of(nature).next().is_some());
            if let Some(hands) = said {
                hands.complain(what, remedy);
            }
        }
    }
    let (name, line) = (printable(name?.as_bytes()), table.file.line(table.at));
    Some(DeclaredAsset { id: id?, kind: kind?, name, bonds, line })
}

/// Of what nobody is asked who has it in hand, and so nobody says it: what, and what to say instead.
fn in_no_hands(kind: AssetKind) -> Option<(&'static str, &'static str)> {
    if kind.is_place() {
        let remedy = "say it of each account or machine there that you have, or of what lies in it";
        return Some(("is said of a place, which is in nobody's hands", remedy));
    }
    let remedy = "say it of the volume that lies there, or of the machine: who holds that holds all in it";
    kind.is_within_machine()
        .then_some(("is said of a part of a machine, which is in the hands of that", remedy))
}

/// Without an owner the file is refused anyway.
fn or_nobody(owner: Option<Owner>) -> Owner {
    owner.unwrap_or_else(|| Owner(String::new()))
}

/// All declared recovery points, in the order of the file.
pub(super) fn points(tables: &[Table<'_>], known: &Known<'_>) -> Vec<DeclaredPoint> {
    tables.iter().filter_map(|table| point(table, known)).collect()
}

fn point(table: &Table<'_>, known: &Known<'_>) -> Option<DeclaredPoint> {
    let id = table.required("id").and_then(|id| id.as_text());
    let volume = table.required("volume").and_then(|volume| known.volumes.used_by(&volume));
    let kind = table.required("kind").and_then(|kind| point_kind(&kind, &known.catalogue));
    let owner = table.required("owner").and_then(|owner| owner.owner());
    let moment = |key| table.get(key).and_then(|value: Value<'_>| value.moment());
    let never_drilled = table.get("drilled_at").is_some_and(|at| at.is_text() && at.text() == Some("never"));
    let drilled_at = if never_drilled { None } else { moment("drilled_at") };
    let (taken_at, review_by) = (moment("taken_at"), moment("review_by"));
    if let (Some(taken), Some(drilled)) = (taken_at, drilled_at)
        && drilled < taken
    {
        let what =
            format!("`{}.drilled_at` is before `taken_at`: nothing was there to be restored", table.key);
        table.file.complain(table.place_of("drilled_at"), what, "correct one of the two");
    }
    let useless = table.get("useless").and_then(|value| value.text());
    let lock = table.get("lock").and_then(|value| lock(&value));
    let bytes = table.get("bytes").and_then(|value| value.bytes());
    let bonds = bonds(table, &bonds::OF_DATA, &or_nobody(owner.clone()), None, known);
    let (kind, catalogued) = kind?;
    Some(DeclaredPoint {
        id: id?.to_owned(),
        volume: VolumeId(volume?),
        kind,
        catalogued,
        taken_at,
        bytes,
        drilled_at,
        never_drilled,
        review_by,
        useless: useless.map(|why| printable(why.as_bytes())),
        lock,
        bonds,
        owner: owner?,
        line: table.file.line(table.at),
    })
}

fn point_kind(value: &Value<'_>, catalogue: &Catalogue) -> Option<(PointKind, Option<String>)> {
    let text = value.text()?;
    if text.contains('.') {
        return catalogued(value, text, catalogue).map(|word| (PointKind::Catalogued, Some(word)));
    }
    match variant(text) {
        Ok(PointKind::VaultCopy) => {
            let what = "is a copy in a vault, which is read there and never declared";
            value.complain(what, "name the vault as [[vault]]");
            None
        }
        Ok(PointKind::Catalogued) => {
            value.complain("does not say which kind of a catalogue", "name it: \"PROVIDER.KIND\"");
            None
        }
        Ok(kind) => Some((kind, None)),
        Err(words) => {
            let unsaid = ["vault_copy", "catalogued"];
            value.no_such_word(text, words.iter().copied().filter(|word| !unsaid.contains(word)));
            None
        }
    }
}

/// The name of a kind in a catalogue: the compiled-in one, or a file that the estate names.
fn catalogued(value: &Value<'_>, text: &str, catalogue: &Catalogue) -> Option<String> {
    let written = text.split_once('.').is_some_and(|(of, kind)| is_hyphened(of) && is_hyphened(kind));
    if !written {
        let what = format!("is {}, which is no kind of a catalogue", super::words::shown(text));
        value.complain(what, "write it as \"PROVIDER.KIND\", for example \"railway.volume-backup\"");
    }
    let known = catalogue.kind(text).is_some();
    if written && !known {
        let near = suggestion(text, catalogue.kinds().map(|kind| kind.name.as_str()));
        let what = format!("names {}, which no catalogue describes{near}", super::words::shown(text));
        value
            .complain(what, "docs/catalogue.md lists the kinds; describe others in a file under `catalogue`");
    }
    (written && known).then(|| text.to_owned())
}

fn lock(value: &Value<'_>) -> Option<(LockMode, Option<Timestamp>)> {
    let table = value.table("lock")?;
    let mode: LockMode = table.required("mode").and_then(|mode| mode.variant())?;
    let ends = matches!(mode, LockMode::Compliance | LockMode::Governance);
    let until = if ends { table.required("until") } else { table.get("until") };
    if let Some(until) = until.as_ref().filter(|_| !ends) {
        until.complain("means nothing for this mode", "leave it out");
    }
    let until = until.and_then(|until| until.moment());
    Some((mode, until))
}
