//! A page as Markdown, which is also read as it stands.

use super::block::{Block, Line, Span, StepBlock, tame};

/// Writes blocks as Markdown.
pub fn markdown(blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        if !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Heading(level, text) => {
                out.push_str(&format!("{} {}\n", "#".repeat(usize::from(*level)), escaped(text)));
            }
            Block::Say(line) => out.push_str(&format!("{}\n", begun(line))),
            Block::Warn(line) => out.push_str(&format!("> {}\n", begun(line))),
            Block::List(lines) => lines.iter().for_each(|line| out.push_str(&format!("- {}\n", begun(line)))),
            Block::Steps(steps) => {
                steps.iter().enumerate().for_each(|(place, one)| step(&mut out, place + 1, one))
            }
            Block::Table(head, rows) => table(&mut out, head, rows),
            Block::NewPage => out.push_str("---\n"),
        }
    }
    out
}

fn step(out: &mut String, number: usize, step: &StepBlock) {
    let mark = format!("{number}. ");
    let indent = " ".repeat(mark.len());
    if number > 1 {
        out.push('\n');
    }
    for (place, line) in step.says.iter().enumerate() {
        let before = if place == 0 { &mark } else { &indent };
        let joint = if place == 0 { "" } else { "\n" };
        out.push_str(&format!("{joint}{before}{}\n", begun(line)));
    }
    if !step.commands.is_empty() {
        // A fence that no command can close.
        let longest = step.commands.iter().map(|command| run_of(command, '`')).max().unwrap_or_default();
        let fence = "`".repeat(longest.max(2) + 1);
        out.push_str(&format!("\n{indent}{fence}sh\n"));
        step.commands.iter().for_each(|command| out.push_str(&format!("{indent}{}\n", tame(command))));
        out.push_str(&format!("{indent}{fence}\n"));
    }
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<Line>]) {
    out.push_str(&format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(said).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

/// A line that begins a block: there, a sign or a number with a dot would mean something.
fn begun(line: &Line) -> String {
    let text = said(line);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = digits > 0 && text[digits..].starts_with(['.', ')']);
    match (text.starts_with(['#', '-', '+', '=', '>']), is_number) {
        (true, _) => format!("\\{text}"),
        (false, true) => format!("{}\\{}", &text[..digits], &text[digits..]),
        (false, false) => text,
    }
}

fn said(line: &Line) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => escaped(text),
        Span::Strong(text) => format!("**{}**", escaped(text)),
        Span::Code(text) => code(text),
    };
    line.0.iter().map(span).collect()
}

/// A code span that its own text cannot close. In a table a bar would end the cell, also in code.
fn code(text: &str) -> String {
    let text = tame(text);
    if text.contains('|') {
        return escaped(&text);
    }
    let ticks = "`".repeat(run_of(&text, '`') + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// The longest run of a character.
fn run_of(text: &str, character: char) -> usize {
    text.split(|c| c != character).map(str::len).max().unwrap_or_default()
}

/// Text in which nothing means anything to Markdown, or to HTML inside it.
fn escaped(text: &str) -> String {
    let text = tame(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        // Inside a word an underscore is no emphasis.
        let inside = before.is_alphanumeric() && text[at + 1..].starts_with(char::is_alphanumeric);
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '_' if !inside => out.push_str("\\_"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '!' | '~' => out.extend(['\\', character]),
            other => out.push(other),
        }
        before = character;
    }
    out
}

/// The commands of a page, as somebody reads them off it: of each way back its heading, and what is pasted, line by line.
pub fn ways(page: &str) -> Vec<(String, Vec<String>)> {
    let mut ways: Vec<(String, Vec<String>)> = Vec::new();
    let mut fence: Option<String> = None;
    let mut is_way = false;
    for line in page.lines() {
        let text = line.trim_start();
        match &fence {
            Some(end) if text == end => fence = None,
            Some(_) => {
                if let Some((_, commands)) = ways.last_mut().filter(|_| is_way) {
                    commands.push(text.to_owned());
                }
            }
            None if text.starts_with("```") && text.ends_with("sh") => {
                fence = Some(text.trim_end_matches("sh").to_owned());
            }
            None if line.starts_with("### Way ") => {
                is_way = true;
                ways.push((line.trim_start_matches("### ").to_owned(), Vec::new()));
            }
            None => is_way &= !line.starts_with('#'),
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_stay_words() {
        let hostile = "**a** <script>x</script> [l](j:x) `id` | b\n# c &amp; \u{202e} _d_ e_f";
        let page = markdown(&[
            Block::Heading(1, hostile.into()),
            Block::Table(vec!["x"], vec![vec![Line::default().code(hostile).and(hostile)]]),
        ]);
        assert_eq!(page.lines().count(), 5, "{page}");
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(
            page.contains("\\*\\*a\\*\\*") && page.contains("\\[l\\](j:x)") && page.contains("e_f"),
            "{page}"
        );
        let cells = page.lines().last().unwrap().replace("\\|", "");
        assert_eq!(cells.matches('|').count(), 2, "{cells}");
    }

    #[test]
    fn a_command_closes_no_fence_and_no_code() {
        let step = StepBlock { says: vec!["1. a".into()], commands: vec!["echo '````'".into()] };
        let page = markdown(&[Block::Steps(vec![step]), Block::Say(Line::default().code("a`b"))]);
        assert!(page.contains("   `````sh\n") && page.contains("``a`b``"), "{page}");
        assert!(page.starts_with("1. 1\\. a"), "{page}");
        let page = format!("### Way A: x\n\n{page}\n## 6\n\n```sh\nnot this\n```\n");
        assert_eq!(ways(&page), [("Way A: x".to_owned(), vec!["echo '````'".to_owned()])]);
    }
}
