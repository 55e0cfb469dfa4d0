//! A first estate file, from what is seen of this machine and what the environment offers.

use super::{Context, SurveyOrder, survey};
use crate::domain::{Inventory, Kind, Problem, RecoveryPoint, Result, Timestamp, Volume, printable};
use crate::estate::{Environment, Estate};
use crate::providers::local::{Candidate, CandidateKind, System, candidates, candidates_below, this_host};
use crate::providers::railway;
use crate::report::activity::InitDone;
use crate::report::estate_file::{Proposed, ProposedProvider, ProposedVolume, estate_file, quoted};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Variables that hold tokens of Railway, with what a provider asked with each is called.
const OF_RAILWAY: [(&str, &str); 2] =
    [("RAILWAY_API_TOKEN", "railway"), ("RAILWAY_TOKEN", "railway-project")];
/// Variables that hold other credentials.
const OTHERS: [&str; 25] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AZURE_CLIENT_SECRET",
    "CLOUDFLARE_API_TOKEN",
    "DATABASE_URL",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "FLY_API_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HCLOUD_TOKEN",
    "HEROKU_API_KEY",
    "KUBECONFIG",
    "LINODE_TOKEN",
    "MONGODB_ATLAS_PRIVATE_KEY",
    "NEON_API_KEY",
    "PGPASSFILE",
    "PGPASSWORD",
    "PLANETSCALE_SERVICE_TOKEN",
    "RENDER_API_KEY",
    "SCW_SECRET_KEY",
    "SUPABASE_ACCESS_TOKEN",
    "VAULT_TOKEN",
    "VULTR_API_KEY",
];
/// How many paths are proposed.
const MOST: usize = 100;

/// What a first estate file is to be made of.
#[derive(Debug, Clone)]
pub struct InitOrder {
    /// Where it belongs.
    pub into: PathBuf,
    /// What is proposed as volumes; without any, what this machine has.
    pub paths: Vec<PathBuf>,
    /// How long looking at one path may take.
    pub limit: Duration,
}

/// Looks, and proposes a file; nothing is written.
///
/// # Errors
/// `Internal` where what is proposed could not be read again.
pub fn propose(context: &Context, order: &InitOrder) -> Result<InitDone> {
    let (found, mut gaps) = match order.paths.as_slice() {
        [] => candidates(&System::default(), context.environment.get("PGDATA").map(Path::new)),
        paths => candidates_below(paths),
    };
    if found.len() > MOST {
        gaps.push(format!("{} places more that may hold data", found.len() - MOST));
    }
    let found: Vec<Candidate> = found.into_iter().take(MOST).collect();
    let now = (context.clock)();
    let paths = found.iter().map(|one| one.path.clone()).collect();
    let inventory = survey(context, &SurveyOrder { paths, limit: order.limit, ..SurveyOrder::default() });
    let mut taken = BTreeSet::new();
    let volumes: Vec<ProposedVolume> =
        found.iter().map(|one| volume(one, &inventory, &order.into, &mut taken, now)).collect();
    let (providers, others) = offered(&context.environment);
    let host = printable(this_host().name.as_bytes());
    let proposed = Proposed { at: now, host, volumes, providers, others, gaps };
    let toml = estate_file(&proposed);
    Estate::parse(&order.into, &toml).map_err(|problem| Problem { kind: Kind::Internal, ..problem })?;
    let named = |one: &&ProposedVolume| one.refused.is_none();
    Ok(InitDone {
        path: printable(order.into.as_os_str().as_bytes()),
        toml,
        written: false,
        volumes: proposed.volumes.iter().filter(named).map(|one| one.id.clone()).collect(),
        providers: proposed.providers.iter().map(|one| one.id.clone()).collect(),
        gaps: proposed.gaps,
    })
}

/// Writes what was proposed, as a new file.
///
/// # Errors
/// `Usage` where something is there already; `Io`.
pub fn write_proposed(order: &InitOrder, mut done: InitDone) -> Result<InitDone> {
    let failed = |error: std::io::Error| Problem::io("writing the estate file", error).at(&done.path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&order.into);
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(&done.path),
        _ => failed(error),
    })?;
    file.write_all(done.toml.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    done.written = true;
    Ok(done)
}

/// That a file is there already.
pub fn is_there(path: &str) -> Problem {
    Problem::new(Kind::Usage, "there is an estate file already, and it is not written over")
        .at(path)
        .remedy("name another place with --config, or run this without --yes to see what it would propose")
}

/// What the environment offers: providers that can be asked, and the names of other credentials.
fn offered(environment: &Environment) -> (Vec<ProposedProvider>, Vec<String>) {
    let is_set = |name: &str| environment.get(name).is_some();
    let providers = OF_RAILWAY.iter().filter(|(name, _)| is_set(name)).map(|(name, id)| ProposedProvider {
        id: (*id).to_owned(),
        kind: railway::KIND.to_owned(),
        variable: (*name).to_owned(),
    });
    let others = OTHERS.iter().filter(|name| is_set(name)).map(|name| (*name).to_owned());
    (providers.collect(), others.collect())
}

fn volume(
    one: &Candidate,
    inventory: &Inventory,
    into: &Path,
    taken: &mut BTreeSet<String>,
    now: Timestamp,
) -> ProposedVolume {
    let shown = printable(one.path.as_os_str().as_bytes());
    let (what, postgres) = match &one.kind {
        CandidateKind::Mount(kind) => {
            (format!("A mounted filesystem ({}).", printable(kind.as_bytes())), None)
        }
        CandidateKind::Directory => ("A directory.".to_owned(), None),
        CandidateKind::Postgres(version) => {
            (format!("The data directory of a PostgreSQL {version}."), Some(version.clone()))
        }
    };
    let id = name(one, taken);
    let path = one.path.to_str().map(str::to_owned);
    let refused = match &path {
        None => Some(format!("{shown} is no UTF-8")),
        Some(path) => {
            let alone = format!("[[volume]]\nid = {}\npath = {}\n", quoted(&id), quoted(path));
            Estate::parse(into, &alone)
                .err()
                .map(|problem| printable(problem.what.replace('\n', "; ").as_bytes()))
        }
    };
    let path = path.unwrap_or(shown.clone());
    ProposedVolume { id, path, what, seen: seen(&shown, inventory, now), postgres, refused }
}

/// A name that the file may hold and that no other volume has.
fn name(one: &Candidate, taken: &mut BTreeSet<String>) -> String {
    let text = one.path.to_string_lossy().to_lowercase();
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let mut name = parts.collect::<Vec<_>>().join("-");
    if let (CandidateKind::Postgres(version), Some(last)) = (&one.kind, one.path.file_name()) {
        let last = last
            .to_string_lossy()
            .to_lowercase()
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        name = format!("postgres-{version}-{}", last.trim_matches('-'));
    }
    name.truncate(80);
    let name = if name.is_empty() { "root".to_owned() } else { name };
    let free = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") });
    let free = free.take(MOST * 2).find(|one| !taken.contains(one)).unwrap_or(name);
    taken.insert(free.clone());
    free
}

/// What the survey saw of its recovery points, and what it could not.
fn seen(shown: &str, inventory: &Inventory, now: Timestamp) -> Vec<String> {
    let Some(volume) = inventory.volumes.iter().find(|volume| volume.name == *shown) else {
        return vec!["It could not be looked at: see the gaps of `outlive inventory`.".to_owned()];
    };
    let mut by_kind: BTreeMap<&str, Vec<&RecoveryPoint>> = BTreeMap::new();
    for point in points_of(inventory, volume) {
        by_kind.entry(point.kind.word()).or_default().push(point);
    }
    let mut said: Vec<String> = by_kind
        .into_iter()
        .map(|(kind, points)| {
            let newest =
                points.iter().filter_map(|point| point.taken_at.value()).filter(|at| **at <= now).max();
            let newest = newest.map_or_else(String::new, |at| {
                format!(", the newest of {}", at.format("%Y-%m-%d %H:%M UTC"))
            });
            format!(
                "Seen of it here: {} × {kind}{newest}. What lies here dies with this machine.",
                points.len()
            )
        })
        .collect();
    if said.is_empty() {
        said.push("No recovery point of it was seen here.".to_owned());
    }
    said
}

fn points_of<'i>(inventory: &'i Inventory, volume: &'i Volume) -> impl Iterator<Item = &'i RecoveryPoint> {
    inventory.points.iter().filter(|point| point.of.value() == Some(&volume.id))
}
