//! A prefix that somebody else writes, mirrored: as a tree, point by point, and with reading requests only.

use crate::contract::bytes;
use crate::hand::TempDir;
use crate::proxy::{Fault, Proxy};
use crate::servers::{self, Server};
use aws_sdk_s3::primitives::ByteStream;
use outlive::domain::{AssetId, Consistency, Monitor, Result, Silent, Volume, VolumeId, VolumeKind};
use outlive::estate::S3Place;
use outlive::providers::prefix::PrefixSource;
use outlive::store::{DirStore, Limits, Prefix};
use outlive::vault::format::Origin;
use outlive::vault::{CopyReport, CopyRequest, RestoreOptions, Roots, Vault, copy, restore};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A bucket of somebody else behind a proxy, and a vault in a directory.
pub struct Mirror {
    pub proxy: Proxy,
    pub place: S3Place,
    server: &'static Server,
    folder: TempDir,
}

impl Mirror {
    pub fn new() -> Self {
        let server = servers::seaweedfs();
        let proxy = Proxy::start(&server.endpoint);
        let place = S3Place { endpoint: Some(proxy.endpoint.clone()), ..server.new_place("repo/") };
        Self { proxy, place, server, folder: TempDir::new() }
    }

    /// Writes objects as their owner does, past the proxy.
    pub fn put(&self, objects: &[(&str, Vec<u8>)]) {
        let client = servers::client(&self.server.endpoint);
        block(async {
            for (name, content) in objects {
                let key = format!("repo/{name}");
                let request = client.put_object().bucket(&self.place.bucket).key(key);
                request.body(ByteStream::from(content.clone())).send().await.unwrap();
            }
        });
    }

    /// What its owner does at any time.
    pub fn replace(&self, name: &str, content: &'static [u8]) -> impl FnOnce() + Send + use<> {
        let (endpoint, bucket) = (self.server.endpoint.clone(), self.place.bucket.clone());
        let key = format!("repo/{name}");
        move || {
            let client = servers::client(&endpoint);
            let request = client.put_object().bucket(bucket).key(key).body(ByteStream::from_static(content));
            std::thread::spawn(|| drop(block(request.send()).unwrap())).join().unwrap();
        }
    }

    pub fn remove(&self, name: &str) -> impl FnOnce() + Send + use<> {
        let (endpoint, bucket) = (self.server.endpoint.clone(), self.place.bucket.clone());
        let key = format!("repo/{name}");
        move || {
            let request = servers::client(&endpoint).delete_object().bucket(bucket).key(key);
            std::thread::spawn(|| drop(block(request.send()).unwrap())).join().unwrap();
        }
    }

    /// The line with which an object is asked for, to its last letter before the query.
    pub fn get_of(&self, name: &str) -> &'static str {
        format!("GET /{}/repo/{name}?", self.place.bucket).leak()
    }

    pub fn prefix(&self) -> Result<Prefix> {
        let limits = Limits {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(5),
            idle: Duration::from_secs(2),
            attempts: 3,
            pause: Duration::from_millis(10),
            longest_pause: Duration::from_millis(50),
            ..Limits::default()
        };
        Prefix::with_limits(&self.place, &servers::credentials(), limits)
    }

    pub fn vault(&self) -> Vault {
        let store = DirStore::create(&self.folder.path().join("vault")).unwrap();
        Vault::open_or_create(Arc::new(store), chrono::Utc::now()).unwrap()
    }

    /// Copies, counting requests from zero.
    pub fn copy(&self) -> Result<CopyReport> {
        self.copy_by(&Silent)
    }

    pub fn copy_by(&self, monitor: &dyn Monitor) -> Result<CopyReport> {
        self.proxy.arm(None);
        self.copy_of(self.prefix()?, monitor)
    }

    /// Copies with a fault in the request of this number.
    pub fn copy_with(&self, fault: Fault, at: usize) -> Result<CopyReport> {
        self.proxy.arm(Some((fault, at)));
        let report = self.copy_of(self.prefix()?, &Silent);
        assert!(self.proxy.seen().1, "the fault was not done");
        report
    }

    /// Copies what lies there into this vault.
    fn copy_of(&self, prefix: Prefix, monitor: &dyn Monitor) -> Result<CopyReport> {
        PrefixSource::look(&prefix)?;
        let mut source = PrefixSource::open(prefix, || monitor.cancelled())?;
        let volume = Volume {
            id: VolumeId("repo".into()),
            name: "repo".into(),
            kind: VolumeKind::Directory,
            asset: AssetId("volume:repo".into()),
        };
        let path = (&b"repo"[..]).into();
        let origin = Origin { host: "test".into(), path, snapshot: None, consistency: Consistency::Live };
        let clock = &chrono::Utc::now;
        let request =
            CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
        copy(&self.vault(), &mut source, &request, monitor)
    }

    /// The keys of the objects that were asked for since the last copy began, each as often as it was.
    pub fn fetched(&self) -> Vec<String> {
        let (lines, _) = self.proxy.seen();
        let begin = format!("GET /{}/repo/", self.place.bucket);
        let of = |line: &String| line.strip_prefix(&begin)?.split(['?', ' ']).next().map(str::to_owned);
        let mut fetched: Vec<String> = lines.iter().filter_map(of).collect();
        fetched.sort();
        fetched
    }

    /// The files of a point, restored.
    pub fn restored(&self, report: &CopyReport) -> BTreeMap<String, Vec<u8>> {
        let vault = self.vault();
        let roots = Roots::of_volume(&vault, &VolumeId("repo".into())).unwrap();
        let found = roots.sound.iter().find(|found| found.id == report.root.id).unwrap();
        let target = self.folder.path().join(format!("restored-{}", report.root.root.counter));
        let restored = restore(&vault, found, &target, RestoreOptions::default(), &Silent)
            .and_then(|restored| restored.verify(&vault, &Silent));
        drop(restored.map_err(|stopped| stopped.problem).unwrap());
        let mut files = BTreeMap::new();
        read_tree(&target, &target, &mut files);
        files
    }

    pub fn holds_points(&self) -> usize {
        Roots::of_volume(&self.vault(), &VolumeId("repo".into())).unwrap().sound.len()
    }
}

fn read_tree(top: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            read_tree(top, &entry.path(), files);
        } else {
            let name = entry.path().strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn files(objects: &[(&str, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
    objects.iter().map(|(name, content)| ((*name).to_owned(), content.clone())).collect()
}

#[test]
fn a_second_copy_fetches_nothing_and_a_changed_object_is_fetched_alone() {
    let mirror = Mirror::new();
    let mut objects = vec![
        ("archive/db/15-1/0001/000000010000000000000001", bytes(700_000)),
        ("archive/db/archive.info", b"[db]".to_vec()),
        ("backup/db/20260101-010101F/pg_data/base/1/1259.gz", bytes(3_000)),
        ("backup/db-old/x", bytes(9)),
        ("backup/db/backup.info", b"[backup]\n".to_vec()),
        ("backup/db/empty", Vec::new()),
        ("backup/db/odd name+%25&=~é", b"odd".to_vec()),
        ("backup/db/large", bytes(5_000_000)),
    ];
    mirror.put(&objects);
    let first = mirror.copy().unwrap();
    assert_eq!(mirror.restored(&first), files(&objects));
    assert_eq!(first.root.root.totals.missed, 0);
    // One object is empty, and needs no asking for.
    assert_eq!(mirror.fetched().len(), objects.len() - 1, "{:?}", mirror.fetched());
    assert_eq!(first.root.root.origin.consistency, Consistency::Crash, "{:?}", first.notices);
    let second = mirror.copy().unwrap();
    assert_eq!(mirror.fetched(), Vec::<String>::new());
    assert_eq!(mirror.restored(&second), files(&objects));
    assert_eq!(second.root.root.origin.consistency, Consistency::Crash, "{:?}", second.notices);
    mirror.put(&[("backup/db/backup.info", b"[backup]\r".to_vec())]);
    let third = mirror.copy().unwrap();
    assert_eq!(mirror.fetched(), ["backup/db/backup.info"], "as long as before, and another");
    objects[4].1 = b"[backup]\r".to_vec();
    assert_eq!(mirror.restored(&third), files(&objects));
}

#[test]
fn nothing_is_asked_but_lists_and_objects_and_those_two_rights_are_enough() {
    let mirror = Mirror::new();
    mirror.put(&[("a", bytes(10)), ("b/c", bytes(2_000_000))]);
    let policy = |actions: &str, folder: &TempDir| {
        let bucket = &mirror.place.bucket;
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}}"#
        );
        let path = folder.path().join("policy.json");
        crate::hand::fs::write(&path, text).unwrap();
        servers::user_with(mirror.server, &path)
    };
    let with = |(id, secret): (String, String)| {
        use outlive::estate::{Environment, S3Access, SecretSource};
        let place = S3Place {
            reader: Some(S3Access::Joined(SecretSource::Env("KEYS".into()))),
            ..mirror.place.clone()
        };
        let environment = Environment::new([("KEYS".into(), format!("{id}:{secret}").into())]);
        Prefix::connect(&place, &environment).unwrap()
    };
    let folder = TempDir::new();
    let both = with(policy(r#""s3:ListBucket","s3:GetObject""#, &folder));
    let report = Mirror::new().copy_of(both, &Silent).unwrap();
    assert_eq!(report.root.root.totals.files, 2);
    let list_alone = with(policy(r#""s3:ListBucket""#, &folder));
    let problem = Mirror::new().copy_of(list_alone, &Silent).unwrap_err();
    assert!(problem.what.contains("may not read any object"), "{problem}");
    assert!(problem.remedy.contains("s3:GetObject"), "{}", problem.remedy);
    drop(mirror.copy().unwrap());
    let (lines, _) = mirror.proxy.seen();
    let is_reading = |line: &String| {
        let is_list = line.starts_with(&format!("GET /{}/?list-type=2&", mirror.place.bucket));
        is_list || line.starts_with(&format!("GET /{}/repo/", mirror.place.bucket))
    };
    assert!(lines.iter().all(is_reading), "{lines:#?}");
    assert!(lines.len() >= 5, "{lines:?}");
}

#[test]
fn more_objects_than_a_page_are_all_copied() {
    let mirror = Mirror::new();
    let names: Vec<String> = (0..2300).map(|number| format!("d{}/{number:05}", number % 7)).collect();
    let objects: Vec<(&str, Vec<u8>)> =
        names.iter().map(|name| (name.as_str(), name.repeat(20).into_bytes())).collect();
    mirror.put(&objects);
    let report = mirror.copy().unwrap();
    assert_eq!(mirror.restored(&report), files(&objects));
    let (lines, _) = mirror.proxy.seen();
    let lists = lines.iter().filter(|line| line.contains("list-type=2")).count();
    assert!(lists >= 7, "two lists of three pages, and a look: {lists}");
    assert_eq!(mirror.fetched().len(), 2300);
}

#[test]
fn small_objects_are_fetched_many_at_once() {
    let mirror = Mirror::new();
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    let objects: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bytes(100))).collect();
    mirror.put(&objects);
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let begin = format!("GET /{}/repo/", mirror.place.bucket);
    mirror.proxy.instead(move |head| {
        if head.line().starts_with(&begin) {
            // Whoever is alone waits a while for company.
            let now = under_way.fetch_add(1, Relaxed) + 1;
            seen.fetch_max(now, Relaxed);
            let until = Instant::now() + Duration::from_millis(300);
            while seen.load(Relaxed) < 16 && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            under_way.fetch_sub(1, Relaxed);
        }
        None
    });
    let report = mirror.copy().unwrap();
    assert_eq!(mirror.restored(&report), files(&objects));
    assert!(most.load(Relaxed) >= 16, "{} at once", most.load(Relaxed));
}
