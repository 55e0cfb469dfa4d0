//! A copy is stopped after each single thing that it makes durable, in a directory and in a bucket: nothing is falsely
//! claimed, and the next run continues.

use super::killing::{assert_nothing_false_is_claimed, seed, undisturbed};
use super::place::{Place, assert_same, noise};
use super::proxy::Proxy;
use super::run::{Ended, Run};
use super::servers::{ID, SECRET, seaweedfs};
use super::strace::{Call, calls};
use outlive::ledger::{Event, Ledger, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What makes something durable or gives it a name; the program has no rename.
pub const EFFECTS: [&str; 4] = ["fsync", "linkat", "mkdirat", "mkdir"];

pub fn is_effect(call: &Call) -> bool {
    EFFECTS.contains(&&*call.name) && call.succeeded()
}

pub fn is_campaign() -> bool {
    std::env::var_os("OUTLIVE_CAMPAIGN").is_some()
}

/// Small and large files: several packs, and an upload in parts.
pub fn make_data(place: &Place, seed: u64) -> PathBuf {
    place.file("data/large", noise(seed, 9_000_000));
    (0..20).for_each(|n| drop(place.file(&format!("data/{n}"), noise(seed.wrapping_add(n), 3000))));
    place.path("data")
}

/// The copy of a directory, killed once it has done so much.
fn cut(place: &Place, state: &Path, data: &Path, vault: &Path, after: usize) -> Ended {
    cut_run(place.outlive_with_state(state, &[&"copy", &data, &"--vault", &vault]), after)
}

/// Lets a run wait a little before each effect, and kills it once so many are done; with what it did until then.
pub fn cut_run(run: Run, after: usize) -> Ended {
    let mut copy = run.inject(&format!("{}:delay_enter=25000", EFFECTS.join(","))).start();
    let (log, patience) = (copy.log().to_owned(), Instant::now() + Duration::from_secs(60));
    copy.process();
    while copy.is_running() {
        let written = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
        if calls(&written).iter().filter(|call| is_effect(call)).count() >= after {
            copy.signal(Signal::KILL);
            break;
        }
        assert!(Instant::now() < patience, "it never came so far");
        std::thread::sleep(Duration::from_millis(1));
    }
    copy.end()
}

/// Takes away what a power cut takes: names whose directory was not synced after they came about.
pub fn cut_power(log: &str, vault: &Path) -> usize {
    let done: Vec<Call> = calls(log).into_iter().filter(is_effect).collect();
    let mut lost = 0;
    for (at, call) in done.iter().enumerate() {
        let name = match &*call.name {
            "linkat" => call.path_at(2),
            "mkdirat" => call.path_at(0),
            "mkdir" => call.string(0),
            _ => continue,
        };
        let name = Path::new(OsStr::from_bytes(&name)).to_owned();
        let above = name.parent().unwrap().as_os_str().as_bytes().to_owned();
        let is_synced = |later: &Call| later.name == "fsync" && later.descriptor(0) == above;
        if done[at..].iter().any(is_synced) || !name.starts_with(vault) || !name.exists() {
            continue;
        }
        lost += 1;
        if name.is_dir() {
            std::fs::remove_dir_all(name).unwrap();
        } else {
            std::fs::remove_file(name).unwrap();
        }
    }
    lost
}

/// What the ledger says is stored is there.
pub fn assert_what_is_recorded_is_there(state: &Path, is_there: impl Fn(&str) -> bool) {
    if !state.join("ledger.jsonl").exists() {
        return;
    }
    for record in Ledger::look(state, PATIENCE).unwrap() {
        if let Event::Stored { point, .. } | Event::ReadBack { point, .. } = &record.event {
            assert!(is_there(&point.key), "the ledger claims {}, and it is not there", point.key);
        }
    }
}

#[test]
fn a_copy_into_a_directory_that_is_stopped_after_any_effect_claims_nothing_and_the_next_continues() {
    let place = Place::new();
    let (seed, step) = (seed(), if is_campaign() { 1 } else { 9 });
    println!("OUTLIVE_SEED={seed}");
    let data = make_data(&place, 1);
    let whole = cut(&place, &place.path("state-whole"), &data, &place.path("whole"), usize::MAX).expect(0);
    let effects = calls(&whole.log).iter().filter(|call| is_effect(call)).count();
    assert!(effects > 40, "{effects}");
    let (mut stopped, mut lost) = (0, 0);
    for after in (seed as usize % step..effects).step_by(step) {
        // Two kinds of end, by turns: of the process, and of the power.
        for power in [false, true] {
            let name = format!("{after}-{power}");
            let (state, vault) = (place.path("state"), place.path(&format!("vault-{name}")));
            let killed = cut(&place, &state, &data, &vault, after);
            stopped += usize::from(killed.code.is_none());
            if power {
                lost += cut_power(&killed.log, &vault);
            }
            let points = assert_nothing_false_is_claimed(&place, &vault);
            assert_what_is_recorded_is_there(&state, |key| vault.join(key).exists());
            undisturbed(&place, &data, &vault);
            assert_eq!(assert_nothing_false_is_claimed(&place, &vault), points + 1, "after {name}");
            let target = place.path(&format!("restored-{name}"));
            place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
            assert_same(&data, &target);
            [&vault, &target, &state].into_iter().for_each(|done| std::fs::remove_dir_all(done).unwrap());
        }
    }
    println!("{stopped} copies were stopped among {effects} effects, {lost} names were lost with the power");
    assert!(stopped > effects / step && (lost > 0 || !is_campaign()), "{stopped} were stopped, {lost} lost");
}

/// A copy and what reads it, in a bucket by its address.
struct Bucket {
    place: Place,
    address: String,
}

impl Bucket {
    fn outlive(&self, endpoint: &str, arguments: &[&dyn AsRef<OsStr>]) -> Run {
        let run = self.place.outlive(arguments).environment("AWS_ENDPOINT_URL", endpoint);
        let run = run.environment("AWS_ACCESS_KEY_ID", ID).environment("AWS_SECRET_ACCESS_KEY", SECRET);
        run.environment("AWS_REGION", "us-east-1")
    }

    /// What the vault says of itself: its points, all of which are sound.
    fn points(&self) -> Vec<String> {
        let endpoint = &seaweedfs().endpoint;
        let listed = self.outlive(endpoint, &[&"vault", &"list", &self.address, &"--format", &"json"]).end();
        if listed.code == Some(2) {
            listed.complains("no vault here");
            return Vec::new();
        }
        let listed = listed.json("vault-list");
        assert_eq!(listed["damaged"].as_array().unwrap().len(), 0, "{listed:#}");
        let points = |json: &serde_json::Value| -> Vec<String> {
            let points = json["points"].as_array().unwrap().iter();
            points.map(|point| point["id"].as_str().unwrap().to_owned()).collect()
        };
        let verified = self.outlive(endpoint, &[&"verify", &self.address, &"--format", &"json"]).end();
        let verified = verified.expect(if points(&listed).is_empty() { 11 } else { 0 }).json("verify");
        assert_eq!(points(&listed), points(&verified), "listed and verified differ");
        points(&verified)
    }

    /// The copy of a directory, killed once the server has got so much.
    fn cut(&self, data: &Path, after: usize) -> bool {
        let proxy = Proxy::start(&seaweedfs().endpoint);
        let copy = self.outlive(&proxy.endpoint, &[&"copy", &data, &"--vault", &self.address]);
        cut_requests(&proxy, copy, after)
    }
}

/// Kills a run once the server behind the proxy has got so many requests that write, before it is told of the last one; false where the
/// run needed fewer.
pub fn cut_requests(proxy: &Proxy, run: Run, after: usize) -> bool {
    let (written, victim) = (Arc::new(AtomicUsize::new(0)), Arc::new(OnceLock::<Pid>::new()));
    let (count, to_kill) = (written.clone(), victim.clone());
    proxy.instead(move |head| {
        let writes = head.line().starts_with("PUT ") || head.line().starts_with("POST ");
        let number = if writes { count.fetch_add(1, Relaxed) } else { 0 };
        if !writes || number + 1 < after {
            return None;
        }
        let _ = kill_process(*to_kill.wait(), Signal::KILL);
        // The last one still arrives; what comes meanwhile does not.
        (number + 1 > after).then(|| ("503 Service Unavailable".into(), String::new()))
    });
    let copy = run.start();
    victim.set(copy.process()).unwrap();
    let ended = copy.end();
    // What the dead process sent is on its way for a moment yet.
    std::thread::sleep(Duration::from_millis(300));
    match ended.code {
        None => assert!(written.load(Relaxed) >= after),
        Some(_) => drop(ended.expect(0)),
    }
    written.load(Relaxed) >= after
}

#[test]
fn a_copy_into_a_bucket_that_is_stopped_after_any_put_claims_nothing_and_the_next_continues() {
    let (seed, step) = (seed(), if is_campaign() { 1 } else { 5 });
    println!("OUTLIVE_SEED={seed}");
    let bucket = Bucket { place: Place::new(), address: String::new() };
    let data = make_data(&bucket.place, 1);
    let name = seaweedfs().new_bucket();
    let mut bucket = bucket;
    let (mut stopped, mut parts) = (0, 0);
    for after in (seed as usize % step..).step_by(step) {
        bucket.address = format!("s3://{name}/{after}");
        let was_stopped = bucket.cut(&data, after);
        let points = bucket.points().len();
        assert_what_is_recorded_is_there(&bucket.place.path("state"), |_| points > 0);
        let copied = bucket.outlive(&seaweedfs().endpoint, &[&"copy", &data, &"--vault", &bucket.address]);
        copied.end().expect(0).says("read back");
        let after_all = bucket.points().len();
        assert_eq!(after_all, points + 1);
        let target = bucket.place.path(&format!("restored-{after}"));
        let restore: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--vault", &bucket.address, &"--to", &target];
        bucket.outlive(&seaweedfs().endpoint, &restore).end().expect(0);
        assert_same(&data, &target);
        [&target, &bucket.place.path("state")]
            .into_iter()
            .for_each(|done| std::fs::remove_dir_all(done).unwrap());
        if !was_stopped {
            parts = after;
            break;
        }
        stopped += 1;
    }
    println!(
        "{stopped} copies were stopped; an undisturbed one sends fewer than {parts} requests that write"
    );
    assert!(parts > 10 && stopped >= parts / step, "{stopped} of {parts}");
}
