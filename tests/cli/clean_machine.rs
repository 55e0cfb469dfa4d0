//! The night itself: a machine with an empty home, the program, the vault's address and a key; the volumes are gone. PostgreSQL comes back, with
//! outlive and without; and where one pack in a hundred is destroyed, what is lost is told exactly.

use super::database::{BIN, Postgres, rows};
use super::encrypting::{outlive, reader};
use super::hand::output;
use super::nightly_estate::EstateFile;
use super::place::{Place, chmod, names, noise, tool};
use super::run::{Ended, Run, binary};
use super::servers::{ID, SECRET, seaweedfs};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is left after the loss: where the vault is, and a key.
struct Left {
    place: Place,
    endpoint: String,
    bucket: String,
    key: PathBuf,
    /// Every table of the lost database, with its rows and a digest of them.
    rows: Vec<String>,
}

/// A server is dumped and, once it was stopped, copied, into an encrypted bucket under lock; then it is deleted, with all that the machine
/// knew of the vault.
fn lost() -> Left {
    let place = Place::new();
    let (key, to) = reader(&place, "one.key");
    let server = seaweedfs();
    let bucket = server.new_locked_place("").bucket;
    let vault = format!(
        "[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = \"night/\"\n\
         writer = {{ env = \"KEYS\" }}\nlock = {{ mode = \"compliance\" }}\nreaders = [{to:?}]",
        server.endpoint
    );
    let old = Postgres::start(&place, "old");
    old.fill();
    let rows = rows(&old.run, "shop");
    assert!(rows.len() >= 9 && rows.iter().any(|row| row.contains("\t100000\t")), "{rows:?}");
    let from = format!(
        "command = [\"pg_dump\", \"--format=custom\", \"--host={}\", \"--username=postgres\", \"shop\"], file = \"shop.dump\"",
        old.run.display()
    );
    let file = EstateFile::new().with(&vault).tree("cluster", &old.data(), &["offsite"]);
    let copy = format!(
        "[[volume]]\nid = \"shop\"\n[[copy]]\nvolume = \"shop\"\nfrom = {{ {from} }}\nto = \"offsite\"\nevery = \"24h\""
    );
    file.with(&copy).write(&place);
    let text = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    place.file(
        "outlive.toml",
        text.replacen("[policy.default]\n", "[policy.default]\nlocked_for = \"2d\"\n", 1),
    );
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0).says("locked (compliance)");
    outlive(&place, &["copy", "shop"]).end().expect(0).says("read back");
    old.stop("fast");
    outlive(&place, &["copy", "cluster"]).end().expect(0).says("read back");
    for gone in ["old", "state", "outlive.toml", "home", "tmp"] {
        tool("rm", &["-rf".as_ref(), place.path(gone).as_os_str()]);
    }
    Left { endpoint: server.endpoint.clone(), place, bucket, key, rows }
}

impl Left {
    fn address(&self) -> String {
        format!("s3://{}/night", self.bucket)
    }

    /// The program on a machine of this name, which has nothing.
    fn on_a_clean_machine(&self, name: &str, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        let clean = self.place.directory(name);
        chmod(&clean, 0o755);
        let mut program: Vec<OsString> = vec![binary().into()];
        program.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        let run = self.place.recorded(program).environment("HOME", &clean).environment("TMPDIR", &clean);
        let run = run
            .environment("XDG_STATE_HOME", clean.join("none"))
            .environment("OUTLIVE_STATE", clean.join("none"));
        let run = run.environment("AWS_ENDPOINT_URL", &self.endpoint).environment("AWS_REGION", "us-east-1");
        run.environment("AWS_ACCESS_KEY_ID", ID).environment("AWS_SECRET_ACCESS_KEY", SECRET)
    }
}

#[test]
fn postgres_is_back_with_all_rows_from_the_vaults_address_and_the_key_alone() {
    let left = lost();
    for (volume, database) in [("shop", "restored"), ("cluster", "shop")] {
        let (name, vault) = (format!("clean-{volume}"), left.address());
        let new = left.place.path(&name).join("new");
        let arguments: [&dyn AsRef<OsStr>; 10] = [
            &"--format",
            &"json",
            &"restore",
            &volume,
            &"--vault",
            &vault,
            &"--identity",
            &left.key,
            &"--to-postgres",
            &new,
        ];
        let told = left.on_a_clean_machine(&name, &arguments).end().expect(0).json("restore");
        let made = &told["postgres"];
        assert!(told["compared"] == true && made["ready"] == true, "{told:#}");
        assert_eq!(counts_told(made, database), counts(&left.rows), "{volume}");
        // And the rows themselves, of the server as a person starts it.
        let start = made["steps"][0]["command"].as_str().unwrap();
        let stop = made["steps"][2]["command"].as_str().unwrap();
        shell(start);
        let back = rows(&new.join("socket"), database);
        shell(stop);
        assert_eq!(back, left.rows, "{volume}");
    }
}

fn shell(script: &str) {
    let done = output(Command::new("sh").args(["-ec", script])).unwrap();
    assert!(done.status.success(), "{script}: {done:?}");
}

/// Tables with their rows, in the order of their names.
fn counts(rows: &[String]) -> BTreeSet<(String, u64)> {
    let one = |row: &String| {
        let mut parts = row.split('\t');
        (parts.next().unwrap().to_owned(), parts.next().unwrap().parse().unwrap())
    };
    rows.iter().map(one).collect()
}

fn counts_told(made: &Value, database: &str) -> BTreeSet<(String, u64)> {
    let databases = made["databases"].as_array().unwrap();
    let found =
        databases.iter().find(|found| found["name"] == database).unwrap_or_else(|| panic!("{made:#}"));
    let tables = found["tables"].as_array().unwrap().iter();
    let name =
        |table: &Value| format!("{}.{}", table["schema"].as_str().unwrap(), table["name"].as_str().unwrap());
    tables.map(|table| (name(table), table["rows"].as_u64().unwrap())).collect()
}

/// Fetches all of the vault with curl, and takes the blocks for `sh` out of its README.md.
const BY_HAND: &str = r#"
mkdir vault work
get() { curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"; }
after=
while :; do
  get "$AWS_ENDPOINT_URL/$BUCKET?list-type=2&prefix=night%2F&start-after=$after" >list.xml
  grep -o '<Key>[^<]*</Key>' list.xml | sed 's/<[^>]*>//g' >keys || break
  while read -r key; do
    mkdir -p "vault/$(dirname "${key#night/}")"
    get -o "vault/${key#night/}" "$AWS_ENDPOINT_URL/$BUCKET/$key"
  done <keys
  grep -q '<IsTruncated>true' list.xml || break
  after=$(tail -n 1 keys | sed 's|/|%2F|g')
done
export VAULT="$PWD/vault" WORK="$PWD/work"
sed -n '/^```sh$/,/^```$/p' "$VAULT/README.md" | grep -v -e '^```' -e '^restore_file "' >by-hand.sh
cat >>by-hand.sh <<'END'
for object in "$VAULT"/roots/*; do
  root "${object##*/}" | jq -r --arg root "${object##*/}" '"\(.volume) \($root)"'
done >roots
ROOT=$(sed -n 's/^shop //p' roots)
restore_file "$ROOT" "" shop.dump && echo "restored: shop.dump"
END
sh by-hand.sh
"#;

#[test]
fn postgres_is_back_with_all_rows_by_standard_tools_and_the_vaults_own_page_alone() {
    let left = lost();
    let clean = left.place.directory("by-hand");
    let done = output(
        Command::new("env")
            .args(["-i", "PATH=/usr/bin:/bin"])
            .arg(format!("HOME={}", clean.display()))
            .arg(format!("AWS_ENDPOINT_URL={}", left.endpoint))
            .args([format!("AWS_ACCESS_KEY_ID={ID}"), format!("AWS_SECRET_ACCESS_KEY={SECRET}")])
            .arg(format!("BUCKET={}", left.bucket))
            .arg(format!("IDENTITY={}", left.key.display()))
            .args(["sh", "-euc", BY_HAND])
            .current_dir(&clean),
    )
    .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("restored: shop.dump"), "{said}");
    // The dump, into a server of its own.
    let new = Postgres::start(&left.place, "server");
    new.ask("postgres", "create database back");
    let host = format!("--host={}", new.run.display());
    let dump = clean.join("shop.dump");
    let options =
        ["--exit-on-error", "--no-owner", "--no-privileges", &host, "--username=postgres", "--dbname=back"];
    let read = options.map(OsStr::new).into_iter().chain([dump.as_os_str()]).collect::<Vec<_>>();
    tool(&format!("{BIN}/pg_restore"), &read);
    assert_eq!(rows(&new.run, "back"), left.rows);
}

/// Files that are added between two copies, and how many copies: each makes a pack of its own at least.
const EACH: u64 = 5;
const COPIES: u64 = 105;

/// A tree with something of everything, in an encrypted vault of more than a hundred packs. The same seed gives the same.
fn many_packs() -> (Place, PathBuf, PathBuf) {
    let place = Place::new();
    let (key, to) = reader(&place, "one.key");
    let vault = place.path("vault");
    let text = format!("[[vault]]\nid = \"shelf\"\nkind = \"dir\"\npath = {vault:?}\nreaders = [{to:?}]");
    place.directory("data");
    EstateFile::new().with(&text).tree("tree", &place.path("data"), &["shelf"]).write(&place);
    outlive(&place, &["vault", "init", "shelf"]).end().expect(0);
    for copy in 0..COPIES {
        for file in 0..EACH {
            let number = copy * EACH + file;
            let length = [0, 1, 700, 30_000, 200_000][usize::try_from((number * 7 + copy) % 5).unwrap()];
            let path =
                place.file(&format!("data/{}/{}/file {number}", copy % 7, file), noise(number + 1, length));
            if number.is_multiple_of(9) {
                tool(
                    "setfattr",
                    &[
                        "-n".as_ref(),
                        "user.number".as_ref(),
                        "-v".as_ref(),
                        OsStr::new("9"),
                        path.as_os_str(),
                    ],
                );
                chmod(&path, 0o640);
            }
            if number % 25 == 3 {
                std::fs::hard_link(&path, path.with_extension("again")).unwrap();
                std::os::unix::fs::symlink("file 1", path.with_extension("link")).unwrap();
            }
        }
        outlive(&place, &["copy", "tree"]).end().expect(0);
    }
    (place, vault, key)
}

/// What is not the same in two trees: byte for byte, under each of a file's names, and by everything else that rsync can tell.
fn differences(original: &Path, restored: &Path) -> BTreeSet<String> {
    let with_slash = |path: &Path| [path.as_os_str(), OsStr::new("/")].join(OsStr::new(""));
    let options = ["-aHAXnci", "--delete", "--out-format=%i|%n"].map(OsString::from);
    let all = tool("rsync", &[options.as_slice(), &[with_slash(original), with_slash(restored)]].concat());
    let told = all.lines().map(|line| line.split_once('|').unwrap_or_else(|| panic!("{all}")).1.to_owned());
    let files = tool("find", &[original.to_str().unwrap(), "-type", "f", "-printf", "%P\n"]);
    let bytes = |tree: &Path, name: &str| std::fs::read(tree.join(name)).ok();
    let other =
        files.lines().filter(|name| bytes(original, name) != bytes(restored, name)).map(str::to_owned);
    told.chain(other).collect()
}

#[test]
fn where_one_pack_in_a_hundred_is_destroyed_exactly_the_lost_files_are_listed_and_the_rest_is_the_same() {
    let (place, vault, key) = many_packs();
    let (data, packs) = (place.path("data"), names(&vault.join("packs")));
    assert!(packs.len() >= 100, "{} packs", packs.len());
    let destroyed = packs.len().div_ceil(100);
    let mut some_lost = 0;
    for seed in 1..=8_u64 {
        let chosen = choose(&packs, destroyed, seed);
        let kept = place.directory(&format!("kept-{seed}"));
        for (number, pack) in chosen.iter().enumerate() {
            let pack = vault.join("packs").join(pack);
            tool("mv", &[pack.clone(), kept.clone()]);
            if number % 2 == 1 {
                std::fs::write(pack, noise(seed, 5000)).unwrap();
            }
        }
        let to = place.path(&format!("restored-{seed}"));
        let state = place.path(&format!("state-{seed}"));
        let arguments: [&dyn AsRef<OsStr>; 10] = [
            &"--format",
            &"json",
            &"restore",
            &"--vault",
            &vault,
            &"--identity",
            &key,
            &"--to",
            &to,
            &"--despite-damage",
        ];
        let ended = place.outlive_with_state(&state, &arguments).end();
        some_lost += u32::from(judged(&data, &to, &ended, seed, &chosen));
        for pack in &chosen {
            tool("cp", &["--remove-destination".into(), kept.join(pack), vault.join("packs")]);
        }
    }
    assert!(some_lost >= 2, "the seeds hit too few packs that are needed");
    let whole = place.path("whole");
    let arguments: [&dyn AsRef<OsStr>; 7] =
        [&"restore", &"--vault", &vault, &"--identity", &key, &"--to", &whole];
    place
        .outlive_with_state(&place.path("state-0"), &arguments)
        .end()
        .expect(0)
        .says("restored and compared");
    assert_eq!(differences(&data, &whole), BTreeSet::new());
}

/// Sees that what is listed as lost is what is not the same; whether anything was.
fn judged(data: &Path, to: &Path, ended: &Ended, seed: u64, destroyed: &[OsString]) -> bool {
    if !to.exists() {
        // A pack with the tree itself: then there is no list, and it says so.
        assert!(ended.stderr.contains("packs/"), "seed {seed}: {}", ended.stderr);
        assert_eq!(ended.code, Some(14), "seed {seed}: {}{}", ended.stdout, ended.stderr);
        return false;
    }
    let told = ended.json("restore");
    let lost: BTreeSet<String> = told["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lost| lost["path"].as_str().unwrap().to_owned())
        .collect();
    let other = differences(data, to);
    assert_eq!(lost, other, "seed {seed}, destroyed {destroyed:?}: listed as lost, and what differs");
    let damaged: Vec<&str> =
        told["damage"].as_array().unwrap().iter().map(|found| found["object"].as_str().unwrap()).collect();
    for object in &damaged {
        let name = object.strip_prefix("packs/").unwrap();
        assert!(destroyed.iter().any(|pack| pack.as_bytes() == name.as_bytes()), "seed {seed}: {object}");
    }
    assert_eq!(ended.code, Some(if damaged.is_empty() { 0 } else { 14 }), "seed {seed}: {told:#}");
    !lost.is_empty()
}

/// So many of them, by a seed.
fn choose(packs: &[OsString], count: usize, seed: u64) -> Vec<OsString> {
    let bytes = noise(seed, count * 64);
    let mut chosen: Vec<OsString> = Vec::new();
    for eight in bytes.chunks_exact(8) {
        let at = u64::from_le_bytes(eight.try_into().unwrap()) % packs.len() as u64;
        let pack = &packs[usize::try_from(at).unwrap()];
        if chosen.len() < count && !chosen.contains(pack) {
            chosen.push(pack.clone());
        }
    }
    assert_eq!(chosen.len(), count);
    chosen
}
