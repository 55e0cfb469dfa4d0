//! Which points may go, and why the others stay.

use super::Scene;
use super::objects::{held, holds};
use crate::app::damage::StandIns;
use crate::app::doubt::doubts;
use crate::app::vaults::{came_back, state_of, unread_epochs};
use crate::domain::{CopyState, Keep, Kind, Result, Timestamp, VolumeId, printable};
use crate::estate::{Estate, VaultEntry};
use crate::plan::{Standing, Stay, Stays, Trust, measures, stays};
use crate::store::{Listed, StoredVersion};
use crate::vault::format::Digest;
use crate::vault::{FoundRoot, Present, Roots, packs_known};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// A vault's points, judged.
#[derive(Default)]
pub(super) struct Points {
    /// Those that go, each with when it was stored.
    pub going: Vec<(FoundRoot, Timestamp)>,
    /// Those that stay, and why.
    pub staying: Vec<(FoundRoot, String)>,
    /// The roots of those that go, with all of their versions.
    pub roots: Vec<(Listed, Vec<StoredVersion>)>,
    /// What keeps anything from going: what nobody could read may need whatever there is.
    pub unknown: Vec<String>,
    /// What is not known of single points, so that they stay.
    pub untold: Vec<String>,
    /// What lies among the roots and is none of this program's.
    pub strange: Vec<String>,
}

/// How long a copy may take where no file says so: one that a person began by hand.
const LONGEST_COPY: TimeDelta = TimeDelta::days(1);

impl Points {
    /// Judges every point of a vault.
    ///
    /// # Errors
    /// What the store said.
    pub fn judge(scene: &Scene<'_>, roots: &Roots) -> Result<Self> {
        let mut points = Self::default();
        let present = Present::list(scene.vault)?;
        let stand_ins = StandIns::of(roots);
        let is_replaced = |key: &str| {
            let other = stand_ins.of_key(key, scene.history);
            other.is_some_and(|other| came_back(scene.vault, &present, other, scene.history))
        };
        points.unreadable(scene, roots, &is_replaced);
        // A point of an epoch that had ended is nobody's reason to let another one go.
        points.unknown.extend(unread_epochs(scene.vault));
        for found in &roots.sound {
            if let Err(problem) = packs_known(scene.vault, found)
                && !is_replaced(found.key.as_str())
            {
                points.unknown.push(format!("what {} needs: {problem}", found.short()));
            }
        }
        let doubts = doubts(roots, scene.history, scene.now);
        let mut judged: Vec<(Vec<&FoundRoot>, Vec<Standing>)> = Vec::new();
        let mut volumes: BTreeMap<&VolumeId, Vec<&FoundRoot>> = BTreeMap::new();
        roots.sound.iter().for_each(|found| volumes.entry(&found.root.volume).or_default().push(found));
        for (volume, of_it) in volumes {
            let stay = match stay_of(scene.order.estate, scene.order.entry, volume) {
                Ok(stay) => stay,
                Err(why) => {
                    points.staying.extend(of_it.into_iter().map(|found| (found.clone(), why.to_owned())));
                    continue;
                }
            };
            let standing = |found: &&FoundRoot| Standing {
                taken_at: found.root.taken_at,
                stored_at: stored_at(found),
                trust: match doubts.contains_key(&found.id) {
                    _ if !found.root.is_complete() => Trust::Lacking,
                    true => Trust::Doubted,
                    false if came_back(scene.vault, &present, found, scene.history) => Trust::Proven,
                    false if is_broken(scene, &present, found) => Trust::Broken,
                    false => Trust::Unproven,
                },
            };
            let standings: Vec<Standing> = of_it.iter().map(standing).collect();
            for (found, stays) in of_it.iter().copied().zip(stays(&standings, &stay, scene.now)) {
                match stays {
                    Some(why) => points.staying.push((found.clone(), why.words().to_owned())),
                    None => points.going.push((found.clone(), stored_at(found))),
                }
            }
            judged.push((of_it, standings));
        }
        if points.unknown.is_empty() {
            points.keep_what_is_held(scene)?;
            judged.iter().for_each(|(of_it, standings)| points.keep_measures(of_it, standings));
        } else {
            points.keep_all()
        }
        Ok(points)
    }

    /// What nobody could read among the roots.
    fn unreadable(&mut self, scene: &Scene<'_>, roots: &Roots, is_replaced: &dyn Fn(&str) -> bool) {
        let given_up = scene.order.entry.given_up(scene.now);
        for (key, problem) in &roots.damaged {
            if !is_root(key.name()) {
                self.strange.push(printable(key.as_str().as_bytes()));
            } else if !(is_replaced(key.as_str())
                || problem.kind == Kind::Damaged && given_up.contains(key.as_str()))
            {
                self.unknown.push(problem.to_string());
            }
        }
    }

    /// Where one cannot be read, nobody knows what it needs: none of the others may take anything along.
    fn keep_all(&mut self) {
        let why = "something in the vault cannot be read, and may need what this one needs";
        self.staying.extend(self.going.drain(..).map(|(found, _)| (found, why.to_owned())));
    }

    /// A doubted point may stay because it cannot go yet: then what it is doubted by stays too.
    fn keep_measures(&mut self, of_it: &[&FoundRoot], standings: &[Standing]) {
        let goes: BTreeSet<Digest> = self.going.iter().map(|(found, _)| found.id).collect();
        let stays: Vec<bool> = of_it.iter().map(|found| !goes.contains(&found.id)).collect();
        for found in measures(standings, |place| stays[place]).into_iter().map(|place| of_it[place]) {
            if goes.contains(&found.id) {
                self.going.retain(|(going, _)| going.id != found.id);
                self.roots.retain(|(listed, _)| listed.key != found.key);
                self.staying.push((found.clone(), Stays::Measure.words().to_owned()));
            }
        }
    }

    /// A point whose root cannot go stays with all that it needs.
    fn keep_what_is_held(&mut self, scene: &Scene<'_>) -> Result<()> {
        let listed: Vec<Listed> = self.going.iter().map(|(found, _)| root_of(found)).collect();
        let found = holds(scene, listed)?;
        for ((point, stored_at), (listed, versions)) in std::mem::take(&mut self.going).into_iter().zip(found)
        {
            match held(&versions, scene.now) {
                None => {
                    self.going.push((point, stored_at));
                    self.roots.push((listed, versions));
                }
                Some(hold) => {
                    if hold.is_unknown {
                        self.untold.push(format!("{}: {}", point.key, hold.because));
                    }
                    self.staying.push((point, format!("its root cannot go yet: {}", hold.because)));
                }
            }
        }
        Ok(())
    }
}

/// When a point was stored: by the store's clock, where it has one.
fn stored_at(found: &FoundRoot) -> Timestamp {
    // Where it has none, the run's own end: a snapshot may be far older than its copy.
    found.stored_at.unwrap_or(found.root.finished_at.max(found.root.taken_at))
}

/// A root as the store lists it.
fn root_of(found: &FoundRoot) -> Listed {
    Listed { key: found.key.clone(), bytes: found.bytes, stored_at: found.stored_at }
}

/// Whether something that a point needs is known to be damaged, or not there as it was written.
fn is_broken(scene: &Scene<'_>, present: &Present, found: &FoundRoot) -> bool {
    state_of(scene.vault, found, scene.history) == CopyState::Damaged
        || present.check_point(scene.vault, found).is_err()
}

/// For how long points of a volume stay; the error says why nobody knows.
fn stay_of(
    estate: &Estate,
    entry: &VaultEntry,
    volume: &VolumeId,
) -> std::result::Result<Stay, &'static str> {
    if estate.volume(volume).is_none() {
        return Err(
            "no [[volume]] of the estate file is its volume, so that nobody says for how long it stays",
        );
    }
    let policy = estate.policy_of(volume);
    if policy.judged.locked_for.is_none() && policy.keep == Keep::default() {
        return Err(
            "the policy of its volume says neither `locked_for` nor `keep`, so that nobody says for how long it stays",
        );
    }
    let copies = estate.copies_of(volume).filter(|copy| copy.to == entry.id);
    // For so long, one that is young now is to become the newest from before bad data was noticed.
    let until_clean = policy.judged.detect_within + policy.judged.rpo;
    Ok(Stay {
        least: policy.judged.locked_for.unwrap_or_default().max(until_clean),
        keep: policy.keep,
        detect_within: policy.judged.detect_within,
        longest_copy: copies.map(|copy| copy.longest).max().unwrap_or(LONGEST_COPY),
    })
}

/// Whether this is the name of a root: when its run began, the run, and randomness.
fn is_root(name: &str) -> bool {
    let mut parts = name.split('-');
    let (at, run, random) = (parts.next(), parts.next(), parts.next());
    let is_moment = |at: &str| {
        at.len() == 16
            && at.char_indices().all(|(place, c)| match place {
                8 => c == 'T',
                15 => c == 'Z',
                _ => c.is_ascii_digit(),
            })
    };
    at.is_some_and(is_moment)
        && run.is_some_and(|run| is_hex(run, 32))
        && random.is_some_and(|random| is_hex(random, 16))
        && parts.next().is_none()
}

/// Whether this is the name of a pack: the run that wrote it, and randomness.
pub(super) fn is_pack(name: &str) -> bool {
    name.split_once('-').is_some_and(|(run, random)| is_hex(run, 32) && is_hex(random, 16))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_as_this_program_names_it_is_its_own() {
        let (run, random) = ("0123456789abcdef0123456789abcdef", "0123456789abcdef");
        assert!(is_root(&format!("20261129T030000Z-{run}-{random}")));
        assert!(is_pack(&format!("{run}-{random}")));
        let others =
            ["notes.txt", run, &format!("{run}-{random}-1"), &format!("20261129X030000Z-{run}-{random}")];
        for other in others {
            assert!(!is_root(other) && !is_pack(other), "{other}");
        }
        assert!(!is_root(&format!("20261129T030000Z-{run}-{random}-more")));
    }
}
