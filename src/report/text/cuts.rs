//! Minimal cut sets for people: the fewest acts that lose everything within the RPO, in words.

use super::calls::{call_that_deletes, is_caller};
use super::look::{Look, Tone, Toned, plain};
use crate::catalogue::Catalogue;
use crate::domain::{Hazard, HazardClass, HazardSet, Known, Timestamp, say_duration};
use crate::isolation::{
    CutEvent, CutSet, CutSets, Fate, Graph, Left, PointPlace, Sets, Stay, Traced, doubtful, newest_left,
    trace, with_places,
};
use crate::rules::Judged;

/// How many lines there are at most, and how many of them are kept for sets that only may do it.
const LINES: usize = 8;
const KEPT_FOR_POSSIBLE: usize = 3;

/// How many acts that can stand for each other are named in one line.
const NAMED: usize = 5;

/// Sets that differ only in acts which always fall together, as one.
struct Merged {
    /// The first of them, by its number.
    number: usize,
    /// Per act, all that can stand for it.
    acts: Vec<Vec<usize>>,
}

impl Merged {
    /// How many sets they are.
    fn count(&self) -> usize {
        self.acts.iter().map(Vec::len).product()
    }
}

/// The cut sets of one volume as lines.
pub(super) fn lines(
    graph: &Graph,
    judged: &Judged,
    catalogue: &Catalogue,
    now: Timestamp,
    look: Look,
) -> String {
    let cuts = &judged.cuts;
    let rpo = say_duration(judged.policy.rpo);
    if cuts.events.is_empty() {
        return look.say(&format!("How few acts lose everything of the last {rpo}: not known: what the volume stands on was not seen."), 0, Tone::Open);
    }
    let telling = Telling { graph, judged, catalogue, now };
    let alike = cuts.alike();
    let certain = merged(&cuts.certain.sets, &alike);
    let only_possible: Vec<CutSet> =
        cuts.possible.sets.iter().copied().filter(|set| !cuts.certain.sets.contains(set)).collect();
    let possible = merged(&only_possible, &alike);
    let mut out = look.say(&heading(judged, &rpo), 0, Tone::Plain);
    let most = LINES - possible.len().min(KEPT_FOR_POSSIBLE);
    let (told, rest) = certain.split_at(certain.len().min(most));
    for one in told {
        out.push_str(&look.item(&telling.certain(one), 2, Tone::Bad));
    }
    out.push_str(&more(rest, "", look));
    let (told, rest) = possible.split_at(possible.len().min(LINES - told.len()));
    for one in told {
        out.push_str(&look.item(
            &format!("perhaps {}", telling.possible(one, &only_possible)),
            2,
            Tone::Open,
        ));
    }
    out.push_str(&more(rest, "perhaps ", look));
    out.push_str(&none_or_unknown(cuts, look));
    out
}

fn heading(judged: &Judged, rpo: &str) -> String {
    let asked = judged.policy.min_cut_order;
    let asked = if asked > 1 { format!(" (the policy asks for {asked})") } else { String::new() };
    format!("The fewest acts that lose the volume and everything of the last {rpo}{asked}:")
}

/// What is not listed above: there is none, or it could not be computed.
fn none_or_unknown(cuts: &CutSets, look: Look) -> String {
    let mut out = String::new();
    let reached = cuts.certain.complete_to.min(cuts.possible.complete_to);
    if cuts.certain.sets.is_empty() && cuts.possible.sets.is_empty() && reached > 0 {
        let acts = ["1 act loses", "1 or 2 acts lose", "1, 2 or 3 acts lose"][reached.min(3) - 1];
        out.push_str(&look.item(&format!("no {acts} it, of the classes asked for"), 2, Tone::Good));
    }
    for (sets, how) in [(&cuts.certain, ""), (&cuts.possible, ", of those that only may")] {
        for order in sets.complete_to + 1..=3 {
            let acts = acts(order);
            let line = format!("sets of {acts}{how}: undetermined (too many to be computed)");
            out.push_str(&look.item(&line, 2, Tone::Open));
        }
    }
    if let Some(hidden) = &cuts.hidden {
        out.push_str(&look.item(&format!("none is certain: {hidden}"), 2, Tone::Open));
    }
    out
}

/// "and 12 more of 3 acts".
fn more(rest: &[Merged], how: &str, look: Look) -> String {
    let mut out = String::new();
    for order in 1..=3 {
        let count: usize = rest.iter().filter(|one| one.acts.len() == order).map(Merged::count).sum();
        if count > 0 {
            let acts = acts(order);
            let line = format!("{how}and {count} more of {acts}: --format json lists them");
            out.push_str(&look.item(&line, 2, Tone::Plain));
        }
    }
    out
}

fn acts(count: usize) -> String {
    if count == 1 { "1 act".to_owned() } else { format!("{count} acts") }
}

fn merged(sets: &[CutSet], alike: &[Vec<usize>]) -> Vec<Merged> {
    let group = |event: usize| alike.iter().find(|group| group.contains(&event));
    let leads = |set: &CutSet| set.events().all(|event| group(event).is_none_or(|group| group[0] == event));
    let all = sets.iter().enumerate().filter(|(_, set)| leads(set));
    all.map(|(number, set)| {
        let acts = set.events().map(|event| group(event).cloned().unwrap_or_else(|| vec![event]));
        Merged { number, acts: acts.collect() }
    })
    .collect()
}

struct Telling<'a> {
    graph: &'a Graph,
    judged: &'a Judged,
    catalogue: &'a Catalogue,
    now: Timestamp,
}

impl Telling<'_> {
    fn certain(&self, one: &Merged) -> String {
        let cuts = &self.judged.cuts;
        let rpo = say_duration(self.judged.policy.rpo);
        let with = match cuts.certain.left.get(one.number) {
            None => "the volume and all of it".to_owned(),
            Some(Left { recent: 0, .. }) => format!("the volume; no recovery point is of the last {rpo}"),
            Some(Left { dead, recent, .. }) => {
                format!("the volume and {dead} of {recent} recovery points of the last {rpo}")
            }
        };
        let left = cuts.certain.sets.get(one.number).and_then(|set| self.newest(*set));
        let left = match left {
            None => "what would be left: nothing".to_owned(),
            Some((place, Stay::Perhaps)) => format!("what would perhaps be left: {}", self.left(place)),
            Some((place, Stay::Unproven | Stay::Certain)) => {
                format!("what would be left: {}", self.left(place))
            }
        };
        format!("{}: {with}; {left}", self.acts(one))
    }

    /// The newest of the best that is left.
    fn newest(&self, set: CutSet) -> Option<(PointPlace, Stay)> {
        newest_left(self.graph, &self.judged.volume, self.traced(set)?, self.now)
    }

    fn traced(&self, set: CutSet) -> Option<Traced> {
        let hazards: Option<HazardSet> =
            set.events().map(|event| self.judged.cuts.events.get(event)?.hazard.clone()).collect();
        trace(self.graph, &self.judged.volume, &[hazards?], &self.judged.policy, self.now).pop()
    }

    fn left(&self, place: PointPlace) -> String {
        let label = self.graph.label_at(place);
        let Some(point) = self.graph.at(place) else { return label };
        let taken = match &point.taken_at {
            Known::Unknown => "of an unknown day".to_owned(),
            known => known.value().map_or_else(String::new, |at| format!("of {}", at.format("%Y-%m-%d"))),
        };
        let age = point.taken_at.value().map(|at| format!("{} old", say_duration(self.now - *at)));
        let unproven = doubtful(point).map(|_| "unproven".to_owned());
        let notes: Vec<String> = age.into_iter().chain(unproven).collect();
        match notes.is_empty() {
            true => format!("{label} {taken}"),
            false => format!("{label} {taken} ({})", notes.join(", ")),
        }
    }

    fn possible(&self, one: &Merged, sets: &[CutSet]) -> String {
        let unknown = sets.get(one.number).and_then(|set| self.unknown(*set));
        let unknown = unknown.map_or_else(String::new, |unknown| format!(": {unknown}"));
        format!("{}{unknown}", self.acts(one))
    }

    /// What is not known where known acts only may do it.
    fn unknown(&self, set: CutSet) -> Option<String> {
        let traced = self.traced(set)?;
        let reasons =
            std::iter::once(&traced.primary).chain(traced.points.iter().map(|points| &points.reason));
        let mut missing = reasons.filter_map(|reason| match &reason.fate {
            Fate::Undetermined { missing } => Some(missing.clone()),
            Fate::Dies { .. } | Fate::Survives { .. } => None,
        });
        missing.next()
    }

    /// "1 call: volumeDelete, by any holder of credential ci; or 1 act: loss of project prod".
    fn acts(&self, one: &Merged) -> String {
        if let [alone] = one.acts.as_slice() {
            let (call, others) = self.act(alone);
            return match (call, others.as_str()) {
                (Some(call), "") => format!("1 call: {call}"),
                (Some(call), others) => format!("1 call: {call}; or 1 act: {others}"),
                (None, others) => format!("1 act: {others}"),
            };
        }
        let act = |group: &Vec<usize>| match self.act(group) {
            (Some(call), others) if others.is_empty() => call,
            (Some(call), others) => format!("({call}; or {others})"),
            (None, others) if group.len() > 1 => format!("({others})"),
            (None, others) => others,
        };
        let said: Vec<String> = one.acts.iter().map(act).collect();
        format!("{}: {}", acts(one.acts.len()), said.join(" + "))
    }

    /// Acts of which one is enough: the call that does it, where the catalogue names one, and the others.
    fn act(&self, group: &[usize]) -> (Option<String>, String) {
        let mut events: Vec<&CutEvent> =
            group.iter().filter_map(|event| self.judged.cuts.events.get(*event)).collect();
        events.sort_by_key(|event| at_hand(event));
        let called = events.iter().find_map(|event| match &event.hazard {
            Some(Hazard::Deleted(asset)) => {
                Some((*event, asset, call_that_deletes(self.graph, self.catalogue, asset)?))
            }
            _ => None,
        });
        let said = called.map(|(deletion, asset, call)| {
            let callers: Vec<&CutEvent> =
                events.iter().copied().filter(|event| is_caller(self.graph, event, asset)).collect();
            events.retain(|event| *event != deletion && !callers.contains(event));
            let holders = callers.iter().filter_map(|event| event.hazard.as_ref());
            let holders: Vec<String> =
                holders.map(|hazard| with_places(self.graph, hazard.asset())).collect();
            let of = match *asset == self.judged.volume.asset {
                true => String::new(),
                false => format!(" of {}", self.graph.asset_label(asset)),
            };
            match holders.is_empty() {
                true => format!("{call} ({})", deletion.title),
                false => format!("{call}{of}, by any holder of {}", holders.join(", or of ")),
            }
        });
        let all: Vec<String> = events.into_iter().map(title).collect();
        let mut others = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", or ");
        match all.len().saturating_sub(NAMED) {
            0 => {}
            1 => others.push_str(", or 1 other"),
            more => others.push_str(&format!(", or {more} others")),
        }
        (said, others)
    }
}

/// Of acts that can stand for each other, those come first that somebody does with a single call.
fn at_hand(event: &CutEvent) -> u8 {
    match (&event.hazard, event.classes.first()) {
        (Some(Hazard::Deleted(_)), _) => 0,
        (Some(Hazard::Compromised(_)), Some(HazardClass::Credential)) => 1,
        (Some(Hazard::Compromised(_)), _) => 2,
        (Some(Hazard::Lost(_) | Hazard::BadData(_)), _) => 3,
        (None, _) => 4,
    }
}

/// An act in words; of something that nobody saw, what is not known.
fn title(event: &CutEvent) -> String {
    if event.hazard.is_some() {
        return event.title.clone();
    }
    let classes: Vec<&str> = event.classes.iter().map(|class| class.word()).collect();
    let what = if event.is_elsewhere { "elsewhere" } else { "unseen" };
    format!("something {what} ({}): {}", classes.join(", "), event.title)
}

/// The smallest number of acts, certain and possible, in a few words for a table.
pub(super) fn smallest(cuts: &CutSets) -> Toned {
    let least = |sets: &Sets| sets.sets.first().map(|set| set.order());
    let reached = cuts.possible.complete_to;
    match (least(&cuts.certain), least(&cuts.possible)) {
        _ if cuts.events.is_empty() => ("unknown".into(), Tone::Open),
        (Some(certain), Some(possible)) if possible < certain => {
            (format!("{}, perhaps {possible}", acts(certain)), Tone::Bad)
        }
        (Some(1), _) => ("1 act".into(), Tone::Bad),
        (Some(certain), _) => plain(acts(certain)),
        (None, Some(possible)) => (format!("perhaps {}", acts(possible)), Tone::Open),
        (None, None) if reached == 0 => ("unknown".into(), Tone::Open),
        (None, None) => (format!("more than {reached}"), Tone::Good),
    }
}
