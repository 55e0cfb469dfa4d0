//! Asking providers with the credentials of the estate file: all at once, each within its own time, and not again where a
//! young answer is kept.

mod kept;

use super::Context;
use super::survey::Waiting;
use crate::domain::{
    AccountSeen, Answer, AssetId, Gap, GapReason, GapScope, Inventory, Kind, Known, MayDelete, Problem,
    ReachedKind, Timestamp, TokenKind, VolumeId,
};
use crate::estate::{Estate, ProviderEntry, Secret};
use crate::providers::graphql::{Limits, Stop};
use crate::providers::join;
use crate::providers::railway::{self, Railway};
use kept::Keeper;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a connector may take beyond its own time, until it counts as hanging.
const SLACK: Duration = Duration::from_secs(15);
/// How long is waited for what was seen so far, once somebody asks to stop.
const BRIEF: Duration = Duration::from_secs(1);

/// A provider that is to be asked.
#[derive(Debug, Clone)]
pub struct AccountOrder {
    /// What the estate file says of it.
    pub entry: ProviderEntry,
}

impl AccountOrder {
    /// Every provider of an estate that can be asked over a network.
    pub fn all(estate: &Estate) -> Vec<Self> {
        let asked = estate.providers.iter().filter(|entry| entry.kind == railway::KIND);
        asked.map(|entry| Self { entry: entry.clone() }).collect()
    }

    fn longest(&self) -> Duration {
        self.entry.longest.to_std().unwrap_or(Limits::default().whole)
    }

    /// Nothing is known of what it holds.
    fn unseen(&self, reason: GapReason, detail: String, now: Timestamp) -> Inventory {
        let place = format!("provider {}", self.entry.id);
        let scope = GapScope::Volume(format!("provider:{}", self.entry.id));
        let account = AccountSeen {
            provider: self.entry.id.clone(),
            kind: self.entry.kind.clone(),
            asked_at: now,
            answer: Answer::Fresh,
            credential: self.entry.credential(),
            token: TokenKind::Unknown,
            may_delete: MayDelete::Unknown,
            reaches: Vec::new(),
            beyond: Vec::new(),
            acts: Vec::new(),
            schedules: Vec::new(),
            requests: 0,
        };
        Inventory {
            gaps: vec![Gap { scope, place, reason, detail }],
            accounts: vec![account],
            ..Inventory::default()
        }
    }
}

/// Providers that were asked, each in a thread of its own.
pub(super) struct Asking<'o> {
    all: Vec<(&'o AccountOrder, Stop, Waiting<Inventory>)>,
    now: Timestamp,
    stop: Stop,
}

impl<'o> Asking<'o> {
    /// Begins to ask all of them.
    pub fn start(context: &Context, orders: &'o [AccountOrder], now: Timestamp) -> Self {
        let begin = |order: &'o AccountOrder| {
            let (world, asked, stop) = (context.clone(), order.clone(), context.stop.within());
            let heard = stop.clone();
            (order, stop, Waiting::start(order.longest() + SLACK, move || ask(&world, &asked, heard, now)))
        };
        Self { all: orders.iter().map(begin).collect(), now, stop: context.stop.clone() }
    }

    /// What they saw together.
    pub fn end(self) -> Inventory {
        let (now, asked) = (self.now, self.stop);
        let looks = self.all.into_iter().map(|(order, stop, waiting)| {
            waiting.end_unless_stopped(&asked, BRIEF).unwrap_or_else(|(reason, detail)| {
                // Nobody waits for it any more: it is not to go on.
                stop.ask();
                order.unseen(reason, format!("nothing of it could be seen: {detail}"), now)
            })
        });
        let mut all = join(looks.collect());
        let beyond = beyond(&all.accounts);
        all.gaps.extend(beyond);
        all
    }
}

/// What some token was told of and none lists: what is there is not known.
fn beyond(accounts: &[AccountSeen]) -> Vec<Gap> {
    let listed: BTreeSet<(ReachedKind, &str)> =
        accounts.iter().flat_map(|seen| &seen.reaches).map(|one| (one.what, one.id.as_str())).collect();
    let mut gaps = Vec::new();
    for seen in accounts {
        let unseen = seen.beyond.iter().filter(|one| !listed.contains(&(one.what, one.id.as_str())));
        gaps.extend(unseen.map(|one| {
            let part = format!("{} {}", one.what.word(), one.name);
            Gap {
                scope: GapScope::Volume(format!("provider:{}, {part}", seen.provider)),
                place: format!("provider {}, {part}", seen.provider),
                reason: GapReason::Permission,
                detail: "the token is for another environment and lists no volume of this one, and a volume that is deleted goes in all of them: \
                    add a table with a token of this environment"
                    .into(),
            }
        }));
    }
    gaps
}

fn ask(context: &Context, order: &AccountOrder, stop: Stop, now: Timestamp) -> Inventory {
    let entry = &order.entry;
    let no_token = |problem: &Problem| {
        let place = if problem.place.is_empty() { String::new() } else { format!("{}: ", problem.place) };
        format!("its token cannot be had: {place}{}", problem.what)
    };
    let token = match entry.token.as_ref().map(|source| source.resolve(&context.environment)) {
        Some(Ok(token)) => token,
        Some(Err(problem)) => return order.unseen(GapReason::Permission, no_token(&problem), now),
        None => {
            let problem = Problem::new(Kind::Usage, "none is named");
            return order.unseen(GapReason::Permission, no_token(&problem), now);
        }
    };
    let endpoint = entry.endpoint.clone().unwrap_or_else(|| railway::ENDPOINT.to_owned());
    let keeper = Keeper::new(&context.state, entry, &endpoint, &token);
    if let Some(kept) = keeper.young(context.max_age, now) {
        return kept;
    }
    let seen = look(order, endpoint, token, stop, now);
    if !context.max_age.is_zero() {
        keeper.keep(&seen, now);
    }
    seen
}

fn look(order: &AccountOrder, endpoint: String, token: Secret, stop: Stop, now: Timestamp) -> Inventory {
    let connector = Railway {
        provider: order.entry.id.clone(),
        endpoint,
        token,
        credential: order.entry.credential(),
        limits: Limits { whole: order.longest(), ..Limits::default() },
        stop,
        now,
    };
    connector.look()
}

/// Gives the volumes of providers the names of the file: by their id there, or by `PROJECT/ENVIRONMENT/VOLUME`. A name that
/// none or several of them have is a gap.
pub(super) fn names_there(inventory: &mut Inventory, estate: &Estate) -> BTreeMap<VolumeId, VolumeId> {
    let (mut named, mut taken, mut gaps) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for entry in &estate.volumes {
        let Some((provider, name)) = &entry.is else { continue };
        let of_it = inventory.accounts.iter().filter(|account| account.provider == *provider);
        let instances = of_it
            .flat_map(|account| &account.reaches)
            .filter(|reached| reached.what == ReachedKind::Instance);
        let meant: BTreeSet<&str> = instances
            .filter(|reached| reached.id == *name || reached.name == *name)
            .map(|reached| reached.id.as_str())
            .collect();
        let why = match meant.iter().collect::<Vec<_>>().as_slice() {
            [one] if taken.insert((**one).to_owned()) => {
                named.insert(VolumeId(format!("{}:{one}", railway::KIND)), entry.id.clone());
                continue;
            }
            [_] => "another volume of the file is that one already: leave one of the two out".to_owned(),
            [] => "no volume of that id or name was seen there: `outlive inventory` lists those that were"
                .to_owned(),
            several => format!(
                "{} volumes there have that name: write the id of one, which `outlive inventory --format json` tells",
                several.len()
            ),
        };
        gaps.push(Gap {
            // Without it, nobody knows which recovery points it has.
            scope: GapScope::PointsOf(entry.id.clone()),
            place: format!("provider {provider}, {}", crate::domain::printable(name.as_bytes())),
            reason: GapReason::Vanished,
            detail: why,
        });
    }
    inventory.gaps.extend(gaps);
    named
}

/// Leaves out the places of providers of which the file says itself what they are: what it declares goes before.
pub(super) fn without_declared(mut seen: Inventory, known: &Inventory) -> Inventory {
    let known: BTreeSet<&AssetId> = known.assets.iter().map(|asset| &asset.id).collect();
    seen.assets.retain(|asset| !known.contains(&asset.id));
    seen
}

/// Whether something is of a volume, in whatever way that is known.
pub(super) fn volume_of(known: &mut Known<VolumeId>) -> Option<&mut VolumeId> {
    match known {
        Known::Observed(of, _) | Known::Documented(of, _) | Known::Declared(of, _) => Some(of),
        Known::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reached;

    fn seen(provider: &str, reaches: &str, beyond: &str) -> AccountSeen {
        let environment =
            |id: &str| Reached { what: ReachedKind::Environment, id: id.into(), name: format!("shop/{id}") };
        AccountSeen {
            provider: provider.into(),
            kind: "railway".into(),
            asked_at: Timestamp::UNIX_EPOCH,
            answer: Answer::Fresh,
            credential: AssetId(format!("credential:{provider}.token")),
            token: TokenKind::Project,
            may_delete: MayDelete::Unknown,
            reaches: vec![environment(reaches)],
            beyond: vec![environment(beyond)],
            acts: Vec::new(),
            schedules: Vec::new(),
            requests: 1,
        }
    }

    #[test]
    fn an_environment_that_no_token_lists_is_a_gap_until_another_one_lists_it() {
        let staging = seen("a", "staging", "production");
        let [gap] = &*beyond(std::slice::from_ref(&staging)) else { panic!("one gap") };
        assert!(gap.scope.counts() && gap.place == "provider a, environment shop/production", "{gap:?}");
        assert!(beyond(&[staging, seen("b", "production", "staging")]).is_empty());
    }
}
