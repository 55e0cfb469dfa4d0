//! Holds the structure of the repository. It reads files only: no network, no cargo, no build.
//!
//! Each check is a pure function from texts to complaints, and is itself tested with a text that it must
//! complain about and one that it must not: a check that cannot fail is not a check.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "tidy/calls.rs"]
mod calls;
#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/repository.rs"]
mod repository;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/threats.rs"]
mod threats;

use source::File;

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

#[track_caller]
fn each_file(check: impl Fn(&File) -> Vec<String>) {
    let complaints: Vec<String> = repository::files().iter().flat_map(check).collect();
    assert_none(&complaints);
}

#[test]
fn modules_import_only_what_is_listed_above_them() {
    let layers = modules::layers(&repository::files());
    assert!(layers.len() >= 12, "the list in src/lib.rs was not read: {layers:?}");
    each_file(|file| modules::imports_only_upwards(file, &layers));
}

#[test]
fn the_layers_that_judge_are_pure() {
    each_file(modules::pure_layers_stay_pure);
}

#[test]
fn every_source_file_is_compiled() {
    assert_none(&modules::no_dead_files(&repository::files()));
}

#[test]
fn every_layer_says_what_it_is_for() {
    let files = repository::files();
    assert_none(&modules::layers_introduce_themselves(&files, &modules::layers(&files)));
}

#[test]
fn files_are_short() {
    each_file(calls::files_stay_short);
}

#[test]
fn no_code_is_unfinished() {
    each_file(calls::nothing_is_unfinished);
}

#[test]
fn panics_say_why_they_cannot_happen() {
    each_file(calls::panics_say_why_not);
}

#[test]
fn only_the_command_line_prints() {
    each_file(calls::only_the_command_line_prints);
}

#[test]
fn no_call_deletes_or_overwrites_outside_scratch_space() {
    each_file(calls::nothing_destroys);
}

#[test]
fn unsafe_code_stays_with_the_ioctls() {
    each_file(calls::unsafe_stays_in_one_file);
}

#[test]
fn every_rule_has_its_page_and_every_page_its_rule() {
    assert_none(&pages::rules_have_pages(&repository::files()));
}

#[test]
fn every_path_that_a_page_names_exists() {
    each_file(|file| pages::named_paths_exist(file, &|path| repository::root().join(path).exists()));
}

#[test]
fn every_test_that_the_page_on_threats_names_exists() {
    let files = repository::files();
    let page = files.iter().find(|file| file.path == threats::PAGE);
    assert_none(&threats::named_tests_exist(page.expect("the page is there"), &files));
}

#[test]
fn nothing_names_a_developer_s_machine() {
    each_file(pages::nothing_is_private);
}
