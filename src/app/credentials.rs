//! What each credential can destroy: the audit's own engine, asked from the credential's side.

use super::{Audited, Context, judge_estate};
use crate::catalogue::Catalogue;
use crate::domain::{
    Asset, AssetId, AssetKind, Finding, Hazard, HazardClass, HazardSet, How, Inventory, Nature, OneAct,
    ReachedKind, Result, Verdict, printable,
};
use crate::estate::{Estate, VaultPlace};
use crate::isolation::{
    Dies, Fate, Graph, PointPlace, Stay, Step, Struck, TracedPoints, Weight, struck, trace, weigh,
};
use crate::report::activity::{
    CredentialFinding, CredentialSaid, CredentialsSaid, NewestLeft, OfVolume, PointsTaken, StepSaid,
    TakenSaid,
};
use crate::report::text::call_that_deletes;
use crate::rules::Judged;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The rules that speak of credentials.
const RULES: [&str; 2] = ["credential-reaches-both", "identity-reaches-both"];

/// Surveys and judges an estate as an audit does; whether misused credentials are to be survived is asked of every volume,
/// whatever its policy says, since that is what is asked here.
///
/// # Errors
/// As [`judge_estate`].
pub fn judge_credentials(context: &Context, estate: &Estate, limit: Duration) -> Result<Audited> {
    let mut asked = estate.clone();
    asked.policies.entry("default".into()).or_default();
    for policy in asked.policies.values_mut() {
        policy.judged.survive.extend([HazardClass::Credential, HazardClass::Identity]);
    }
    judge_estate(context, &asked, limit)
}

/// What each credential, identity and key of an audit takes of each volume.
pub fn credentials(audited: &Audited, estate: &Estate) -> CredentialsSaid {
    let graph = &audited.graph;
    let assets = held(graph.inventory());
    let ids: Vec<AssetId> = assets.iter().map(|asset| asset.id.clone()).collect();
    let roles = Roles::of(estate, graph.inventory());
    let mut all: Vec<CredentialSaid> = assets.iter().map(|asset| roles.said(graph, asset)).collect();
    for judged in &audited.judged {
        let weights = weigh(graph, &judged.volume, &ids, audited.at);
        let is_touched = |weight: &Weight| weight.primary != Dies::No || weight.dies + weight.open > 0;
        let (touched, untouched): (Vec<usize>, Vec<usize>) =
            (0..ids.len()).partition(|place| is_touched(&weights[*place]));
        untouched.into_iter().for_each(|place| all[place].untouched += 1);
        for (place, of_volume) in touched.iter().zip(of_volume(audited, judged, &touched, &ids)) {
            all[*place].volumes.push(of_volume);
        }
    }
    let gaps = graph.inventory().gaps.iter().filter(|gap| gap.scope.counts());
    CredentialsSaid {
        at: audited.at,
        credentials: all,
        findings: findings(&audited.judged),
        gaps: gaps.map(|gap| format!("{}: {}", gap.place, gap.detail)).collect(),
        volumes: audited.judged.len(),
        scanned: None,
    }
}

/// What can be held by somebody, each once.
fn held(inventory: &Inventory) -> Vec<&Asset> {
    let is_held =
        |kind: AssetKind| matches!(kind, AssetKind::Credential | AssetKind::Identity | AssetKind::Key);
    let all = inventory.assets.iter().filter(|asset| is_held(asset.kind));
    let by_id: BTreeMap<&AssetId, &Asset> = all.map(|asset| (&asset.id, asset)).collect();
    by_id.into_values().collect()
}

/// What is to be said of one volume and of each of these credentials.
fn of_volume(audited: &Audited, judged: &Judged, places: &[usize], ids: &[AssetId]) -> Vec<OfVolume> {
    if places.is_empty() {
        return Vec::new();
    }
    let (graph, volume) = (&audited.graph, &judged.volume);
    let sets: Vec<HazardSet> =
        places.iter().map(|place| [Hazard::Compromised(ids[*place].clone())].into()).collect();
    let traced = trace(graph, volume, &sets, &judged.policy, audited.at);
    let along = gone_along(audited, judged);
    let each = places.iter().zip(traced).map(|(place, traced)| {
        let telling =
            Telling { graph, catalogue: &audited.catalogue, credential: &ids[*place], along: &along };
        telling.volume(struck(graph, volume, traced, audited.at), audited)
    });
    each.collect()
}

/// The recovery points that the deletion of a volume takes along, for certain.
fn gone_along(audited: &Audited, judged: &Judged) -> BTreeSet<PointPlace> {
    let deleted: HazardSet = [Hazard::Deleted(judged.volume.asset.clone())].into();
    let traced = trace(&audited.graph, &judged.volume, &[deleted], &judged.policy, audited.at);
    let dies = |points: &&TracedPoints| matches!(points.reason.fate, Fate::Dies { .. });
    traced
        .iter()
        .flat_map(|traced| &traced.points)
        .filter(dies)
        .flat_map(|points| points.places.clone())
        .collect()
}

struct Telling<'t> {
    graph: &'t Graph,
    catalogue: &'t Catalogue,
    credential: &'t AssetId,
    /// The recovery points that a deletion of the volume takes along.
    along: &'t BTreeSet<PointPlace>,
}

impl Telling<'_> {
    fn volume(&self, struck: Struck, audited: &Audited) -> OfVolume {
        let volume = &struck.volume;
        let act = self.act(&volume.name);
        let call = act.map(|act| act.call.clone());
        let call =
            call.or_else(|| call_that_deletes(self.graph, self.catalogue, &volume.asset).map(str::to_owned));
        let mut primary = taken(&struck.traced.primary.fate);
        primary.call = call.clone().filter(|_| primary.fate == "dies");
        let points = struck.traced.points.iter().filter(|points| !points.is_orphan).map(|points| {
            let mut said = taken(&points.reason.fate);
            // What goes with the volume goes by the same call.
            let goes_along = points.places.iter().all(|place| self.along.contains(place));
            said.call = call.clone().filter(|_| primary.fate == "dies" && said.fate == "dies" && goes_along);
            let ids = points.places.iter().map(|place| self.graph.id_at(*place).0).collect();
            PointsTaken { ids, taken: said }
        });
        let recovery_points = points.collect();
        let newest_left = struck.newest.map(|(place, stay)| NewestLeft {
            id: self.graph.id_at(place).0,
            name: self.graph.label_at(place),
            age_seconds: (self.graph.at(place).and_then(|point| point.taken_at.value()))
                .map(|at| (audited.at - *at).num_seconds()),
            hold: match stay {
                Stay::Certain => "certain",
                Stay::Unproven => "unproven",
                Stay::Perhaps => "perhaps",
            },
        });
        OfVolume {
            id: volume.id.0.clone(),
            name: volume.name.clone(),
            primary,
            recovery_points,
            dies: struck.dies,
            may_die: struck.may_die,
            stays: struck.stays,
            newest_left,
            hidden: struck.hidden,
        }
    }

    /// The call by which this very credential takes a volume of a provider.
    fn act(&self, volume: &str) -> Option<&OneAct> {
        let own = self.graph.inventory().accounts.iter().filter(|seen| seen.credential == *self.credential);
        own.flat_map(|seen| &seen.acts).find(|act| act.takes.iter().any(|name| name == volume))
    }
}

fn taken(fate: &Fate) -> TakenSaid {
    let (fate, chain, not_known) = match fate {
        Fate::Dies { path, .. } => ("dies", path.iter().map(step).collect(), None),
        Fate::Undetermined { missing } => ("undetermined", Vec::new(), Some(missing.clone())),
        Fate::Survives { .. } => ("survives", Vec::new(), None),
    };
    TakenSaid { fate, call: None, chain, not_known }
}

fn step(step: &Step) -> StepSaid {
    let known = match &step.how {
        How::Observed(at) => format!("observed {}", at.format("%Y-%m-%d %H:%M UTC")),
        How::Documented(source) => format!("documented by {}, read {}", source.address, source.read),
        How::Declared(owner) => format!("declared by {}", printable(owner.0.as_bytes())),
    };
    StepSaid { thing: step.thing.clone(), verb: step.verb, on: step.on.clone(), known }
}

fn findings(judged: &[Judged]) -> Vec<CredentialFinding> {
    let all = judged.iter().flat_map(|judged| &judged.findings);
    let said = |finding: &Finding| {
        let (verdict, because) = match &finding.verdict {
            Verdict::Fail(_, why) => ("fail", why.clone()),
            Verdict::Undetermined(why) => ("undetermined", why.clone()),
            Verdict::Pass(_) | Verdict::NotApplicable(_) | Verdict::Waived { .. } => return None,
        };
        let (rule, volume) = (finding.rule.clone(), finding.volume.0.clone());
        Some(CredentialFinding { rule, volume, verdict, because })
    };
    all.filter(|finding| RULES.contains(&finding.rule.as_str())).filter_map(said).collect()
}

/// What credentials are for, and what they reach.
struct Roles {
    named: BTreeMap<AssetId, (String, Vec<String>)>,
    /// Per credential what it may delete, and which others it yields.
    deletes: BTreeMap<AssetId, BTreeSet<String>>,
    yields: BTreeMap<AssetId, BTreeSet<String>>,
}

impl Roles {
    fn of(estate: &Estate, inventory: &Inventory) -> Self {
        let mut named = BTreeMap::new();
        for provider in &estate.providers {
            let role = format!("token of {} ({})", provider.id, printable(provider.kind.as_bytes()));
            named.insert(provider.credential(), (role, Vec::new()));
        }
        for (volume, variables) in estate.of_commands() {
            let variables: Vec<String> =
                variables.into_iter().map(|name| printable(name.as_bytes())).collect();
            let role = format!("of the command that {volume} is copied by: {}", variables.join(", "));
            named.insert(AssetId(format!("credential:{volume}.command")), (role, Vec::new()));
        }
        for account in &inventory.accounts {
            let reaches = account.reaches.iter().filter(|reached| reached.what != ReachedKind::Instance);
            let reaches =
                reaches.map(|reached| format!("{} {}", reached.what.word(), reached.name)).collect();
            let role = format!("token of {} ({}, {})", account.provider, account.kind, account.token.word());
            named.insert(account.credential.clone(), (role, reaches));
        }
        for vault in &estate.vaults {
            for role in ["writer", "reader", "driller"] {
                let reaches = match &vault.place {
                    VaultPlace::S3(place) => {
                        vec![printable(format!("bucket {}/{}", place.bucket, place.prefix).as_bytes())]
                    }
                    VaultPlace::Dir(_) => Vec::new(),
                };
                let id = AssetId(format!("credential:{}.{role}", vault.id));
                named.insert(id, (format!("{role} of vault {}", vault.id), reaches));
            }
            for (number, reader) in vault.readers.iter().enumerate() {
                let id = AssetId(format!("key:{}.reader-{}", vault.id, number + 1));
                let role = format!("key of a reader of vault {} ({})", vault.id, reader.role.word());
                named.insert(id, (role, Vec::new()));
            }
        }
        let mut all = Self { named, deletes: BTreeMap::new(), yields: BTreeMap::new() };
        for asset in &inventory.assets {
            for bond in &asset.bonds.list {
                let into = match bond.nature {
                    Nature::DeletableBy => &mut all.deletes,
                    Nature::YieldedBy => &mut all.yields,
                    _ => continue,
                };
                for on in &bond.on {
                    into.entry(on.clone()).or_default().insert(asset.id.0.clone());
                }
            }
        }
        all
    }

    fn said(&self, graph: &Graph, asset: &Asset) -> CredentialSaid {
        let (role, mut reaches) =
            self.named.get(&asset.id).cloned().unwrap_or_else(|| ("declared".to_owned(), Vec::new()));
        let role = match asset.bonds.of(Nature::YieldedBy).next() {
            Some(bond) if role == "declared" && matches!(bond.how, How::Documented(_)) => {
                "handed out by a provider".to_owned()
            }
            _ => role,
        };
        let of = |all: &BTreeMap<AssetId, BTreeSet<String>>| {
            all.get(&asset.id).map(|names| names.iter().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        // Of what a provider lists, the names say the same.
        reaches.extend(of(&self.deletes).into_iter().filter(|_| !self.is_listed(&asset.id)));
        let on = asset.bonds.of(Nature::YieldedBy).flat_map(|bond| &bond.on);
        let yielded_by: BTreeSet<String> = on.map(|on| graph.asset_label(on)).collect();
        CredentialSaid {
            id: asset.id.0.clone(),
            kind: asset.kind.word(),
            role,
            yielded_by: yielded_by.into_iter().collect(),
            yields: of(&self.yields),
            reaches,
            volumes: Vec::new(),
            untouched: 0,
        }
    }

    fn is_listed(&self, credential: &AssetId) -> bool {
        self.named.get(credential).is_some_and(|(_, reaches)| !reaches.is_empty())
    }
}
