//! An estate file for a night with the real binary, and what the night left in the ledger.

use super::place::{Place, tool};
use super::run::{Ended, Run};
use super::servers::{seaweedfs, user_with};
use outlive::ledger::{Event, Ledger, PATIENCE, Record};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A command that prints for ever, and ends as soon as nobody reads it any more.
pub const ENDLESS: &str = "while sleep 0.2; do echo tick; done";

/// An estate file that grows: volumes on this machine whose deletion their copies are to survive.
#[derive(Clone)]
pub struct EstateFile {
    text: String,
}

impl EstateFile {
    pub fn new() -> Self {
        let policy = "[policy.default]\nrpo = \"26h\"\nverify_within = \"2d\"\ndrill_every = \"never\"\n\
                      survive = [\"primary-deletion\"]\n";
        Self { text: policy.into() }
    }

    /// A vault in a directory.
    pub fn vault(self, id: &str, path: &Path) -> Self {
        self.with(&format!("[[vault]]\nid = {id:?}\nkind = \"dir\"\npath = {path:?}"))
    }

    /// A volume that is a directory, copied to each of these vaults.
    pub fn tree(self, id: &str, path: &Path, vaults: &[&str]) -> Self {
        let volume = self.with(&format!("[[volume]]\nid = {id:?}\npath = {path:?}"));
        vaults.iter().fold(volume, |file, vault| {
            file.with(&format!("[[copy]]\nvolume = {id:?}\nto = {vault:?}\nevery = \"24h\""))
        })
    }

    /// A volume at this path whose copy is what a script prints; `more` are keys of the copy.
    pub fn script(self, id: &str, path: &Path, script: &str, vault: &str, more: &str) -> Self {
        self.command(id, path, &format!("command = [\"sh\", \"-c\", {script:?}]"), vault, more)
    }

    /// The same with the keys of `from` in words.
    pub fn command(self, id: &str, path: &Path, from: &str, vault: &str, more: &str) -> Self {
        self.with(&format!(
            "[[volume]]\nid = {id:?}\npath = {path:?}\n\
             [[copy]]\nvolume = {id:?}\nfrom = {{ {from} }}\nto = {vault:?}\nevery = \"24h\"\n{more}"
        ))
    }

    /// More of it, in its own words.
    pub fn with(mut self, more: &str) -> Self {
        self.text.push_str(more);
        self.text.push('\n');
        self
    }

    /// The same, asked to survive another loss instead.
    pub fn surviving(self, class: &str) -> Self {
        Self { text: self.text.replace("\"primary-deletion\"", &format!("{class:?}")) }
    }

    /// Written to where [`nightly`] looks for it.
    pub fn write(&self, place: &Place) {
        place.file("outlive.toml", &self.text);
    }
}

/// `outlive nightly` on the file that was written last.
pub fn nightly(place: &Place, more: &[&str]) -> Run {
    place.outlive_by_file(&[&["nightly"], more].concat())
}

/// The same, to its end and as JSON.
#[track_caller]
pub fn night(place: &Place, code: i32) -> Value {
    nightly(place, &["--format", "json"]).end().expect(code).json("nightly")
}

/// Lets a run see another time: so many seconds away from now.
///
/// A library of a few lines, because what Debian has for it keeps files that it deletes, which is what no run may do.
pub fn at(place: &Place, run: Run, seconds: i64) -> Run {
    const SHIFTED: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *by = getenv("CLOCK_SHIFTED_BY");
    if (!result && by && clock == CLOCK_REALTIME) now->tv_sec += atol(by);
    return result;
}
"#;
    let library = place.path("shifted.so");
    if !library.exists() {
        let source = place.file("shifted.c", SHIFTED);
        let options = ["-shared", "-fPIC", "-o"].map(OsStr::new);
        tool(
            "cc",
            &[options.as_slice(), &[library.as_os_str(), source.as_os_str(), "-ldl".as_ref()]].concat(),
        );
    }
    run.environment("LD_PRELOAD", library).environment("CLOCK_SHIFTED_BY", seconds.to_string())
}

/// Everything in the ledger; that it can be read is part of what is asked.
#[track_caller]
pub fn ledger(place: &Place) -> Vec<Record> {
    Ledger::look(&place.path("state"), PATIENCE).unwrap()
}

/// True where the last run that began in these records has no end in them.
pub fn is_unended(records: &[Record]) -> bool {
    let last = records.iter().rev().find_map(|record| match record.event {
        Event::NightBegan { .. } => Some(true),
        Event::NightEnded { .. } => Some(false),
        _ => None,
    });
    last == Some(true)
}

/// What became of a volume's copy to a vault, and the words about it.
#[track_caller]
fn task<'a>(night: &'a Value, volume: &str, vault: &str) -> (&'a str, &'a str) {
    let tasks = night["tasks"].as_array().unwrap();
    let found = tasks
        .iter()
        .find(|task| task["task"] == "copy" && task["volume"] == volume && task["vault"] == vault);
    let found = found.unwrap_or_else(|| panic!("no copy of {volume} to {vault}: {night:#}"));
    (found["outcome"].as_str().unwrap(), found["detail"].as_str().unwrap())
}

/// Fails unless that copy ended so, with these words about it.
#[track_caller]
pub fn assert_task(night: &Value, (volume, vault): (&str, &str), outcome: &str, words: &str) {
    let (was, detail) = task(night, volume, vault);
    assert!(was == outcome && detail.contains(words), "{volume} to {vault} is {was}: {detail}");
}

/// True where the night's notices say this.
pub fn notices(night: &Value, words: &str) -> bool {
    night["notices"].as_array().unwrap().iter().any(|notice| notice.as_str().unwrap().contains(words))
}

/// The points that `outlive verify` finds whole in a vault, by the id of the point, without the ledger's help.
#[track_caller]
pub fn verified(place: &Place, vault: &Path) -> Ended {
    let state: PathBuf = place.path("state-of-a-stranger");
    place.outlive_with_state(&state, &[&"verify", &vault, &"--format", &"json"]).end()
}

/// A vault under lock in a bucket of its own, and users with the rights that outlive prints for its roles.
pub struct Granted {
    pub bucket: String,
    /// Its table in the estate file.
    pub table: String,
    pub writer: String,
    pub reader: String,
}

impl Granted {
    pub fn new() -> Self {
        let server = seaweedfs();
        let bucket = server.new_locked_place("").bucket;
        let table = format!(
            "[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = \"night/\"\n\
             writer = {{ env = \"WRITER\" }}\nreader = {{ env = \"READER\" }}\nlock = {{ mode = \"compliance\" }}",
            server.endpoint,
        );
        Self { bucket, table, writer: String::new(), reader: String::new() }
    }

    /// Makes the users, by the estate file that was written last.
    pub fn make_users(&mut self, place: &Place) {
        let user = |role: &str| {
            let printed = ["vault", "policy", "offsite", "--for", "seaweedfs", "--only", role];
            let printed = self.outlive(place, &printed).end().expect(0).stdout;
            let (id, secret) = user_with(seaweedfs(), &place.file(&format!("{role}.json"), printed));
            format!("{id}:{secret}")
        };
        (self.writer, self.reader) = (user("writer"), user("reader"));
    }

    /// The program with both users' keys.
    pub fn outlive(&self, place: &Place, arguments: &[&str]) -> Run {
        let run = place.outlive_by_file(arguments);
        run.environment("WRITER", &self.writer).environment("READER", &self.reader)
    }
}
