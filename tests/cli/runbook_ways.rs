//! Ways back that can all be gone on one machine, a kit that is followed, and pages that repeat no secret.

use super::encrypting::reader;
use super::following::page;
use super::nightly_estate::{EstateFile, nightly};
use super::place::{Place, names, noise};
use super::run::{Run, binary};
use super::servers::{ID, SECRET, seaweedfs};
use outlive::report::runbook::ways;
use std::ffi::OsString;
use std::path::Path;

/// Types commands into a shell in a directory, each only where the one before ended well.
fn type_in(place: &Place, clean: &Path, commands: &[String], fill_in: &str, path: &str) -> Run {
    let each = commands.iter().map(|command| format!("{{\n{command}\n}} || exit 99\n"));
    let script = format!("{fill_in}\n{}", each.collect::<String>());
    let mut program: Vec<OsString> = vec!["env".into(), "-C".into(), clean.into(), "-i".into()];
    program.extend([format!("PATH={path}"), format!("HOME={}", clean.display())].map(Into::into));
    program.extend(["sh", "-c", &script].map(Into::into));
    place.recorded(program)
}

#[test]
fn every_way_of_a_page_can_be_gone_in_one_directory() {
    let place = Place::new();
    place.file("data/one", noise(1, 100_000));
    let file = EstateFile::new().vault("shelf", &place.path("vault")).vault("attic", &place.path("attic"));
    file.tree("tree", &place.path("data"), &["shelf", "attic"]).write(&place);
    nightly(&place, &[]).end().expect(0);
    let all = ways(&page(&place, "tree.md"));
    assert_eq!(all.len(), 4, "{all:?}");
    let clean = place.directory("clean");
    let path =
        format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", binary().parent().unwrap().display());
    for (title, commands) in &all {
        let typed = type_in(&place, &clean, commands, "", &path);
        // What standard tools do with their own files is no matter here.
        let done = if title.contains("with outlive") { typed.end() } else { typed.start().end_unjudged() };
        assert_eq!(done.code, Some(0), "{title}: {} {}", done.stdout, done.stderr);
    }
    let made: Vec<OsString> =
        names(&clean).into_iter().filter(|name| name.to_str().unwrap().contains("restore")).collect();
    let ways = ["by-hand-restore-tree@attic", "by-hand-restore-tree@shelf"];
    assert_eq!(made, [ways, ["outlive-restore-tree@attic", "outlive-restore-tree@shelf"]].concat());
    for name in made {
        let restored = clean.join(name).join("restored-tree/one");
        assert!(std::fs::read(&restored).unwrap() == noise(1, 100_000), "{restored:?}");
    }
}

/// The commands of a page, in order.
fn commands(page: &str) -> Vec<String> {
    let mut is_in = false;
    let mut all = Vec::new();
    for line in page.lines().map(str::trim) {
        match line {
            "```sh" => is_in = true,
            "```" => is_in = false,
            command if is_in => all.push(command.to_owned()),
            _ => {}
        }
    }
    all
}

#[test]
fn the_first_steps_of_a_kit_reach_an_encrypted_bucket_with_nothing_but_the_secrets() {
    let place = Place::new();
    place.file("data/one", noise(1, 100_000));
    let (key, to) = reader(&place, "one.key");
    let server = seaweedfs();
    let vault = format!(
        "[[vault]]\nid = \"bucket\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {:?}\nprefix = \"a/night/\"\nregion = \"eu-north\"\n\
         addressing = \"path\"\nwriter = {{ env = \"KEYS\" }}\nreaders = [{to:?}]",
        server.endpoint,
        server.new_bucket()
    );
    EstateFile::new().with(&vault).tree("tree", &place.path("data"), &["bucket"]).write(&place);
    let keys = format!("{ID}:{SECRET}");
    let run = |words: &[&str]| place.outlive_by_file(words).environment("KEYS", &keys).end();
    run(&["vault", "init", "bucket"]).expect(0);
    run(&["copy", "tree"]).expect(0);
    let kit = place.path("kit");
    let made = run(&["vault", "kit", kit.to_str().unwrap(), "bucket"]);
    assert!(made.stdout.contains("It holds no secret"), "{} {}", made.stdout, made.stderr);
    let start = std::fs::read_to_string(kit.join("START-HERE.md")).unwrap();
    assert!(
        start.contains("export OUTLIVE_S3_ADDRESSING=path")
            && start.contains("| the bucket is addressed | `path` |")
    );
    let steps = commands(&start);
    let fill_in =
        format!("AWS_ACCESS_KEY_ID={ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\nIDENTITY='{}'", key.display());
    let done = type_in(&place, &kit, &steps, &fill_in, "/usr/bin:/bin").end();
    assert_eq!(done.code, Some(0), "{} {}", done.stdout, done.stderr);
    assert!(done.stdout.contains("tree") && !done.stdout.contains("encrypted, and"), "{}", done.stdout);
    let stopped = type_in(&place, &kit, &steps, "", "/usr/bin:/bin").end();
    assert_ne!(stopped.code, Some(0));
    stopped.complains("is missing. Type   read -rs AWS_ACCESS_KEY_ID   and Enter");
}

#[test]
fn no_page_repeats_the_secret_that_a_drill_gives_to_a_command() {
    let place = Place::new();
    place.file("data/one", noise(1, 1000));
    place.directory("scratch");
    let drill = "volume = \"tree\"\nrestore_to = \"../../scratch\"\nchecks = [\"files\", \"command\"]\n[[command]]\nname = \"reads\"\n\
                 argv = [\"sh\", \"-c\", \"PGPASSWORD=hunter2 test -e {restored}/one\", \"postgres://u:hunter2@db/x\", \"--password=hunter2\"]\n";
    place.file("drills/weekly/drill.toml", drill);
    let file = EstateFile::new().vault("shelf", &place.path("vault"));
    file.tree("tree", &place.path("data"), &["shelf"]).write(&place);
    nightly(&place, &[]).end();
    for words in
        [&["runbook", "tree"][..], &["runbook", "tree", "--html"], &["runbook", "tree", "--format", "json"]]
    {
        let made = place.outlive_by_file(words).end().stdout;
        assert!(!made.contains("hunter2"), "{words:?}: {made}");
        let named = made.contains("drill.toml of the drill weekly") && made.contains("SECRET_3");
        assert!(named && made.contains("postgres://u:"), "{words:?}: {made}");
    }
    let all = std::fs::read_dir(place.path("state/runbooks")).unwrap().map(|folder| folder.unwrap().path());
    for file in all.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()) {
        assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"), "{file:?}");
    }
    let page = page(&place, "tree.md");
    let check = page.lines().find(|line| line.contains("reads: ends with 0")).unwrap();
    let command = check.split('|').nth(2).unwrap().trim().trim_matches('`').to_owned();
    let (clean, fill_in) = (place.directory("clean"), "SECRET_1=a SECRET_2=b SECRET_3=c");
    std::fs::create_dir(clean.join("restored-tree")).unwrap();
    std::fs::write(clean.join("restored-tree/one"), "").unwrap();
    let typed = type_in(&place, &clean, std::slice::from_ref(&command), fill_in, "/usr/bin:/bin").end();
    assert_eq!(typed.code, Some(0), "{command}: {}", typed.stderr);
}
