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
        let mut text = String::from_utf8_lossy(&kept).into_owned();
        for secret in secrets {
            text = text.replace(secret.reveal(), "(secret)");
        }
        let text = text.trim();
        let start = text.len().saturating_sub(TOLD);
        let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        let cut = if start > 0 { "… " } else { "" };
        format!("{cut}{}", printable(text[start..].as_bytes()))
    }
}
