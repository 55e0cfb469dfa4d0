//! One recovery point: what it lacks is got, and its trees are written anew around it.

use super::super::check_pack::decode_pack;
use super::super::format::{
    Chunk, Digest, Entry, EntryKind, Missed, PackKey, PackLine, Previous, ROOTS, Root, SIDECARS, Sidecar,
    Tool,
};
use super::super::index::{Holdings, Index, PackTable, packs_of};
use super::super::leftover::{Prover, described};
use super::super::present::Present;
use super::super::restore::Lost;
use super::super::roots::FoundRoot;
use super::super::sealing::Seal;
use super::super::tree::runs;
use super::super::write::assemble::{Assembled, Assembler};
use super::super::write::read_again;
use super::super::write::work::{Done, DoneStep};
use super::super::{Source, Vault};
use super::as_source::PointSource;
use super::nowhere::Nowhere;
use super::pages::{Other, Spare};
use super::supply::{Fetched, Supply, Want};
use super::walk::{Seen, has_gap, is_lost, walk};
use super::{Mended, Original, RepairMode, RepairRequest};
use crate::domain::{Kind, Monitor, Problem, Result};
use crate::signing::Signer;
use crate::store::{Key, random_hex};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, RwLock};

/// Steps handed over at once.
const STEPS: usize = 4096;

/// Mends points, one after the other: what was got for one is there for the next.
pub struct Mender<'a> {
    pub vault: &'a Vault,
    pub request: &'a RepairRequest<'a>,
    pub others: Arc<Vec<Other>>,
    /// Packs that do not give what they hold, or may go.
    pub bad: BTreeSet<PackKey>,
    /// Packs that are there, and not known to be bad.
    pub sound: BTreeSet<PackKey>,
    /// The name of this repair, in the names of the packs that it writes.
    pub run: String,
    pub fetched: Fetched,
    pub monitor: &'a dyn Monitor,
}

/// What is known of one point.
struct Scene<'s> {
    found: &'s FoundRoot,
    /// The vault with pages that were had from elsewhere.
    reading: Vault,
    /// Packs that may be referred to.
    held: PackTable,
    /// The list of packs of the point cannot be read: what a pack is, its sidecar says, and decoding it proves.
    is_listless: bool,
    index: Index,
}

impl Mender<'_> {
    /// Mends one point.
    ///
    /// # Errors
    /// What the vault's store said while it was written to, and the user's stop.
    pub fn point(&mut self, found: &FoundRoot, best: Option<u64>) -> Result<Mended> {
        if let Some(why) = self.cannot_stand_in(found)? {
            return Ok(Mended { undetermined: Some(why), ..Mended::of(found) });
        }
        match self.try_point(found, best) {
            Err(problem) if problem.kind == Kind::Refused && !self.vault.is_readable() => {
                Ok(Mended { undetermined: Some(problem.to_string()), ..Mended::of(found) })
            }
            mended => mended,
        }
    }

    /// Why no root can be written for this point that counts for it.
    fn cannot_stand_in(&self, found: &FoundRoot) -> Result<Option<String>> {
        if self.request.mode == RepairMode::Write {
            self.vault.signer()?;
        }
        if let Some(why) = found.signed.doubt() {
            return Ok(Some(format!("not repaired: {why}")));
        }
        let epoch = self.vault.epoch().ok().flatten();
        let is_former =
            found.root.lid.as_ref().zip(epoch).is_some_and(|(lid, epoch)| lid.epoch != epoch.name);
        Ok(is_former.then(|| "of an epoch that ended: no root is written for it any more".to_owned()))
    }

    fn try_point(&mut self, found: &FoundRoot, best: Option<u64>) -> Result<Mended> {
        let originals = (self.request.originals)(&found.root);
        // What the machine that copies remembers of the point may do where nothing here opens it.
        let copier = self.vault.seal().filter(|seal| seal.copies());
        copier.iter().for_each(|seal| seal.begin(&found.root.volume));
        let mut scene = self.scene(found)?;
        self.find_pages(&scene, &originals)?;
        let wants = self.wants(&mut scene)?;
        let writing = (self.run.as_str(), self.request.mode);
        let supply = Supply::new(self.vault, &originals, &self.others, writing, self.monitor);
        let (fetched, had) = supply.get(wants)?;
        let new_bytes = fetched.packs.values().map(|line| line.bytes + line.sidecar_bytes).sum::<u64>();
        self.fetched.places.extend(fetched.places);
        self.fetched.packs.extend(fetched.packs);
        scene.held.extend(self.fetched.packs.clone());
        let mended = Mended { had, ..Mended::of(found) };
        let index = RwLock::new(std::mem::take(&mut scene.index));
        let prover = Prover::new(self.vault, self.monitor);
        let mut assembler = (self.request.mode == RepairMode::Write)
            .then(|| Assembler::new(self.vault, &self.run, &index, prover, scene.held.clone()));
        let (lost, files) = self.rewrite(&scene, assembler.as_mut())?;
        // One that lacks as much as another that is there already, or has no file left, is of no use.
        let missed = found.root.totals.missed.saturating_add(lost.len() as u64);
        let is_better = lost.is_empty() || files > 0 && best.is_none_or(|best| missed < best);
        let assembled = match assembler {
            Some(assembler) if is_better => assembler.finish()?,
            _ => return Ok(Mended { lost, can_be_had: is_better, ..mended }),
        };
        let written_bytes = new_bytes + assembled.written_bytes;
        let root = self.write_root(found, assembled, &lost, new_bytes)?;
        let written_bytes = written_bytes + root.bytes.unwrap_or(0);
        Ok(Mended { lost, by: Some(root), written_bytes, can_be_had: true, ..mended })
    }

    fn scene<'s>(&self, found: &'s FoundRoot) -> Result<Scene<'s>> {
        let reading = self.vault.with_spare(Spare::new(self.sound.clone(), Arc::clone(&self.others)));
        let is_listless = packs_of(&reading, found).is_err();
        let Holdings { of_parent, left, index } =
            Holdings::gather(&reading, Some(found), &self.bad, self.monitor)?;
        let held = of_parent.into_iter().chain(left).chain(self.fetched.packs.clone()).collect();
        Ok(Scene { found, reading, held, is_listless, index })
    }

    /// Where pages of the trees are lost, reads the sources as a copy would: pages that come out the same, by their SHA-256, are those.
    fn find_pages(&self, scene: &Scene<'_>, originals: &[Box<dyn Original>]) -> Result<()> {
        let of_source = originals.iter().filter_map(|original| original.source());
        let of_others = self.others.iter().filter_map(|other| {
            let source = PointSource::like(&other.vault, &scene.found.root)?;
            Some(Box::new(source) as Box<dyn Source>)
        });
        for mut source in of_source.chain(of_others) {
            if !has_gap(&scene.reading, scene.found)? {
                return Ok(());
            }
            let mut held = PackTable::new();
            let mut sidecars = Vec::new();
            for (line, sidecar) in self.described(scene)? {
                held.insert(line.pack.clone(), line);
                sidecars.push(sidecar);
            }
            let index = Index::of(self.vault.ids(), sidecars.iter());
            let nowhere = scene.reading.kept_in(Arc::new(Nowhere(Arc::clone(&scene.reading.store))));
            let read = read_again(&nowhere, &mut *source, scene.found, (index, held), self.monitor);
            // What else went wrong only means that nothing more is had from there.
            if let Err(problem) = read
                && problem.kind == Kind::Cancelled
            {
                return Err(problem);
            }
        }
        Ok(())
    }

    /// The packs of a point in the words of their sidecars, of those that are bad too; of all packs, where its list cannot be read.
    fn described(&self, scene: &Scene<'_>) -> Result<Vec<(PackLine, Sidecar)>> {
        let packs: Vec<PackKey> = match packs_of(&scene.reading, scene.found) {
            Ok(table) => table.into_keys().collect(),
            Err(_) => {
                let listed = self.vault.store().list(SIDECARS)?;
                listed.into_iter().map(|listed| PackKey(listed.key.name().into())).collect()
            }
        };
        Ok(packs.iter().filter_map(|pack| described(self.vault, pack).ok()).collect())
    }

    /// Whether the new root may refer to this pack.
    fn is_usable(&self, scene: &mut Scene<'_>, pack: &PackKey, refused: &mut HashSet<PackKey>) -> bool {
        if scene.held.contains_key(pack) {
            return true;
        }
        if !scene.is_listless || self.bad.contains(pack) || refused.contains(pack) {
            return false;
        }
        let proved = described(self.vault, pack)
            .and_then(|(line, sidecar)| decode_pack(self.vault, &line, &sidecar, self.monitor).map(|_| line));
        match proved {
            Ok(line) => drop(scene.held.insert(pack.clone(), line)),
            Err(_) => drop(refused.insert(pack.clone())),
        }
        scene.held.contains_key(pack)
    }

    /// The chunks that the point lacks and that are nowhere in the vault where they could be referred to.
    fn wants(&mut self, scene: &mut Scene<'_>) -> Result<Vec<Want>> {
        let (mut wants, mut asked, mut refused) = (Vec::new(), HashSet::new(), HashSet::new());
        let (reading, found) = (scene.reading.clone(), scene.found);
        walk(&reading, found, &mut |seen| {
            let Seen::Entry(entry) = seen else { return Ok(false) };
            if self.monitor.cancelled() {
                return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
            }
            for run in runs(&reading, entry.content.as_ref()) {
                let run = match run {
                    Ok(run) => run,
                    Err(problem) if is_lost(&problem) => break,
                    Err(problem) => return Err(problem),
                };
                if self.is_usable(scene, &run.frame.pack, &mut refused) {
                    continue;
                }
                for (offset, skip, chunk) in run.pieces() {
                    if asked.insert(chunk.sha256()) && !self.is_at_hand(scene, &chunk) {
                        let (frame, path) = (run.frame.clone(), entry.path.clone());
                        wants.push(Want { chunk, frame, skip, path, offset });
                    }
                }
            }
            Ok(true)
        })?;
        Ok(wants)
    }

    /// Whether a chunk is in a pack that may be referred to: written before, or left by a run that was stopped.
    fn is_at_hand(&mut self, scene: &Scene<'_>, chunk: &Chunk) -> bool {
        if self.fetched.places.contains_key(&chunk.sha256()) {
            return true;
        }
        let prover = Prover::new(self.vault, self.monitor);
        let Some((frame, skip)) = scene.index.find(chunk).and_then(|found| found.proved(prover)) else {
            return false;
        };
        let Some(line) = scene.held.get(&frame.pack) else { return false };
        self.fetched.packs.insert(frame.pack.clone(), line.clone());
        self.fetched.places.insert(chunk.sha256(), (frame, skip));
        true
    }

    /// Writes the trees anew, where they are to be written; what is lost, and how many files are left.
    fn rewrite(
        &self,
        scene: &Scene<'_>,
        mut assembler: Option<&mut Assembler<'_>>,
    ) -> Result<(Vec<Lost>, u64)> {
        let (mut lost, mut files) = (Vec::new(), 0);
        walk(&scene.reading, scene.found, &mut |seen| {
            let entry = match seen {
                Seen::Entry(entry) => entry,
                Seen::Orphan(path, because) => {
                    lost.push(Lost { path, because: because.to_owned() });
                    return Ok(false);
                }
                Seen::Gap { after: path, because } => {
                    lost.push(Lost { path, because });
                    return Ok(false);
                }
            };
            if let Some(because) = self.lacks(scene, &entry)? {
                lost.push(Lost { path: entry.path.clone(), because });
                return Ok(false);
            }
            files += u64::from(entry.kind == EntryKind::File);
            if let Some(assembler) = &mut assembler {
                self.write_entry(scene, *entry, assembler)?;
            }
            Ok(true)
        })?;
        Ok((lost, files))
    }

    /// Writes one entry, of which all content is there.
    fn write_entry(&self, scene: &Scene<'_>, entry: Entry, assembler: &mut Assembler<'_>) -> Result<()> {
        let (size, unsettled, content) = (entry.size, entry.unsettled, entry.content.clone());
        let mut steps = vec![DoneStep::Open(Box::new(entry))];
        for run in runs(&scene.reading, content.as_ref()) {
            let run = run?;
            if scene.held.contains_key(&run.frame.pack) {
                steps.push(DoneStep::Kept(run));
            } else {
                for (offset, _, chunk) in run.pieces() {
                    let place = self.fetched.places.get(&chunk.sha256());
                    let (frame, skip) = place.cloned().ok_or_else(|| {
                        Problem::new(Kind::Internal, "a chunk that was there a moment ago is not there")
                    })?;
                    steps.push(DoneStep::Known { offset, frame, skip, chunk });
                }
            }
            if steps.len() >= STEPS {
                assembler.take(Done { frame: None, steps: std::mem::take(&mut steps) })?;
            }
        }
        steps.push(DoneStep::Close { size, unsettled });
        assembler.take(Done { frame: None, steps })
    }

    /// Why an entry's content is lost; none where all of it is there.
    fn lacks(&self, scene: &Scene<'_>, entry: &Entry) -> Result<Option<String>> {
        for run in runs(&scene.reading, entry.content.as_ref()) {
            let run = match run {
                Ok(run) => run,
                Err(problem) if is_lost(&problem) => {
                    return Ok(Some(format!("the list of what it holds is lost: {problem}")));
                }
                Err(problem) => return Err(problem),
            };
            if scene.held.contains_key(&run.frame.pack) {
                continue;
            }
            let lacks = run.pieces().find(|(.., chunk)| !self.fetched.places.contains_key(&chunk.sha256()));
            if let Some((offset, _, chunk)) = lacks {
                let (bytes, pack) = (chunk.size(), run.frame.pack.pack()?);
                return Ok(Some(format!(
                    "{bytes} bytes of it at {offset}, which {pack} held, are had nowhere"
                )));
            }
        }
        Ok(None)
    }

    fn write_root(
        &self,
        found: &FoundRoot,
        assembled: Assembled,
        lost: &[Lost],
        new: u64,
    ) -> Result<FoundRoot> {
        let vault = self.vault;
        let (before, random) = (&found.root, random_hex()?);
        let name = found.key.name().rsplit_once('-').map_or(found.key.name(), |(point, _)| point);
        let key = Key::new(format!("{ROOTS}/{name}-{}", &random[..16]))?;
        let more = lost.iter().map(|lost| Missed { path: lost.path.clone(), because: lost.because.clone() });
        let mut totals = assembled.totals;
        totals.missed = totals.missed.saturating_add(before.totals.missed).saturating_add(lost.len() as u64);
        totals.not_entered = before.totals.not_entered;
        totals.new_pack_bytes = new;
        let root = Root {
            key: key.as_str().into(),
            finished_at: (self.request.clock)(),
            previous: Some(Previous { key: found.key.as_str().into(), sha256: found.id }),
            totals,
            missed: before.missed.iter().cloned().chain(more).take(MOST_NAMED).collect(),
            entries: assembled.entries,
            packs: assembled.packs_page,
            list_packs: assembled.list_packs,
            tool: Tool { name: "outlive".into(), version: env!("CARGO_PKG_VERSION").into() },
            lid: vault.lid(&before.volume)?,
            signed_by: vault.signer()?.map(Signer::public).into_iter().collect(),
            ..before.clone()
        };
        let (bytes, inside) = match vault.epoch()? {
            Some(epoch) => {
                root.seal_in(epoch, vault.signer()?).map(|(bytes, inside)| (bytes, Some(inside)))?
            }
            None => (root.seal_by(vault.signer()?)?, None),
        };
        Present::of(vault, assembled.packs.iter())
            .and_then(|present| assembled.packs.iter().try_for_each(|line| present.check(line)))?;
        vault.check_marker()?;
        vault.check_epoch()?;
        vault.keep_for_new(assembled.packs.iter())?;
        vault.note_lock(vault.store().put_locked(&key, &bytes, vault.retention())?);
        if vault.seal().is_some_and(Seal::copies) {
            inside.iter().for_each(|inside| vault.remember(inside));
        }
        let id = Digest::of(&bytes);
        let (signed, bytes) = (vault.signed(&root), Some(bytes.len() as u64));
        Ok(FoundRoot { key, id, signed, root, stored_at: None, bytes })
    }
}

/// Lost paths that a root names; more are only counted.
const MOST_NAMED: usize = 1000;
