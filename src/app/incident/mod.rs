//! Replaying an incident: the night before, the act, the morning after. Only declarations are read, and nothing is
//! touched.

mod built_in;
mod compare;
mod morning;
mod night;

pub use built_in::{BuiltIn, INCIDENTS};

use super::judge_as_of;
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{Estate, Incident};
use crate::isolation::hazard_title;
use crate::report::activity::{IncidentAct, IncidentDone, IncidentMorning};
use crate::rules::by_id;
use std::ffi::OsStr;
use std::path::Path;

/// An incident with the estate that it struck.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What it was asked for by.
    pub name: String,
    /// The estate as it stood the day before.
    pub estate: Estate,
    /// The act, and what must come of it.
    pub incident: Incident,
}

/// The incident of this name, or in this directory.
///
/// # Errors
/// `Usage` where there is none, or its files are not sound.
pub fn load_incident(named: &OsStr) -> Result<Replay> {
    let name = printable(named.as_encoded_bytes());
    if let Some(known) = INCIDENTS.iter().find(|known| named == known.name) {
        let folder = Path::new("drills/incidents").join(known.name);
        return parse_incident(known.name, &folder, known.estate, known.incident);
    }
    let folder = Path::new(named);
    if !folder.is_dir() {
        let names: Vec<&str> = INCIDENTS.iter().map(|known| known.name).collect();
        let what = format!("there is no incident `{name}`");
        return Err(Problem::new(Kind::Usage, what).remedy(format!(
            "name one of: {}; or a directory with outlive.toml and incident.toml",
            names.join(", ")
        )));
    }
    let estate = Estate::read(&folder.join("outlive.toml"))?;
    let path = folder.join("incident.toml");
    let place = printable(path.as_os_str().as_encoded_bytes());
    let failed = |error| Problem::io("reading the incident", error).at(place.clone());
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let incident = Incident::parse(&path, &text, &estate)?;
    Ok(Replay { name, estate, incident })
}

/// The incident of two texts; `folder` is how their place is told.
///
/// # Errors
/// As [`load_incident`].
pub fn parse_incident(name: &str, folder: &Path, estate: &str, incident: &str) -> Result<Replay> {
    let estate = Estate::parse(&folder.join("outlive.toml"), estate)?;
    let incident = Incident::parse(&folder.join("incident.toml"), incident, &estate)?;
    Ok(Replay { name: name.to_owned(), estate, incident })
}

/// Judges the night before, lets it happen, and compares with what the incident expects.
///
/// # Errors
/// `Usage` where it names a rule or an asset that is not there.
pub fn replay_incident(replay: &Replay) -> Result<IncidentDone> {
    let Replay { name, estate, incident } = replay;
    if let Some(finding) = incident.findings.iter().find(|finding| by_id(&finding.rule).is_none()) {
        let what = format!("there is no rule `{}`", printable(finding.rule.as_bytes()));
        let place = format!("{}:{}", incident.place, finding.line);
        return Err(Problem::new(Kind::Usage, what).at(place).remedy("`outlive explain` lists the rules"));
    }
    let before = judge_as_of(estate, incident.night)?;
    let after = judge_as_of(estate, incident.acts_at)?;
    for (hazard, line) in &incident.hazards {
        if !after.graph.knows(hazard.asset()) {
            let what = format!("the estate has no `{}`", printable(hazard.asset().0.as_bytes()));
            let place = format!("{}:{line}", incident.place);
            return Err(Problem::new(Kind::Usage, what).at(place).remedy("name it as outlive.toml does"));
        }
    }
    let night = night::night(&before);
    let morning: IncidentMorning = morning::morning(estate, incident, &after)?;
    let said = compare::said(incident, &before);
    let unexpected = compare::unexpected(incident, &morning, &said);
    let hazards = incident.hazards.keys().map(|hazard| hazard_title(&after.graph, hazard)).collect();
    Ok(IncidentDone {
        name: name.clone(),
        title: printable(incident.title.as_bytes()),
        as_expected: unexpected.is_empty(),
        night,
        act: IncidentAct { at: incident.acts_at, said: printable(incident.act.as_bytes()), hazards },
        morning,
        said,
        unexpected,
    })
}
