//! The epochs of a vault, as the marker and what readers signed tell them: each is vouched for by the private key of the one
//! before, and the first by the marker.

use super::Recipient;
use super::statements::{Found, Gathered};
use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::store::{Key, Store};
use crate::vault::format::{
    AddedReader, BegunEpoch, Digest, KEYS, KeyLine, MAX_OBJECT, Marker, Points, Statement, Turn, read_points,
};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// One epoch.
#[derive(Debug, Clone)]
pub struct KnownEpoch {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub recipient: Recipient,
    /// When it began.
    pub began: Timestamp,
    /// The objects that hold what opens it for the readers of its beginning.
    pub keys: Vec<KeyLine>,
    /// Readers that were added since.
    pub added: Vec<AddedReader>,
    /// What ended it; empty where it has not.
    pub ended: Vec<BegunEpoch>,
}

impl KnownEpoch {
    /// Whether it is for this reader.
    pub fn is_for(&self, reader: &Recipient) -> bool {
        let (short, name) = (reader.short(), format!("{KEYS}/{}-{}", self.name, reader.short()));
        self.keys.iter().any(|line| line.key == name) || self.added.iter().any(|added| added.reader == short)
    }

    /// The objects that hold what opens it.
    pub fn lines(&self) -> impl Iterator<Item = &KeyLine> {
        self.keys.iter().chain(self.added.iter().map(|added| &added.object))
    }

    /// When the first epoch after it began.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended.iter().map(|by| by.at).min()
    }
}

/// A list of points, where it could be read: which epoch had ended, and whose key of names it is written with.
#[derive(Debug, Clone)]
struct List {
    former: String,
    by: String,
    points: Result<Points>,
}

/// All epochs of a vault, and what pretends to tell of some.
#[derive(Debug, Clone)]
pub struct Epochs {
    vault: String,
    all: Vec<KnownEpoch>,
    /// The statements that count.
    statements: Vec<KeyLine>,
    /// What lies among them and is none, by its object.
    pub wrong: Vec<(Key, Problem)>,
    /// What lies among them and could not be read: it may say that an epoch has ended, or that a reader was added.
    pub unread: Vec<(Key, Problem)>,
    /// What could not be read either, and the owner says is none of theirs: it tells of nothing.
    pub disowned: Vec<(Key, Problem)>,
    /// All that the owner says that of.
    none_of_ours: BTreeSet<String>,
    lists: OnceLock<Vec<List>>,
}

impl Epochs {
    /// Those of a vault; none of one that is not encrypted.
    ///
    /// # Errors
    /// `Damaged` where the marker has no public key; what the store said. An object that is no statement is no error.
    pub fn read(store: &dyn Store, marker: &Marker) -> Result<Option<Arc<Self>>> {
        let Some(encryption) = &marker.encryption else { return Ok(None) };
        let recipient = Recipient::parse(&encryption.recipient)
            .ok_or_else(|| Problem::damaged("vault.json", "its public key is none"))?;
        let first = KnownEpoch {
            name: encryption.epoch.clone(),
            recipient,
            began: marker.created,
            keys: encryption.keys.clone(),
            added: Vec::new(),
            ended: Vec::new(),
        };
        let (wrong, unread, disowned, none_of_ours) = Default::default();
        let mut epochs = Self {
            vault: marker.id.clone(),
            all: vec![first],
            statements: Vec::new(),
            wrong,
            unread,
            disowned,
            none_of_ours,
            lists: OnceLock::new(),
        };
        let found = Gathered::read(store, &marker.id, |statements, found| epochs.take(statements, found))?;
        (epochs.wrong, epochs.unread) = found.told();
        let forks = epochs.forks();
        epochs.wrong.extend(forks);
        Ok(Some(Arc::new(epochs)))
    }

    /// The same, where the owner says that these objects are none of theirs: those of them that cannot be read say nothing of any epoch. What
    /// can be read counts for what it is.
    pub fn disowning(&self, objects: &BTreeSet<String>) -> Self {
        let mut epochs = self.clone();
        let all = std::mem::take(&mut epochs.unread).into_iter();
        let (disowned, unread): (Vec<_>, _) = all.partition(|(key, _)| objects.contains(key.as_str()));
        epochs.unread = unread;
        epochs.disowned.extend(disowned);
        epochs.none_of_ours.extend(objects.iter().cloned());
        epochs
    }

    /// The same, where the owner disowns what they disown here.
    pub fn disowning_like(&self, other: &Self) -> Self {
        self.disowning(&other.none_of_ours)
    }

    /// Sees that everything could be read that may tell of epochs: whoever writes has to know that theirs has not ended.
    ///
    /// # Errors
    /// `Io`, naming the first object of which that is not so.
    pub fn check_read(&self) -> Result<()> {
        let Some((key, problem)) = self.unread.first() else { return Ok(()) };
        let more = match self.unread.len() {
            1 => String::new(),
            several => format!(" (and {} more)", several - 1),
        };
        let what = format!(
            "reading {key}{more}: it cannot be read, and may say that the epoch has ended in which is written: {}",
            problem.what
        );
        Err(Problem::new(Kind::Io, what).at(&problem.place).remedy(
            "nothing was written. Once the store gives the object, run it again; where it is damaged or gone, get it back from a copy of the vault; \
             where it is none of yours, take it away with the store's own tools, or, where a lock holds it, name it in `waive_unread` of the \
             vault's table",
        ))
    }

    /// What could not be read because it is damaged.
    pub fn lost(&self) -> impl Iterator<Item = &(Key, Problem)> {
        self.unread.iter().filter(|(_, problem)| problem.kind == Kind::Damaged)
    }

    /// What may be said of a point by something that could not be read: that its epoch had ended before. `None` where all was read, or the
    /// point is among those that were there when its epoch ended.
    pub fn unread_of(&self, epoch: Option<&str>) -> &[(Key, Problem)] {
        let has_ended = epoch.and_then(|name| self.of(name)).is_some_and(|known| !known.ended.is_empty());
        if has_ended { &[] } else { &self.unread }
    }

    /// Statements by which a second epoch began after one that had ended, unless one after both joined them.
    fn forks(&self) -> Vec<(Key, Problem)> {
        let mut found = Vec::new();
        for epoch in &self.all {
            let after: BTreeSet<&str> = epoch.ended.iter().map(|by| by.epoch.as_str()).collect();
            let ends = |name: &str| self.of(name).map(|after| after.ended.iter().map(|by| by.epoch.as_str()));
            let common =
                after.iter().map(|name| ends(name).into_iter().flatten().collect::<BTreeSet<&str>>());
            let is_joined = common.reduce(|a, b| &a & &b).is_some_and(|common| !common.is_empty());
            if after.len() < 2 || is_joined {
                continue;
            }
            for by in &epoch.ended {
                let what = format!(
                    "one of {} epochs that began after the same one ({}): a reader who was left out can do that, too. Begin a new epoch \
                     with the key of a reader of the true one",
                    after.len(),
                    by.at.format("%Y-%m-%d %H:%M UTC")
                );
                let problem = Problem::damaged(by.key.clone(), what);
                found.extend(Key::new(by.key.clone()).ok().map(|key| (key, problem)));
            }
        }
        found
    }

    /// Whether more than one epoch began after the same one, so that nobody can tell which of them is the true one who knows the
    /// key of none.
    pub fn is_forked(&self) -> bool {
        !self.forks().is_empty()
    }

    /// As whoever knows that this epoch is the true one sees them: those that it came from and that came from it.
    pub fn along(&self, own: &str) -> Arc<Self> {
        let mut kept = BTreeSet::from([own.to_owned()]);
        loop {
            let before = kept.len();
            for epoch in &self.all {
                let is_after_own = epoch.name == own || self.descends(&epoch.name, own);
                let after = epoch.ended.iter().map(|by| by.epoch.clone());
                let leads_there = epoch.ended.iter().any(|by| kept.contains(&by.epoch));
                if is_after_own && kept.contains(&epoch.name) {
                    kept.extend(after);
                }
                if leads_there {
                    kept.insert(epoch.name.clone());
                }
            }
            if kept.len() == before {
                break;
            }
        }
        let mut all: Vec<KnownEpoch> =
            self.all.iter().filter(|epoch| kept.contains(&epoch.name)).cloned().collect();
        all.iter_mut().for_each(|epoch| epoch.ended.retain(|by| kept.contains(&by.epoch)));
        Arc::new(Self { all, lists: OnceLock::new(), ..self.clone() })
    }

    fn descends(&self, name: &str, from: &str) -> bool {
        let mut reached = BTreeSet::from([from.to_owned()]);
        loop {
            let next = self.all.iter().filter(|epoch| reached.contains(&epoch.name));
            let next: BTreeSet<String> =
                next.flat_map(|epoch| &epoch.ended).map(|by| by.epoch.clone()).collect();
            if next.is_subset(&reached) {
                return reached.contains(name);
            }
            reached.extend(next);
        }
    }

    /// Takes what is signed by an epoch that is known, until there is no more of it. What is left may be signed by one that is known later; and
    /// how many are known by now.
    fn take(&mut self, mut waiting: Vec<Found>, found: &mut Gathered) -> Result<(Vec<Key>, usize)> {
        loop {
            let before = waiting.len();
            let mut left = Vec::new();
            for (key, statement, line) in waiting {
                let Some(at) = self.all.iter().position(|epoch| epoch.name == statement.signer()) else {
                    left.push((key, statement, line));
                    continue;
                };
                match statement.is_of(&self.all[at].recipient)? && self.fits(&statement) {
                    true => {
                        self.statements.push(line);
                        self.add(at, statement);
                    }
                    false => found.nobodys(key),
                }
            }
            waiting = left;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        Ok((waiting.into_iter().map(|(key, ..)| key).collect(), self.all.len()))
    }

    /// An epoch has one public key and one set of readers, and never begins anew.
    fn fits(&self, statement: &Statement) -> bool {
        let Statement::Epoch(begun) = statement else { return true };
        let same = |known: &KnownEpoch| {
            known.recipient.to_string() == begun.recipient
                && known.keys == begun.keys
                && begun.former != known.name
        };
        let is_first = self.all.first().is_some_and(|first| first.name == begun.epoch);
        !is_first && self.of(&begun.epoch).is_none_or(same) && Recipient::parse(&begun.recipient).is_some()
    }

    fn add(&mut self, at: usize, statement: Statement) {
        match statement {
            Statement::Reader(added) => self.all[at].added.push(added),
            Statement::Epoch(begun) => {
                let recipient = Recipient::parse(&begun.recipient);
                if let Some(recipient) = recipient.filter(|_| self.of(&begun.epoch).is_none()) {
                    let (name, keys) = (begun.epoch.clone(), begun.keys.clone());
                    let (added, ended) = Default::default();
                    self.all.push(KnownEpoch { name, recipient, began: begun.at, keys, added, ended });
                }
                self.all[at].ended.push(begun);
            }
        }
    }

    /// Each, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &KnownEpoch> {
        self.all.iter()
    }

    /// One of them.
    pub fn of(&self, name: &str) -> Option<&KnownEpoch> {
        self.all.iter().find(|epoch| epoch.name == name)
    }

    /// Whether this is the first epoch or a later one; `None` where it is none of this vault.
    pub fn turn(&self, name: &str) -> Option<Turn> {
        let at = self.all.iter().position(|epoch| epoch.name == name)?;
        Some(if at == 0 { Turn::First } else { Turn::Later })
    }

    /// Those that have not ended: one, unless two readers began one each at the same moment.
    pub fn current(&self) -> impl Iterator<Item = &KnownEpoch> {
        self.all.iter().filter(|epoch| epoch.ended.is_empty())
    }

    /// All small objects that readers need, with their digests: keys, statements, and lists of points.
    pub fn lines(&self) -> impl Iterator<Item = &KeyLine> {
        let lists = self.all.iter().flat_map(|epoch| &epoch.ended).map(|by| &by.points);
        self.all.iter().flat_map(KnownEpoch::lines).chain(&self.statements).chain(lists)
    }

    fn lists(&self, store: &dyn Store) -> &[List] {
        self.lists.get_or_init(|| {
            let ends = self.all.iter().flat_map(|epoch| &epoch.ended);
            ends.map(|end| List {
                former: end.former.clone(),
                by: end.epoch.clone(),
                points: self.list(store, end),
            })
            .collect()
        })
    }

    fn list(&self, store: &dyn Store, end: &BegunEpoch) -> Result<Points> {
        let key = Key::new(end.points.key.clone())?;
        let bytes = store.get_bytes(&key, MAX_OBJECT).map_err(super::super::gone)?;
        if Digest::of(&bytes) != end.points.sha256 {
            let what = "does not match the SHA-256 that the statement of its epoch names";
            return Err(Problem::damaged(key.as_str(), what));
        }
        read_points(key.as_str(), &self.vault, &end.epoch, &bytes)
    }

    /// Whether a point of this epoch was there when it ended, if it has.
    ///
    /// # Errors
    /// `Damaged` where it was not; what is wrong with the list, where that cannot be read.
    pub fn admit(&self, store: &dyn Store, epoch: &str, point: &Digest, object: &str) -> Result<()> {
        let Some(known) = self.of(epoch) else {
            if let Some((key, problem)) = self.unread.first() {
                let what = format!("reading {key}: it may tell of the epoch of this point: {}", problem.what);
                return Err(Problem::new(Kind::Io, what).at(object));
            }
            let what = "written in an epoch of which nothing signed by this vault's readers tells";
            return Err(Problem::damaged(object, what));
        };
        let Some(ended_at) = known.ended_at() else { return Ok(()) };
        let mut failed = None;
        for list in self.lists(store).iter().filter(|list| list.former == epoch) {
            match &list.points {
                Ok(points) if points.contains_key(point) => return Ok(()),
                Ok(_) => {}
                Err(problem) => failed = Some(problem),
            }
        }
        if let Some(Problem { kind, what, place, .. }) = failed {
            let what = format!(
                "its epoch has ended, and the list of the points of that epoch cannot be read ({place}: {what})"
            );
            return Err(Problem { kind: *kind, ..Problem::damaged(object, what) });
        }
        let what = format!(
            "not among the points that there were when its epoch ended ({}): whoever has that epoch's key can make such",
            ended_at.format("%Y-%m-%d %H:%M UTC")
        );
        Err(Problem::damaged(object, what))
    }

    /// The name of a point's volume in the clear, under the key of an epoch that began after the point.
    pub fn stream(&self, store: &dyn Store, point: &Digest, by: impl Fn(&str) -> bool) -> Option<Digest> {
        let lists = self.lists(store).iter().filter(|list| by(&list.by));
        let mut found = lists.filter_map(|list| list.points.as_ref().ok()?.get(point).copied().flatten());
        found.next()
    }
}
