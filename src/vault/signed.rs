//! Who signed recovery points, and whose signatures count here.

use super::Vault;
use super::format::Root;
use crate::domain::{Kind, Problem, Result};
use crate::signing::{PublicKey, Signer, Trust};
use std::sync::Arc;

/// With what a handle of a vault signs, and whose signatures count for it.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// The keys that somebody pinned; none where nobody asks who made a point.
    pub trust: Trust,
    /// Who signs what is copied, or why nobody can; `None` where nobody is to.
    pub signer: Option<Result<Arc<Signer>>>,
}

/// What is known of who made a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Nobody asks: no key is pinned here.
    Unasked,
    /// Whoever has this key, which is pinned here.
    By(PublicKey),
    /// Keys are pinned, and nobody signed it.
    Nobody,
    /// Keys are pinned, and this one, which signed it, is not among them.
    Stranger(PublicKey),
}

impl Signed {
    /// What the keys say whose signatures hold.
    pub(super) fn of(trust: &Trust, by: &[PublicKey]) -> Self {
        match (trust.asks(), by.iter().find(|key| trust.pins(key)), by.first()) {
            (false, _, _) => Self::Unasked,
            (true, Some(key), _) => Self::By(*key),
            (true, None, Some(key)) => Self::Stranger(*key),
            (true, None, None) => Self::Nobody,
        }
    }

    /// Why the point is not taken for one of ours; `None` where it is.
    pub fn doubt(&self) -> Option<String> {
        match self {
            Self::Unasked | Self::By(_) => None,
            Self::Nobody => Some("nobody signed it: anybody who can write there may have made it".into()),
            Self::Stranger(key) => Some(format!("signed with {key}, which is not pinned here")),
        }
    }

    /// True where it is taken for one of ours.
    pub fn is_trusted(&self) -> bool {
        matches!(self, Self::Unasked | Self::By(_))
    }
}

impl Vault {
    /// The same vault, whose points are signed, and asked for signatures, like this from now on.
    pub fn signing(self, signing: Signing) -> Self {
        let known = Arc::default();
        Self { signing, known, ..self }
    }

    /// What is known of who made a recovery point with this root.
    pub(super) fn signed(&self, root: &Root) -> Signed {
        Signed::of(&self.signing.trust, &root.signed_by)
    }

    /// Who signs the next recovery point.
    ///
    /// # Errors
    /// `Usage` where the key cannot be had, or keys are pinned and there is none to sign with: the point would count for nothing.
    pub(super) fn signer(&self) -> Result<Option<&Signer>> {
        match &self.signing.signer {
            Some(Ok(signer)) => Ok(Some(signer)),
            Some(Err(problem)) => Err(problem.clone()),
            None if self.signing.trust.asks() => {
                let what = "keys are pinned for recovery points, and there is none to sign with: what is copied would count for nothing";
                Err(Problem::new(Kind::Usage, what)
                    .remedy("name the signing key of this machine: `key` in [signing] (docs/ledger.md)"))
            }
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_by_a_pinned_key_is_doubted_wherever_one_is() {
        let [ours, theirs] = [1, 2].map(|_| Signer::generate().unwrap().public());
        let none = Trust::default();
        let pinned = Trust::parse(&[ours.to_string()]).unwrap();
        for by in [&[][..], &[theirs], &[ours]] {
            assert_eq!(Signed::of(&none, by), Signed::Unasked);
        }
        assert_eq!(Signed::of(&pinned, &[]), Signed::Nobody);
        assert_eq!(Signed::of(&pinned, &[theirs]), Signed::Stranger(theirs));
        // Whoever else signed it takes nothing away.
        for by in [&[ours][..], &[theirs, ours]] {
            assert_eq!(Signed::of(&pinned, by), Signed::By(ours));
        }
        for signed in [Signed::Unasked, Signed::By(ours), Signed::Nobody, Signed::Stranger(theirs)] {
            assert_eq!(signed.is_trusted(), signed.doubt().is_none());
        }
    }
}
