//! `outlive explain`.

use super::Outcome;
use super::args::{Explain, Format};
use super::audit::{audited, saw_all};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;
use crate::domain::{Kind, Problem, printable};
use crate::report::{Explained, json, text};
use crate::rules::{ALL, by_id};

/// Prints the page of a rule, the list of all, or why a volume's recovery points fall or stay.
pub fn run(terminal: &Terminal, options: &Explain) -> Result<Outcome, Failure> {
    let Some(wanted) = &options.what else {
        let text = match terminal.format {
            Format::Text => text::rules(terminal.look),
            Format::Json => json::rules(&Exit::codes(&[])),
        };
        return Ok(Outcome { code: None, text, exits: Vec::new() });
    };
    if let Some(rule) = by_id(wanted) {
        let text = match terminal.format {
            Format::Text => text::explain(rule, terminal.look),
            Format::Json => json::explain(rule, &Exit::codes(&[])),
        };
        return Ok(Outcome { code: None, text, exits: Vec::new() });
    }
    let mut survey = options.survey.clone();
    if survey.paths.is_empty() && !terminal.has_estate() {
        if !wanted.contains('/') {
            return Err(Failure::new(no_such_rule(wanted), Exit::Usage));
        }
        // A path explains itself.
        survey.paths.push(wanted.into());
    }
    let (_, audited) = audited(terminal, &survey, &options.policy)?;
    let asked = app::asked(&audited, wanted).map_err(|problem| Failure::new(problem, Exit::Usage))?;
    let explained = app::explain(&audited, &asked);
    let settled = explained.iter().all(Explained::is_settled) && saw_all(&audited);
    let exits = if settled { vec![] } else { vec![Exit::Undetermined] };
    let text = match terminal.format {
        Format::Text => text::explain_volumes(&audited.graph, &explained, audited.at, terminal.look),
        Format::Json => {
            let codes = Exit::codes(&exits);
            json::explain_volumes(&audited.graph, wanted, &explained, audited.at, &codes)
        }
    };
    Ok(Outcome { code: None, text, exits })
}

fn no_such_rule(wanted: &str) -> Problem {
    let near = app::nearest(wanted, ALL.iter().map(|rule| rule.id()));
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    let what = format!("there is no rule `{}`{near}", printable(wanted.as_bytes()));
    Problem::new(Kind::Usage, what).remedy(
        "`outlive explain` lists the rules; to explain a volume or a hazard, name the estate file with --config, or PATHs",
    )
}
