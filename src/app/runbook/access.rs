//! How a vault is reached by somebody who has nothing else. Where a secret is found is said; no secret is read.

use super::look::Looked;
use crate::app::stores::say_place;
use crate::domain::printable;
use crate::estate::{
    Addressing, Environment, Estate, LockEntry, S3Access, S3Place, SecretSource, VaultEntry, VaultPlace,
};
use crate::report::runbook::{RunbookVault, command, quoted};
use std::os::unix::ffi::OsStrExt;

/// What S3 clients take for the region where an endpoint does not care.
const ANY_REGION: &str = "us-east-1";

/// A vault's public facts.
pub(super) fn vault(estate: &Estate, environment: &Environment, looked: &Looked<'_>) -> RunbookVault {
    let entry = looked.entry;
    let bucket = bucket(entry);
    let found = looked.found.as_ref().ok();
    let stands_on = &entry.stands_on.assets;
    RunbookVault {
        name: entry.id.clone(),
        address: address(entry),
        endpoint: bucket.and_then(|bucket| bucket.endpoint.clone()),
        region: bucket.and_then(|bucket| region(bucket, environment)),
        addressing: bucket.and_then(addressing).map(str::to_owned),
        id: found.map(|found| found.id.clone()),
        readers: entry.readers.iter().map(|reader| reader.key.clone()).collect(),
        reader_credential: bucket.map(|bucket| said(reader(bucket))),
        identity: entry.identity.as_ref().map(source),
        lock: entry.lock.map_or_else(|| "none is asked for".to_owned(), lock),
        stands_on: stands_on.iter().map(|(kind, name)| format!("{} {name}", kind.word())).collect(),
        trust: trust(estate),
    }
}

fn lock(lock: LockEntry) -> String {
    format!(
        "{}: nobody but an administrator of the store lifts it early, in compliance mode nobody",
        lock.kind.word()
    )
}

/// Public keys whose signatures on recovery points count.
pub(super) fn trust(estate: &Estate) -> Vec<String> {
    estate.signing.as_ref().map(|signing| signing.trust.clone()).unwrap_or_default()
}

/// The bucket, where it is one.
pub(super) fn bucket(entry: &VaultEntry) -> Option<&S3Place> {
    match &entry.place {
        VaultPlace::S3(place) => Some(place),
        VaultPlace::Dir(_) => None,
    }
}

/// A vault as the command line names it.
pub(super) fn address(entry: &VaultEntry) -> String {
    match &entry.place {
        // The commands of a page go elsewhere first.
        VaultPlace::Dir(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
        }
        VaultPlace::S3(place) => format!("s3://{}/{}", place.bucket, place.prefix.trim_end_matches('/')),
    }
}

/// The credential that reads.
fn reader(place: &S3Place) -> &S3Access {
    place.reader.as_ref().or(place.driller.as_ref()).unwrap_or(&place.writer)
}

/// The region that requests are signed for; none where nobody said it, and it matters.
fn region(place: &S3Place, environment: &Environment) -> Option<String> {
    let told = |name| environment.get(name).map(str::to_owned);
    let known = place.region.clone().or_else(|| told("AWS_REGION")).or_else(|| told("AWS_DEFAULT_REGION"));
    known.or_else(|| place.endpoint.as_ref().map(|_| ANY_REGION.to_owned()))
}

/// How the bucket is addressed, where that does not follow from the endpoint.
fn addressing(place: &S3Place) -> Option<&'static str> {
    match place.addressing {
        Addressing::Auto => None,
        Addressing::Path => Some("path"),
        Addressing::Host => Some("host"),
    }
}

/// The commands that make a vault reachable in a shell: the address, and a stop where a credential is missing.
pub(super) fn reach(entry: &VaultEntry, environment: &Environment) -> Vec<String> {
    let Some(place) = bucket(entry) else {
        let marker = format!("{}/vault.json", address(entry).trim_end_matches('/'));
        return vec![command(["ls", "-l", &marker])];
    };
    // What this machine has of them is about other buckets.
    let mut commands =
        vec!["unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_DEFAULT_REGION OUTLIVE_S3_ADDRESSING".into()];
    if let Some(endpoint) = &place.endpoint {
        commands.push(format!("export AWS_ENDPOINT_URL={}", quoted(endpoint)));
    }
    match region(place, environment) {
        Some(region) => commands.push(format!("export AWS_REGION={}", quoted(&region))),
        None => {
            commands.push(asked("AWS_REGION", "the region of the bucket"));
            commands.push("export AWS_REGION".into());
        }
    }
    if let Some(addressing) = addressing(place) {
        commands.push(format!("export OUTLIVE_S3_ADDRESSING={addressing}"));
    }
    commands.push(asked("AWS_ACCESS_KEY_ID", "the id of the key that reads the bucket"));
    commands.push(asked("AWS_SECRET_ACCESS_KEY", "the secret of that key"));
    if let S3Access::Keys { session: Some(_), .. } = reader(place) {
        commands.push(asked("AWS_SESSION_TOKEN", "the session token of that key, which is a temporary one"));
    }
    // A token belongs to temporary keys only.
    commands.push(
        "export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY ${AWS_SESSION_TOKEN:+AWS_SESSION_TOKEN}".into(),
    );
    commands
}

/// The same for outlive, with the private key where one is needed, and the keys whose signatures count.
pub(super) fn reach_with_outlive(
    estate: &Estate,
    entry: &VaultEntry,
    environment: &Environment,
    is_encrypted: bool,
) -> Vec<String> {
    let mut commands = reach(entry, environment);
    if is_encrypted {
        commands.push(asked("IDENTITY", IDENTITY));
        commands.push(
            "case \"$IDENTITY\" in *SECRET-KEY-*) echo 'this is the key itself: the path of a file with it is asked for'; IDENTITY= ;; esac".into(),
        );
        commands.push(
            "[ -n \"$IDENTITY\" ] && export OUTLIVE_IDENTITY=\"$IDENTITY\" && ls -l \"$IDENTITY\"".into(),
        );
    }
    let trust = trust(estate);
    if !trust.is_empty() {
        commands.push(format!("export OUTLIVE_TRUST={}", quoted(&trust.join(" "))));
    }
    commands
}

/// What is asked for as a private key. Directories change on the way.
pub(super) const IDENTITY: &str = "the whole path, from / on, of the file with the private key";

/// Goes on where a variable is set, and says otherwise what it is for.
pub(super) fn asked(name: &str, what: &str) -> String {
    format!(": {}", given(name, what))
}

/// What a variable holds, as one word; where it is not set the shell stops, and says what it is for.
pub(super) fn given(name: &str, what: &str) -> String {
    // Inside the braces some signs mean something to a shell, whatever they are quoted with.
    let plain = |c: char| if c.is_ascii_alphanumeric() || " ,./_-:".contains(c) { c } else { '_' };
    let what: String = what.chars().map(plain).collect();
    // Typed so, it is in no history of a shell. A path may be seen.
    let (how, seen) = if name == "IDENTITY" { ("-r", "") } else { ("-rs", ", unseen,") };
    // What is typed stands between spaces: no sign of the sentence is copied with it.
    format!("\"${{{name}:?is missing. Type   read {how} {name}   and Enter, then{seen} {what}, and Enter}}\"")
}

/// What a person must have at hand for a vault.
pub(super) fn fill_in(entry: &VaultEntry, is_encrypted: bool) -> Vec<String> {
    let mut needed = vec![match bucket(entry) {
        Some(place) => format!(
            "the credential that reads {}, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where it is a temporary one; not the lost machine's own, which part 1 revokes (there it was {})",
            say_place(&entry.place),
            said(reader(place))
        ),
        None => format!("the disk with {}, mounted read-only", say_place(&entry.place)),
    }];
    if is_encrypted {
        let was = entry
            .identity
            .as_ref()
            .map(|identity| format!("; on the lost machine it was {}", source(identity)));
        needed
            .push(format!("a file with the private key of a reader, as IDENTITY{}", was.unwrap_or_default()));
    }
    needed
}

fn said(access: &S3Access) -> String {
    match access {
        S3Access::Environment => "what the environment gave, as AWS's tools find it".into(),
        S3Access::Profile(name) => format!("the profile {name} of AWS's files"),
        S3Access::Keys { id, secret, .. } => {
            format!("the id in {}, the secret in {}", source(id), source(secret))
        }
        S3Access::Joined(joined) => source(joined),
        S3Access::Role { arn, .. } => format!("the role {arn}"),
    }
}

fn source(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the variable {name}"),
        SecretSource::File(path) => format!("the file {}", printable(path.as_os_str().as_bytes())),
        SecretSource::Credential(name) => format!("the systemd credential {name}"),
        SecretSource::Command(argv) => format!("what `{}` prints", argv.first().map_or("", String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_hand::download;
    use super::*;
    use crate::app::place_named;
    use crate::hand::by_hand;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    fn entry(keys: &str) -> VaultEntry {
        let text = format!("[[vault]]\nid = \"v\"\nkind = \"s3\"\nbucket = \"acme\"\n{keys}");
        Estate::parse(Path::new("/etc/outlive.toml"), &text).unwrap().vaults.remove(0)
    }

    /// What a shell has after these commands, which had the settings of another bucket before.
    fn typed(commands: &[String]) -> BTreeMap<String, String> {
        let script = format!("set -e\n{}\nenv", commands.join("\n"));
        let before = [
            ("AWS_ENDPOINT_URL_S3", "https://other.example"),
            ("AWS_ENDPOINT_URL", "https://other.example"),
            ("OUTLIVE_S3_ADDRESSING", "path"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("PATH", "/usr/bin:/bin"),
        ];
        let said = by_hand(|| Command::new("sh").args(["-c", &script]).env_clear().envs(before).output());
        let said = said.unwrap();
        assert!(said.status.success(), "{script}: {said:?}");
        let lines = String::from_utf8(said.stdout).unwrap();
        lines
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn a_clean_shell_names_the_same_bucket_as_the_estate_file_whatever_that_says() {
        let here = Environment::new([("AWS_REGION".into(), "us-west-2".into())]);
        for keys in [
            "",
            "region = \"eu-central-1\"\nprefix = \"a/b/\"",
            "endpoint = \"https://s3.example:9000\"",
            "endpoint = \"https://s3.example\"\nregion = \"eu-north\"\naddressing = \"host\"",
            "endpoint = \"http://10.0.0.1\"\ninsecure = true\naddressing = \"path\"\nprefix = \"n\"",
            "addressing = \"path\"\nreader = { profile = \"p\" }",
        ] {
            let entry = entry(keys);
            let shell = typed(&reach(&entry, &here)).into_iter();
            let shell = Environment::new(shell.map(|(name, value)| (name.into(), value.into())));
            let named = place_named(address(&entry).as_ref(), &shell).unwrap();
            let (VaultPlace::S3(named), Some(meant)) = (named, bucket(&entry)) else { panic!("{keys}") };
            let meant = S3Place {
                region: region(meant, &here),
                prefix: meant.prefix.clone(),
                writer: S3Access::Environment,
                reader: None,
                ..meant.clone()
            };
            assert_eq!(*named, meant, "{keys}");
            let mut commands = [reach(&entry, &here), download(&meant)].concat();
            commands.retain(|command| !command.contains(" rclone copy "));
            // `VAULT` is of the shell alone.
            let tools = typed(&commands);
            let told = |name: &str| tools.get(&format!("RCLONE_CONFIG_FROM_{name}")).cloned();
            assert_eq!((told("ENDPOINT"), told("REGION")), (meant.endpoint.clone(), meant.region.clone()));
            let by_host = meant.addressing == Addressing::Host;
            assert_eq!(told("FORCE_PATH_STYLE"), by_host.then(|| "false".to_owned()), "{keys}");
        }
    }

    #[test]
    fn a_region_that_nobody_said_is_asked_for() {
        let commands = reach(&entry(""), &Environment::default());
        assert!(commands.iter().any(|command| command.contains("AWS_REGION:?is missing")), "{commands:?}");
    }
}
