//! Reading what strace wrote: one call a line, cut in two where another thread came between.

use std::collections::HashMap;

/// One system call of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    pub name: String,
    /// As strace prints them; file descriptors with their paths.
    pub arguments: Vec<String>,
    /// Empty where the thread was killed first.
    pub result: String,
    /// For complaints.
    pub line: String,
}

impl Call {
    pub fn succeeded(&self) -> bool {
        !self.result.is_empty() && !self.result.starts_with("-1") && !self.result.starts_with('?')
    }

    /// The thread or process that the call started.
    pub fn child(&self) -> Option<u32> {
        self.result.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().filter(|_| self.succeeded())
    }

    fn argument(&self, number: usize) -> &str {
        self.arguments.get(number).map_or("", String::as_str)
    }

    /// A string argument, as bytes.
    pub fn string(&self, number: usize) -> Vec<u8> {
        let text = self.argument(number).trim();
        let inner = text.strip_prefix('"').map(|rest| rest.trim_end_matches("...").trim_end_matches('"'));
        unescape(inner.unwrap_or_default())
    }

    pub fn has(&self, number: usize, flag: &str) -> bool {
        self.argument(number).split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == flag)
    }

    /// The path of a file descriptor argument.
    pub fn descriptor(&self, number: usize) -> Vec<u8> {
        decoration(self.argument(number))
    }

    /// The path of the file descriptor that the call gave.
    pub fn opened(&self) -> Vec<u8> {
        decoration(&self.result)
    }

    /// A path given as a directory's descriptor and a name.
    pub fn path_at(&self, directory: usize) -> Vec<u8> {
        join(&self.descriptor(directory), &self.string(directory + 1))
    }
}

/// `name` below `directory`, unless it is absolute.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match name {
        [b'/', ..] => name.to_vec(),
        [] => directory.to_vec(),
        _ => [directory, b"/", name].concat(),
    }
}

/// All calls of a log, each where it began.
pub fn calls(log: &str) -> Vec<Call> {
    let mut whole: Vec<(u32, String)> = Vec::new();
    let mut unfinished: HashMap<u32, usize> = HashMap::new();
    for line in log.lines() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let (Ok(thread), text) = (thread.parse(), text.trim_start()) else { continue };
        if text.starts_with("---") || text.starts_with("+++") {
            continue;
        }
        if let Some((_, rest)) = text.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            if let Some(at) = unfinished.remove(&thread) {
                whole[at].1.push_str(rest);
            }
            continue;
        }
        match text.strip_suffix(" <unfinished ...>") {
            Some(begun) => {
                unfinished.insert(thread, whole.len());
                whole.push((thread, begun.to_owned()));
            }
            None => whole.push((thread, text.to_owned())),
        }
    }
    whole.into_iter().filter_map(|(thread, text)| call(thread, &text)).collect()
}

fn call(thread: u32, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, rest) = split(rest);
    let result = rest.trim_start().strip_prefix('=').unwrap_or_default().trim().to_owned();
    Some(Call { thread, name: name.to_owned(), arguments, result, line: text.to_owned() })
}

/// The arguments up to the bracket that closes the call, and what stands after it.
fn split(text: &str) -> (Vec<String>, &str) {
    let (mut arguments, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    let (mut at, bytes) = (0, text.as_bytes());
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'<' if at > 0 && (bytes[at - 1].is_ascii_digit() || bytes[at - 1] == b'D') => {
                // `>` and `<` of the path itself are escaped.
                at += bytes[at..].iter().position(|byte| *byte == b'>').unwrap_or(0);
            }
            b'(' | b'{' | b'[' => depth += 1,
            b')' if depth == 0 => {
                arguments.push(text[start..at].trim().to_owned());
                return (arguments, &text[at + 1..]);
            }
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                arguments.push(text[start..at].trim().to_owned());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    arguments.push(text[start..].trim().to_owned());
    (arguments, "")
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// The path in `3</path>`.
fn decoration(text: &str) -> Vec<u8> {
    let path = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    unescape(path.map_or("", |(path, _)| path))
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let digits = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if digits > 0 {
            let value = rest[..digits].iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            out.push(value as u8);
            rest = &rest[digits..];
        } else if let Some((letter, after)) = rest.split_first() {
            rest = after;
            out.push(match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'v' => 0x0b,
                b'f' => 0x0c,
                other => *other,
            });
        }
    }
    out
}

#[test]
fn calls_are_read_whole_with_hostile_names_and_cut_lines() {
    let log = "7 openat(AT_FDCWD</t, (x>, \"a\\n\\\"b, c)\", O_WRONLY|O_CREAT, 0666) = 3</t, (x/a\\nb\\76>\n\
        7 unlinkat(4</d>, \"e\", 0 <unfinished ...>\n\
        8 --- SIGCHLD {si_signo=SIGCHLD} ---\n\
        8 rename(\"/a\", \"/b\") = -1 EPERM (Operation not permitted)\n\
        7 <... unlinkat resumed>)            = 0\n\
        8 ftruncate(5</f>, 0 <unfinished ...>\n8 +++ killed by SIGKILL +++\n";
    let calls = calls(log);
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[0].path_at(0), b"/t, (x/a\n\"b, c)");
    assert_eq!(calls[0].opened(), b"/t, (x/a\nb>");
    assert!(calls[0].has(2, "O_CREAT") && !calls[0].has(2, "O_EXCL") && calls[0].succeeded());
    assert_eq!((calls[1].path_at(0), calls[1].succeeded()), (b"/d/e".to_vec(), true));
    assert_eq!((calls[2].string(1), calls[2].succeeded()), (b"/b".to_vec(), false));
    assert_eq!((calls[3].descriptor(0), calls[3].succeeded()), (b"/f".to_vec(), false));
}
