//! Answers of providers that are kept, and surveys that are told to stop.

use super::asking::{audit, only_questions, scene, slow_scene};
use super::judge::complaints;
use super::place::Place;
use super::railway::Server;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the provider was asked something so far.
fn asked(server: &Server) -> usize {
    server.asked().len()
}

fn kept(place: &Place) -> PathBuf {
    place.path("state/surveys/pocketos.kept")
}

/// Audits, and says whether the provider was asked for it.
fn is_asked_again(place: &Place, server: &Server) -> bool {
    let before = asked(server);
    audit(place, &["audit"]).end().expect(10).says("ONE CALL: volumeDelete");
    asked(server) > before
}

#[test]
fn answers_are_written_over_and_never_add_up() {
    let (place, server, _) = scene();
    audit(&place, &["audit"]).end().expect(10);
    let (path, first) = (kept(&place), fs::read(kept(&place)).unwrap());
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1100));
        audit(&place, &["audit", "--max-age", "1s"]).end().expect(10);
    }
    assert_ne!(fs::read(&path).unwrap(), first, "it was not written anew");
    let names: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["pocketos.kept"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!is_asked_again(&place, &server), "the last one does not stand");
    only_questions(&server);
}

#[test]
fn an_answer_that_is_not_whole_is_none() {
    let (place, server, _) = scene();
    assert!(is_asked_again(&place, &server));
    let whole = fs::read(kept(&place)).unwrap();
    let zeros = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        bytes
    };
    let turned = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let half = whole[..whole.len() / 2].to_vec();
    // What a second one wrote at the same time may be sound as far as it goes.
    let text = String::from_utf8(zstd::decode_all(&whole[48..]).unwrap()).unwrap();
    let other = zstd::encode_all(text.replace("postgres-data", "postgres-dada").as_bytes(), 3).unwrap();
    let other = [&whole[..8], &(other.len() as u64).to_le_bytes(), &whole[16..48], &other].concat();
    // Begun and not ended; damaged; cut.
    for odd in [other, zeros(8, 48), turned(100), turned(whole.len() - 1), half, whole[..20].to_vec()] {
        fs::write(kept(&place), odd).unwrap();
        assert!(is_asked_again(&place, &server), "it was believed");
        assert!(!is_asked_again(&place, &server), "it was not mended");
    }
    // What stands behind a shorter answer is of the one before.
    fs::write(kept(&place), [&whole[..], &[7; 99]].concat()).unwrap();
    assert!(!is_asked_again(&place, &server));
}

#[test]
fn nothing_else_is_written_over() {
    let (place, server, _) = scene();
    place.directory("state/surveys");
    let precious = place.file("precious", "outlive\n and more of it");
    symlink(&precious, kept(&place)).unwrap();
    assert!(is_asked_again(&place, &server) && is_asked_again(&place, &server));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "outlive\n and more of it");
    fs::remove_file(kept(&place)).unwrap();
    fs::write(kept(&place), "somebody else's notes, longer than any head would be, and so on and on")
        .unwrap();
    assert!(is_asked_again(&place, &server) && is_asked_again(&place, &server));
    assert!(fs::read_to_string(kept(&place)).unwrap().starts_with("somebody else's notes"));
}

#[test]
fn the_judge_allows_this_writing_over_and_none_like_it() {
    let found = |path: &str, flags: &str| {
        let start = "1 execve(\"/bin/outlive\", [\"outlive\"], 0x1) = 0\n";
        complaints(&format!("{start}1 openat(AT_FDCWD</>, \"{path}\", {flags}) = 3<{path}>\n")).len()
    };
    let (path, flags) = ("/state/surveys/shop.kept", "O_RDWR|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC");
    assert_eq!(found(path, flags), 0);
    for wrong in [
        "/state/surveys/shop.json",
        "/state/kept/shop.kept",
        "/state/surveys/.kept",
        "/a/../surveys/shop.kept",
    ] {
        assert_eq!(found(wrong, flags), 1, "{wrong}");
    }
    for wrong in
        ["O_RDWR|O_NONBLOCK", "O_RDWR|O_NOFOLLOW|O_TRUNC", "O_RDWR|O_NOFOLLOW|O_CREAT", "O_WRONLY|O_NOFOLLOW"]
    {
        assert_eq!(found(path, wrong), 1, "{wrong}");
    }
}

#[test]
fn a_survey_that_is_told_to_stop_ends_at_once_and_says_so() {
    let (place, server) = slow_scene(8.0);
    for (number, command) in ["audit", "inventory", "credentials"].into_iter().enumerate() {
        let before = asked(&server);
        let signal = if number == 1 { Signal::TERM } else { Signal::INT };
        let mut run = audit(&place, &[command, "--max-age", "0s", "--format", "json"]).start();
        let patience = Instant::now() + Duration::from_secs(60);
        while asked(&server) == before {
            assert!(Instant::now() < patience, "{command}: nothing was asked");
            std::thread::sleep(Duration::from_millis(20));
        }
        let told = Instant::now();
        assert!(run.signal(signal), "{command} was faster than the signal");
        let ended = run.end().expect(11).complains("stopped as asked; nothing was judged");
        assert!(told.elapsed() < Duration::from_secs(4), "{command}: {:?}", told.elapsed());
        assert_eq!(ended.json("error")["exit_codes"], serde_json::json!([11]));
    }
    assert!(!kept(&place).exists(), "half an answer was kept");
}
