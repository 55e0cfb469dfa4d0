//! `outlive audit` and `outlive inventory`.

use super::Outcome;
use super::args::{Audit, Format, PolicyOptions, Survey};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, Context, SeenVault, SurveyOrder};
use crate::domain::{GapScope, Kind, Policy, Problem};
use crate::estate::Estate;
use crate::report::{json, text};
use crate::rules::Overall;
use std::ffi::OsString;

/// What a survey by paths looks at.
pub fn order(terminal: &Terminal, survey: &Survey) -> Result<SurveyOrder, Failure> {
    let seen = |vault: &OsString| {
        SeenVault::undeclared(terminal.place(vault)?).map_err(|problem| Failure::new(problem, Exit::Internal))
    };
    let vaults = survey.vault.iter().map(seen);
    Ok(SurveyOrder {
        paths: survey.paths.clone(),
        copies: survey.copies.clone(),
        look_in: survey.look_in.iter().map(|directory| (directory.clone(), None)).collect(),
        vaults: vaults.collect::<Result<_, _>>()?,
        limit: survey.time_limit,
    })
}

/// The estate, where no path was named.
fn estate(terminal: &Terminal, survey: &Survey) -> Result<Estate, Failure> {
    if !survey.copies.is_empty() || !survey.look_in.is_empty() || !survey.vault.is_empty() {
        let what = "--copies, --look-in and --vault belong to a PATH, and none is named";
        let problem =
            Problem::new(Kind::Usage, what).remedy("name a PATH, or write them into the estate file");
        return Err(Failure::new(problem, Exit::Usage));
    }
    terminal.estate()
}

fn judged(terminal: &Terminal, estate: &Estate, survey: &Survey) -> Result<app::Audited, Failure> {
    let (estate, limit) = (estate.clone(), survey.time_limit);
    let context = terminal.context.aged(survey.max_age);
    unless_stopped(terminal, &context, move |context| app::judge_estate(context, &estate, limit))
}

/// Looks, until somebody asks to stop.
pub fn unless_stopped<T: Send + 'static>(
    terminal: &Terminal,
    context: &Context,
    work: impl FnOnce(&Context) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Failure> {
    // From here on it is heard.
    let _bars = terminal.monitor();
    app::unless_stopped(context, work).map_err(|problem| match problem.kind {
        Kind::Cancelled => Failure::ending(problem, Exit::Undetermined),
        _ => Failure::new(problem, Exit::Internal),
    })
}

/// What is said of paths.
fn judged_paths(terminal: &Terminal, survey: &Survey, policy: &Policy) -> Result<app::Audited, Failure> {
    let (order, policy) = (order(terminal, survey)?, policy.clone());
    unless_stopped(terminal, &terminal.context, move |context| app::audit(context, &order, &policy))
}

/// What was seen and said: of the paths named, or of the estate.
pub fn audited(
    terminal: &Terminal,
    survey: &Survey,
    policy: &PolicyOptions,
) -> Result<(Policy, app::Audited), Failure> {
    if survey.paths.is_empty() {
        let estate = estate(terminal, survey)?;
        return Ok((estate.default_policy().judged.clone(), judged(terminal, &estate, survey)?));
    }
    let policy = policy.policy();
    let audited = judged_paths(terminal, survey, &policy)?;
    Ok((policy, audited))
}

/// Whether something was not seen: an answer then speaks only of what was.
pub fn saw_all(audited: &app::Audited) -> bool {
    let mut gaps = audited.graph.inventory().gaps.iter().map(|gap| &gap.scope);
    !audited.judged.is_empty() && !gaps.any(|scope| scope.counts() && !matches!(scope, GapScope::Asked(_)))
}

/// What stands above an answer that is not about today.
fn replayed(terminal: &Terminal, survey: &Survey) -> Result<String, Failure> {
    if !survey.paths.is_empty() {
        return Ok(String::new());
    }
    let estate = estate(terminal, survey)?;
    let said = estate.as_of.map(|moment| text::as_of(moment, estate.taken_after(moment), terminal.look));
    Ok(said.unwrap_or_default())
}

/// The blast radius of hazards.
fn what_if(terminal: &Terminal, options: &Audit) -> Result<Outcome, Failure> {
    let (_, audited) = audited(terminal, &options.survey, &options.policy)?;
    let hazards = app::hazards_named(&audited.graph, &options.what_if)
        .map_err(|problem| Failure::new(problem, Exit::Usage))?;
    let radius = app::what_if(&audited, &hazards);
    let settled = radius.is_settled() && saw_all(&audited);
    let exits = if settled { vec![] } else { vec![Exit::Undetermined] };
    let text = match terminal.format {
        Format::Text => {
            let replayed = replayed(terminal, &options.survey)?;
            replayed + &text::what_if(&audited.graph, &radius, audited.at, terminal.look)
        }
        Format::Json => json::what_if(&audited.graph, &radius, audited.at, &Exit::codes(&exits)),
    };
    Ok(Outcome { code: None, text, exits })
}

/// Surveys and judges.
pub fn audit(terminal: &Terminal, options: &Audit) -> Result<Outcome, Failure> {
    if !options.what_if.is_empty() {
        return what_if(terminal, options);
    }
    let (policy, audited) = audited(terminal, &options.survey, &options.policy)?;
    let replayed = replayed(terminal, &options.survey)?;
    let exits = match audited.overall {
        Overall::Sound => vec![],
        Overall::Undetermined => vec![Exit::Undetermined],
        Overall::Failed if open(&audited) => vec![Exit::RuleFailed, Exit::Undetermined],
        Overall::Failed => vec![Exit::RuleFailed],
    };
    let text = match terminal.format {
        Format::Text => {
            let app::Audited { graph, judged, catalogue, at, .. } = &audited;
            replayed + &text::audit(graph, judged, &policy, catalogue, *at, terminal.look)
        }
        Format::Json => {
            json::audit(&audited.graph, &audited.judged, &policy, audited.at, &Exit::codes(&exits))
        }
    };
    Ok(Outcome { code: None, text, exits })
}

/// True where, beside failures, something could not be said.
fn open(audited: &app::Audited) -> bool {
    let mut verdicts =
        audited.judged.iter().flat_map(|judged| &judged.findings).map(|finding| &finding.verdict);
    verdicts.any(|verdict| matches!(verdict, crate::domain::Verdict::Undetermined(_)))
        || audited.graph.inventory().has_open_gaps()
}

/// Surveys only.
pub fn inventory(terminal: &Terminal, options: &Survey) -> Result<Outcome, Failure> {
    let audited = if options.paths.is_empty() {
        judged(terminal, &estate(terminal, options)?, options)?
    } else {
        judged_paths(terminal, options, &Policy::default())?
    };
    let inventory = audited.graph.inventory();
    let seen = !inventory.volumes.is_empty() && !inventory.has_open_gaps();
    let exits = if seen { vec![] } else { vec![Exit::Undetermined] };
    let text = match terminal.format {
        Format::Text => text::inventory(&audited.graph, audited.at, terminal.look),
        Format::Json => {
            let codes = Exit::codes(&exits);
            let printed = terminal.print_by(|out| json::inventory(&audited.graph, audited.at, &codes, out));
            printed.map_err(Failure::unprinted)?;
            String::new()
        }
    };
    Ok(Outcome { code: None, text, exits })
}
