//! The names of everything that bonds may name, besides what looking at this machine finds.

use super::super::StandsOn;
use super::super::stand::{canonical, named};
use super::names::Names;
use super::value::Table;
use super::words::{shown, variant};
use crate::domain::{AssetId, AssetKind};
use std::collections::BTreeMap;

/// Identities of assets: declared by themselves, by standing below something, or as outlive's own credentials.
#[derive(Default)]
pub(super) struct AssetNames {
    /// Each way to write it that means the same, with what it means: one identity as it is, or the short name of
    /// what belongs to a provider with all that are called so.
    known: BTreeMap<AssetId, Vec<AssetId>>,
}

impl AssetNames {
    /// What `[[asset]]` declares; one that is declared twice is a mistake, in whatever spelling.
    pub(super) fn of_tables(tables: &[Table<'_>], volumes: &Names) -> Self {
        let mut names = Self::default();
        let mut given = BTreeMap::new();
        for table in tables {
            let (Some(kind), Some(name)) = (table.get("kind"), table.get("name")) else { continue };
            let word = kind.as_text().filter(|word| variant::<AssetKind>(word).is_ok());
            let (Some(word), Some(name)) = (word, name.as_text()) else { continue };
            let id = AssetId(format!("{word}:{name}"));
            let elsewhere = Some(name).filter(|_| word == "volume").and_then(|name| volumes.given_at(name));
            if let Some(at) = given.insert(canonical(&id), table.at).or(elsewhere) {
                let what =
                    format!("the {word} {} is declared on line {} already", shown(name), table.file.line(at));
                table.file.complain(table.at, what, "leave one out");
            }
            names.known.insert(canonical(&id), vec![id]);
        }
        names
    }

    /// Adds what a `stands_on` names. What was declared by itself keeps its name.
    pub(super) fn stood_upon(&mut self, stands_on: &StandsOn) {
        for (short, whole) in named(stands_on) {
            let is_whole = short == whole;
            let itself = self.known.entry(whole.clone()).or_default();
            if !itself.iter().any(|id| canonical(id) == whole) {
                *itself = vec![whole.clone()];
            }
            if !is_whole {
                let meant = self.known.entry(short.clone()).or_default();
                if !meant.iter().any(|id| *id == whole || canonical(id) == short) {
                    meant.push(whole);
                }
            }
        }
    }

    /// Adds the credentials that outlive itself uses, for vaults, for providers and for buckets that are copied.
    pub(super) fn credentials(
        &mut self,
        vaults: &[Table<'_>],
        providers: &[Table<'_>],
        copies: &[Table<'_>],
    ) {
        self.tokens(providers);
        self.sources(copies);
        for table in vaults {
            let text = |key| table.get(key).and_then(|value| value.as_text());
            let (Some(id), Some("s3")) = (text("id"), text("kind")) else { continue };
            let roles = ["writer", "reader", "driller"]
                .into_iter()
                .filter(|role| *role == "writer" || table.has(role));
            for role in roles {
                let own = super::super::own::credential(id, role);
                self.known.entry(own.clone()).or_insert_with(|| vec![own]);
            }
        }
    }

    /// Adds the credentials with which outlive itself reads the buckets that volumes are copied from, and what commands get.
    fn sources(&mut self, copies: &[Table<'_>]) {
        use super::super::own::{COMMAND, SOURCE, credential};
        for table in copies {
            let Some(volume) = table.get("volume").and_then(|value| value.as_text()) else { continue };
            let Some(from) = table.get("from") else { continue };
            let roles = [(from.holds("s3"), SOURCE), (from.holds("env"), COMMAND)];
            for (_, role) in roles.into_iter().filter(|(is_so, _)| *is_so) {
                let own = credential(volume, role);
                self.known.entry(own.clone()).or_insert_with(|| vec![own]);
            }
        }
    }

    /// Adds the tokens with which outlive itself asks providers.
    fn tokens(&mut self, providers: &[Table<'_>]) {
        for table in providers.iter().filter(|table| table.has("token")) {
            if let Some(id) = table.get("id").and_then(|value| value.as_text()) {
                let own = super::super::own::credential(id, "token");
                self.known.entry(own.clone()).or_insert_with(|| vec![own]);
            }
        }
    }

    /// What a reference means: nothing, one asset, or several of one short name.
    pub(super) fn meant_by(&self, id: &AssetId) -> &[AssetId] {
        self.known.get(&canonical(id)).map_or(&[], Vec::as_slice)
    }

    /// Every name, for suggestions.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(|id| id.0.as_str())
    }
}
