//! Progress bars, and the wish to stop.

use crate::domain::{Monitor, Phase};
use crate::providers::graphql::Stop;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, Once, PoisonError};

/// Shows the phase at work on standard error, where that is a terminal.
pub struct Bars {
    shown: bool,
    bar: Mutex<Option<ProgressBar>>,
    files: AtomicU64,
    stop: Stop,
}

impl Bars {
    /// Bars that are shown or not. From here on an interrupt or a termination signal ends the work at its
    /// next safe place instead of at once.
    pub fn new(shown: bool, stop: Stop) -> Self {
        // Two that listen would take one signal for two.
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| listen(stop.clone()));
        Self { shown, bar: Mutex::new(None), files: AtomicU64::new(0), stop }
    }
}

/// Notes the first signal; the second one ends the process, as ever.
fn listen(stop: Stop) {
    use tokio::signal::unix::{SignalKind, signal};
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return };
            loop {
                futures_util::future::select(Box::pin(interrupt.recv()), Box::pin(terminate.recv())).await;
                if stop.ask() {
                    // Asked twice: at once. What is not durable was not claimed.
                    let _gone = rustix::process::kill_process(
                        rustix::process::getpid(),
                        rustix::process::Signal::KILL,
                    );
                }
            }
        });
    });
}

impl Monitor for Bars {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        self.files.store(0, Relaxed);
        if !self.shown {
            return;
        }
        let target = ProgressDrawTarget::stderr_with_hz(8);
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::with_draw_target(Some(total), target),
                "{prefix:>9} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            ),
            None => (
                ProgressBar::with_draw_target(None, target),
                "{prefix:>9} {spinner} {bytes} {msg} {bytes_per_sec}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(phase.word());
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    fn advance(&self, bytes: u64, files: u64) {
        if !self.shown {
            return;
        }
        let files = self.files.fetch_add(files, Relaxed) + files;
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc(bytes);
            if bar.length().is_none() && files.is_multiple_of(64) {
                bar.set_message(format!("{files} files"));
            }
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.is_asked()
    }
}
