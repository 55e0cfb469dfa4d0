//! What pages and other texts may not say.

use super::source::{File, leading_word, product_code};
use std::collections::BTreeSet;

const FOLDERS: [&str; 6] = ["src/", "docs/", "tests/", "scripts/", ".ci/", "benches/"];
const PAGES_OF_RULES: &str = "docs/rules/";

/// Every rule has its page, and every page its rule.
pub fn rules_have_pages(files: &[File]) -> Vec<String> {
    let sources: Vec<&File> = files.iter().filter(|file| file.is_rust_in(&["src/rules/"])).collect();
    let ids: BTreeSet<String> = sources.iter().flat_map(|file| rule_ids(&file.text)).collect();
    let pages: BTreeSet<String> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix(PAGES_OF_RULES)?.strip_suffix(".md"))
        .filter(|name| *name != "README")
        .map(str::to_owned)
        .collect();
    let mut wrong = Vec::new();
    if ids.is_empty() && sources.len() > 1 {
        wrong.push("src/rules/: there are files, but no rule's id was found in them".to_owned());
    }
    wrong.extend(
        ids.difference(&pages).map(|id| format!("{PAGES_OF_RULES}{id}.md: the page of this rule is missing")),
    );
    wrong.extend(pages.difference(&ids).map(|id| format!("{PAGES_OF_RULES}{id}.md: there is no such rule")));
    wrong
}

/// Every path of this repository that a page names is there. `exists` is asked without a trailing `/`.
pub fn named_paths_exist(file: &File, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let (code_spans, links) = if file.path.ends_with(".md") {
        (code_spans(&file.text), links(&file.text))
    } else if file.is_rust_in(&["src/"]) {
        (code_spans(&comments(&file.text)), Vec::new())
    } else {
        return Vec::new();
    };
    let spans = code_spans.iter().flat_map(|span| span.split_whitespace()).filter_map(repository_path);
    let targets = links.iter().filter_map(|link| resolve(&file.path, link));
    spans
        .chain(targets)
        .filter(|path| !path.is_empty() && !exists(path))
        .map(|path| format!("{}: names `{path}`, which is not there", file.path))
        .collect()
}

/// Nothing speaks of the machine somebody developed on.
pub fn nothing_is_private(file: &File) -> Vec<String> {
    let places =
        [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/"), concat!("/tmp/", "wt-")];
    let mut words: Vec<String> =
        [concat!("agent ", "session"), concat!("agent-", "session")].map(Into::into).into();
    words.extend(this_machine());
    let mut wrong = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let absolute = places.iter().filter(|place| has_absolute(line, place)).copied();
        let homes = names_a_home(line).then_some("a home directory");
        let lower = line.to_lowercase();
        let words = words.iter().filter(|word| lower.contains(*word)).map(String::as_str);
        wrong.extend(
            absolute.chain(homes).chain(words).map(|what| format!("{}:{}: `{what}`", file.path, number + 1)),
        );
    }
    wrong
}

/// The beginning of this machine's own id, as outlive shows it.
fn this_machine() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    id.get(..8).map(str::to_owned)
}

/// The literal after `id:`, `const ID …` or within `fn id`, outside tests.
fn rule_ids(text: &str) -> Vec<String> {
    let code = product_code(text);
    let mut ids = Vec::new();
    for start in ["fn id(", "const ID:", " id:", "{id:"] {
        for (at, _) in code.match_indices(start) {
            let end = code[at..].find(['}', ',', ';']).map_or(code.len(), |length| at + length);
            ids.extend(text[at..end].split('"').nth(1).filter(|id| is_kebab(id)).map(str::to_owned));
        }
    }
    ids
}

fn is_kebab(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The comment lines of Rust text, without their marks.
fn comments(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    lines.map(|line| line.trim_start_matches(['/', '!'])).collect::<Vec<_>>().join("\n")
}

/// What stands between backticks, and every fenced block.
fn code_spans(text: &str) -> Vec<String> {
    let (mut spans, mut prose, mut fenced) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            spans.push(line.to_owned());
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    for paragraph in prose.split("\n\n") {
        spans.extend(paragraph.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    spans
}

/// The targets of `[text](target)` and of `[label]: target`.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let labelled =
        text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(labelled.map(|(_, target)| target.trim())).map(str::to_owned).collect()
}

/// `src/lib.rs:12,` is `src/lib.rs`; of `docs/rules/<id>.md` only the folder is asked for.
fn repository_path(word: &str) -> Option<String> {
    if !FOLDERS.iter().any(|folder| word.starts_with(folder)) {
        return None;
    }
    let fixed = match word.find(['<', '*', '{', '…', '$']) {
        Some(at) => word[..at].rsplit_once('/')?.0,
        None => word,
    };
    let path = fixed.split([':', ',', ';', ')', '#']).next()?;
    Some(path.trim_end_matches(['.', '/']).to_owned())
}

/// A link's target as a path from the root; `None` for addresses and places within a page.
fn resolve(page: &str, link: &str) -> Option<String> {
    let target = link.split('#').next()?.trim_end_matches('/');
    if target.is_empty() || target.contains(':') || target.contains('<') {
        return None;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// True where `place` begins an absolute path: nothing that could be a folder's name stands before it.
fn has_absolute(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>' | '*' | '~'))
    })
}

/// True for the home directory of somebody: `/home`, a name, and something in it.
fn names_a_home(line: &str) -> bool {
    const HOMES: &str = "/home/";
    line.match_indices(HOMES).any(|(at, _)| {
        let name = leading_word(&line[at + HOMES.len()..]);
        !name.is_empty() && has_absolute(line, &format!("{HOMES}{name}/"))
    })
}

#[test]
fn a_rule_without_a_page_and_a_page_without_a_rule_are_seen() {
    let rule = File::new("src/rules/stale.rs", "fn id(&self) -> &'static str {\n    \"stale\"\n}");
    let table = File::new(
        "src/rules/shared.rs",
        "const A: [S; 2] = [S { id: \"same-host\", of: \"x\" }, S { of: 1, id: \"same-file\" }];",
    );
    let pages = ["stale", "same-host", "same-file"].map(|id| File::new(&format!("docs/rules/{id}.md"), ""));
    let index = File::new("docs/rules/README.md", "");
    let fine: Vec<File> = [rule, table, index].into_iter().chain(pages).collect();
    assert_eq!(rules_have_pages(&fine), Vec::<String>::new());
    for (missing, count) in [(0, 1), (1, 2), (3, 1), (5, 1)] {
        let mut wrong = fine.clone();
        wrong.remove(missing);
        assert_eq!(rules_have_pages(&wrong).len(), count, "without {}", fine[missing].path);
    }
    let unreadable = [File::new("src/rules/mod.rs", ""), File::new("src/rules/a.rs", "")];
    assert_eq!(rules_have_pages(&unreadable).len(), 1);
}

#[test]
fn a_path_that_is_not_there_is_seen() {
    let exists =
        |path: &str| ["src/lib.rs", "src/store", "docs/a.md", "docs/rules", "scripts/test"].contains(&path);
    let wrong = [
        "see `src/gone.rs`.",
        "see [b](b.md)",
        "[b]: ../gone.md",
        "```\nscripts/gone --all\n```",
        "run `bash scripts/gone`",
        "`docs/gone/<id>.md`",
    ];
    let fine = [
        "see `src/lib.rs:3`, `src/store/`, [a](a.md#b) and [web](https://a.example/b)",
        "[top](#top) src/prose.rs",
        "```sh\nscripts/test src/lib.rs\n```\n`docs/rules/<id>.md`",
        "[lib](../src/lib.rs)",
    ];
    for text in wrong {
        assert_eq!(named_paths_exist(&File::new("docs/b.md", text), &exists).len(), 1, "{text}");
    }
    for text in fine {
        assert_eq!(named_paths_exist(&File::new("docs/b.md", text), &exists), Vec::<String>::new(), "{text}");
    }
    let comment = File::new("src/lib.rs", "//! See `docs/gone.md`.\nlet a = \"`docs/also.md`\";");
    assert_eq!(named_paths_exist(&comment, &exists).len(), 1);
}

#[test]
fn a_developer_s_machine_is_seen() {
    for text in [
        concat!("cd /ro", "ot/x"),
        concat!("\"/wo", "rk/a\""),
        concat!("/ho", "me/ann/a"),
        concat!("an Agent ", "Session"),
    ] {
        assert_eq!(nothing_is_private(&File::new("docs/a.md", text)).len(), 1, "{text}");
    }
    for text in [
        "scratch/root/a",
        "target/work/b",
        "$TMP/root/",
        "/srv/data",
        "a coding agent",
        "/home/<name>/",
        "/home",
    ] {
        assert!(nothing_is_private(&File::new("docs/a.md", text)).is_empty(), "{text}");
    }
}
