//! Streams: what a command prints and what comes through a pipe is stored whole or not at all.

use super::support::{Place, flip, noise};
use outlive::domain::{
    AssetId, Consistency, Kind, Monitor, Phase, Problem, Result, Silent, Volume, VolumeId, VolumeKind,
};
use outlive::estate::Secret;
use outlive::providers::stream::{CommandOrder, CommandSource, StdinSource};
use outlive::vault::format::Origin;
use outlive::vault::{CopyReport, CopyRequest, Roots, Source, Vault, copy, verify};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

fn copy_stream(place: &Place, source: &mut dyn Source, monitor: &dyn Monitor) -> Result<CopyReport> {
    copy_stream_into(&place.vault, "stream", source, monitor)
}

/// Copies a stream as a point of the volume with this id.
pub fn copy_stream_into(
    vault: &Vault,
    id: &str,
    source: &mut dyn Source,
    monitor: &dyn Monitor,
) -> Result<CopyReport> {
    let volume = Volume {
        id: VolumeId(id.into()),
        name: "stream".into(),
        kind: VolumeKind::Stream,
        asset: AssetId(format!("volume:{id}")),
    };
    let origin = Origin {
        host: "test".into(),
        path: (&b"dump"[..]).into(),
        snapshot: None,
        consistency: Consistency::Application,
    };
    let clock = &chrono::Utc::now;
    let request = CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
    copy(vault, source, &request, monitor)
}

/// Pipes bytes into a copy.
pub fn pipe(place: &Place, bytes: Vec<u8>) -> Result<CopyReport> {
    let (read, mut write) = std::io::pipe().unwrap();
    let writing = std::thread::spawn(move || write.write_all(&bytes).unwrap());
    let copied = copy_stream(place, &mut StdinSource::new(read, chrono::Utc::now()), &Silent);
    writing.join().unwrap();
    copied
}

fn order(script: &str) -> CommandOrder {
    CommandOrder {
        argv: ["sh", "-c", script].map(str::to_owned).into(),
        plain: [("PATH".to_owned(), std::env::var("PATH").unwrap())].into(),
        secret: [("SECRET".to_owned(), Secret::new("canary-of-the-test"))].into(),
        longest: Duration::from_secs(120),
    }
}

fn run(place: &Place, order: &CommandOrder) -> Result<CopyReport> {
    copy_stream(place, &mut CommandSource::start(order, chrono::Utc::now())?, &Silent)
}

/// The copy failed, and no recovery point came about.
#[track_caller]
fn refused(place: &Place, order: &CommandOrder, words: &str) -> Problem {
    let problem = run(place, order).unwrap_err();
    assert!(problem.to_string().contains(words), "{problem}");
    assert_eq!(Roots::read(&place.vault).unwrap().sound.len(), 0, "a point of half a stream");
    problem
}

#[test]
fn a_stream_comes_back_as_the_file_it_was() {
    let place = Place::new();
    let mut bytes = noise(3, 5_000_003);
    bytes[1_000_000..2_500_000].fill(0);
    let copied = pipe(&place, bytes.clone()).unwrap();
    assert_eq!((copied.root.root.totals.files, copied.root.root.totals.bytes), (1, 5_000_003));
    assert_eq!(std::fs::read(place.restore("restored")).unwrap(), bytes);
}

#[test]
fn a_stream_whose_bytes_moved_is_sent_only_where_it_differs() {
    let place = Place::new();
    let bytes = noise(5, 48 << 20);
    let first = pipe(&place, bytes.clone()).unwrap().written_bytes;
    let moved = [&b"a line that was not there"[..], &bytes[..20 << 20], &bytes[(20 << 20) + 999..]].concat();
    let second = pipe(&place, moved.clone()).unwrap().written_bytes;
    assert!(second * 20 < first, "{second} of {first} bytes were written again");
    assert_eq!(std::fs::read(place.restore("restored")).unwrap(), moved);
}

#[test]
fn a_command_is_copied_with_no_more_of_the_environment_than_it_was_given() {
    let place = Place::new();
    run(&place, &order("env | cut -d= -f1 | sort; echo $SECRET")).unwrap();
    let printed = std::fs::read_to_string(place.restore("restored")).unwrap();
    let names: Vec<&str> =
        printed.lines().filter(|line| !["PWD", "SHLVL", "_", "OLDPWD"].contains(line)).collect();
    assert_eq!(names, ["PATH", "SECRET", "canary-of-the-test"]);
}

#[test]
fn a_command_that_fails_after_its_bytes_flowed_leaves_no_point_and_says_what_it_said() {
    let place = Place::new();
    let script = "head -c 3000000 /dev/urandom; echo the disk is on fire, $SECRET >&2; exit 3";
    let problem = refused(&place, &order(script), "exit code 3");
    assert!(problem.what.contains("the disk is on fire, (secret)"), "{problem}");
    assert!(!format!("{problem:?}").contains("canary"));
    refused(&place, &order("echo bytes; kill -SEGV $$"), "signal 11");
    refused(&place, &order("true"), "printed nothing");
    let missing = CommandOrder { argv: vec!["no-such-program-at-all".into()], ..order("") };
    refused(&place, &missing, "starting the command");
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_started() {
    let place = Place::new();
    let mark = place.path("pid");
    let script = format!("echo begun; sh -c 'mkdir {0}-$$; exec sleep 600' & wait", mark.display());
    let began = Instant::now();
    refused(&place, &CommandOrder { longest: Duration::from_secs(2), ..order(&script) }, "took longer");
    assert!(began.elapsed() >= Duration::from_secs(2) && began.elapsed() < Duration::from_secs(60));
    let names = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names = names.filter_map(|name| Some(name.to_str()?.strip_prefix("pid-")?.to_owned()));
    let child = names.next().expect("the command did not begin");
    let gone = |_| {
        std::thread::sleep(Duration::from_millis(50));
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.trim()));
        status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
    };
    assert!((0..100).any(gone), "what the command started runs on");
}

#[test]
fn a_command_that_prints_without_end_is_ended_in_its_time() {
    let place = Place::new();
    let began = Instant::now();
    refused(&place, &CommandOrder { longest: Duration::from_secs(2), ..order("exec yes") }, "took longer");
    assert!(began.elapsed() >= Duration::from_secs(2) && began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_command_that_closed_its_output_is_waited_for_and_can_be_stopped() {
    let place = Place::new();
    refused(&place, &order("echo bytes; exec >&-; sleep 1; echo too late >&2; exit 7"), "too late");
    let script = "echo bytes; exec >&-; exec sleep 600";
    let mut source = CommandSource::start(&order(script), chrono::Utc::now()).unwrap();
    let monitor = Impatient(Instant::now() + Duration::from_secs(1));
    let problem = copy_stream(&place, &mut source, &monitor).unwrap_err();
    assert_eq!(problem.kind, Kind::Cancelled, "{problem}");
    assert!(Instant::now() < monitor.0 + Duration::from_secs(60));
}

#[test]
fn something_that_left_the_commands_group_holds_nothing_up() {
    let place = Place::new();
    let began = Instant::now();
    refused(&place, &order("setsid sleep 20 & echo bytes"), "holds its output open");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn something_left_running_that_holds_the_output_is_no_whole_copy() {
    let place = Place::new();
    let began = Instant::now();
    refused(&place, &order("sleep 600 & echo bytes"), "holds its output open");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_gigabyte_of_complaints_holds_nothing_up() {
    let place = Place::new();
    run(&place, &order("head -c 1073741824 /dev/zero >&2; echo bytes")).unwrap();
    assert_eq!(std::fs::read(place.restore("restored")).unwrap(), b"bytes\n");
}

struct Impatient(Instant);

impl Monitor for Impatient {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        Instant::now() >= self.0
    }
}

#[test]
fn a_silent_command_is_ended_when_the_copy_is_to_stop() {
    let place = Place::new();
    let mut source = CommandSource::start(&order("echo begun; sleep 600"), chrono::Utc::now()).unwrap();
    let monitor = Impatient(Instant::now() + Duration::from_secs(1));
    let problem = copy_stream(&place, &mut source, &monitor).unwrap_err();
    assert_eq!(problem.kind, Kind::Cancelled, "{problem}");
    assert!(Instant::now() < monitor.0 + Duration::from_secs(60));
}

#[test]
fn a_flipped_bit_in_a_stream_is_found() {
    let place = Place::new();
    let copied = pipe(&place, noise(9, 2_000_000)).unwrap();
    let pack = copied.packs.iter().max_by_key(|line| line.bytes).unwrap();
    flip(&place.path("vault").join(pack.pack.pack().unwrap().as_str()), pack.bytes / 2);
    let verified = verify(&place.vault, &[], &Silent).unwrap();
    assert_eq!((verified.sound.len(), verified.broken.len()), (0, 1));
}
