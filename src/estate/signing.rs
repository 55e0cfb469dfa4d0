//! What `[signing]` says: with which key this machine signs, and whose signatures count.

use super::{Line, SecretSource};

/// With which key the ledger is signed, and whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningEntry {
    /// Where this machine's own secret key is found; none on a machine that only checks.
    pub key: Option<SecretSource>,
    /// The public keys of those that may sign, as text: `ed25519:` and base64. At least one.
    pub trust: Vec<String>,
    /// Where it stands in the file.
    pub line: Line,
}
