//! Rust text made ready for looking things up: without comments and literals, without tests.

/// A text file of the repository. The path is relative to the root, with `/`.
#[derive(Debug, Clone)]
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    /// A file from its parts; the samples of the checks' own tests are made with it.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// True for Rust below one of these folders.
    pub fn is_rust_in(&self, folders: &[&str]) -> bool {
        self.path.ends_with(".rs") && folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

/// The text with every comment, string and character literal replaced by spaces.
///
/// Length and line breaks stay, so that an offset or a line number means the same in both.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        match end_of_comment_or_literal(text, at) {
            Some(end) => {
                blank(&mut out, at, end);
                at = end;
            }
            None => at += 1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// [`code_only`], and without any item under `#[cfg(test)]`.
pub fn product_code(text: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let code = code_only(text);
    let mut out = code.clone().into_bytes();
    for (start, _) in code.match_indices(MARK) {
        let end = end_of_item(code.as_bytes(), start + MARK.len());
        blank(&mut out, start, end);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// True where `code` has `pattern` as whole words: `rename(` is not in `my_rename(`.
pub fn has_word(code: &str, pattern: &str) -> bool {
    !word_offsets(code, pattern).is_empty()
}

/// Where `pattern` stands as whole words.
pub fn word_offsets(code: &str, pattern: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let starts_as_word = pattern.bytes().next().is_some_and(is_word);
    let ends_as_word = pattern.bytes().last().is_some_and(is_word);
    code.match_indices(pattern)
        .map(|(at, _)| at)
        .filter(|&at| !(starts_as_word && at > 0 && is_word(bytes[at - 1])))
        .filter(|&at| !(ends_as_word && bytes.get(at + pattern.len()).copied().is_some_and(is_word)))
        .collect()
}

/// The identifier that starts at the beginning of `text`, which may be empty.
pub fn leading_word(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    &text[..end]
}

/// The number of the line, from 1, that holds this offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn blank(out: &mut [u8], start: usize, end: usize) {
    for byte in &mut out[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn end_of_comment_or_literal(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(at + length_of_block_comment(rest)),
        [b'"', ..] => Some(at + length_of_string(rest)),
        [b'\'', ..] => length_of_character(text, at).map(|length| at + length),
        [b'r' | b'b' | b'c', ..] if at == 0 || !is_word(text.as_bytes()[at - 1]) => {
            length_of_raw_string(rest).map(|length| at + length)
        }
        _ => None,
    }
}

fn length_of_block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn length_of_string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `None` for a lifetime.
fn length_of_character(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at + 1..];
    if rest.starts_with('\\') {
        return rest.bytes().skip(2).position(|byte| byte == b'\'').map(|close| close + 4);
    }
    let length = rest.chars().next()?.len_utf8();
    rest[length..].starts_with('\'').then_some(length + 2)
}

fn length_of_raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = usize::from(matches!(rest.first(), Some(b'b' | b'c')));
    if rest.get(prefix) != Some(&b'r') {
        return None;
    }
    let hashes = rest[prefix + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = prefix + 1 + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &rest[open + 1..];
    let length = body.windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| open + 1 + length + close.len()))
}

/// The end of the item that follows: its `;`, or the brace that closes its first one.
fn end_of_item(code: &[u8], from: usize) -> usize {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b'{' => braces += 1,
            b'}' if braces <= 1 => return at + 1,
            b'}' => braces -= 1,
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_and_literals_are_blanked_and_nothing_else() {
    let samples = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("f(\"x\\\"y\") + 1", "f(      ) + 1"),
        ("r#\"a\"b\"# z", "         z"),
        ("br\"a\" z", "      z"),
        ("r#type + 'a' + '\\'' + 'é'", "r#type +     +      +     "),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
    ];
    for (text, wanted) in samples {
        assert_eq!(code_only(text), wanted, "{text}");
    }
}

#[test]
fn items_under_cfg_test_are_no_product_code() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c(); } }\nfn d() {}\n#[cfg(test)]\nuse e::{f, g};\nfn h() {}";
    let code = product_code(text);
    for gone in ["b()", "c()", "e::", "tests"] {
        assert!(!code.contains(gone), "{gone} is still in {code}");
    }
    for kept in ["fn a()", "fn d()", "fn h()"] {
        assert!(code.contains(kept), "{kept} is gone from {code}");
    }
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn words_are_whole_words() {
    assert!(has_word("fs::rename(a, b)", "rename("));
    assert!(!has_word("my_rename(a)", "rename("));
    assert!(has_word("unsafe { }", "unsafe"));
    assert!(!has_word("allow(unsafe_code)", "unsafe"));
}
