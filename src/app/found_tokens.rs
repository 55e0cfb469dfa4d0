//! Tokens that lie about: searching for them, and asking what one of them reaches, once somebody allows it.

use super::{Audited, Context, judge_credentials};
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{Environment, Estate};
use crate::providers::railway;
use crate::providers::tokens::{Found, RAILWAY, Searched};
use crate::report::activity::{FoundToken, Scanned};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Under which name the one token is handed on, within this process.
const VARIABLE: &str = "OUTLIVE_FOUND_TOKEN";

/// What a search found, without any value.
pub fn told(directory: &Path, searched: &Searched) -> Scanned {
    let found = searched.found.iter().map(|found| FoundToken {
        path: printable(found.path.as_os_str().as_bytes()),
        line: found.line,
        kind: found.kind,
        can_be_asked: found.kind == RAILWAY,
        was_asked: false,
    });
    Scanned {
        directory: printable(directory.as_os_str().as_bytes()),
        files: searched.files,
        found: found.collect(),
        gaps: searched.gaps.clone(),
    }
}

/// The place among what was found that `PATH:LINE` names: exactly one token that can be asked.
///
/// # Errors
/// `Usage` where it names none, or more than one.
pub fn found_at(searched: &Searched, place: &[u8]) -> Result<usize> {
    let shown = || printable(place);
    let refused =
        |what: String, remedy: &str| Err(Problem::new(Kind::Usage, what).at(shown()).remedy(remedy));
    let parts = place.iter().rposition(|byte| *byte == b':').map(|at| (&place[..at], &place[at + 1..]));
    let line =
        parts.and_then(|(path, line)| Some((path, std::str::from_utf8(line).ok()?.parse::<usize>().ok()?)));
    let Some((path, line)) = line else {
        return refused("this names no place".into(), "name it as PATH:LINE, as --scan tells it");
    };
    let is_there = |found: &Found| {
        let own = found.path.as_os_str().as_bytes();
        found.line == line && (own == path || printable(own).as_bytes() == path)
    };
    let all = || (0..searched.found.len()).filter(|number| is_there(&searched.found[*number]));
    match all().collect::<Vec<_>>().as_slice() {
        [] => refused("no token was found there".into(), "run --scan without --ask: it tells the places"),
        [one] if searched.found[*one].value.is_some() => Ok(*one),
        [one] => {
            let what = format!(
                "only Railway can be asked, and this is something else: {}",
                searched.found[*one].kind
            );
            refused(what, "look up with its provider what it reaches, and revoke it where nobody needs it")
        }
        several => {
            let what = format!("{} tokens are on that line, and leave is given for one", several.len());
            refused(what, "put the one that is meant on a line of its own")
        }
    }
}

/// Asks what one found token reaches, with that token and nothing else, at the address that is configured for Railway; judged as
/// the token of an estate that has nothing else.
///
/// # Errors
/// `Usage` where it is none that can be asked; those of judging.
pub fn ask_found(
    context: &Context,
    found: &Found,
    endpoint: Option<&str>,
    limit: Duration,
) -> Result<(Audited, Estate)> {
    let Some(secret) = &found.value else {
        return Err(Problem::new(Kind::Usage, "this version asks only Railway"));
    };
    let endpoint = endpoint.unwrap_or(railway::ENDPOINT);
    let text = format!(
        "[[provider]]\nid = \"found\"\nkind = \"{}\"\ntoken = {{ env = \"{VARIABLE}\" }}\nendpoint = {endpoint:?}\n",
        railway::KIND
    );
    let estate = Estate::parse(Path::new("outlive.toml"), &text)?;
    let environment = Environment::new([(VARIABLE.into(), secret.reveal().into())]);
    let world = Context { environment, max_age: Duration::ZERO, ..context.clone() };
    Ok((judge_credentials(&world, &estate, limit)?, estate))
}
