//! `outlive explain`.

use super::Outcome;
use super::args::{Explain, Format};
use super::audit::{audited, saw_all};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;
use crate::catalogue::{Catalogue, KindStatements};
use crate::domain::{Kind, Problem, printable};
use crate::report::{Explained, json, text};
use crate::rules::{ALL, by_id};

/// Prints the page of a rule, the list of all, what is stated of a kind, or why a volume's recovery points fall or stay.
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
    let catalogue = catalogue(terminal, options)?;
    if let Some(kind) = catalogue.kind(wanted) {
        return Ok(explained_kind(terminal, &catalogue, kind));
    }
    let mut survey = options.survey.clone();
    if survey.paths.is_empty() && !terminal.has_estate() {
        if !wanted.contains('/') {
            return Err(Failure::new(no_such_rule(wanted, &catalogue), Exit::Usage));
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

/// What is stated of kinds: with the estate's own statements, where the estate is what is asked about.
fn catalogue(terminal: &Terminal, options: &Explain) -> Result<Catalogue, Failure> {
    let estate = if options.survey.paths.is_empty() { terminal.estate_if_any()? } else { None };
    match estate {
        Some(estate) => Ok(estate.catalogue),
        None => Catalogue::built_in().map_err(|problem| Failure::new(problem, Exit::Internal)),
    }
}

fn explained_kind(terminal: &Terminal, catalogue: &Catalogue, kind: &KindStatements) -> Outcome {
    let called = catalogue.providers().into_iter().find(|(name, _)| *name == kind.provider());
    let provider = called.map_or_else(|| kind.provider(), |(_, title)| title);
    let text = match terminal.format {
        Format::Text => text::explain_kind(kind, provider, terminal.look),
        Format::Json => json::explain_kind(kind, provider, &Exit::codes(&[])),
    };
    Outcome { code: None, text, exits: Vec::new() }
}

fn no_such_rule(wanted: &str, catalogue: &Catalogue) -> Problem {
    let kinds = catalogue.kinds().map(|kind| kind.name.as_str());
    let near = app::nearest(wanted, ALL.iter().map(|rule| rule.id()).chain(kinds));
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    let what = format!("there is no rule or kind `{}`{near}", printable(wanted.as_bytes()));
    Problem::new(Kind::Usage, what).remedy(
        "`outlive explain` lists the rules, docs/catalogue.md the kinds; to explain a volume or a hazard, name the estate file with --config, or PATHs",
    )
}
