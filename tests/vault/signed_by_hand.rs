//! The page's own commands tell who made a point.

use super::by_hand::{PAGE, by_hand};
use super::support::Place;
use crate::hand::{self, fs};
use outlive::domain::VolumeId;
use outlive::signing::Signer;
use outlive::vault::format::Root;

/// The block that tells who made a point.
fn signature_block() -> &'static str {
    let (_, rest) = PAGE.split_once("### Who made a point").unwrap();
    rest.split("```").nth(1).unwrap().strip_prefix("sh\n").unwrap()
}

#[test]
fn who_made_a_point_is_told_by_hand() {
    let place = Place::new();
    fs::create_dir(place.path("volume")).unwrap();
    // A name that is more bytes than characters: lengths are of bytes.
    fs::write(place.path("volume/gänsefüßchen"), "content").unwrap();
    let [signer, other] = [1, 2].map(|_| Signer::generate().unwrap());
    let found = place.copy(&place.path("volume")).root;
    let root = Root { volume: VolumeId("test:/gänsefüßchen".into()), ..found.root.clone() };
    let name = root.key.strip_prefix("roots/").unwrap().to_owned();
    let object = place.path("vault").join(&root.key);
    let ask = |key: &Signer| {
        let signed = hand::TempDir::new();
        let script = format!("{}\nsigned_by \"$ROOT\" \"$KEY\"", signature_block());
        let key = key.public().to_string();
        let settings = [("ROOT", &*name), ("KEY", &*key), ("SIGNED", signed.path().to_str().unwrap())];
        by_hand(&place, &script, &["sh", "jq", "openssl", "base64"], &settings).status.success()
    };
    assert!(!ask(&signer), "nobody signed it yet");
    fs::remove_file(&object).unwrap();
    fs::write(&object, root.seal_by(Some(&signer)).unwrap()).unwrap();
    assert!(ask(&signer) && !ask(&other));
    let sealed = fs::read(&object).unwrap();
    let signature = |bytes: &[u8]| -> serde_json::Value {
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["signatures"].clone()
    };
    let older = Root { counter: root.counter + 1, ..root.clone() };
    let mut moved: serde_json::Value = serde_json::from_slice(&older.seal().unwrap()).unwrap();
    moved["signatures"] = signature(&sealed);
    fs::remove_file(&object).unwrap();
    fs::write(&object, moved.to_string()).unwrap();
    assert!(!ask(&signer), "the signature of another root");
}
