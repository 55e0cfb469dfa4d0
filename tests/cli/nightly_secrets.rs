//! What is secret is in no command line, and not in what a night stores.

use super::nightly_estate::{EstateFile, nightly};
use super::place::{Place, names};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const CANARIES: [&str; 5] =
    ["canary-in-env", "canary-in-file", "canary-by-command", "canary-s3-secret", "canary-s3-id"];
/// In the command line of the dump: it shows that the command lines were seen.
const MARK: &str = "sleep 2.17";

/// The command lines of every process but the recorder's, which is given the environment as arguments.
fn command_lines() -> BTreeSet<String> {
    let processes = names(Path::new("/proc")).into_iter().map(|name| Path::new("/proc").join(name));
    let read = |process: std::path::PathBuf| {
        let line = std::fs::read(process.join("cmdline")).ok()?;
        // Read after the line: what has not become another program yet still has the recorder's name.
        let name = std::fs::read_to_string(process.join("comm")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (name.trim() != "strace" && !line.starts_with("strace ")).then_some(line)
    };
    processes.filter_map(read).collect()
}

/// Every file below a directory.
fn contents(directory: &Path) -> Vec<u8> {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { contents(&path) } else { std::fs::read(path).unwrap() })
        .collect()
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn no_secret_is_in_a_command_line_or_in_what_is_stored() {
    let place = Place::new();
    let file = place.file("key", "canary-in-file\n");
    let by_command = place.file("key-too", "canary-by-command\n");
    place.file("data/file", "content");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let vault = format!(
        "[[vault]]\nid = \"away\"\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:{nobody}\"\nbucket = \"bucket\"\n\
         writer = {{ env = \"KEYS\" }}"
    );
    let from = format!(
        "command = [\"sh\", \"-c\", \"env >&2; {MARK}; echo row\"], file = \"row\", env = {{ \
         A = {{ env = \"CANARY\" }}, B = {{ file = {file:?} }}, C = {{ command = [\"cat\", {by_command:?}] }} }}"
    );
    let estate = EstateFile::new().vault("shelf", &place.path("vault")).with(&vault);
    let estate = estate.tree("tree", &place.path("data"), &["shelf", "away"]);
    estate.command("dump", &place.directory("database"), &from, "shelf", "").write(&place);
    let over = AtomicBool::new(false);
    let (ended, seen) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !over.load(Relaxed) {
                seen.extend(command_lines());
                std::thread::sleep(Duration::from_millis(20));
            }
            seen
        });
        let run = nightly(&place, &["--format", "json"]).environment("CANARY", "canary-in-env");
        let ended = run.environment("KEYS", "canary-s3-id:canary-s3-secret").end();
        over.store(true, Relaxed);
        (ended, watch.join().unwrap())
    });
    let ended = ended.expect(14);
    assert!(seen.iter().any(|line| line.contains(MARK)), "the dump's command line was never seen");
    let stored = [contents(&place.path("vault")), contents(&place.path("state"))].concat();
    assert!(holds(&stored, "night_ended"), "nothing was stored");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    for canary in CANARIES {
        let shown: Vec<&String> = seen.iter().filter(|line| line.contains(canary)).collect();
        assert!(shown.is_empty(), "{canary} is in a command line: {shown:?}");
        assert!(!holds(&stored, canary), "{canary} is stored");
        assert!(!told.contains(canary), "{canary} was told");
    }
}
