//! `outlive schedule`: what is printed is taken by what it is made for. systemd checks the units, a shell takes the
//! line of cron apart, and the CronJob is read as YAML.

use super::hand;
use super::place::Place;
use super::run::binary;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What would end a word, a line, a quotation or begin something of its own; systemd takes no quotes in a program's name.
const NASTY_PROGRAM: &str = "out %n live $HOME; # {image}";
const NASTY_CONFIG: &str = "it's 100% \"here\" $HOME `id` ; # ü.toml";

const ESTATE: &str = r#"
[nightly]
deadline = "5h"
ping = { credential = "ping-address" }
webhook = { env = "WEBHOOK" }

[policy.default]
rpo = "26h"

[[volume]]
id = "orders-db"

[[vault]]
id = "offsite"
kind = "s3"
endpoint = "https://s3.example"
bucket = "outlive-vault"
writer = { credential = "s3-writer" }

[[copy]]
volume = "orders-db"
to = "offsite"
every = "24h"
from = { command = ["pg_dump", "orders"], file = "orders.dump", env = { PGPASSWORD = { credential = "pg.password" } } }

[[volume]]
id = "archive"

[[copy]]
volume = "archive"
to = "offsite"
every = "24h"
from = { s3 = { endpoint = "https://other.example", bucket = "archive", reader = { credential = "archive-reader" } } }
"#;

/// A program and a configuration with names that no shell script survives.
fn nasty(place: &Place) -> (PathBuf, PathBuf) {
    let program = place.path(NASTY_PROGRAM);
    // It tells what it was called with.
    std::fs::write(&program, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n").unwrap();
    super::place::chmod(&program, 0o755);
    (program, place.file(NASTY_CONFIG, ESTATE))
}

/// The files of a schedule, by name, each in a new directory of its own call.
fn written(place: &Place, name: &str, arguments: &[&dyn AsRef<OsStr>]) -> PathBuf {
    let folder = place.directory(name);
    let all = [&[&"schedule" as &dyn AsRef<OsStr>], arguments, &[&"--to", &folder]].concat();
    let ended = place.recorded(program(&all)).end().expect(0);
    assert_eq!(ended.stdout.matches("written: ").count(), std::fs::read_dir(&folder).unwrap().count());
    folder
}

/// The binary without a state directory of its own.
fn program(arguments: &[&dyn AsRef<OsStr>]) -> Vec<std::ffi::OsString> {
    let given = arguments.iter().map(|argument| argument.as_ref().to_owned());
    std::iter::once(binary().into()).chain(given).collect()
}

/// What systemd says of the units in a folder.
fn verified(folder: &Path) -> (bool, String) {
    let units = ["outlive-nightly.service", "outlive-nightly.timer"].map(|name| folder.join(name));
    let said = hand::output(Command::new("systemd-analyze").arg("verify").args(units));
    let said =
        said.expect("systemd-analyze could not be started: scripts/test installs what the suite needs");
    (said.status.success(), String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned())
}

#[test]
fn systemd_accepts_the_units_whatever_paths_are_called() {
    let place = Place::new();
    let (program, config) = nasty(&place);
    let state = place.directory("sta te %i");
    let calls: [&[&dyn AsRef<OsStr>]; 3] = [
        &[&"systemd"],
        &[&"systemd", &"--binary", &program, &"--config", &config, &"--at", &"23:59"],
        &[&"systemd", &"--state", &state, &"--user", &"daemon"],
    ];
    for (number, arguments) in calls.into_iter().enumerate() {
        let folder = written(&place, &format!("units-{number}"), arguments);
        assert_eq!(verified(&folder), (true, String::new()), "{number}");
    }
    let folder = place.path("units-1");
    let service = std::fs::read_to_string(folder.join("outlive-nightly.service")).unwrap();
    for wrong in [("%%n", "%n"), ("Type=oneshot", "Type=sometimes"), ("TimeoutStartSec=", "TimeoutStart=")] {
        let name = folder.join("outlive-nightly.service");
        std::fs::write(&name, service.replacen(wrong.0, wrong.1, 1)).unwrap();
        let (_, said) = verified(&folder);
        assert!(!said.is_empty(), "systemd takes everything: {wrong:?}");
    }
}

#[test]
fn the_units_hold_what_the_estate_says() {
    let place = Place::new();
    let (program, config) = nasty(&place);
    let folder = written(
        &place,
        "units",
        &[&"systemd", &"--binary", &program, &"--config", &config, &"--at", &"03:30"],
    );
    let service = std::fs::read_to_string(folder.join("outlive-nightly.service")).unwrap();
    let timer = std::fs::read_to_string(folder.join("outlive-nightly.timer")).unwrap();
    let credentials: Vec<&str> =
        service.lines().filter_map(|line| line.strip_prefix("LoadCredential=")).collect();
    let expected = ["archive-reader", "pg.password", "ping-address", "s3-writer"];
    assert_eq!(credentials, expected.map(|name| format!("{name}:/etc/outlive/credentials/{name}")));
    for line in ["Type=oneshot", "TimeoutStartSec=18600s", "StateDirectory=outlive", "NoNewPrivileges=yes"] {
        assert!(service.lines().any(|one| one == line), "{line} is not in {service}");
    }
    for line in ["OnCalendar=*-*-* 03:30:00", "Persistent=true", "RandomizedDelaySec=15min"] {
        assert!(timer.lines().any(|one| one == line), "{line} is not in {timer}");
    }
    // Each of these gives a service mounts of its own, by which outlive would judge.
    let settings = service.lines().filter(|line| !line.starts_with('#'));
    for hides in [
        "Protect",
        "Private",
        "ReadOnlyPaths",
        "ReadWritePaths",
        "InaccessiblePaths",
        "Bind",
        "RootD",
        "RootI",
    ] {
        assert!(!settings.clone().any(|line| line.starts_with(hides)), "{hides} is in {service}");
    }
}

#[test]
fn whoever_runs_it_a_night_finds_the_state_that_the_one_before_it_left() {
    let place = Place::new();
    let config = place.file("o.toml", ESTATE);
    for (number, user) in [None, Some("daemon")].into_iter().enumerate() {
        let mut more: Vec<&dyn AsRef<OsStr>> = vec![&"--binary", &"/usr/bin/outlive", &"--config", &config];
        if let Some(user) = &user {
            more.extend([&"--user" as &dyn AsRef<OsStr>, user]);
        }
        let of = |scheduler: &str| {
            let all = [&[&scheduler as &dyn AsRef<OsStr>], more.as_slice()].concat();
            written(&place, &format!("{scheduler}-{number}"), &all)
        };
        let units = of("systemd");
        let service = std::fs::read_to_string(units.join("outlive-nightly.service")).unwrap();
        let called = format!("outlive nightly --config {} --state /var/lib/outlive\n", config.display());
        assert!(
            service.contains(&called) && service.contains("\nStateDirectory=outlive\n"),
            "{user:?}: {service}"
        );
        let line = std::fs::read_to_string(of("cron").join("outlive.cron")).unwrap();
        assert!(line.contains(&called), "{user:?}: {line}");
    }
    let cron = place.recorded(program(&[&"schedule", &"cron", &"--user", &"daemon"])).end().expect(0);
    assert!(cron.stdout.contains("install -d -m 0700 -o daemon /var/lib/outlive"), "{}", cron.stdout);
}

#[test]
fn a_line_for_cron_calls_the_program_with_its_arguments_whatever_they_hold() {
    let place = Place::new();
    let (program, config) = nasty(&place);
    let state = place.directory("sta te");
    for user in [None, Some("nobody")] {
        let mut arguments: Vec<&dyn AsRef<OsStr>> =
            vec![&"cron", &"--binary", &program, &"--config", &config];
        arguments.extend([&"--state" as &dyn AsRef<OsStr>, &state, &"--at", &"02:05"]);
        if let Some(user) = &user {
            arguments.extend([&"--user" as &dyn AsRef<OsStr>, user]);
        }
        let folder = written(&place, &format!("cron-{user:?}"), &arguments);
        let text = std::fs::read_to_string(folder.join("outlive.cron")).unwrap();
        let is_setting =
            |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.chars().all(char::is_uppercase));
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.starts_with('#') && !is_setting(line)).collect();
        let [line] = lines[..] else { panic!("not one line: {text}") };
        let rest = line.strip_prefix("5 2 * * * ").unwrap_or_else(|| panic!("{line}"));
        let command =
            rest.strip_prefix(user.map_or(String::new(), |name| format!("{name} ")).as_str()).unwrap();
        let said = hand::output(Command::new("/bin/sh").args(["-c", &as_cron_reads(command)])).unwrap();
        assert!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
        let called: Vec<String> = said
            .stdout
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8(word.to_vec()).unwrap())
            .collect();
        let (config, state) = (config.to_str().unwrap(), state.to_str().unwrap());
        assert_eq!(called, ["nightly", "--config", config, "--state", state, ""]);
    }
}

/// crontab(5): a `%` ends the command unless a backslash stands before it, which is taken away.
fn as_cron_reads(command: &str) -> String {
    let kept = command.replace("\\%", "\0");
    assert!(!kept.contains('%'), "cron would cut this: {command}");
    kept.replace('\0', "%")
}

/// YAML as JSON, read by another program.
fn read_yaml(file: &Path) -> Value {
    let said = hand::output(Command::new("yq").arg(".").arg(file));
    let said = said.expect("yq could not be started: scripts/test installs what the suite needs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn the_cronjob_is_yaml_and_never_runs_twice_at_once_or_again_by_itself() {
    let place = Place::new();
    let (program, config) = nasty(&place);
    let mut arguments: Vec<&dyn AsRef<OsStr>> =
        vec![&"kubernetes", &"--image", &"registry.example:5000/outlive@sha256:0"];
    arguments.extend([&"--binary" as &dyn AsRef<OsStr>, &program, &"--config", &config, &"--at", &"02:05"]);
    let folder = written(&place, "kubernetes", &arguments);
    let job = read_yaml(&folder.join("outlive-nightly.yaml"));
    let fields = [
        ("/apiVersion", "batch/v1".into()),
        ("/kind", "CronJob".into()),
        ("/spec/schedule", "5 2 * * *".into()),
        ("/spec/timeZone", "Etc/UTC".into()),
        ("/spec/concurrencyPolicy", "Forbid".into()),
        ("/spec/startingDeadlineSeconds", 14_400.into()),
        ("/spec/jobTemplate/spec/backoffLimit", 0.into()),
        ("/spec/jobTemplate/spec/activeDeadlineSeconds", Value::from(18_600)),
    ];
    for (pointer, expected) in fields {
        assert_eq!(job.pointer(pointer), Some(&expected), "{pointer}");
    }
    let pod = job.pointer("/spec/jobTemplate/spec/template/spec").unwrap();
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "registry.example:5000/outlive@sha256:0");
    assert_eq!(container["command"][0], program.to_str().unwrap().replace('$', "$$"));
    assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
    let names = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]), "a mount without a volume");
}

#[test]
fn a_schedule_is_printed_and_is_json_too() {
    let place = Place::new();
    let shown = place.recorded(program(&[&"schedule", &"systemd"])).end().expect(0);
    assert!(shown.stdout.contains("# outlive-nightly.service\n[Unit]"), "{}", shown.stdout);
    assert!(shown.stdout.contains("# outlive-nightly.timer\n[Unit]"), "{}", shown.stdout);
    let json = place
        .recorded(program(&[&"schedule", &"cron", &"--format", &"json"]))
        .end()
        .expect(0)
        .json("schedule");
    assert_eq!(json["files"][0]["name"], "outlive.cron");
    assert!(json["files"][0]["content"].as_str().unwrap().contains("\n0 2 * * * "), "{json:#}");
}

#[test]
fn what_is_there_is_not_overwritten_and_then_nothing_is_written() {
    let place = Place::new();
    let folder = place.directory("units");
    let timer = place.file("units/outlive-nightly.timer", "mine");
    let ended = place.recorded(program(&[&"schedule", &"systemd", &"--to", &folder])).end().expect(2);
    ended.complains("nothing is overwritten").complains("outlive-nightly.timer");
    assert_eq!(std::fs::read_to_string(&timer).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "half a schedule was written");
}

#[test]
fn what_a_schedule_cannot_hold_is_an_error_that_says_so() {
    let place = Place::new();
    let broken = place.file("broken.toml", "[nightly\n");
    let (quote, line) = (place.path("a\"b"), place.path("a\nb"));
    let wrong: [&[&dyn AsRef<OsStr>]; 11] = [
        &[&"kubernetes"],
        &[&"kubernetes", &"--image", &"a b"],
        &[&"systemd", &"--at", &"25:00"],
        &[&"systemd", &"--at", &"2:00"],
        &[&"systemd", &"--user", &"root\nExecStart=/bin/id"],
        &[&"systemd", &"--binary", &quote],
        &[&"systemd", &"--config", &broken],
        &[&"systemd", &"--config", &place.path("nowhere.toml")],
        &[&"cron", &"--binary", &line],
        &[&"cron", &"--user", &"a b"],
        &[&"at"],
    ];
    for arguments in wrong {
        let all = [&[&"schedule" as &dyn AsRef<OsStr>], arguments].concat();
        let ended = place.recorded(program(&all)).end().expect(2);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
    place.recorded(program(&[&"schedule", &"kubernetes"])).end().expect(2).complains("--image");
}
