//! What is written today is what was written when the golden vaults were, byte for byte, wherever a byte owes nothing to chance, to the
//! moment or to the machine: the page with its commands, what packs of content hold, and what the compressor makes of anything.

use super::by_hand::{MORE_FOR_TREES, PAGE, TOOLS, blocks_of, by_hand};
use super::golden::{Opening, golden, same};
use super::support::{Place, run};
use crate::hand::{TempDir, fs};
use outlive::vault::format::Digest;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What to do about bytes that are others.
const OTHERWISE: &str = "what is written is otherwise than it was then. Where a reader of the format could tell, that takes a new version with a golden \
     vault of its own. Where the compressor alone is another (the crate `zstd`), no reader can tell: let the golden vaults of then be read as ever \
     under another name, and OUTLIVE_BLESS=1 write new ones to compare with";

fn objects(vault: &Path, folder: &str) -> Vec<PathBuf> {
    let Ok(objects) = fs::read_dir(vault.join(folder)) else { return Vec::new() };
    objects.map(|object| object.unwrap().path()).collect()
}

/// What is inside a pack, once it is decrypted, by its name.
fn packs(vault: &Path, open: &Opening<'_>) -> BTreeMap<String, (Vec<u8>, Vec<Value>)> {
    let packs = objects(vault, "packs").into_iter().map(|path| {
        let (name, bytes) =
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        let sidecar = fs::read(vault.join("sidecars").join(&name)).unwrap();
        let lines = zstd::stream::decode_all(&sidecar[..]).unwrap();
        assert!(packed(&lines, PAGES) == sidecar, "sidecars/{name}: {OTHERWISE}");
        let lines: Vec<Value> = String::from_utf8(lines)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let is_sealed = lines[0]["schema"] == "outlive/sidecar/v1" && lines[0]["role"] != "list";
        assert_eq!(is_sealed, bytes.starts_with(b"age-encryption.org/"), "packs/{name}");
        let inside = if is_sealed { open(&bytes) } else { bytes.clone() };
        if is_sealed {
            assert_sealed_so(&bytes, inside.len(), &name);
        }
        (name, (inside, lines))
    });
    packs.collect()
}

/// The levels of zstd for content, and for all that is lines of text.
const CONTENT: i32 = 1;
const PAGES: i32 = 3;

fn packed(plain: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(plain, level).unwrap()
}

/// Every frame is what the compressor makes of its content at the level of its kind: so is what a golden vault holds, and so is what is
/// written today. Gives what packs of content hold.
fn content(vault: &Path, open: &Opening<'_>) -> BTreeSet<Vec<u8>> {
    let mut content = BTreeSet::new();
    for (name, (inside, lines)) in packs(vault, open) {
        let is_content = lines[0]["role"] == "data";
        let mut end = 0;
        for frame in lines[1..].iter().filter(|line| line["code"].is_null()) {
            let number = |field: &str| usize::try_from(frame[field].as_u64().unwrap()).unwrap();
            assert_eq!(number("at"), end, "packs/{name}");
            end += number("length");
            let bytes = &inside[number("at")..end];
            let plain = zstd::stream::decode_all(bytes).unwrap();
            let again = packed(&plain, if is_content { CONTENT } else { PAGES });
            assert!(again == bytes, "packs/{name}: {OTHERWISE}");
        }
        assert_eq!(end, inside.len(), "packs/{name}");
        if is_content {
            content.insert(inside);
        }
    }
    for object in objects(vault, "ended") {
        let bytes = fs::read(&object).unwrap();
        let lines = zstd::stream::decode_all(&bytes[..]).unwrap();
        assert!(packed(&lines, PAGES) == bytes, "{}: {OTHERWISE}", object.display());
    }
    content
}

/// An age file as this format has it: for one X25519 key, with nothing but what age itself adds by chance, and no longer than it has to be.
fn assert_sealed_so(sealed: &[u8], inside: usize, name: &str) {
    let mac = sealed.windows(5).position(|window| window == b"\n--- ").unwrap();
    let header = std::str::from_utf8(&sealed[..mac]).unwrap();
    let lines: Vec<&str> = header.lines().collect();
    assert_eq!(lines[0], "age-encryption.org/v1", "{name}");
    let stanzas: Vec<&str> = lines.iter().copied().filter(|line| line.starts_with("-> ")).collect();
    let share = stanzas[0].strip_prefix("-> X25519 ").unwrap_or_else(|| panic!("{name}: {header}"));
    assert_eq!((share.len(), lines[2].len()), (43, 43), "{name}: {header}");
    let others = stanzas[1..].iter().filter(|stanza| !stanza.split(' ').nth(1).unwrap().ends_with("-grease"));
    assert_eq!(others.count(), 0, "{name}: {header}");
    let head = mac + "\n--- ".len() + 43 + "\n".len();
    let pieces = inside.div_ceil(64 * 1024).max(1);
    assert_eq!(sealed.len(), head + 16 + inside + 16 * pieces, "{name}");
}

/// What a root says, sealed or not.
fn root(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap();
    serde_json::from_str(&run("sh", &["-c", &format!("printf %s '{payload}' | base64 -d")])).unwrap()
}

/// What is sealed inside a root is armoured as age does it.
fn assert_armoured_so(vault: &Path, open: &Opening<'_>) -> usize {
    let roots = objects(vault, "roots");
    for path in &roots {
        let root = root(path);
        let armoured = root["sealed"].as_str().unwrap();
        let body = armoured.strip_prefix("-----BEGIN AGE ENCRYPTED FILE-----\n").unwrap();
        let body = body.strip_suffix("-----END AGE ENCRYPTED FILE-----\n").unwrap();
        let (last, whole) =
            body.lines().collect::<Vec<_>>().split_last().map(|(l, w)| (l.len(), w.to_vec())).unwrap();
        assert!(whole.iter().all(|line| line.len() == 64) && (1..=64).contains(&last), "{armoured}");
        let bytes = run(
            "sh",
            &["-c", &format!("printf %s '{}' | base64 -d | od -An -v -tx1", body.replace('\n', ""))],
        );
        let bytes: Vec<u8> =
            bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        assert_sealed_so(&bytes, open(armoured.as_bytes()).len(), path.to_str().unwrap());
    }
    roots.len()
}

/// The vault of a version, and one that was written now.
pub fn assert_bytes_as_then(version: &str, (fresh, open): (&Path, &Opening<'_>), open_then: &Opening<'_>) {
    let then = golden(version).join("vault");
    let (now, then_too) = (content(fresh, open), content(&then, open_then));
    assert!(now.iter().map(Vec::len).sum::<usize>() > 20_000 && now.len() > 1, "{}", now.len());
    assert!(now == then_too, "packs of content, version {version}: {OTHERWISE}");
    if fresh.join("keys").exists() {
        assert_eq!(assert_armoured_so(fresh, open), assert_armoured_so(&then, open_then));
    }
}

/// What a reader gets from `keys/` is the same text, but for the secrets.
pub fn assert_keys_as_then(version: &str, now: &str, then: &str) {
    let told = |text: &str| -> Vec<String> {
        let hidden = |line: &str| match line.strip_prefix("AGE-SECRET-KEY-1") {
            Some(secret) => format!("AGE-SECRET-KEY-1 and {} letters", secret.len()),
            None => same(line),
        };
        text.split_inclusive('\n').map(hidden).collect()
    };
    assert_eq!(told(now), told(then), "what opens version {version}: {OTHERWISE}");
}

/// The instructions in a vault stay as they were when it was made, and a newer program writes into it: they restore what is written now.
/// And today's restore what lies in the vaults of then.
pub fn assert_restored_by_hand_across(version: &str, place: &Place, reader: Option<&Path>, volume: &Path) {
    let page = fs::read_to_string(golden(version).join("vault/README.md")).unwrap();
    let reader_then = reader.map(|_| golden(version).join("reader.key"));
    let vaults = [
        (page.as_str(), place.path("vault"), reader.map(Path::to_path_buf)),
        (PAGE, golden(version).join("vault"), reader_then),
    ];
    for (page, vault, reader) in vaults {
        let newest = objects(&vault, "roots").into_iter().max_by_key(|path| root(path)["counter"].as_u64());
        let newest = newest.unwrap();
        let (temp, (file, tree)) = (TempDir::new(), blocks_of(page));
        let (out, work) = (temp.path().join("out"), temp.path().join("work"));
        fs::create_dir(&work).unwrap();
        let (functions, _) = file.split_once("restore_file \"$ROOT\"").unwrap();
        let script = format!("{functions}\n{tree}\nrestore_tree \"$ROOT\"\n");
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let settings = [
            ("VAULT", text(&vault)),
            ("ROOT", newest.file_name().unwrap().to_str().unwrap().to_owned()),
            ("OUT", text(&out)),
            ("WORK", text(&work)),
            ("IDENTITY", reader.as_deref().map(text).unwrap_or_default()),
        ];
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).chain(["age", "mv"]).collect();
        let done = by_hand(place, &script, &tools, &settings);
        assert!(done.status.success(), "{version}: {}", String::from_utf8_lossy(&done.stderr));
        run("diff", &["-r", "--no-dereference", &text(volume), &text(&out)]);
    }
}

#[test]
fn the_page_in_every_vault_and_its_commands_are_those_of_the_golden_vaults() {
    let place = Place::new();
    let page = fs::read_to_string(place.path("vault/README.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let commands = blocks.collect::<Vec<_>>().join("\n");
    let written = [
        (golden("commands.txt"), commands, "the commands by which people restore are others now"),
        (
            golden("README.sha256"),
            format!("{}  README.md\n", Digest::of(page.as_bytes())),
            "the page is another now",
        ),
    ];
    for (path, now, what) in written {
        if std::env::var_os("OUTLIVE_BLESS").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let then = fs::read_to_string(&path).unwrap();
        assert!(
            then == now,
            "{what}: {}. Every new vault carries it for ever. Where the format is another, that takes a new version; where only words or \
             commands are better, OUTLIVE_BLESS=1 writes down what they are now",
            run(
                "sh",
                &[
                    "-c",
                    &format!(
                        "cat > {0}.now <<'END OF ALL'\n{now}\nEND OF ALL\ndiff {1} {0}.now; true",
                        place.path("it").display(),
                        path.display()
                    )
                ]
            )
        );
    }
}
