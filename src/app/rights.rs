//! What a vault's credentials may do in its store: `outlive vault policy`.

use super::stores::say_place;
use crate::domain::{Kind, Problem, Result};
use crate::estate::{VaultEntry, VaultPlace};
use crate::ledger::FOLDER;
use crate::plan::{Dialect, Grounds, documents, notes};
use crate::report::activity::{PolicyDocument, VaultPolicy};

/// The documents that give a vault's credentials what they need in a store of this kind. Asks no store.
///
/// # Errors
/// `Usage` where the vault is in a directory, or lies where a policy cannot say so.
pub fn vault_policy(entry: &VaultEntry, dialect: Dialect) -> Result<VaultPolicy> {
    let VaultPlace::S3(place) = &entry.place else {
        return Err(Problem::new(Kind::Usage, "a vault in a directory has no credentials")
            .at(say_place(&entry.place))
            .remedy("who may write there is a matter of the directory's owner and mode"));
    };
    // What is locked for a part of a day is locked on that day too.
    let most_days = entry.lock.map(|lock| lock.most.num_days() + 1);
    let grounds = Grounds { bucket: &place.bucket, prefix: &place.prefix, most_days, ledgers: FOLDER };
    let documents = documents(dialect, grounds)?.into_iter().map(|document| PolicyDocument {
        role: document.role.word(),
        content: document.content,
        applied_by: document.applied_by,
    });
    Ok(VaultPolicy {
        name: entry.id.clone(),
        place: say_place(&entry.place),
        store: dialect.word(),
        tried: dialect.is_tried(),
        documents: documents.collect(),
        notes: notes(dialect, grounds),
    })
}
