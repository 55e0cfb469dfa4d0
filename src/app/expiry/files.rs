//! The files of a plan: batches that a person gives to a tool of their own, in the order of their names.

use super::objects::{Going, Objects};
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::VaultPlace;
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One file.
pub(super) struct Batch {
    /// Its name in the folder.
    pub name: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// How many versions of objects, or paths, it names.
    pub entries: usize,
}

/// How many entries S3 takes at once.
const AT_ONCE: usize = 1000;

/// What S3 takes as a batch. Quiet: what is answered is what was refused.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    objects: &'a [Entry],
    quiet: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    /// Without it, a bucket with versions would keep all of them, below a marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

/// The files: roots first, so that nobody who stops half-way leaves a point without what it needs.
///
/// # Errors
/// `Internal`: all of it can be written.
pub(super) fn batches(place: &VaultPlace, objects: &Objects) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for (what, going) in [("roots", &objects.roots), ("objects", &objects.others)] {
        for content in contents(place, going)? {
            let (entries, content) = content;
            let ending = if matches!(place, VaultPlace::S3(_)) { "json" } else { "txt" };
            let name = format!("{:04}-{what}.{ending}", batches.len() + 1);
            batches.push(Batch { name, content, entries });
        }
    }
    Ok(batches)
}

fn contents(place: &VaultPlace, going: &[Going]) -> Result<Vec<(usize, Vec<u8>)>> {
    match place {
        VaultPlace::Dir(_) => Ok(going.chunks(AT_ONCE).map(paths).collect()),
        VaultPlace::S3(place) => {
            let entries = |going: &Going| -> Vec<Entry> {
                let key = format!("{}{}", place.prefix, going.listed.key);
                let ids = going.versions.iter().map(|version| version.id.clone());
                ids.map(|version_id| Entry { key: key.clone(), version_id }).collect()
            };
            let entries: Vec<Entry> = going.iter().flat_map(entries).collect();
            entries.chunks(AT_ONCE).map(request).collect()
        }
    }
}

/// Paths below the vault, one a line: a key has no character that a shell or `xargs` would take for another.
fn paths(going: &[Going]) -> (usize, Vec<u8>) {
    let lines: String = going.iter().map(|going| format!("{}\n", going.listed.key)).collect();
    (going.len(), lines.into_bytes())
}

fn request(objects: &[Entry]) -> Result<(usize, Vec<u8>)> {
    let mut content = serde_json::to_vec_pretty(&Request { objects, quiet: true })
        .map_err(|error| Problem::new(Kind::Internal, format!("cannot write JSON: {error}")))?;
    content.push(b'\n');
    Ok((objects.len(), content))
}

/// Makes the folder, which must not be there: nobody is to find files of two plans in one.
///
/// # Errors
/// `Refused` where there is something of this name.
pub(super) fn make_folder(into: &Path) -> Result<()> {
    match std::fs::create_dir(into) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Problem::new(
            Kind::Refused,
            "the plan gets a new folder, and there is something of this name",
        )
        .at(say(into))
        .remedy("name a path that does not exist yet")),
        Err(error) => Err(Problem::io("making the folder of the plan", error).at(say(into))),
    }
}

/// Writes the files.
///
/// # Errors
/// What the operating system said.
pub(super) fn write(into: &Path, batches: &[Batch]) -> Result<()> {
    for batch in batches {
        let path = into.join(&batch.name);
        let failed = |error| Problem::io("writing the plan", error).at(say(&path));
        let mut file = File::create_new(&path).map_err(failed)?;
        file.write_all(&batch.content).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// A path for people.
pub(super) fn say(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// The command that carries the plan out, for `sh`. It ends where something is refused: whatever stays then has to stay whole.
///
/// # Errors
/// Where the working directory is gone.
pub(super) fn carried_out_by(place: &VaultPlace, into: &Path) -> Result<String> {
    let absolute = |path: &Path| -> Result<PathBuf> {
        std::path::absolute(path)
            .map_err(|error| Problem::io("making the path absolute", error).at(say(path)))
    };
    let into = quoted(&say(&absolute(into)?));
    Ok(match place {
        VaultPlace::Dir(vault) => format!(
            "(cd {} && for file in {into}/*.txt; do xargs rm -f -- < \"$file\" || exit 1; done)",
            quoted(&say(&absolute(vault)?))
        ),
        VaultPlace::S3(place) => {
            let at = place.endpoint.as_deref().map(|at| format!(" --endpoint-url {}", quoted(at)));
            format!(
                "(for file in {into}/*.json; do said=$(aws s3api delete-objects{} --bucket {} --delete \"file://$file\") && \
                 [ -z \"$said\" ] || {{ echo \"$said\"; exit 1; }}; done)",
                at.unwrap_or_default(),
                quoted(&place.bucket)
            )
        }
    })
}

/// A word for `sh`.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::S3Place;
    use crate::store::{Hold, Key, Listed, StoredVersion};

    fn going(name: &str, ids: &[&str]) -> Going {
        let version = |id: &&str| StoredVersion { id: Some((*id).to_owned()), hold: Hold::Free };
        let listed = Listed { key: Key::new(name).unwrap(), bytes: Some(1), stored_at: None };
        Going { listed, versions: ids.iter().map(version).collect() }
    }

    #[test]
    fn batches_are_of_a_thousand_at_most_and_roots_come_first() {
        let others = (0..1001).map(|number| going(&format!("packs/{number}"), &["v"])).collect();
        let objects = Objects { roots: vec![going("roots/r", &["2", "1"])], others, ..Objects::default() };
        let place = VaultPlace::S3(Box::new(S3Place { prefix: "night/".into(), ..S3Place::default() }));
        let batches = batches(&place, &objects).unwrap();
        let told: Vec<(&str, usize)> = batches.iter().map(|batch| (&*batch.name, batch.entries)).collect();
        assert_eq!(told, [("0001-roots.json", 2), ("0002-objects.json", 1000), ("0003-objects.json", 1)]);
        let first: serde_json::Value = serde_json::from_slice(&batches[0].content).unwrap();
        let entries = serde_json::json!([
            { "Key": "night/roots/r", "VersionId": "2" },
            { "Key": "night/roots/r", "VersionId": "1" },
        ]);
        assert_eq!(first, serde_json::json!({ "Objects": entries, "Quiet": true }));
    }

    #[test]
    fn a_word_for_the_shell_ends_where_it_should() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
