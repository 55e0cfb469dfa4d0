//! `outlive explain`.

use super::Outcome;
use super::args::{Explain, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::domain::{Kind, Problem, printable};
use crate::report::{json, text};
use crate::rules::by_id;

/// Prints the page of a rule, or the list of all.
pub fn run(terminal: &Terminal, options: &Explain) -> Result<Outcome, Failure> {
    let Some(wanted) = &options.rule else {
        let text = match terminal.format {
            Format::Text => text::rules(terminal.look),
            Format::Json => json::rules(&Exit::codes(&[])),
        };
        return Ok(Outcome { code: None, text, exits: Vec::new() });
    };
    let Some(rule) = by_id(wanted) else {
        let problem =
            Problem::new(Kind::Usage, format!("there is no rule `{}`", printable(wanted.as_bytes())))
                .remedy("`outlive explain` lists the rules");
        return Err(Failure::new(problem, Exit::Usage));
    };
    let text = match terminal.format {
        Format::Text => text::explain(rule, terminal.look),
        Format::Json => json::explain(rule, &Exit::codes(&[])),
    };
    Ok(Outcome { code: None, text, exits: Vec::new() })
}
