//! A local Railway for tests: `server.py` serves the part of its API that is in `schema.graphql`, with a state that calls
//! change, and writes down every request. It is a part of the test, and is started by hand.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use crate::hand::{by_hand, fs};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the server and its schema are.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/railway");

/// A server with its estate. It ends with the test.
pub struct Server {
    pub endpoint: String,
    port: u16,
    log: PathBuf,
    /// Its standard input keeps it running.
    keeper: Child,
}

impl Server {
    /// Serves this estate; its log is in `folder`. Each answer takes so many seconds.
    pub fn start(folder: &Path, estate: &Value, seconds: f64) -> Self {
        fs::create_dir_all(folder).unwrap();
        let (file, log) = (folder.join("estate.json"), folder.join("requests.log"));
        fs::write(&file, estate.to_string()).unwrap();
        fs::write(&log, "").unwrap();
        let mut command = python();
        command.arg(format!("{HERE}/server.py")).args([&file, &log]).arg(seconds.to_string());
        let mut keeper = by_hand(|| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()).unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.trim().parse().expect("the local Railway tells its port");
        Self { endpoint: format!("http://127.0.0.1:{port}/graphql/v2"), port, log, keeper }
    }

    /// Every document that was sent, in order, with its path and variables.
    pub fn asked(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What somebody else sends, with a token: the thief of it, too.
    pub fn send(&self, token: &str, document: &str) -> Value {
        let body = json!({ "query": document }).to_string();
        let head = format!(
            "POST /graphql/v2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        by_hand(|| {
            drop(self.keeper.stdin.take());
            drop(self.keeper.wait());
        });
    }
}

/// What the provider's own introspection has against these documents, and against the schema of the tests.
pub fn complaints_of(introspection: &Path, documents: &[&str]) -> Vec<String> {
    let mut command = python();
    command.arg(format!("{HERE}/server.py")).arg("--validate").arg(introspection);
    let mut child = by_hand(|| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()).unwrap();
    let documents = serde_json::to_string(documents).unwrap();
    child.stdin.take().unwrap().write_all(documents.as_bytes()).unwrap();
    let done = by_hand(|| child.wait_with_output()).unwrap();
    assert!(done.status.success());
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The Python that has the library for GraphQL.
fn python() -> Command {
    let named = std::env::var_os("OUTLIVE_TEST_TOOLS").map(PathBuf::from);
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin"));
    let found =
        named.into_iter().chain([own]).map(|folder| folder.join("python3")).find(|path| path.exists());
    let found = found
        .expect("Python with graphql-core is missing in target/test-tools/venv: scripts/test installs it");
    let mut command = Command::new(found);
    // It writes no compiled modules beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// An id as Railway has them.
pub fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A volume in an environment, with backups that were taken so many hours before `now`.
pub fn instance(id: &str, volume: &str, ages: &[i64], now: chrono::DateTime<chrono::Utc>) -> Value {
    let backups: Vec<Value> = ages
        .iter()
        .map(|hours| {
            let taken = (now - chrono::TimeDelta::hours(*hours)).to_rfc3339();
            json!({ "id": format!("{id}-{hours}h"), "name": format!("{hours} h before"), "createdAt": taken, "expiresAt": null })
        })
        .collect();
    let daily = json!({ "id": format!("{id}-daily"), "name": "daily", "cron": "0 3 * * *", "kind": "DAILY", "retentionSeconds": 518_400 });
    json!({
        "id": id, "volumeId": volume, "environmentId": "", "region": "us-west2", "state": "READY",
        "deletedAt": null, "isPendingDeletion": false, "backups": backups, "schedules": [daily],
    })
}
