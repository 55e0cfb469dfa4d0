//! Who tries to pass an epoch of their own for the true one: a thief of the machine that copies, and a reader who was left out.

use super::epochs::{Second, begin};
use super::readers::as_whoever_has;
use super::recorder::Recorder;
use super::sealed::{Sealed, reader, restored};
use super::support::{assert_same, copy_as, copy_into};
use crate::hand::fs;
use outlive::domain::Silent;
use outlive::store::{DirStore, Key, Store};
use outlive::vault::format::{BegunEpoch, Digest, ENDED, EPOCHS, KEYS, KeyLine, SIDECARS};
use outlive::vault::{Epoch, NewEpoch, Recipient, Roots, Vault, VaultKeys, verify};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A thief with the key of those who copy says that an epoch of theirs began: for the true readers, so that they open it.
#[test]
fn nobody_but_a_reader_ends_an_epoch() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let public = super::support::run("age-keygen", &["-y", sealed.readers[1].to_str().unwrap()]);
    let to = Recipient::parse(public.trim()).unwrap();
    let vault_id = sealed.place.vault.id().to_owned();
    let NewEpoch { epoch, keys, .. } = NewEpoch::generate(&vault_id, vec![to]).unwrap();
    let store = DirStore::open(&sealed.place.path("vault")).unwrap();
    let store: &dyn Store = &store;
    let mut lines = Vec::new();
    for made in keys {
        store.put_bytes(&made.key, &made.bytes).unwrap();
        lines.push(KeyLine { key: made.key.as_str().into(), sha256: Digest::of(&made.bytes) });
    }
    let list = outlive::vault::format::render_points(&vault_id, &epoch.name, &Default::default()).unwrap();
    let list_key = Key::new(format!("{ENDED}/{}-0000000000000000", epoch.name)).unwrap();
    store.put_bytes(&list_key, &list).unwrap();
    let points = KeyLine { key: list_key.as_str().into(), sha256: Digest::of(&list) };
    let own = age::x25519::Identity::generate();
    let key = Key::new(format!("{EPOCHS}/{}-1111111111111111", epoch.name)).unwrap();
    let said =
        BegunEpoch::new(&key, &vault_id, (&epoch.name, chrono::Utc::now()), (&sealed.epoch.name, points));
    let said = said.for_readers(&epoch.recipient, &lines).seal(&own, &own).unwrap();
    store.put_bytes(&key, &said).unwrap();
    for vault in [sealed.as_copier(), sealed.as_reader(1)] {
        let epochs = vault.epochs().unwrap();
        assert_eq!((epochs.iter().count(), epochs.wrong.len()), (1, 1));
        let report = verify(&vault, &[], &Silent).unwrap();
        assert_eq!((report.sound.len() + report.closed.len(), report.damage.len()), (1, 1));
    }
    // Their key is that of no epoch of this vault, and the true one goes on.
    let refused = Vault::open(Recorder::open(&sealed.place.path("vault")).unwrap()).unwrap();
    let refused = refused.with_keys(&VaultKeys { epoch: Some(epoch), ..VaultKeys::default() });
    let refused = refused.map(drop).unwrap_err();
    assert!(refused.what.contains("not signed"), "{refused}");
    copy_into(&sealed.as_copier(), &original, &Silent).unwrap();
}

/// The names of chunks in the new epoch can be read: whoever stole the former key says that junk of theirs holds these chunks.
#[test]
fn a_sidecar_with_the_former_key_or_with_none_is_not_built_upon() {
    for forger in ["the former key", "no key"] {
        let second = Second::new();
        let sealed = &second.sealed;
        let before: BTreeSet<PathBuf> = sealed.objects(SIDECARS).into_iter().collect();
        let stopped = second.copy();
        fs::remove_file(sealed.place.path("vault").join(stopped.root.key.as_str())).unwrap();
        for sidecar in sealed.objects(SIDECARS).into_iter().filter(|sidecar| !before.contains(sidecar)) {
            let lines = zstd::stream::decode_all(&fs::read(&sidecar).unwrap()[..]).unwrap();
            let text = String::from_utf8(lines).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            lines.pop();
            let name = sidecar.file_name().unwrap().to_str().unwrap();
            let pack = sealed.place.path("vault/packs").join(name);
            let garbage = vec![7; fs::read(&pack).unwrap().len()];
            let mut header: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
            let forged_name = format!("ffff{}", &name[4..]);
            let true_header = lines[0].to_owned();
            let sha256 = outlive::vault::format::Digest::of(&garbage).to_string();
            let forged_header = true_header
                .replace(name, &forged_name)
                .replace(header["sha256"].take().as_str().unwrap(), &sha256);
            let forged = format!("{forged_header}\n{}\n", lines[1..].join("\n"));
            let code = match forger {
                "no key" => Digest::of(b"guessed"),
                _ => sealed.epoch.chunk_key.code("sidecar", forged.as_bytes()),
            };
            let forged = format!("{forged}{{\"code\":\"{code}\"}}\n");
            let to = sidecar.with_file_name(&forged_name);
            fs::write(to, zstd::bulk::compress(forged.as_bytes(), 3).unwrap()).unwrap();
            fs::write(sealed.place.path("vault/packs").join(&forged_name), garbage).unwrap();
            for spoilt in [sidecar.clone(), pack] {
                fs::remove_file(spoilt).unwrap();
            }
        }
        let again = second.copy();
        assert!(again.written_bytes > 3 * 1024 * 1024, "{forger}: something was built on");
        let to = sealed.place.path("restored");
        restored(&sealed.as_reader(1), &to);
        assert_same(&second.original, &to);
    }
}

/// A reader who was left out, and may write, signs with the epoch that they read: that theirs is the one that began after it.
#[test]
fn a_reader_who_was_left_out_deceives_nobody_who_copies_and_nobody_unseen() {
    let second = Second::new();
    let sealed = &second.sealed;
    let true_point = second.copy();
    // The statement of the true epoch is hidden from them.
    let (epochs, hidden) = (sealed.place.path("vault").join(EPOCHS), sealed.place.path("hidden"));
    fs::rename(&epochs, &hidden).unwrap();
    let forged = copy_as("test:/volume", &sealed.as_copier(), &second.original, &Silent).unwrap();
    let public = super::support::run("age-keygen", &["-y", sealed.readers[1].to_str().unwrap()]);
    let reader = Recipient::parse(public.trim()).unwrap();
    let (begun, theirs) = begin(&sealed.as_reader(0), &[&reader]).unwrap();
    assert_eq!(begun.points, 1 + 1, "their list vouches for what they forged");
    let copier = VaultKeys { epoch: Some(theirs), ..VaultKeys::default() };
    copy_into(&sealed.opened(&copier), &second.original, &Silent).unwrap();
    for statement in fs::read_dir(&hidden).unwrap() {
        let statement = statement.unwrap().path();
        fs::rename(&statement, epochs.join(statement.file_name().unwrap())).unwrap();
    }
    // Who copies knows which epoch is the true one, and takes nothing of the other, nor its list.
    let roots = Roots::read(&second.copier()).unwrap();
    let sound: BTreeSet<&Key> = roots.sound.iter().map(|found| &found.key).collect();
    assert!(sound.contains(&true_point.root.key) && !sound.contains(&forged.root.key));
    assert_eq!((roots.sound.len(), roots.damaged.len()), (2, 2));
    second.copy();
    // Who reads both is told of both.
    for vault in [second.copier(), sealed.as_reader(1)] {
        let report = verify(&vault, &[], &Silent).unwrap();
        let told = report.damage.iter().filter(|damage| damage.because.contains("left out")).count();
        assert_eq!(told, 2, "{:?}", report.damage);
    }
    // The true readers go on: the next epoch ends the true one, and theirs as far as it can be opened.
    let (begun, third) = begin(&sealed.as_reader(1), &[&reader]).unwrap();
    assert_eq!((begun.ended.len(), begun.left.len()), (2, 0));
    let copier = VaultKeys { epoch: Some(third), ..VaultKeys::default() };
    copy_into(&sealed.opened(&copier), &second.original, &Silent).unwrap();
}

/// Nor can they say that theirs came before the next true one: that takes its private key.
#[test]
fn nobody_says_of_an_epoch_what_it_came_from_but_its_own_readers() {
    let second = Second::new();
    let sealed = &second.sealed;
    let statement = sealed.objects(EPOCHS).remove(0);
    let text = fs::read_to_string(&statement).unwrap();
    let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap();
    let decoded = super::support::run("sh", &["-c", &format!("printf %s '{payload}' | base64 -d")]);
    let said: BegunEpoch = serde_json::from_str(&decoded).unwrap();
    // A reader of the former epoch alone, with its private key.
    let former = sealed.objects(KEYS).iter().find_map(|key| {
        let arguments = ["-d", "-i", sealed.readers[0].to_str().unwrap(), key.to_str().unwrap()];
        let opened = crate::hand::output(std::process::Command::new("age").args(arguments)).unwrap();
        opened.status.success().then(|| String::from_utf8(opened.stdout).unwrap())
    });
    let former = former.unwrap();
    let former = former.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let former: age::x25519::Identity = former.parse().unwrap();
    let (key, vault_id) =
        (Key::new(format!("{EPOCHS}/{}-2222222222222222", said.epoch)).unwrap(), &said.vault);
    let again = BegunEpoch::new(&key, vault_id, (&said.epoch, said.at), (&said.former, said.points.clone()));
    let again = again.for_readers(&Recipient::parse(&said.recipient).unwrap(), &said.keys);
    let store = DirStore::open(&sealed.place.path("vault")).unwrap();
    (&store as &dyn Store).put_bytes(&key, &again.seal(&former, &former).unwrap()).unwrap();
    let vault = sealed.as_reader(1);
    let epochs = vault.epochs().unwrap();
    assert_eq!(epochs.wrong.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&key]);
    assert_eq!(epochs.iter().next().unwrap().ended.len(), 1);
}

#[test]
fn two_epochs_that_began_at_the_same_moment_both_count_until_one_ends_both() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let (one, to_one) = reader(sealed.place.temp.path(), "new.key");
    let readers = [sealed.as_reader(0), sealed.as_reader(1)];
    let (_, first) = begin(&readers[0], &[&to_one]).unwrap();
    let (_, second) = begin(&readers[1], &[&to_one]).unwrap();
    let copier = |epoch: &Epoch| VaultKeys { epoch: Some(epoch.clone()), ..VaultKeys::default() };
    for epoch in [&first, &second] {
        copy_into(&sealed.opened(&copier(epoch)), &original, &Silent).unwrap();
    }
    let vault = as_whoever_has(&sealed, &one).unwrap();
    // Nobody can tell who was allowed to: that is told, until both are joined.
    let report = verify(&vault, &[], &Silent).unwrap();
    assert_eq!((report.sound.len(), report.damage.len()), (2, 2), "{:?}", report.damage);
    assert!(report.damage.iter().all(|damage| damage.object.starts_with("epochs/")));
    let (begun, third) = begin(&vault, &[&to_one]).unwrap();
    assert_eq!((begun.ended.len(), begun.points), (2, 3));
    for epoch in [&first, &second] {
        assert!(copy_into(&sealed.opened(&copier(epoch)), &original, &Silent).is_err());
    }
    copy_into(&sealed.opened(&copier(&third)), &original, &Silent).unwrap();
    let report = verify(&as_whoever_has(&sealed, &one).unwrap(), &[], &Silent).unwrap();
    assert_eq!(
        (report.sound.len(), report.closed.len(), report.damage.len()),
        (3, 1, 0),
        "{:?}",
        report.damage
    );
}
