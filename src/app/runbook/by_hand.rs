//! The second way: with the vault's own page and standard tools, should there be no outlive, or no trust in it.

use super::restore::{Case, begin, place};
use super::{Scene, access};
use crate::domain::printable;
use crate::estate::{Addressing, S3Place};
use crate::report::runbook::{ASKS, Procedure, Step, command, quoted};

/// What of the vault's page is run: all its blocks for `sh` but the call for a single file.
const BLOCKS: &str = "sed -n '/^```sh$/,/^```$/p' \"$PAGE\"";

pub(super) fn procedure(scene: &Scene<'_>, case: &Case<'_, '_>) -> Procedure {
    let entry = case.looked.entry;
    let taken_at = case.found.taken_at.format("%Y-%m-%d %H:%M UTC");
    let mut tools = vec!["zstd", "jq"];
    tools.extend(case.is_encrypted.then_some("age"));
    tools.extend(access::bucket(entry).map(|_| "rclone"));
    let tools = format!(
        "This way needs {}, which come with the packages of these names: on Debian `apt-get install {}`, first.",
        tools.join(", "),
        tools.join(" ")
    );
    let mut steps = vec![
        begin("by-hand-restore", case),
        fetching(scene, case, &tools),
        Step {
            what: "Take the commands out of the vault's own README.md: it explains each of them. Whoever could write to the vault could have written there too, so where KIT is set the kit's copy of it is used, and compared with it; \
                   without a kit, read it before you go on."
                .into(),
            commands: script(case),
            expect: Some("no complaint. Where cmp says that the two differ, somebody changed the vault's, or the kit is of another vault: look which, before you go on; the kit's is taken".into()),
            ..Step::default()
        },
        Step {
            what: "Restore. It lists what there is first, each with its id, checks every SHA-256, and stops at the first that is wrong. A large file takes a minute or two a GB, a thousand small ones one or two, and nothing is printed meanwhile. Where OUT is there already, of a try that failed, give it another name, here and below. For a newer copy that was taken before the damage, put the name of its root in the place of this one.".into(),
            commands: vec![run(case)],
            expect: Some(format!("restored: {}", case.target)),
            ..Step::default()
        },
    ];
    // An address would need other signs written otherwise.
    let is_plain = |place: &&S3Place| {
        place.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
    };
    if let Some(place) = access::bucket(entry).filter(is_plain) {
        steps.insert(2, with_curl(scene, case, place));
    }
    steps.extend(super::dump::steps(&case.thing, &case.database, &case.target));
    let mut last = place(case);
    if case.is_encrypted {
        last.what
            .push_str(" In `work` lies what was decrypted on the way: remove it, once the data is accepted.");
    }
    steps.push(last);
    Procedure {
        title: format!("by hand with standard tools, from the vault {} ({taken_at})", entry.id),
        when: "there is no outlive, or no trust in it; it is slower".into(),
        vault: entry.id.clone(),
        point: case.found.short.clone(),
        with: "standard tools",
        target: case.target.clone(),
        fill_in: access::fill_in(entry, case.is_encrypted),
        steps,
    }
}

fn fetch(scene: &Scene<'_>, case: &Case<'_, '_>) -> Vec<String> {
    let entry = case.looked.entry;
    let mut commands = access::reach(entry, &scene.environment);
    match access::bucket(entry) {
        None => commands.push(format!("VAULT={}", quoted(&access::address(entry)))),
        Some(place) => commands.extend(download(place)),
    }
    commands.push("ls \"${VAULT:?is missing: the vault was not fetched, see above why}\"".into());
    commands
}

/// A bucket into the new directory `vault`.
pub(super) fn download(place: &S3Place) -> Vec<String> {
    let provider = if place.endpoint.is_some() { "Other" } else { "AWS" };
    let mut commands = vec![
        format!(
            "export RCLONE_CONFIG_FROM_TYPE=s3 RCLONE_CONFIG_FROM_PROVIDER={provider} RCLONE_CONFIG_FROM_ENV_AUTH=true"
        ),
        "export RCLONE_CONFIG_FROM_REGION=\"$AWS_REGION\"".into(),
    ];
    if place.endpoint.is_some() {
        commands.push("export RCLONE_CONFIG_FROM_ENDPOINT=\"$AWS_ENDPOINT_URL\"".into());
        // It takes a path for granted there.
        if place.addressing == Addressing::Host {
            commands.push("export RCLONE_CONFIG_FROM_FORCE_PATH_STYLE=false".into());
        }
    }
    let from = format!("from:{}/{}", place.bucket, place.prefix.trim_end_matches('/'));
    let copy = command(["rclone", "copy", "--config", "", "--s3-no-check-bucket", &from, "vault"]);
    // By this variable it takes certificates of one's own for itself, and stops at AWS's.
    // Without a credential it would try for long, and say something else. What an earlier volume left in VAULT is not what was fetched now.
    commands.push(format!(
        "VAULT=; [ -n \"$AWS_SECRET_ACCESS_KEY\" ] && env -u AWS_CA_BUNDLE ${{AWS_CA_BUNDLE:+RCLONE_CA_CERT=\"$AWS_CA_BUNDLE\"}} {copy} && VAULT=\"$PWD/vault\""
    ));
    commands
}

/// The whole vault comes to this machine, where it is a bucket.
fn fetching(scene: &Scene<'_>, case: &Case<'_, '_>, tools: &str) -> Step {
    let entry = case.looked.entry;
    Step {
        what: match access::bucket(entry) {
            Some(_) => format!(
                "Fetch the whole vault into the new directory vault, with rclone; it needs room as well. {tools} Where rclone cannot be had, leave this step out: the next one is in its place. Was the vault fetched for another volume already? Then type VAULT= with the whole path of that directory first, and paste this step without its line with rclone copy. {ASKS}"
            ),
            None => format!("Name the vault. Nothing below writes into it. {tools}"),
        },
        commands: fetch(scene, case),
        expect: Some(match access::bucket(entry) {
            Some(_) => format!(
                "README.md, vault.json, and the folders packs and roots. {WRONG} Where rclone speaks of `no such host`, `connection refused` or `timeout`, this machine does not reach the endpoint; where of NoSuchBucket or `directory not found`, compare endpoint, region and bucket with START-HERE.md. What was fetched is not fetched again"
            ),
            None => "README.md, vault.json, and the folders packs and roots".into(),
        }),
        ..Step::default()
    }
}

/// What a store says to a wrong credential, and what to type then.
const WRONG: &str = "Where SignatureDoesNotMatch, InvalidAccessKeyId, AccessDenied or 403 is said, the id or the secret is mistyped, or may not read there: \
    `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY`, and begin this step again: it asks for both anew.";

/// The same with what every system has: one object after the other, and none that is there.
fn with_curl(scene: &Scene<'_>, case: &Case<'_, '_>, place: &S3Place) -> Step {
    let mut commands = access::reach(case.looked.entry, &scene.environment);
    commands.extend(fetched_by_curl(place));
    let also = if case.is_encrypted { " age" } else { "" };
    Step {
        what: format!(
            "Only where rclone could not be had, and in the place of the step before: fetch the vault with curl (7.88 or newer, as in Debian 12; `apt-get install curl zstd jq{also}`). \
             It is slow, an object at a time. {ASKS}"
        ),
        commands,
        expect: Some(format!("README.md, vault.json, and the folders packs and roots. {WRONG}")),
        ..Step::default()
    }
}

/// A bucket into the directory `vault`, which may be there with a part of it.
pub(super) fn fetched_by_curl(place: &S3Place) -> Vec<String> {
    let bucket = &place.bucket;
    let url = match (&place.endpoint, place.addressing) {
        (None, _) => format!("\"https://s3.$AWS_REGION.amazonaws.com/\"{}", command([bucket])),
        (Some(_), Addressing::Host) => {
            format!("$(printf %s \"${{AWS_ENDPOINT_URL%/}}\" | sed 's|://|://'{}'.|')", command([bucket]))
        }
        (Some(_), _) => format!("\"${{AWS_ENDPOINT_URL%/}}/\"{}", command([bucket])),
    };
    let prefix = place.prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    vec![
        format!("URL={url} PREFIX={}", quoted(&prefix)),
        // What it is given this way is in no list of processes. Anything but 200 is no answer: a redirect too.
        "get() { CODE=$({ printf 'user = \"%s:%s\"\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\"; [ -z \"${AWS_SESSION_TOKEN:-}\" ] || printf 'header = \"x-amz-security-token: %s\"\\n' \"$AWS_SESSION_TOKEN\"; } | \
         curl -sSg -K - ${AWS_CA_BUNDLE:+--cacert \"$AWS_CA_BUNDLE\"} --aws-sigv4 \"aws:amz:$AWS_REGION:s3\" -o \"$1\" -w '%{http_code}' \"$2\"); \
         [ \"$CODE\" = 200 ] || { echo \"answered with $CODE: $2\" >&2; return 1; }; }"
            .into(),
        "escaped() { printf %s \"$1\" | jq -sRr @uri; }".into(),
        "list() { TOKEN= PAGES=0; while [ $((PAGES += 1)) -le 10000 ]; do get list.xml \"$URL?${TOKEN:+continuation-token=$(escaped \"$TOKEN\")&}list-type=2&prefix=$(escaped \"$PREFIX\")\" || return 1; \
         grep -q '<ListBucketResult' list.xml || return 1; grep -o '<Key>[^<]*</Key>' list.xml | sed 's/<[^>]*>//g'; \
         grep -q '<IsTruncated>true' list.xml || return 0; \
         NEXT=$(grep -o '<NextContinuationToken>[^<]*' list.xml | sed 's/<[^>]*>//'); [ -n \"$NEXT\" ] && [ \"$NEXT\" != \"$TOKEN\" ] || return 1; TOKEN=$NEXT; done; return 1; }"
            .into(),
        "one() { [ -e \"vault/$1\" ] || { mkdir -p \"vault/$(dirname \"$1\")\" && get part \"$URL/$PREFIX$1\" && mv part \"vault/$1\"; }; }".into(),
        // No name in a vault has other signs; one with two dots would lead out of the directory, and one with a slash at its end names none.
        "fetch() { list >all || { echo 'the list is not whole' >&2; return 1; }; grep -x '[A-Za-z0-9._/-]*' all | grep -v -e '/$' -e '[.][.]' >names; [ -s names ] || return 1; \
         while read -r KEY; do one \"${KEY#\"$PREFIX\"}\" || return 1; done <names; }"
            .into(),
        "VAULT=; [ -n \"$AWS_SECRET_ACCESS_KEY\" ] && fetch && VAULT=\"$PWD/vault\" && ls \"$VAULT\"".into(),
    ]
}

fn script(case: &Case<'_, '_>) -> Vec<String> {
    let mut commands =
        // What the kit has counts: whoever could write to the vault could have written commands there.
        vec![
            "PAGE=\"$VAULT/README.md\"".to_owned(),
            "[ -z \"${KIT:-}\" ] || { cmp \"$KIT/vault.json\" \"$VAULT/vault.json\"; cmp \"$KIT/vault-README.md\" \"$PAGE\"; PAGE=\"$KIT/vault-README.md\"; }".to_owned(),
        ];
    if case.is_encrypted {
        commands.push(access::asked("IDENTITY", access::IDENTITY));
        commands.push("mkdir -p -m 700 work".into());
    }
    // What is restored is for nobody else at first.
    commands.push("echo 'umask 077' >by-hand.sh".into());
    commands.push(format!("{BLOCKS} | grep -v -e '^```' -e '^restore_file \"' >>by-hand.sh"));
    // The call comes last: the script ends as it does.
    let call = match case.thing.is_tree() {
        true => "restore_tree \"$ROOT\"",
        false => "restore_file \"$ROOT\" \"\" \"$OUT\" && echo \"restored: $OUT\"",
    };
    commands.push(format!("echo '{call}' >>by-hand.sh"));
    commands
}

fn run(case: &Case<'_, '_>) -> String {
    let identity = if case.is_encrypted { "IDENTITY=\"$IDENTITY\" WORK=\"$PWD/work\"" } else { "IDENTITY=" };
    // The name of an object in a vault is made of letters, digits and hyphens; what is not is not repeated.
    let root = quoted(&printable(case.found.root.as_bytes()));
    format!("VAULT=\"$VAULT\" {identity} ROOT={root} OUT={} sh by-hand.sh", quoted(&case.target))
}
