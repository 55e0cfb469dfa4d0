//! A new epoch after the machine that copies was compromised: what it knew opens nothing that comes, makes no point that is believed,
//! and what was copied before stays what it was.

use super::readers::{Stopping, as_whoever_has, identities};
use super::recorder::Recorder;
use super::sealed::{Sealed, reader, restored};
use super::support::{assert_same, copy_as, copy_into, overwrite};
use crate::hand::fs;
use outlive::domain::{Kind, Result, Silent, VolumeId};
use outlive::vault::format::{ENDED, EPOCHS, KEYS, PACKS, ROOTS, SIDECARS, render_points};
use outlive::vault::{
    Epoch, EpochBegun, Recipient, RestoreOptions, Roots, Vault, VaultKeys, restore, verify,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Ends the epoch of a vault and begins one for these readers; what whoever copies gets of it.
pub fn begin(vault: &Vault, readers: &[&Recipient]) -> Result<(EpochBegun, Epoch)> {
    let readers = readers.iter().map(|reader| (*reader).clone()).collect();
    let begun = vault.begin_epoch(readers, chrono::Utc::now())?;
    let epoch = begun.epoch.clone();
    Ok((begun, epoch))
}

/// A vault with a point of a former epoch, and what copies into it now; the new epoch is for the second reader and a new one.
pub struct Second {
    pub sealed: Sealed,
    pub original: PathBuf,
    epoch: Epoch,
    new_reader: PathBuf,
    begun: EpochBegun,
}

impl Second {
    pub fn new() -> Self {
        let sealed = Sealed::new();
        let original = sealed.original();
        sealed.place.copy(&original);
        let (new_reader, to_new) = reader(sealed.place.temp.path(), "new.key");
        let public = super::support::run("age-keygen", &["-y", sealed.readers[1].to_str().unwrap()]);
        let second = Recipient::parse(public.trim()).unwrap();
        let (begun, epoch) = begin(&sealed.as_reader(0), &[&second, &to_new]).unwrap();
        Self { sealed, original, epoch, new_reader, begun }
    }

    pub fn copier(&self) -> Vault {
        self.sealed.opened(&VaultKeys { epoch: Some(self.epoch.clone()), ..VaultKeys::default() })
    }

    pub fn copy(&self) -> outlive::vault::CopyReport {
        copy_into(&self.copier(), &self.original, &Silent).unwrap()
    }
}

#[test]
fn after_a_new_epoch_everything_is_sent_again_and_both_epochs_are_read_by_their_readers() {
    let second = Second::new();
    let Second { sealed, original, begun, .. } = &second;
    assert_eq!((begun.points, begun.damaged.len(), begun.ended.len()), (1, 0, 1));
    let old: BTreeSet<PathBuf> = sealed.objects(PACKS).into_iter().collect();
    let report = second.copy();
    assert!(report.written_bytes > 3 * 1024 * 1024, "something of the former epoch was built on");
    let needs: BTreeSet<PathBuf> =
        report.packs.iter().map(|line| sealed.place.path("vault/packs").join(&*line.pack.0)).collect();
    assert!(needs.is_disjoint(&old) && report.of_parent.is_empty());
    let root = fs::read_to_string(sealed.place.path("vault").join(report.root.key.as_str())).unwrap();
    assert!(root.contains("\"outlive/root/v2\""), "a program that knows one epoch would call it damaged");
    // The second night of the new epoch sends only what is new.
    fs::write(original.join("file 7"), "changed").unwrap();
    let next = second.copy();
    assert!(next.written_bytes * 20 < report.written_bytes, "{}", next.written_bytes);
    assert_eq!(next.parent, Some(report.root.id));
    // Who is a reader of both reads all, the others what is theirs.
    let both = sealed.as_reader(1);
    let report = verify(&both, &[], &Silent).unwrap();
    assert_eq!(
        (report.sound.len(), report.closed.len(), report.damage.len()),
        (3, 0, 0),
        "{:?}",
        report.damage
    );
    restored(&both, &sealed.place.path("by both"));
    assert_same(original, &sealed.place.path("by both"));
    for (vault, sound, closed) in
        [(sealed.as_reader(0), 1, 2), (as_whoever_has(sealed, &second.new_reader).unwrap(), 2, 1)]
    {
        let report = verify(&vault, &[], &Silent).unwrap();
        let found = (report.sound.len(), report.closed.len(), report.damage.len());
        assert_eq!(found, (sound, closed, 0), "{:?}", report.damage);
    }
    let dropped = sealed.as_reader(0);
    let newest = Roots::read(&dropped).unwrap().sound.pop().unwrap();
    let to = sealed.place.path("never");
    let refused = restore(&dropped, &newest, &to, RestoreOptions::default(), &Silent).unwrap_err();
    assert_eq!(refused.problem.kind, Kind::Refused);
    assert!(!to.exists());
    restored(&as_whoever_has(sealed, &second.new_reader).unwrap(), &sealed.place.path("by the new one"));
    assert_same(original, &sealed.place.path("by the new one"));
}

#[test]
fn who_copies_in_the_new_epoch_keeps_the_chain_and_needs_nothing_of_the_former_one() {
    let second = Second::new();
    let copied = second.copy();
    assert_eq!((copied.root.root.counter, copied.root.root.previous.is_some()), (2, true));
    // Which volume a point of the former epoch is of, whoever ended that says.
    let roots = Roots::of_volume(&second.copier(), &VolumeId("test:/volume".into())).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (2, 0));
    let all = Roots::read(&second.copier()).unwrap();
    let volumes: BTreeSet<&str> = all.sound.iter().map(|found| found.root.volume.0.as_str()).collect();
    assert_eq!(volumes.len(), 1, "closed points of one volume are told as one: {volumes:?}");
    let report = verify(&second.copier(), &[], &Silent).unwrap();
    assert_eq!((report.closed.len(), report.damage.len()), (2, 0), "{:?}", report.damage);
    let report = verify(&second.sealed.opened(&VaultKeys::default()), &[], &Silent).unwrap();
    assert_eq!((report.closed.len(), report.damage.len()), (2, 0), "{:?}", report.damage);
    // A third epoch: both former ones are still told apart by their volumes.
    let public = super::support::run("age-keygen", &["-y", second.new_reader.to_str().unwrap()]);
    let to = Recipient::parse(public.trim()).unwrap();
    let (begun, third) = begin(&second.sealed.as_reader(1), &[&to]).unwrap();
    assert_eq!(begun.points, 2);
    let copier = second.sealed.opened(&VaultKeys { epoch: Some(third), ..VaultKeys::default() });
    let copied = copy_into(&copier, &second.original, &Silent).unwrap();
    assert_eq!(copied.root.root.counter, 3);
    let report = verify(&second.sealed.as_reader(1), &[], &Silent).unwrap();
    assert_eq!((report.sound.len(), report.closed.len(), report.damage.len()), (2, 1, 0));
}

/// Whoever stole the former key of those who copy goes on with it.
#[test]
fn what_is_copied_with_the_key_of_an_ended_epoch_is_refused_and_is_no_point_where_it_was_forced() {
    let second = Second::new();
    let Second { sealed, original, .. } = &second;
    let packs = sealed.objects(PACKS);
    fs::write(original.join("file 7"), "something that would be sent").unwrap();
    let kept = copy_into(&sealed.as_copier(), original, &Silent).unwrap_err();
    assert_eq!(sealed.objects(PACKS), packs, "it was refused only after everything had been sent");
    assert_eq!(kept.kind, Kind::Refused);
    assert!(kept.what.contains("ended"), "{kept}");
    // A thief has a program that does not look: the vault as it was before is filled, and laid over this one.
    let hidden = sealed.place.path("vault").join(EPOCHS);
    fs::rename(&hidden, sealed.place.path("hidden")).unwrap();
    let forged = copy_as("test:/volume", &sealed.as_copier(), original, &Silent).unwrap();
    let other = copy_as("test:/other", &sealed.as_copier(), original, &Silent).unwrap();
    fs::rename(sealed.place.path("hidden"), &hidden).unwrap();
    for vault in
        [second.copier(), sealed.as_copier(), sealed.as_reader(1), sealed.opened(&VaultKeys::default())]
    {
        let roots = Roots::read(&vault).unwrap();
        assert_eq!((roots.sound.len(), roots.damaged.len()), (1, 2));
        for (key, problem) in &roots.damaged {
            assert!([&forged.root.key, &other.root.key].contains(&key));
            assert!(problem.what.contains("when its epoch ended"), "{problem}");
        }
        let report = verify(&vault, &[], &Silent).unwrap();
        assert_eq!((report.sound.len() + report.closed.len(), report.damage.len()), (1, 2));
    }
    // A list of theirs in the place of the signed one vouches for nothing.
    let list = sealed.objects(ENDED).remove(0);
    let sound = fs::read(&list).unwrap();
    let points = [(forged.root.id, None), (other.root.id, None)].into();
    let theirs = render_points(sealed.place.vault.id(), &second.epoch.name, &points).unwrap();
    overwrite(&list, &theirs);
    let roots = Roots::read(&sealed.as_reader(1)).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (0, 3));
    overwrite(&list, &sound);
    let next = second.copy();
    assert!(next.written_bytes > 3 * 1024 * 1024, "what the thief left was built on");
    restored(&sealed.as_reader(1), &sealed.place.path("restored"));
    assert_same(original, &sealed.place.path("restored"));
}

#[test]
fn a_copy_during_which_its_epoch_ends_makes_no_point() {
    let sealed = Sealed::new();
    let original = sealed.original();
    let (_, to_new) = reader(sealed.place.temp.path(), "new.key");
    // Opened before, as by a night that is under way.
    let copier = sealed.as_copier();
    begin(&sealed.as_reader(0), &[&to_new]).unwrap();
    let refused = copy_into(&copier, &original, &Silent).unwrap_err();
    assert!(refused.kind == Kind::Refused && refused.what.contains("ended"), "{refused}");
    assert!(!sealed.place.path("vault").join(ROOTS).exists() || sealed.objects(ROOTS).is_empty());
}

#[test]
fn the_former_key_opens_and_names_nothing_of_the_new_epoch() {
    let second = Second::new();
    let before: BTreeSet<PathBuf> =
        [PACKS, SIDECARS].into_iter().flat_map(|folder| second.sealed.objects(folder)).collect();
    second.copy();
    // What a reader of the former epoch alone has: the private key of that epoch.
    let epoch = second.sealed.place.path("former");
    let keys = second.sealed.objects(KEYS);
    let former = keys.iter().find_map(|key| {
        let arguments = ["-d", "-i", second.sealed.readers[0].to_str().unwrap(), key.to_str().unwrap()];
        let opened = crate::hand::output(std::process::Command::new("age").args(arguments)).unwrap();
        opened.status.success().then_some(opened.stdout)
    });
    fs::write(&epoch, former.unwrap()).unwrap();
    let mut tried = 0;
    let names = |old: bool| -> BTreeSet<String> {
        let all = second.sealed.objects(SIDECARS).into_iter().filter(|object| before.contains(object) == old);
        let lines = all.map(|object| zstd::stream::decode_all(&fs::read(object).unwrap()[..]).unwrap());
        let lines: Vec<String> = lines.map(|lines| String::from_utf8(lines).unwrap()).collect();
        let words = lines.iter().flat_map(|lines| lines.split('"')).filter(|word| word.len() == 64);
        words.map(str::to_owned).collect()
    };
    // The same chunks have other names.
    assert!(names(true).len() > 50 && names(false).len() > 50 && names(true).is_disjoint(&names(false)));
    for object in second.sealed.objects(PACKS).into_iter().filter(|object| !before.contains(object)) {
        if !fs::read(&object).unwrap().starts_with(b"age-encryption.org/") {
            continue;
        }
        let arguments = ["-d", "-i", epoch.to_str().unwrap(), object.to_str().unwrap()];
        let opened = crate::hand::output(std::process::Command::new("age").args(arguments)).unwrap();
        assert!(!opened.status.success(), "{}", object.display());
        tried += 1;
    }
    assert!(tried >= 2, "{tried}");
}

#[test]
fn a_run_that_was_stopped_while_an_epoch_began_left_the_former_one_as_it_was() {
    for objects in 0..4 {
        let sealed = Sealed::new();
        let original = sealed.original();
        sealed.place.copy(&original);
        let (new, to_new) = reader(sealed.place.temp.path(), "new.key");
        let (_, to_other) = reader(sealed.place.temp.path(), "other.key");
        let vault = Vault::open(Stopping::after(objects, &sealed.place.path("vault"))).unwrap();
        let keys = VaultKeys { identities: identities(&sealed.readers[0]), ..VaultKeys::default() };
        let vault = vault.with_keys(&keys).unwrap();
        assert_eq!(begin(&vault, &[&to_new, &to_other]).map(drop).unwrap_err().kind, Kind::Io, "{objects}");
        copy_into(&sealed.as_copier(), &original, &Silent).unwrap();
        let report = verify(&sealed.as_reader(0), &[], &Silent).unwrap();
        assert_eq!((report.sound.len(), report.damage.len()), (2, 0), "{objects}");
        let (begun, epoch) = begin(&sealed.as_reader(0), &[&to_new]).unwrap();
        assert_eq!(begun.points, 2);
        let copier = sealed.opened(&VaultKeys { epoch: Some(epoch), ..VaultKeys::default() });
        copy_into(&copier, &original, &Silent).unwrap();
        let to = sealed.place.path(&format!("restored {objects}"));
        restored(&as_whoever_has(&sealed, &new).unwrap(), &to);
        assert_same(&original, &to);
    }
}

#[test]
fn damage_of_what_tells_of_epochs_is_named_and_nothing_is_believed_without_it() {
    let second = Second::new();
    second.copy();
    let sealed = &second.sealed;
    for folder in [EPOCHS, ENDED] {
        for object in sealed.objects(folder) {
            let sound = fs::read(&object).unwrap();
            let name = object.file_name().unwrap().to_str().unwrap();
            for at in [0, sound.len() / 3, sound.len() / 2, sound.len() - 1] {
                let mut spoilt = sound.clone();
                spoilt[at] ^= 1;
                overwrite(&object, &spoilt);
                for vault in [sealed.opened(&VaultKeys::default()), sealed.as_reader(1)] {
                    let report = verify(&vault, &[], &Silent).unwrap();
                    assert!(
                        report.damage.iter().any(|damage| damage.object.contains(name)),
                        "byte {at} of {name}: {:?}",
                        report.damage
                    );
                    assert!(report.sound.len() + report.closed.len() <= 1);
                }
            }
            overwrite(&object, &sound);
        }
    }
    // Without the statement, who has the new key is told of what lies there.
    let statement = sealed.objects(EPOCHS).remove(0);
    let sound = fs::read(&statement).unwrap();
    overwrite(&statement, b"junk");
    let vault = Vault::open(Recorder::open(&sealed.place.path("vault")).unwrap()).unwrap();
    let refused = vault.with_keys(&VaultKeys { epoch: Some(second.epoch.clone()), ..VaultKeys::default() });
    assert!(refused.map(drop).unwrap_err().what.contains("epochs/"));
    overwrite(&statement, &sound);
    assert_eq!(verify(&sealed.as_reader(1), &[], &Silent).unwrap().sound.len(), 2);
}

#[test]
fn a_reader_that_is_added_after_a_new_epoch_reads_both() {
    let second = Second::new();
    second.copy();
    let (late, to_late) = reader(second.sealed.place.temp.path(), "late.key");
    let added = second.sealed.as_reader(1).add_reader(&to_late, chrono::Utc::now()).unwrap();
    assert_eq!((added.added.len(), added.closed.len()), (2, 0));
    let report = verify(&as_whoever_has(&second.sealed, &late).unwrap(), &[], &Silent).unwrap();
    assert_eq!((report.sound.len(), report.closed.len(), report.damage.len()), (2, 0, 0));
    // Who is a reader of the new epoch alone can give no more than that.
    let (later, to_later) = reader(second.sealed.place.temp.path(), "later.key");
    let vault = as_whoever_has(&second.sealed, &second.new_reader).unwrap();
    let added = vault.add_reader(&to_later, chrono::Utc::now()).unwrap();
    assert_eq!((added.added.len(), added.closed.len()), (1, 1));
    let report = verify(&as_whoever_has(&second.sealed, &later).unwrap(), &[], &Silent).unwrap();
    assert_eq!((report.sound.len(), report.closed.len(), report.damage.len()), (1, 1, 0));
    // What whoever copies needs, each of its readers knows.
    let known = vault.present_epoch().unwrap();
    assert_eq!(known.render(), second.epoch.render());
    assert!(second.sealed.as_reader(0).present_epoch().is_err());
    // And who is none of the present epoch ends none.
    let refused = begin(&second.sealed.as_reader(0), &[&to_later]).map(drop).unwrap_err();
    assert!(refused.kind == Kind::Refused && refused.what.contains("no reader of the present epoch"));
}

/// A thief who has the credential that writes fills the folder of statements.
#[test]
fn however_much_junk_lies_before_it_a_later_epoch_is_known_and_its_points_are_read() {
    let second = Second::new();
    second.copy();
    let epochs = second.sealed.place.path("vault").join(EPOCHS);
    let genuine = fs::read_dir(&epochs).unwrap().next().unwrap().unwrap().path();
    let statement = fs::read_to_string(genuine).unwrap();
    for number in 0..1025 {
        fs::write(epochs.join(format!("{number:016x}-{number:016x}")), "junk").unwrap();
        // What a reader wrote, under another name.
        fs::write(epochs.join(format!("{number:016x}-f{number:015x}")), &statement).unwrap();
    }
    let copier = second.copier();
    let known = copier.epochs().unwrap();
    assert_eq!((known.iter().count(), known.unread.len()), (2, 0));
    assert!(known.wrong.len() <= 64 && known.wrong.last().unwrap().1.what.contains("more objects"));
    second.copy();
    let reader = as_whoever_has(&second.sealed, &second.new_reader).unwrap();
    let roots = Roots::read(&reader).unwrap();
    assert_eq!((roots.sound.len(), roots.damaged.len()), (3, 0), "{:?}", roots.damaged);
    restored(&reader, &second.sealed.place.path("all the same"));
    assert_same(&second.original, &second.sealed.place.path("all the same"));
}
