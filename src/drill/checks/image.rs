//! `image`: a single restored file, whole.

use super::files::compared;
use super::{Check, Checked, Damage, IMAGE, Outcome, Trial, one};
use crate::vault::format::{Digest, Hasher};
use std::io::Read;
use std::path::Path;

/// A restored image, device or stream is the stored one from its first byte to its last.
pub struct Image;

const METHOD: &str =
    "every byte against the recovery point's chunks, holes as zeros; the SHA-256 of the whole";

impl Check for Image {
    fn id(&self) -> &'static str {
        IMAGE
    }

    fn page(&self) -> &'static str {
        include_str!("../../../docs/checks/image.md")
    }

    fn damage(&self, trial: &Trial<'_>) -> Option<Damage> {
        (trial.is_image() && trial.restored.report.bytes > 0).then_some(Damage::FlippedByte)
    }

    fn look(&self, trial: &Trial<'_>) -> Vec<Checked> {
        if !trial.is_image() {
            let because = "this recovery point is a tree, not one image: name the check `files`".into();
            return one(IMAGE, METHOD, Outcome::NotRun { because }, String::new());
        }
        let outcome = compared(trial);
        match digest(&trial.restored.target, trial) {
            Ok(digest) => {
                one(IMAGE, METHOD, outcome, format!("{} bytes, sha256 {digest}", trial.restored.report.bytes))
            }
            Err(error) => {
                let because = format!("the restored image could not be read whole: {error}");
                let outcome =
                    if matches!(outcome, Outcome::Passed) { Outcome::NotRun { because } } else { outcome };
                one(IMAGE, METHOD, outcome, String::new())
            }
        }
    }
}

/// What `sha256sum` would say.
fn digest(path: &Path, trial: &Trial<'_>) -> std::io::Result<Digest> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        if trial.monitor.cancelled() {
            return Err(std::io::Error::other("stopped as asked"));
        }
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
