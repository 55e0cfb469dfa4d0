//! Commands of a page, typed into a shell one after the other: the one place where a shell is asked, because that is what a person would ask.

use crate::domain::{Problem, Result, printable};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// How many commands ended well, from the first on.
    pub done: usize,
    /// The last words, where one did not.
    pub words: String,
}

/// The exit code of the shell where the command at this place failed; places above that share the last one.
fn code(place: usize) -> usize {
    FIRST + place.min(usize::from(u8::MAX) - FIRST)
}

/// Programs seldom end with these.
const FIRST: usize = 140;

/// Types commands into one shell in `directory`, with nothing in its environment but `path`, a home in `directory` and a language; each has to
/// end well before the next.
///
/// # Errors
/// Where there is no shell.
pub fn type_in(commands: &[String], directory: &Path, path: &str) -> Result<Typed> {
    let mut script = String::new();
    for (place, command) in commands.iter().enumerate() {
        // In braces, so that what a command sets stays set.
        script.push_str(&format!("{{\n{command}\n}} || exit {}\n", code(place)));
    }
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .map_err(|error| Problem::io("running a shell", error))?;
    if output.status.success() {
        return Ok(Typed { done: commands.len(), words: String::new() });
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect();
    let ended = output.status.code().and_then(|code| usize::try_from(code).ok());
    // The shell itself may have ended, for example because a variable was not set: then nobody can say at which.
    let done = ended.and_then(|ended| ended.checked_sub(FIRST)).unwrap_or_default().min(commands.len());
    Ok(Typed { done, words: printable(lines.join("; ").as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, by_hand};

    fn typed(commands: &[&str]) -> Typed {
        let directory = TempDir::new();
        let commands: Vec<String> = commands.iter().map(|command| (*command).to_owned()).collect();
        by_hand(|| type_in(&commands, directory.path(), "/usr/bin:/bin")).unwrap()
    }

    #[test]
    fn each_command_sees_what_the_ones_before_it_set_and_the_first_that_fails_ends_it() {
        let well = [
            "mkdir a && cd a",
            "X=1",
            ": \"${X:?no}\"",
            "export X",
            "sh -c 'test \"$X\" = 1'",
            "test -d ../a",
        ];
        assert_eq!(typed(&well), Typed { done: 6, words: String::new() });
        let failed = typed(&["true", "mkdir b/c && cd b", "echo never >&2"]);
        assert!(
            failed.done == 1 && failed.words.contains("b/c") && !failed.words.contains("never"),
            "{failed:?}"
        );
        assert!(typed(&[": \"${X:?first type X}\"", "true"]).words.contains("first type X"));
    }
}
