//! What monitoring reads: the textfile, whole at every moment and accepted by Prometheus's own lint, and the line for
//! Nagios.

use super::hand::{self, fs};
use super::judge::{RECORDED, complaints};
use super::night::{copy_of, night, survivor};
use super::place::Place;
use super::run::{Ended, Run};
use outlive::domain::Kind;
use outlive::report::activity::{NightlyDone, Standing, TaskOutcome};
use outlive::report::{TEXTFILE_HEADER, nagios, prometheus};
use outlive::signal::write_textfile;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names that would end a label, a line or the performance data.
const HOSTILE: [&str; 6] =
    ["quo\"te\\ | x=1 ü", "new\nline 1\noutlive_fake 1", "{a=\"b\"} 1 # x", "\u{1b}[31mred\r", "", "🦀"];

fn hostile_night() -> NightlyDone {
    let mut done = night(&HOSTILE);
    for volume in &mut done.volumes {
        volume.survives.push(survivor("host", "loss of \"host\\\"\nx", None));
    }
    done
}

/// What `promtool check metrics` says of a text: empty where it has nothing to complain of.
fn lint(place: &Place, text: &str) -> (bool, String) {
    let file = place.path("to-lint");
    fs::write(&file, text).unwrap();
    let input = Stdio::from(fs::File::open(&file).unwrap());
    let said = hand::output(Command::new("promtool").args(["check", "metrics"]).stdin(input));
    let said = said.expect("promtool could not be started: scripts/test installs what the suite needs");
    let text = [said.stdout, said.stderr].concat();
    (said.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_metrics_pass_the_lint_of_prometheus_whatever_volumes_are_called() {
    let place = Place::new();
    for (done, code) in [(night(&["a", "b"]), 0), (hostile_night(), 10), (night(&[]), 11)] {
        let text = prometheus(&done, code);
        assert_eq!(lint(&place, &text), (true, String::new()), "{text}");
    }
    let good = prometheus(&night(&["a"]), 0);
    for wrong in
        [good.replace("volume=\"a\"", "volume=\"a\"b\""), good.replace("# HELP", "# HELLO"), "x".into()]
    {
        assert!(!lint(&place, &wrong).0, "the lint takes everything: {wrong}");
    }
}

#[test]
fn every_metric_says_what_the_night_came_to() {
    let mut done = night(&["a", "b"]);
    done.volumes[1].standing = Standing::Undetermined;
    done.volumes[1].survives = vec![survivor("host", "loss of h", None)];
    done.volumes[1].drill.last_passed_at = None;
    done.volumes[1].drill.last_restore_seconds = Some(f64::NAN);
    done.tasks.push(copy_of("b", TaskOutcome::Failed));
    let text = prometheus(&done, 14);
    let expected = [
        "outlive_build_info{version=\"0.1.0\"} 1",
        "outlive_nightly_last_run_timestamp_seconds 1790000000",
        "outlive_nightly_duration_seconds 90",
        "outlive_nightly_exit_code 14",
        "outlive_nightly_dry_run 0",
        "outlive_tasks{task=\"copy\",outcome=\"done\"} 2",
        "outlive_tasks{task=\"copy\",outcome=\"failed\"} 1",
        "outlive_tasks{task=\"drill\",outcome=\"not_done\"} 0",
        "outlive_surviving_copy{volume=\"a\",class=\"device\",hazard=\"loss of a disk\"} 1",
        "outlive_surviving_copy{volume=\"b\",class=\"host\",hazard=\"loss of h\"} 0",
        "outlive_surviving_copy_age_seconds{volume=\"a\",class=\"device\",hazard=\"loss of a disk\"} 3600",
        "outlive_volume_standing{volume=\"b\",standing=\"sound\"} 0",
        "outlive_volume_standing{volume=\"b\",standing=\"undetermined\"} 1",
        "outlive_volume_rpo_seconds{volume=\"b\"} 93600",
        "outlive_drill_outcome{volume=\"a\",outcome=\"passed\"} 1",
        "outlive_drill_outcome{volume=\"a\",outcome=\"never_drilled\"} 0",
        "outlive_drill_last_success_timestamp_seconds{volume=\"a\"} 1789996400",
        "outlive_drill_duration_seconds{volume=\"a\"} 12.25",
    ];
    for line in expected {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
    for absent in ["age_seconds{volume=\"b\"", "last_success_timestamp_seconds{volume=\"b\"", "NaN"] {
        assert!(!text.contains(absent), "{absent} is in\n{text}");
    }
    let mut other = done.clone();
    other.volumes.reverse();
    other.tasks.reverse();
    assert_eq!(prometheus(&other, 14), text, "the order of the night shows");
}

#[test]
fn of_two_losses_with_the_same_labels_the_worse_one_counts() {
    let mut done = night(&["a"]);
    let twice = |ages: [Option<i64>; 2]| ages.map(|age| survivor("host", "h", age)).to_vec();
    done.volumes[0].survives = twice([Some(10), Some(20)]);
    assert!(prometheus(&done, 0).contains("age_seconds{volume=\"a\",class=\"host\",hazard=\"h\"} 20\n"));
    for ages in [[Some(10), None], [None, Some(10)]] {
        done.volumes[0].survives = twice(ages);
        let text = prometheus(&done, 0);
        assert!(
            text.contains("outlive_surviving_copy{volume=\"a\",class=\"host\",hazard=\"h\"} 0\n"),
            "{text}"
        );
        assert!(!text.contains("age_seconds{"), "{text}");
    }
}

#[test]
fn hostile_names_are_labels_and_no_lines_of_their_own() {
    let text = prometheus(&hostile_night(), 10);
    assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("outlive_")), "{text}");
    assert!(!text.contains("\noutlive_fake"), "{text}");
    assert!(
        text.contains(r#"{volume="quo\"te\\ | x=1 ü"}"#) && text.contains(r"new\nline 1\noutlive_fake 1"),
        "{text}"
    );
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
}

/// Not a test of its own: what [`write_recorded`] runs in a process that is recorded.
#[test]
#[ignore = "runs in a recording of other tests"]
fn writes_the_textfile_that_it_is_told_to() {
    let told = std::env::var_os("OUTLIVE_TEST_TEXTFILE").expect("another test sets it");
    let text = std::env::var("OUTLIVE_TEST_TEXT").expect("another test sets it");
    write_textfile(Path::new(&told), &text).unwrap();
}

/// [`write_textfile`] in a process of its own.
fn recorded(place: &Place, target: &Path, text: &str) -> Run {
    let name = "exporting::writes_the_textfile_that_it_is_told_to";
    let mut program = vec![std::env::current_exe().unwrap().into_os_string()];
    program.extend(["--ignored", "--exact", name].map(Into::into));
    let run = place.recorded(program);
    run.environment("OUTLIVE_TEST_TEXTFILE", target).environment("OUTLIVE_TEST_TEXT", text)
}

fn metrics(code: u8) -> String {
    prometheus(&night(&["a"]), code)
}

/// What is in the directory besides the textfile.
fn beside(target: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(target.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path != target).collect()
}

/// Whether a recording shows a call of this name.
fn calls(ended: &Ended, name: &str) -> usize {
    ended.log.lines().filter(|line| line.contains(&format!(" {name}"))).count()
}

#[test]
fn the_first_textfile_takes_a_free_name_and_the_next_one_its_place() {
    let place = Place::new();
    let target = place.directory("collector").join("outlive.prom");
    let first = recorded(&place, &target, &metrics(0)).end().expect(0);
    assert_eq!((calls(&first, "linkat("), calls(&first, "renameat")), (1, 0));
    assert_eq!(fs::read_to_string(&target).unwrap(), metrics(0));
    let second = recorded(&place, &target, &metrics(14)).end().expect(0);
    assert_eq!((calls(&second, "linkat("), calls(&second, "renameat")), (1, 1));
    assert_eq!(fs::read_to_string(&target).unwrap(), metrics(14));
    assert_eq!(beside(&target), Vec::<PathBuf>::new());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&target).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644, "the node exporter cannot read it");
}

/// [`write_textfile`] in a process of its own, killed as it enters this call; what strace wrote. Signals at a call do
/// not come with the filter that [`Run`] records by.
fn killed_at(place: &Place, target: &Path, call: &str) -> String {
    let (log, name) = (place.path("killed"), "exporting::writes_the_textfile_that_it_is_told_to");
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-y",
        "-s",
        "4096",
        "-e",
        RECORDED,
        "-e",
        &format!("inject={call}:signal=KILL"),
    ]);
    strace.arg("-o").arg(&log).arg("--").arg(std::env::current_exe().unwrap());
    strace.args(["--ignored", "--exact", name]).env("OUTLIVE_TEST_TEXTFILE", target);
    let ended = hand::output(strace.env("OUTLIVE_TEST_TEXT", metrics(14))).unwrap();
    assert!(!ended.status.success(), "it was not killed at {call}");
    fs::read_to_string(&log).unwrap()
}

#[test]
fn a_run_that_is_killed_before_the_rename_leaves_the_old_textfile_whole() {
    let place = Place::new();
    let target = place.directory("collector").join("outlive.prom");
    write_textfile(&target, &metrics(0)).unwrap();
    for (call, left) in [("linkat", 0), ("renameat", 1)] {
        let log = killed_at(&place, &target, call);
        let last = log.lines().rev().find(|line| !line.contains("+++")).unwrap();
        assert!(last.contains(&format!(" {call}(")) && log.contains("killed by SIGKILL"), "{call}: {log}");
        assert_eq!(complaints(&log), Vec::<String>::new());
        assert_eq!(fs::read_to_string(&target).unwrap(), metrics(0), "{call}");
        let beside = beside(&target);
        assert!(
            beside.len() == left && beside.iter().all(|path| path.extension().unwrap().len() == 32),
            "{beside:?}"
        );
    }
    recorded(&place, &target, &metrics(14)).end().expect(0);
    assert_eq!(fs::read_to_string(&target).unwrap(), metrics(14));
}

#[test]
fn a_textfile_that_could_not_be_written_is_an_error_and_leaves_the_old_one_whole() {
    let place = Place::new();
    let target = place.directory("collector").join("outlive.prom");
    write_textfile(&target, &metrics(0)).unwrap();
    for fault in
        ["renameat:error=EIO", "linkat:error=EPERM", "fsync:error=ENOSPC:when=1", "fchmod:error=EPERM"]
    {
        let ended = recorded(&place, &target, &metrics(14)).inject(fault).end();
        assert!(ended.code != Some(0) && ended.log.contains("(INJECTED)"), "the fault never came: {fault}");
        assert_eq!(fs::read_to_string(&target).unwrap(), metrics(0), "{fault}");
    }
}

#[test]
fn a_filesystem_without_unnamed_files_gets_a_whole_textfile_too() {
    let place = Place::new();
    let target = place.directory("collector").join("outlive.prom");
    for code in [0, 14] {
        let usual = recorded(&place, &place.path("other.prom"), &metrics(0)).end().expect(0);
        let asks = usual.log.lines().find(|line| line.contains("O_TMPFILE")).unwrap();
        let thread = format!("{} ", asks.split(' ').next().unwrap());
        let own = usual.log.lines().filter(|line| line.starts_with(&thread) && line.contains("openat("));
        let number = 1 + own.take_while(|line| *line != asks).count();
        let refused = format!("openat:error=EOPNOTSUPP:when={number}");
        let ended = recorded(&place, &target, &metrics(code)).inject(&refused).end().expect(0);
        let fired = ended.log.lines().any(|line| line.contains("O_TMPFILE") && line.contains("(INJECTED)"));
        assert!(fired, "{}", ended.log);
        let is_first = usize::from(code == 0);
        assert_eq!((calls(&ended, "linkat("), calls(&ended, "renameat")), (is_first, 1 - is_first));
        assert_eq!(fs::read_to_string(&target).unwrap(), metrics(code));
        fs::remove_file(place.path("other.prom")).unwrap();
        assert_eq!(beside(&target).len(), 1, "the first run's other name, and no more");
    }
}

#[test]
fn the_judge_allows_this_rename_and_none_like_it() {
    let digits = "0123456789abcdef".repeat(2);
    let look = "1 openat(AT_FDCWD</>, \"/c/a.prom\", O_RDONLY|O_NOFOLLOW) = 3</c/a.prom>";
    let link = format!(
        "1 linkat(AT_FDCWD</>, \"/proc/self/fd/4\", AT_FDCWD</>, \"/c/a.prom.{digits}\", AT_SYMLINK_FOLLOW) = 0"
    );
    let rename = |from: &str, to: &str| format!("1 rename(\"{from}\", \"{to}\") = 0");
    let (new, old) = (format!("/c/a.prom.{digits}"), "/c/a.prom");
    let allowed = [look.to_owned(), link.clone(), rename(&new, old)];
    let found = |lines: &[String]| {
        let start = "1 execve(\"/bin/outlive\", [\"outlive\"], 0x1) = 0\n";
        complaints(&format!("{start}{}\n", lines.join("\n"))).len()
    };
    assert_eq!(found(&allowed), 0);
    let other = link.replace("a.prom", "a.conf");
    let wrong: [&[String]; 6] = [
        &[link.clone(), rename(&new, old)],
        &[look.to_owned(), rename(&new, old)],
        &[look.to_owned(), link.clone(), rename(&new, "/c/b.prom")],
        &[look.to_owned(), link.clone(), rename("/c/a.prom.new", old)],
        &[look.replace("a.prom", "a.conf"), other, rename(&new.replace("prom", "conf"), "/c/a.conf")],
        &[look.to_owned(), link.replace("= 0", "= -1 EEXIST (File exists)"), rename(&new, old)],
    ];
    for lines in wrong {
        assert_eq!(found(lines), 1, "not seen: {lines:#?}");
    }
}

#[test]
fn a_reader_sees_whole_textfiles_only() {
    let place = Place::new();
    let target = place.directory("collector").join("outlive.prom");
    let texts = [metrics(0), prometheus(&hostile_night(), 10)];
    write_textfile(&target, &texts[0]).unwrap();
    let (path, whole) = (target.clone(), texts.clone());
    let reader = std::thread::spawn(move || {
        let mut seen = [0, 0];
        while seen.contains(&0) || seen[0] + seen[1] < 200 {
            let text = fs::read_to_string(&path).unwrap();
            let which = whole.iter().position(|one| *one == text).expect("a torn textfile was read");
            seen[which] += 1;
        }
    });
    while !reader.is_finished() {
        texts.iter().for_each(|text| write_textfile(&target, text).unwrap());
    }
    reader.join().unwrap();
}

#[test]
fn what_outlive_did_not_write_is_not_replaced() {
    let place = Place::new();
    let folder = place.directory("collector");
    let (foreign, link, own) = (folder.join("node.prom"), folder.join("link.prom"), folder.join("own.prom"));
    let almost = format!("{TEXTFILE_HEADER} not");
    for text in ["", "node_load 1\n", &almost, &TEXTFILE_HEADER[..20]] {
        fs::write(&foreign, text).unwrap();
        assert_eq!(write_textfile(&foreign, &metrics(0)).unwrap_err().kind, Kind::Refused, "{text:?}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), text);
    }
    write_textfile(&own, &metrics(0)).unwrap();
    std::os::unix::fs::symlink(&own, &link).unwrap();
    let directory = place.directory("collector/folder.prom");
    let pipe = folder.join("pipe.prom");
    assert!(hand::output(Command::new("mkfifo").arg(&pipe)).unwrap().status.success());
    for path in [&link, &directory, &pipe] {
        let problem = write_textfile(path, &metrics(14)).unwrap_err();
        assert!(problem.kind == Kind::Refused && !problem.remedy.is_empty(), "{problem:?}");
    }
    assert_eq!(fs::read_to_string(&own).unwrap(), metrics(0));
    let usage = write_textfile(&folder.join("outlive.txt"), &metrics(0)).unwrap_err();
    assert_eq!(usage.kind, Kind::Usage);
    assert_eq!(write_textfile(&place.path("nowhere/a.prom"), &metrics(0)).unwrap_err().kind, Kind::NotFound);
    assert_eq!(write_textfile(&own, "metrics of somebody 1\n").unwrap_err().kind, Kind::Internal);
}

#[test]
fn a_line_for_nagios_has_one_of_four_codes_and_names_stay_in_their_part_of_it() {
    let codes = [(0, 0), (1, 3), (2, 3), (10, 2), (11, 3), (12, 2), (13, 2), (14, 2), (15, 1), (77, 3)];
    for (exit, expected) in codes {
        let (line, code) = nagios(exit, &night(&["a"]));
        assert_eq!(code, expected, "{exit}: {line}");
        let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(code)];
        assert!(line.starts_with(&format!("OUTLIVE {word} - ")), "{line}");
    }
    assert_eq!(nagios(0, &night(&[])).1, 3, "a night that saw no volume is no success");
    let mut done = hostile_night();
    done.volumes.iter_mut().for_each(|volume| volume.standing = Standing::Failed);
    let (line, _) = nagios(10, &done);
    assert_eq!((line.matches('\n').count(), line.matches('|').count()), (1, 1), "{line}");
    assert!(line.contains("and 3 more"), "{line}");
    assert!(line.trim_end().ends_with(
        "| sound=0;;;0;6 undetermined=0;;;0;6 failed=6;;;0;6 tasks_done=6;;;0 tasks_failed=0;;;0 tasks_not_done=0;;;0 \
         time=90s;;;0"
    ), "{line}");
}
