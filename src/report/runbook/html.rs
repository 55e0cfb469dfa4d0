//! A page as one HTML file that needs nothing else: no network, no other file, and no script to be read.

use super::block::{Block, Line, Span, StepBlock, tame};
use crate::domain::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes blocks as HTML, below a banner that says until when they are believed.
pub fn html(title: &str, blocks: &[Block], until: Timestamp) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    // Nothing is loaded, nothing is sent, and only this one script runs.
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'");
    // To the minute, as people read it: pages that were made together are the same.
    let (moment, said) = (until.format("%Y-%m-%dT%H:%M:00Z"), until.format("%Y-%m-%d %H:%M UTC"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <p id=\"banner\" role=\"status\" data-until=\"{moment}\">Believe this page until <b>{said}</b>. After that it is \
         STALE: look for a newer one first.</p>\n",
        escaped(title)
    );
    blocks.iter().for_each(|block| write(&mut out, block));
    out.push_str(&format!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    out
}

fn write(out: &mut String, block: &Block) {
    match block {
        Block::Heading(level, text) => {
            let level = (*level).clamp(1, 6);
            out.push_str(&format!("<h{level}>{}</h{level}>\n", escaped(text)));
        }
        Block::Say(line) => out.push_str(&format!("<p>{}</p>\n", said(line))),
        Block::Warn(line) => out.push_str(&format!("<p class=\"warn\">{}</p>\n", said(line))),
        Block::List(lines) => {
            let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", said(line))).collect();
            out.push_str(&format!("<ul>\n{items}</ul>\n"));
        }
        Block::Steps(steps) => {
            let items: String = steps.iter().map(step).collect();
            out.push_str(&format!("<ol>\n{items}</ol>\n"));
        }
        Block::Table(head, rows) => {
            let head: String = head.iter().map(|cell| format!("<th>{}</th>", escaped(cell))).collect();
            out.push_str(&format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"));
            for row in rows {
                let cells: String = row.iter().map(|cell| format!("<td>{}</td>", said(cell))).collect();
                out.push_str(&format!("<tr>{cells}</tr>\n"));
            }
            out.push_str("</tbody>\n</table>\n");
        }
        Block::NewPage => out.push_str("<hr>\n"),
    }
}

fn step(step: &StepBlock) -> String {
    let says: String = step.says.iter().map(|line| format!("<p>{}</p>\n", said(line))).collect();
    let commands: Vec<String> = step.commands.iter().map(|command| escaped(command)).collect();
    let commands = match commands.as_slice() {
        [] => String::new(),
        some => format!("<pre>{}</pre>\n", some.join("\n")),
    };
    // A box to tick on paper.
    format!("<li><span class=\"box\"></span>{says}{commands}</li>\n")
}

fn said(line: &Line) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => escaped(text),
        Span::Strong(text) => format!("<b>{}</b>", escaped(text)),
        Span::Code(text) => format!("<code>{}</code>", escaped(text)),
    };
    line.0.iter().map(span).collect()
}

/// Text that is nothing but text, also inside an attribute.
fn escaped(text: &str) -> String {
    let text = tame(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_make_no_markup() {
        let hostile = "<img src=x onerror='a()'>\"&</title><script>\u{202e}\n";
        let blocks = [
            Block::Heading(2, hostile.into()),
            Block::Steps(vec![StepBlock { says: vec![hostile.into()], commands: vec![hostile.into()] }]),
            Block::Table(vec!["a"], vec![vec![Line::default().code(hostile).strong(hostile)]]),
        ];
        let page = html(hostile, &blocks, Timestamp::UNIX_EPOCH);
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains("='a()'"), "{page}");
        assert!(page.contains("until <b>1970-01-01 00:00 UTC</b>"), "{page}");
        for loads in ["src=", "href=", "@import", "url("] {
            assert!(!page.replace("src=x", "").contains(loads), "{loads}");
        }
    }
}
