//! Signed checkpoints: how long the ledger was at a moment, and which line was its last.

use crate::domain::{Kind, Problem, Result, Timestamp};
use crate::signing::{PublicKey, Signature, Signer, Trust};
use crate::vault::format::{Digest, parse, parse_as, render};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// What a checkpoint is signed as.
const CHECKPOINT: &str = "outlive/checkpoint/v0";
const SIGNED: &str = "outlive/signed/v0";

/// The state of a ledger at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The format.
    pub schema: String,
    /// The ledger: the SHA-256 of its first line.
    pub ledger: Digest,
    /// Its place among the ledger's checkpoints, from 0.
    pub number: u64,
    /// How many checkpoints of this ledger the same key signed before.
    pub counter: u64,
    /// The SHA-256 of the checkpoint before, as it was written; none in the first.
    pub previous: Option<Digest>,
    /// How many lines the ledger had; at least one.
    pub records: u64,
    /// The SHA-256 of the last of them, which names the one before it, and so on.
    pub head: Digest,
    /// When this was signed, by the clock of the machine.
    pub at: Timestamp,
    /// Of which night this speaks, where it does.
    pub night: Option<Night>,
}

/// A nightly run, by the slots that it answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Night {
    /// When it began: it answers for the latest slot of each copy at that moment, and for those that came while it ran.
    pub began: Timestamp,
    /// How long a night may take, in seconds: a slot is not missed before that.
    pub deadline_seconds: i64,
    /// The copies of the estate file.
    pub copies: Vec<SpokenCopy>,
}

/// One scheduled copy, and what a night did of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpokenCopy {
    /// The volume's name in the estate file.
    pub volume: String,
    /// The vault's.
    pub vault: String,
    /// From one slot to the next, in seconds.
    pub every_seconds: i64,
    /// Moves all slots, in seconds.
    pub offset_seconds: i64,
    /// `done`, `failed`, `not done`, or `nothing due`.
    pub outcome: String,
}

/// A payload in base64 with signatures over it and its type, as DSSE does it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    schema: String,
    payload_type: String,
    payload: String,
    /// Exactly one in v0.
    signatures: Vec<Signature>,
}

/// A checkpoint with its signature, which was found to be good and by a pinned key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Who signed it.
    pub by: PublicKey,
    /// As it is stored: one line, without its end.
    pub bytes: Vec<u8>,
    /// The SHA-256 of that.
    pub id: Digest,
}

impl Sealed {
    /// Signs a checkpoint.
    ///
    /// # Errors
    /// `Internal` where it cannot be written as JSON.
    pub fn sign(checkpoint: Checkpoint, signer: &Signer) -> Result<Self> {
        let payload = render(&checkpoint)?;
        let bytes = envelope(&payload, signer.sign(CHECKPOINT, &payload))?;
        let id = Digest::of(&bytes);
        Ok(Self { checkpoint, by: signer.public(), bytes, id })
    }

    /// Reads a checkpoint. Every bit counts: bytes that are not exactly what [`Sealed::sign`] writes are damage.
    ///
    /// # Errors
    /// `Damaged` where it is none or its signature is wrong; `Refused` for a newer format and for a key that is not pinned.
    pub fn open(object: &str, bytes: &[u8], trust: &Trust) -> Result<Self> {
        let read: Envelope = parse_as(SIGNED, object, bytes)?;
        let damaged = |what: &str| Problem::damaged(object, what);
        if read.payload_type != CHECKPOINT {
            return Err(damaged("signed as something else than a checkpoint of a ledger"));
        }
        let payload =
            STANDARD.decode(&read.payload).map_err(|_| damaged("the payload is not valid base64"))?;
        let [signature] = &read.signatures[..] else {
            return Err(damaged("it has not exactly one signature"));
        };
        let by = signature.key;
        if !trust.pins(&by) {
            return Err(Problem::new(Kind::Refused, format!("signed with {by}, which is not pinned"))
                .at(object)
                .remedy("where that key is yours, add it to `trust` in [signing]; otherwise somebody else wrote this"));
        }
        by.verify(CHECKPOINT, &payload, signature).map_err(|problem| damaged(&problem.what))?;
        if envelope(&payload, signature.clone())? != bytes {
            return Err(damaged("not written as this format writes it"));
        }
        let checkpoint: Checkpoint = parse(object, &payload)?;
        if checkpoint.schema != CHECKPOINT || checkpoint.records == 0 {
            return Err(damaged("says something that no checkpoint says"));
        }
        Ok(Self { checkpoint, by, bytes: bytes.to_vec(), id: Digest::of(bytes) })
    }

    /// Its place among the ledger's checkpoints.
    pub fn number(&self) -> u64 {
        self.checkpoint.number
    }
}

impl Checkpoint {
    /// The checkpoint after `before`, the newest first of those that are known, by whoever signs with `by`.
    pub fn after(before: &[Sealed], by: &PublicKey, of: (Digest, u64, Digest), at: Timestamp) -> Self {
        let (ledger, records, head) = of;
        let last = before.first();
        let mine = before.iter().find(|sealed| sealed.by == *by);
        Self {
            schema: CHECKPOINT.into(),
            ledger,
            number: last.map_or(0, |last| last.number() + 1),
            counter: mine.map_or(0, |mine| mine.checkpoint.counter + 1),
            previous: last.map(|last| last.id),
            records,
            head,
            at,
            night: None,
        }
    }
}

fn envelope(payload: &[u8], signature: Signature) -> Result<Vec<u8>> {
    render(&Envelope {
        schema: SIGNED.into(),
        payload_type: CHECKPOINT.into(),
        payload: STANDARD.encode(payload),
        signatures: vec![signature],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let signer = Signer::generate().unwrap();
        let of = (Digest([1; 32]), 3, Digest([2; 32]));
        Checkpoint::after(&[], &signer.public(), of, Timestamp::UNIX_EPOCH)
    }

    fn trusting(keys: &[&Signer]) -> Trust {
        Trust::parse(&keys.iter().map(|key| key.public().to_string()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_flipped_bit_of_a_checkpoint_is_noticed() {
        let signer = Signer::generate().unwrap();
        let trust = trusting(&[&signer]);
        let night = Night { began: Timestamp::UNIX_EPOCH, deadline_seconds: 60, copies: Vec::new() };
        let sealed = Sealed::sign(Checkpoint { night: Some(night), ..checkpoint() }, &signer).unwrap();
        assert_eq!(Sealed::open("x", &sealed.bytes, &trust).unwrap(), sealed);
        for bit in 0..sealed.bytes.len() * 8 {
            let mut flipped = sealed.bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed::open("x", &flipped, &trust).is_err(), "bit {bit} went unnoticed");
        }
        for more in [b" ".as_slice(), b"\n", b"{}"] {
            assert!(Sealed::open("x", &[&sealed.bytes, more].concat(), &trust).is_err());
        }
    }

    #[test]
    fn only_a_pinned_key_counts_and_only_for_what_it_signed() {
        let (ours, theirs) = (Signer::generate().unwrap(), Signer::generate().unwrap());
        let forged = Sealed::sign(checkpoint(), &theirs).unwrap();
        let problem = Sealed::open("x", &forged.bytes, &trusting(&[&ours])).unwrap_err();
        assert!(problem.kind == Kind::Refused && problem.what.contains("not pinned"), "{problem:?}");
        assert!(Sealed::open("x", &forged.bytes, &Trust::default()).is_err());
        assert!(Sealed::open("x", &forged.bytes, &trusting(&[&ours, &theirs])).is_ok());
        // The thief's signature with our key written beside it.
        let text = String::from_utf8(forged.bytes).unwrap();
        let text = text.replace(&theirs.public().to_string(), &ours.public().to_string());
        assert!(Sealed::open("x", text.as_bytes(), &trusting(&[&ours])).unwrap_err().what.contains("belong"));
        // What this key signed as something else is no checkpoint.
        let payload = render(&checkpoint()).unwrap();
        let other = envelope(&payload, ours.sign("outlive/root/v0", &payload)).unwrap();
        assert!(Sealed::open("x", &other, &trusting(&[&ours])).is_err());
    }
}
