//! `outlive points`.

use super::Outcome;
use super::args::{PolicyOptions, Survey};
use super::audit::{audited, order, unless_stopped};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, Context, PointsOrder};
use crate::domain::Problem;
use crate::estate::VaultPlace;
use clap::Args;

#[derive(Debug, Args)]
pub struct Points {
    /// The volume: of the estate file or among PATH, by its id or path
    pub volume: String,
    #[command(flatten)]
    pub survey: Survey,
    #[command(flatten)]
    pub policy: PolicyOptions,
    /// Also say which of them these would take, happening together: as `audit --what-if`
    #[arg(long, value_name = "HAZARD", num_args = 1..)]
    pub what_if: Vec<String>,
}

/// Lists the recovery points of a volume.
pub fn run(terminal: &Terminal, options: &Points) -> Result<Outcome, Failure> {
    let failed = |problem: Problem| Failure::new(problem, Exit::Internal);
    let mut survey = options.survey.clone();
    if survey.paths.is_empty() && (!survey.vault.is_empty() || !terminal.has_estate()) {
        // A path is a volume of its own.
        survey.paths.push(options.volume.clone().into());
    }
    let vaults: Vec<VaultPlace> = if survey.paths.is_empty() {
        terminal.estate()?.vaults.iter().map(|entry| entry.place.clone()).collect()
    } else {
        survey.vault.iter().map(|vault| terminal.place(vault)).collect::<Result<_, _>>()?
    };
    let (volume, vaults) = (options.volume.as_str(), vaults.as_slice());
    let listed = if options.what_if.is_empty() {
        let inventory = if survey.paths.is_empty() {
            let (estate, limit) = (terminal.estate()?, survey.time_limit);
            let context = terminal.context.aged(survey.max_age);
            let look = move |context: &Context| Ok(app::survey_estate(context, &estate, limit));
            unless_stopped(terminal, &context, look)?
        } else {
            let order = order(terminal, &survey)?;
            unless_stopped(terminal, &terminal.context, move |context| Ok(app::survey(context, &order)))?
        };
        let now = (terminal.context.clock)();
        let order = PointsOrder {
            volume,
            inventory: &inventory,
            vaults,
            what_if: None,
            now,
            limit: survey.time_limit,
        };
        app::points(&terminal.context, &order).map_err(failed)?
    } else {
        let (_, audited) = audited(terminal, &survey, &options.policy)?;
        let hazards = app::hazards_named(&audited.graph, &options.what_if)
            .map_err(|problem| Failure::new(problem, Exit::Usage))?;
        let radius = app::what_if(&audited, &hazards);
        let (inventory, now) = (audited.graph.inventory(), audited.at);
        let (what_if, limit) = (Some((&audited, &radius)), survey.time_limit);
        let order = PointsOrder { volume, inventory, vaults, what_if, now, limit };
        app::points(&terminal.context, &order).map_err(failed)?
    };
    let exits = if listed.is_settled() { vec![] } else { vec![Exit::Undetermined] };
    Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits })
}
