//! An estate file is hostile, damaged, or holds a secret: nothing panics, and nothing repeats the secret.

use crate::configuration_page::example;
use crate::random::Random;
use outlive::estate::{Estate, KEYS};
use std::path::Path;

const CANARY: &str = "Canary7Secret";

/// Every place where somebody might write a secret instead of where it is found.
const INLINE: &[&str] = &[
    "[[provider]]\nid='p'\nkind='local'\ntoken='@'",
    "[[provider]]\nid='p'\nkind='local'\ntoken=['@']",
    "[[provider]]\nid='p'\nkind='local'\ntoken={env='-@'}",
    "[[provider]]\nid='p'\nkind='local'\ntoken={credential='/@'}",
    "[[provider]]\nid='p'\nkind='local'\ntoken={command='@'}",
    "[[provider]]\nid='p'\nkind='local'\ntoken={command=['echo @']}",
    "[[provider]]\nid='p'\nkind='local'\ntoken={command=['curl','https://u:@@h/']}",
    "[[provider]]\nid='p'\nkind='local'\ntoken={value='@'}",
    "[[provider]]\nid='p'\nkind='local'\ntoken='@",
    "[[provider]]\nid='p'\nkind='local'\ntoken=@",
    "[[provider]]\nid='p'\nkind='local'\ntoken=\"\"\"@",
    "[[provider]]\nid='p'\nkind='local'\ntoken='a'\ntoken='@'",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nwriter='@'",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nreader='ID:@'",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nwriter={access_key_id='A',secret_access_key='@'}",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nwriter={access_key_id={env='A'},secret_access_key={env='@/+='}}",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nwriter={role='@'}",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nendpoint='https://key:@@s3.example'",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nendpoint='@'",
    "[[vault]]\nid='v'\nkind='s3'\nbucket='bbb'\nreaders=['AGE-SECRET-KEY-1@']",
    "[nightly]\nping='https://ping.example/@'",
    "[nightly]\nwebhook='https://hook.example/@'",
    "[signing]\nkey='outlive-signing-key-1:@'\ntrust=['ed25519:@']",
    "[signing]\ntrust=['outlive-signing-key-1:@']",
    "[escrow]\ninstructions='it is AGE-SECRET-KEY-1@'",
    "[[volume]]\nid='a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n[[copy]]\nvolume='a'\nto='v'\nevery='1h'\n\
     from={command=['mysqldump','--password=@']}",
    "[[volume]]\nid='a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n[[copy]]\nvolume='a'\nto='v'\nevery='1h'\n\
     from={command=['pg_dump'],env={PGPASSWORD='@'}}",
    "[[volume]]\nid='a'\n[[vault]]\nid='v'\nkind='dir'\npath='/v'\n[[copy]]\nvolume='a'\nto='v'\nevery='1h'\n\
     from={command=['pg_dump','postgres://u:@@h/db']}",
];

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    for text in INLINE {
        let text = text.replace('@', CANARY);
        // An address keeps its own sign before the host.
        let text = text.replace(&format!("{CANARY}{CANARY}"), &format!("{CANARY}@"));
        let problems = Estate::check(Path::new("outlive.toml"), &text).expect_err(&text);
        let told = Estate::parse(Path::new("outlive.toml"), &text).unwrap_err();
        let said = format!("{problems:?} {told:?} {told} {}", told.remedy);
        assert!(!said.contains(CANARY), "{text}\n{said}");
    }
}

#[test]
fn a_file_that_is_cut_or_damaged_never_panics_and_its_mistakes_have_places() {
    const SEED: u64 = 20_261_128;
    let mut random = Random(SEED);
    let good = example().replace("OFFSITE_WRITER", CANARY);
    assert!(good.contains(CANARY));
    Estate::parse(Path::new("outlive.toml"), &good).unwrap();
    let (mut refused, mut read) = (0, 0);
    for round in 0..2_000 {
        let mut bytes = good.clone().into_bytes();
        if random.one_in(2) {
            bytes.truncate(random.below(bytes.len()));
        } else {
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        match Estate::check(Path::new("outlive.toml"), &text) {
            Ok(_) => read += 1,
            Err(problems) => {
                refused += 1;
                let lines = text.lines().count() + 1;
                for problem in &problems {
                    let line = problem.place.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
                    assert!(
                        line.is_some_and(|line| (1..=lines).contains(&line)),
                        "seed {SEED}, round {round}: {problem:?}"
                    );
                }
                assert!(!problems.is_empty());
                assert!(
                    !format!("{problems:?}").contains(CANARY),
                    "seed {SEED}, round {round}: {problems:?}"
                );
            }
        }
    }
    // Both have to happen, or nothing was tried.
    assert!(refused > 500 && read > 50, "{refused} refused, {read} read");
}

#[test]
fn deep_nesting_and_long_lines_are_refused_and_not_endured() {
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("a = [{}]", "1,".repeat(400_000));
    let many = "[[volume]]\nid = 'A'\n".repeat(40_000);
    let line = format!("volume = [{}]", "{id='A'},".repeat(80_000));
    let key = format!("{} = 1", "a".repeat(1_000_000));
    let dots = format!("{}a = 1", "a.".repeat(300_000));
    for text in [deep, wide, many, line, key, dots] {
        let started = std::time::Instant::now();
        let problem = Estate::parse(Path::new("outlive.toml"), &text).unwrap_err();
        assert!(problem.what.len() < 100_000, "{}", problem.what.len());
        assert!(started.elapsed().as_secs() < 10, "{:?} for {}", started.elapsed(), &text[..20]);
    }
}

/// For each table a text that opens it, and the name by which a key in it is told.
const OPENED: &[(&str, &str)] = &[
    ("outlive.toml", "@ = nan"),
    ("[host]", "[host]\n@ = nan"),
    ("[policy.NAME]", "[policy.default]\n@ = nan"),
    ("keep", "[policy.default.keep]\n@ = nan"),
    ("[[provider]]", "[[provider]]\n@ = nan"),
    ("[[volume]]", "[[volume]]\n@ = nan"),
    ("waive_drill", "[[volume]]\n[volume.waive_drill]\n@ = nan"),
    ("readers", "[[vault]]\n[[vault.readers]]\n@ = nan"),
    ("waive_damage", "[[vault]]\n[vault.waive_damage]\n@ = nan"),
    ("waive_unread", "[[vault]]\n[vault.waive_unread]\n@ = nan"),
    ("stands_on", "[host.stands_on]\n@ = nan"),
    ("[[vault]]", "[[vault]]\nkind = 's3'\n@ = nan"),
    ("lock", "[[vault]]\n[vault.lock]\n@ = nan"),
    ("writer or reader", "[[vault]]\nkind = 's3'\n[vault.writer]\n@ = nan"),
    ("a secret", "[nightly.ping]\n@ = nan"),
    ("[[copy]]", "[[copy]]\n@ = nan"),
    ("from", "[[copy]]\n[copy.from]\n@ = nan"),
    ("s3", "[[copy]]\n[copy.from.s3]\n@ = nan"),
    ("[[asset]]", "[[asset]]\n@ = nan"),
    ("[[recovery_point]]", "[[recovery_point]]\n@ = nan"),
    ("[[waiver]]", "[[waiver]]\n@ = nan"),
    ("a bond", "[[asset]]\n[[asset.needs]]\n@ = nan"),
    ("[nightly]", "[nightly]\n@ = nan"),
    ("[runbook]", "[runbook]\n@ = nan"),
    ("[escrow]", "[escrow]\n@ = nan"),
    ("[signing]", "[signing]\n@ = nan"),
];

/// No value can be a number that is none: a key that takes one is a key that nobody reads.
#[test]
fn no_key_is_accepted_and_ignored() {
    assert_eq!(OPENED.len(), KEYS.len());
    let mut ignored = Vec::new();
    for (title, keys) in KEYS {
        let (_, text) = OPENED.iter().find(|(opened, _)| opened == title).unwrap();
        for key in *keys {
            let text = text.replace('@', key);
            // Where a vault's kind is asked for twice, the text itself would be wrong.
            let text = if *key == "kind" { text.replace("kind = 's3'\n", "") } else { text };
            // A path belongs to a vault of the other kind.
            let text = if *title == "[[vault]]" && *key == "path" { text.replace("s3", "dir") } else { text };
            // The text may lack other keys; what counts is what is told of this line, and not that it is unknown.
            let last = format!("outlive.toml:{}:", text.lines().count());
            let problems = Estate::check(Path::new("outlive.toml"), &text).expect_err(&text);
            let of_value = |problem: &&outlive::domain::Problem| {
                let at_value = problem.place.strip_prefix(&last).and_then(|column| column.parse().ok());
                at_value == Some(key.len() + 4) && !problem.what.contains("unknown key")
            };
            if problems.iter().filter(of_value).count() == 0 {
                ignored.push(format!("{title}: {key}: {problems:?}"));
            }
        }
    }
    assert!(ignored.is_empty(), "{}", ignored.join("\n"));
}
