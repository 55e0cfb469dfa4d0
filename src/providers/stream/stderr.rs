//! What a command says on standard error: all of it is read, and only its end is kept.

use crate::domain::printable;
use crate::estate::Secret;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So much of the end is kept, in bytes.
const KEPT: usize = 64 * 1024;
/// So much of it is told, in bytes.
const TOLD: usize = 2000;
/// How long the reader may need to see the end, once the command is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// A reader in a thread of its own.
pub struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: std::sync::mpsc::Receiver<()>,
}

impl Tail {
    /// Reads `pipe` to its end, however much comes.
    pub fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (end, ended) = std::sync::mpsc::channel();
        let ours = kept.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 16 * 1024];
            if let Some(mut pipe) = pipe {
                while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                    let mut kept = ours.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.extend_from_slice(&buffer[..read]);
                    let over = kept.len().saturating_sub(KEPT);
                    kept.drain(..over);
                }
            }
            drop(end);
        });
        Self { kept, ended }
    }

    /// Its last words, safe to print, with every secret replaced.
    pub fn words(&self, secrets: &[Secret]) -> String {
        // Something that the command left running may hold the pipe open.
        let _ = self.ended.recv_timeout(PATIENCE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let masked = masked(&kept, secrets);
        let text = String::from_utf8_lossy(&masked);
        let text = text.trim();
        let start = text.len().saturating_sub(TOLD);
        let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        let cut = if start > 0 { "… " } else { "" };
        format!("{cut}{}", printable(&text.as_bytes()[start..]))
    }
}

/// The bytes with every secret replaced. Where the beginning is lost, what may be the rest of a secret is left out.
fn masked(kept: &[u8], secrets: &[Secret]) -> Vec<u8> {
    let mut values: Vec<&[u8]> = secrets.iter().map(|secret| secret.reveal().as_bytes()).collect();
    values.retain(|value| !value.is_empty());
    // A secret that begins like a longer one would leave the rest of that.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let longest = values.first().map_or(0, |value| value.len());
    let unsure = if kept.len() < KEPT { 0 } else { longest.saturating_sub(1) };
    let mut out = Vec::with_capacity(kept.len());
    let mut at = 0;
    while at < kept.len() {
        let found = values.iter().find(|value| kept[at..].starts_with(value));
        let length = found.map_or(1, |value| value.len());
        if at + length > unsure {
            out.extend_from_slice(found.map_or(&kept[at..=at], |_| b"(secret)"));
        }
        at += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(said: &[u8], secrets: &[&str]) -> String {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Tail::of(Some(std::io::Cursor::new(said.to_vec()))).words(&secrets)
    }

    #[test]
    fn the_end_is_told_without_secrets_whatever_bytes_there_are() {
        assert_eq!(words(b"no such role\n", &[]), "no such role");
        assert_eq!(words(b"\xff\xfe hunter2 \x1b[31m", &["hunter2"]), "\u{fffd}\u{fffd} (secret) \\e[31m");
        // One that begins another, and an empty one.
        assert_eq!(words(b"hunter2000 hunter2", &["", "hunter2", "hunter2000"]), "(secret) (secret)");
        let long = [&[b'x'; 3 * KEPT][..], b" the end"].concat();
        let told = words(&long, &["hunter2"]);
        assert!(told.starts_with("… x") && told.ends_with(" the end") && told.len() < TOLD + 10, "{told}");
    }

    #[test]
    fn a_secret_that_was_cut_by_the_bound_is_not_told_in_part() {
        let secret: String = (0..700).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
        let said = secret.repeat(3 * KEPT / secret.len()) + " the end";
        let told = words(said.as_bytes(), &[&secret]);
        assert!(told.ends_with("(secret) the end"), "{told}");
        assert_eq!(told.replace("(secret)", "").trim(), "the end", "a part of the secret is told");
    }
}
