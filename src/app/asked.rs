//! What a person names on the command line, volumes and hazards, and the answers to questions about them.

use super::Audited;
use crate::domain::{Asset, AssetId, Hazard, HazardSet, Kind, Policies, Problem, Result, printable};
use crate::isolation::{Graph, Radius, natural_hazard, radius, trace};
use crate::report::Explained;
use crate::rules::Judged;
use std::collections::BTreeSet;

/// How many near names an error tells.
const NEAR: usize = 3;

/// How many things of one name an error tells.
const MOST: usize = 5;

/// What is done to an asset.
type Act = fn(AssetId) -> Hazard;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A volume, by its place among those judged: under every hazard of its table.
    Volume(usize),
    /// A hazard: every volume that it reaches.
    Hazard(Hazard),
}

/// What a word means: a volume by id or name, or a hazard as [`hazard_named`] reads it.
///
/// # Errors
/// `Usage` where several volumes have that name and none has it as its id; otherwise as [`hazard_named`].
pub fn asked(audited: &Audited, what: &str) -> Result<Asked> {
    let judged = &audited.judged;
    if let Some(place) = judged.iter().position(|judged| judged.volume.id.0 == what) {
        return Ok(Asked::Volume(place));
    }
    let named: Vec<usize> = (0..judged.len()).filter(|place| judged[*place].volume.name == what).collect();
    match named.as_slice() {
        [] => hazard_named(&audited.graph, what).map(Asked::Hazard),
        [one] => Ok(Asked::Volume(*one)),
        // The ids of the volumes, not of their assets: those would ask for a hazard.
        several => {
            let ids: Vec<&str> = several.iter().map(|place| judged[*place].volume.id.0.as_str()).collect();
            Err(several_things(what, &ids))
        }
    }
}

/// The hazard that `KIND:NAME` or `ACT:KIND:NAME` stands for. `volume:ID` is a volume; acts are lost, deleted,
/// compromised and bad-data. Where no act is named it is the one that comes naturally of the asset.
///
/// # Errors
/// `Usage` where nothing, or more than one thing, is called so, and where data of something that holds none goes bad.
pub fn hazard_named(graph: &Graph, what: &str) -> Result<Hazard> {
    let Some((_, act, name)) = act_of(what) else {
        return Ok(natural_hazard(graph, asset_named(graph, what)?));
    };
    let hazard = act(asset_named(graph, name)?);
    let is_volume = |asset: &AssetId| graph.inventory().volumes.iter().any(|volume| volume.asset == *asset);
    if matches!(&hazard, Hazard::BadData(asset) if !is_volume(asset)) {
        let what = format!("`{}` is no volume, so that no data of it can go bad", shown(name));
        return Err(Problem::new(Kind::Usage, what).remedy("name it as bad-data:volume:ID"));
    }
    Ok(hazard)
}

/// The word for the act of a hazard.
fn word_of(hazard: &Hazard) -> &'static str {
    match hazard {
        Hazard::Lost(_) => "lost:",
        Hazard::Deleted(_) => "deleted:",
        Hazard::Compromised(_) => "compromised:",
        Hazard::BadData(_) => "bad-data:",
    }
}

/// A word for an act, the act, and the name behind it; `None` where no act is named.
fn act_of(what: &str) -> Option<(&'static str, Act, &str)> {
    let acts: [Act; 4] = [Hazard::Lost, Hazard::Deleted, Hazard::Compromised, Hazard::BadData];
    acts.into_iter().find_map(|act| {
        let word = word_of(&act(AssetId(String::new())));
        Some((word, act, what.strip_prefix(word)?))
    })
}

/// The hazards that words stand for, each as [`hazard_named`] reads it; a word may be a list with commas.
///
/// # Errors
/// As [`hazard_named`], and `Usage` where it is open whether an act in a list is meant of a later name too.
pub fn hazards_named(graph: &Graph, words: &[String]) -> Result<HazardSet> {
    let mut hazards = HazardSet::new();
    for word in words {
        match hazard_named(graph, word) {
            Ok(hazard) => drop(hazards.insert(hazard)),
            // A path may hold a comma: only what is nothing as a whole is a list.
            Err(problem) if !word.contains(',') => return Err(problem),
            Err(_) => {
                let each = listed(graph, word)?;
                if each.is_empty() {
                    return Err(no_such_thing(graph, word));
                }
                hazards.extend(each);
            }
        }
    }
    Ok(hazards)
}

/// The hazards between commas. A name behind one with an act is refused where it would be another hazard with that
/// act: one reader carries it on, another does not, and the milder reading would comfort the one who meant the worse.
fn listed(graph: &Graph, word: &str) -> Result<Vec<Hazard>> {
    let mut hazards = Vec::new();
    let mut before = None;
    for one in word.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let hazard = hazard_named(graph, one)?;
        let own = act_of(one).map(|(act, ..)| act);
        if let (None, Some(act)) = (own, before) {
            let carried = format!("{act}{one}");
            if hazard_named(graph, &carried).is_ok_and(|carried| carried != hazard) {
                let what = format!("it is not clear whether `{act}` is meant of `{}` too", shown(one));
                let plain = format!("{}{one}", word_of(&hazard));
                let remedy = format!("write {} where it is, else {}", shown(&carried), shown(&plain));
                return Err(Problem::new(Kind::Usage, what).remedy(remedy));
            }
        }
        before = own.or(before);
        hazards.push(hazard);
    }
    Ok(hazards)
}

fn asset_named(graph: &Graph, name: &str) -> Result<AssetId> {
    let all = graph.inventory();
    if let Some(id) = name.strip_prefix("volume:")
        && let Some(volume) = all.volumes.iter().find(|volume| volume.id.0 == id)
    {
        return Ok(volume.asset.clone());
    }
    let exact = AssetId(name.to_owned());
    if graph.knows(&exact) {
        return Ok(exact);
    }
    // The more exactly it is named, the sooner it counts.
    for way in WAYS {
        let found = called(graph, name, way);
        match found.iter().collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => return Ok((**one).clone()),
            several => {
                let ids: Vec<&str> = several.iter().map(|id| id.0.as_str()).collect();
                return Err(several_things(name, &ids));
            }
        }
    }
    Err(no_such_thing(graph, name))
}

/// How something may be named, other than by its id.
#[derive(Clone, Copy)]
enum Way {
    /// A volume by its id or name, with or without `volume:`.
    Volume,
    /// KIND:NAME, in whatever case.
    KindAndName,
    /// KIND:NAME, where the name stands behind a slash: `account:acme` for `account:aws/acme`.
    KindAndLast,
    /// The name alone, or what stands behind its last slash.
    Bare,
}

const WAYS: [Way; 4] = [Way::Volume, Way::KindAndName, Way::KindAndLast, Way::Bare];

/// The assets that are named so.
fn called<'g>(graph: &'g Graph, name: &str, way: Way) -> BTreeSet<&'g AssetId> {
    let all = graph.inventory();
    if let Way::Volume = way {
        let bare = name.strip_prefix("volume:").unwrap_or(name);
        let by_id = all.volumes.iter().find(|volume| volume.id.0 == bare);
        let named = all.volumes.iter().filter(|volume| by_id.is_none() && volume.name == bare);
        return by_id.into_iter().chain(named).map(|volume| &volume.asset).collect();
    }
    let is = |written: &str| written.eq_ignore_ascii_case(name);
    let fits = |asset: &&Asset| {
        let (kind, own) = (asset.kind.word(), &*asset.name);
        match way {
            Way::Volume => false,
            Way::KindAndName => is(&asset.id.0) || is(&format!("{kind}:{own}")),
            Way::KindAndLast => {
                // What ends in a slash, as the root does, has no last name that anybody could mean.
                let ends = |written: &str| !written.is_empty() && is(&format!("{kind}:{written}"));
                ends(last(own)) || ends(last(&asset.id.0))
            }
            Way::Bare => !name.is_empty() && (is(own) || is(last(own))),
        }
    };
    all.assets.iter().filter(fits).map(|asset| &asset.id).collect()
}

/// What stands behind the last slash.
fn last(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

fn several_things(name: &str, ids: &[&str]) -> Problem {
    let more = ids.len().saturating_sub(MOST);
    let ids: Vec<&str> = ids.iter().take(MOST).copied().collect();
    let more = if more > 0 { format!(", or one of {more} others") } else { String::new() };
    let what = format!("several things are called `{}`", shown(name));
    Problem::new(Kind::Usage, what).remedy(format!("name one of {}{more}", ids.join(", ")))
}

fn no_such_thing(graph: &Graph, name: &str) -> Problem {
    let all = graph.inventory();
    let volumes = all.volumes.iter().map(|volume| format!("volume:{}", volume.id));
    let names: BTreeSet<String> = all.assets.iter().map(|asset| asset.id.0.clone()).chain(volumes).collect();
    let near = nearest(name, names.iter().map(String::as_str));
    let what = format!("nothing here is called `{}`", shown(name));
    let remedy = match near.is_empty() {
        true => "name a volume by its id, or anything else as KIND:NAME; --format json lists each `asset`"
            .to_owned(),
        false => format!("did you mean {}?", near.join(" or ")),
    };
    Problem::new(Kind::Usage, what).remedy(remedy)
}

/// The names that are near to what was written, the nearest first: at most one slip in three letters, or the name
/// without what stands before it.
pub fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let lower = written.chars().take(200).collect::<String>().to_lowercase();
    let slips = (lower.chars().count() / 3).max(1);
    let distance = |name: &str| {
        let name = name.to_lowercase();
        let (kind, bare) = name.split_once(':').map_or(("", name.as_str()), |(kind, bare)| (kind, bare));
        let short = format!("{kind}:{}", last(bare));
        let forms = [name.as_str(), bare, last(bare), short.as_str()];
        let least = forms.into_iter().map(|form| strsim::damerau_levenshtein(&lower, form)).min();
        least.unwrap_or(usize::MAX)
    };
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= slips && *distance < name.len())
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAR).map(|(_, name)| name.to_owned()).collect()
}

fn shown(name: &str) -> String {
    printable(name.as_bytes()).chars().take(200).collect()
}

/// What hazards that happen together would take.
pub fn what_if(audited: &Audited, hazards: &HazardSet) -> Radius {
    radius(&audited.graph, hazards, &policies(audited), audited.at)
}

fn policies(audited: &Audited) -> Policies {
    let of_volume = audited.judged.iter().map(|one| (one.volume.id.clone(), one.policy.clone()));
    Policies { of_volume: of_volume.collect(), ..Policies::default() }
}

/// Why volumes and their recovery points fall or stay: one volume under every hazard of its table, or all that a
/// hazard reaches.
pub fn explain(audited: &Audited, asked: &Asked) -> Vec<Explained> {
    let unseen = |judged: &Judged| {
        judged.survival.shadows.iter().map(|shadow| shadow.because.clone()).collect::<BTreeSet<_>>()
    };
    let explained = |judged: &Judged, sets: &[HazardSet]| Explained {
        perhaps: Vec::new(),
        volume: judged.volume.clone(),
        chain: judged.chain.clone(),
        traced: trace(&audited.graph, &judged.volume, sets, &judged.policy, audited.at),
    };
    match asked {
        Asked::Volume(place) => {
            let Some(judged) = audited.judged.get(*place) else { return Vec::new() };
            let rows = judged.survival.rows.iter();
            let sets: Vec<HazardSet> = rows.map(|row| [row.hazard.clone()].into()).collect();
            vec![Explained { perhaps: unseen(judged).into_iter().collect(), ..explained(judged, &sets) }]
        }
        Asked::Hazard(hazard) => {
            let all = audited.judged.iter().map(|judged| explained(judged, &[[hazard.clone()].into()]));
            all.filter(|one| one.traced.iter().any(|traced| !traced.is_untouched())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_told_with_and_without_their_kind() {
        let names = ["credential:ci-domains", "host:build-3", "volume:orders-db"];
        assert_eq!(nearest("credential:ci-domain", names), ["credential:ci-domains"]);
        assert_eq!(nearest("build-3", names), ["host:build-3"]);
        assert_eq!(nearest("something else altogether", names), Vec::<String>::new());
        assert_eq!(
            nearest("account:acmee", ["account:aws/acme", "account:production"]),
            ["account:aws/acme"]
        );
    }
}
