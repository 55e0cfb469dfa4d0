//! Bonds: why a thing dies with assets.

use super::{AssetId, Owner, Source, Timestamp};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Why a thing dies with what it is bonded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Its bytes lie there.
    StoredOn,
    /// Deleting that takes this along.
    CascadesFrom,
    /// Whoever administers that can end this.
    AdministeredBy,
    /// Useless without it: a key, a base image, a catalogue.
    Needs,
    /// A credential that may delete it.
    DeletableBy,
    /// A credential obtainable from there.
    YieldedBy,
}

impl Nature {
    /// Every nature, in order.
    pub const ALL: [Self; 6] = [
        Self::StoredOn,
        Self::CascadesFrom,
        Self::AdministeredBy,
        Self::Needs,
        Self::DeletableBy,
        Self::YieldedBy,
    ];

    /// The nature as a verb: "THIS is stored on THAT".
    pub fn verb(self) -> &'static str {
        match self {
            Self::StoredOn => "is stored on",
            Self::CascadesFrom => "is deleted along with",
            Self::AdministeredBy => "is administered by",
            Self::Needs => "needs",
            Self::DeletableBy => "can be deleted by",
            Self::YieldedBy => "is yielded by",
        }
    }

    /// Its key in the estate file and in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::StoredOn => "stored_on",
            Self::CascadesFrom => "cascades_from",
            Self::AdministeredBy => "administered_by",
            Self::Needs => "needs",
            Self::DeletableBy => "deletable_by",
            Self::YieldedBy => "yielded_by",
        }
    }
}

/// How a bond is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Seen by this program.
    Observed(Timestamp),
    /// Read in documentation, or executed in a named test.
    Documented(Source),
    /// Stated by a person.
    Declared(Owner),
}

/// An undelete window: how long after the act the thing can still be had back, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grace {
    /// Seconds between the act and the loss for good.
    pub seconds: u64,
}

/// One reason to die: when `dies_at` of the assets `on` have fallen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bond {
    /// Why.
    pub nature: Nature,
    /// The assets it hangs on; never empty.
    pub on: Vec<AssetId>,
    /// How many of `on` must fall: 1 for plain storage, 2 of 2 for a mirror.
    pub dies_at: usize,
    /// How this is known.
    pub how: How,
    /// The undelete window, where there is one.
    pub grace: Option<Grace>,
}

impl Bond {
    /// A bond to one asset, seen at `at`.
    pub fn observed(nature: Nature, on: AssetId, at: Timestamp) -> Self {
        Self { nature, on: vec![on], dies_at: 1, how: How::Observed(at), grace: None }
    }
}

/// A set of natures, in one byte: an estate may hold a million of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Nature>", into = "Vec<Nature>")]
pub struct NatureSet(u8);

impl NatureSet {
    /// Adds a nature.
    pub fn insert(&mut self, nature: Nature) {
        self.0 |= 1 << nature as u8;
    }

    /// Removes a nature.
    pub fn remove(&mut self, nature: Nature) {
        self.0 &= !(1 << nature as u8);
    }

    /// Whether it is in the set.
    pub fn contains(self, nature: Nature) -> bool {
        self.0 & (1 << nature as u8) != 0
    }

    /// The natures in their order.
    pub fn iter(self) -> impl Iterator<Item = Nature> {
        Nature::ALL.into_iter().filter(move |nature| self.contains(*nature))
    }
}

impl FromIterator<Nature> for NatureSet {
    fn from_iter<I: IntoIterator<Item = Nature>>(natures: I) -> Self {
        let mut set = Self::default();
        natures.into_iter().for_each(|nature| set.insert(nature));
        set
    }
}

impl From<Vec<Nature>> for NatureSet {
    fn from(natures: Vec<Nature>) -> Self {
        natures.into_iter().collect()
    }
}

impl From<NatureSet> for Vec<Nature> {
    fn from(set: NatureSet) -> Self {
        set.iter().collect()
    }
}

/// Bonds, in memory that equal lists can share: a million recovery points hang on a few thousand lists. Changing one
/// that is shared makes a copy of it first.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BondList(Arc<Vec<Bond>>);

impl BondList {
    /// Where the list is in memory: as long as both live, two that are shared are at one place.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl Deref for BondList {
    type Target = Vec<Bond>;

    fn deref(&self) -> &Vec<Bond> {
        &self.0
    }
}

impl DerefMut for BondList {
    fn deref_mut(&mut self) -> &mut Vec<Bond> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Bond>> for BondList {
    fn from(list: Vec<Bond>) -> Self {
        Self(Arc::new(list))
    }
}

impl FromIterator<Bond> for BondList {
    fn from_iter<I: IntoIterator<Item = Bond>>(bonds: I) -> Self {
        Self(Arc::new(bonds.into_iter().collect()))
    }
}

impl IntoIterator for BondList {
    type Item = Bond;
    type IntoIter = std::vec::IntoIter<Bond>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a BondList {
    type Item = &'a Bond;
    type IntoIter = std::slice::Iter<'a, Bond>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut BondList {
    type Item = &'a mut Bond;
    type IntoIter = std::slice::IterMut<'a, Bond>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::make_mut(&mut self.0).iter_mut()
    }
}

/// The bonds of one thing, and for which natures the list is complete.
///
/// A nature that is not complete may have bonds nobody has seen: under a hazard that could act through
/// it, the fate is undetermined rather than survival.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bonds {
    /// What is known.
    pub list: BondList,
    /// The natures of which everything is known. An absent nature is unknown.
    pub complete: NatureSet,
}

impl Bonds {
    /// Adds a bond.
    #[must_use]
    pub fn with(mut self, bond: Bond) -> Self {
        self.list.push(bond);
        self
    }

    /// States that all bonds of `nature` are in the list.
    #[must_use]
    pub fn complete(mut self, nature: Nature) -> Self {
        self.complete.insert(nature);
        self
    }

    /// True where every bond of `nature` is known.
    pub fn is_complete(&self, nature: Nature) -> bool {
        self.complete.contains(nature)
    }

    /// The known bonds of one nature.
    pub fn of(&self, nature: Nature) -> impl Iterator<Item = &Bond> {
        self.list.iter().filter(move |bond| bond.nature == nature)
    }
}
