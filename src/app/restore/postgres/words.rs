//! The words of a statement, as far as every reader cuts it so.

/// A word of such a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word<'s> {
    /// A keyword, or a name without quotation marks.
    Plain(&'s str),
    /// A name between them.
    Quoted(&'s str),
    /// A number.
    Number,
    /// One of `. , ( ) [ ]`.
    Sign(char),
}

/// Cuts a statement; none where it has anything that another reader might read otherwise.
pub(super) fn words(text: &str) -> Option<Vec<Word<'_>>> {
    let (mut all, mut rest) = (Vec::new(), text.trim());
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = match first {
            ' ' => 1,
            '.' | ',' | '(' | ')' | '[' | ']' => {
                all.push(Word::Sign(first));
                1
            }
            '"' => {
                let inner = rest[1..].split('"').next().unwrap_or_default();
                let is_plain = |c: char| c.is_alphanumeric() || "_ -.@+".contains(c);
                if inner.is_empty() || !inner.chars().all(is_plain) || inner.contains("--") {
                    return None;
                }
                all.push(Word::Quoted(inner));
                inner.len() + 2
            }
            _ => {
                let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                all.push(match first {
                    '0'..='9' if word.bytes().all(|byte| byte.is_ascii_digit()) => Word::Number,
                    'a'..='z' | 'A'..='Z' | '_' => Word::Plain(word),
                    _ => return None,
                });
                end
            }
        };
        rest = rest.get(end..)?;
        // A quotation mark that is doubled, or two words without a space, would be read in more than one way.
        let is_stuck = matches!(all.last(), Some(Word::Quoted(_) | Word::Plain(_) | Word::Number))
            && first != ' '
            && rest.starts_with(|c: char| c == '"' || is_name(c));
        if is_stuck {
            return None;
        }
    }
    Some(all)
}
