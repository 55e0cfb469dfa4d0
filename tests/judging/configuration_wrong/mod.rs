//! Estate files that are wrong: where that is said, and in which words.

mod agree;
mod copies;
mod declared;
mod places;
mod words;

use outlive::estate::Estate;
use std::path::Path;

/// What stands before each text, so that it has something to name.
const BEFORE: &str =
    "[[volume]]\nid = 'a'\npath = '/srv/a'\n[[vault]]\nid = 'v'\nkind = 'dir'\npath = '/v'\n";

/// A text, the line and column of its one mistake (lines count after [`BEFORE`]), and words of what is told.
type Wrong = (&'static str, &'static str, &'static [&'static str]);

/// What is told of a text after [`BEFORE`], with lines counted after it.
fn told(text: &str) -> Vec<(String, String)> {
    let whole = format!("{BEFORE}{text}\n");
    let problems = Estate::check(Path::new("outlive.toml"), &whole).err().unwrap_or_default();
    let before = BEFORE.lines().count();
    let place = |place: &str| {
        let parts: Vec<&str> = place.split(':').collect();
        let [name, line, column] = parts[..] else { panic!("{place} is no place") };
        assert_eq!(name, "outlive.toml");
        format!("{}:{column}", line.parse::<usize>().unwrap() - before)
    };
    problems
        .into_iter()
        .map(|problem| (place(&problem.place), format!("{problem} ({})", problem.remedy)))
        .collect()
}

#[test]
fn every_mistake_is_told_once_with_its_place_and_what_to_do() {
    let all = [words::WORDS, places::PLACES, copies::COPIES, declared::DECLARED, agree::AGREE].concat();
    assert!(all.len() > 100);
    let mut wrong = Vec::new();
    for (text, place, words) in all {
        let told = told(text);
        let fits =
            |(at, what): &(String, String)| at == place && words.iter().all(|word| what.contains(word));
        if told.len() != 1 || !told.iter().all(fits) {
            wrong.push(format!("{text}\n   wanted {place} {words:?}\n   got {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn several_mistakes_are_told_at_once_by_line() {
    let text =
        "[[copy]]\nvolume = 'a'\nto = 'w'\nevery = 'x'\n[[volume]]\nid = 'b'\nowner = 3\n[nightly]\npin = 1";
    let places: Vec<String> = told(text).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["3:6", "4:9", "7:9", "9:1"]);
    let problem = Estate::parse(Path::new("outlive.toml"), &format!("{BEFORE}{text}")).unwrap_err();
    assert_eq!(problem.place, "outlive.toml:10:6");
    assert!(problem.what.starts_with("4 mistakes:\n  outlive.toml:10:6: "), "{}", problem.what);
    assert_eq!(problem.what.lines().filter(|line| line.starts_with("  outlive.toml:")).count(), 4);
    assert!(problem.remedy.contains("docs/configuration.md"));
}

#[test]
fn mistakes_in_the_grammar_hide_what_follows_from_them() {
    let told = told("x = \n[[copy]]\nvolume = 'b'");
    assert!(told.iter().all(|(_, what)| what.contains("no valid TOML")), "{told:?}");
    assert_eq!(told.len(), 1);
}

#[test]
fn a_hundred_mistakes_are_enough() {
    let text = "[[volume]]\n".repeat(500);
    assert_eq!(told(&text).len(), 100);
}
