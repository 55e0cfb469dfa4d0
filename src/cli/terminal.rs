//! Where results go: width, colour, format, and the state directory.

use super::args::{Format, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Bars;
use crate::app::{self, Context, place_named};
use crate::domain::{Kind, Problem};
use crate::estate::{Environment, Estate, SecretSource, VaultPlace};
use crate::report::activity::Told;
use crate::report::text::Look;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// So much is gathered before it is printed, in bytes.
const PIECE: usize = 64 * 1024;

/// The world outside, as the command line sees it.
pub struct Terminal {
    /// How results are printed.
    pub format: Format,
    /// For text.
    pub look: Look,
    /// For use cases.
    pub context: Context,
    /// The estate file, where one was named.
    config: Option<PathBuf>,
}

/// How long a vault may take to get its copy of the ledger.
const SIGNING: std::time::Duration = std::time::Duration::from_secs(60);

/// Where an estate file is looked for.
const DEFAULTS: [&str; 2] = ["outlive.toml", "/etc/outlive/outlive.toml"];

impl Terminal {
    pub fn new(global: &Global) -> Self {
        let stdout = std::io::stdout();
        let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        let width = rustix::termios::tcgetwinsize(&stdout).map_or(100, |size| usize::from(size.ws_col));
        let width = if width == 0 { 100 } else { width };
        let context = Context::real(state(global), Environment::new(std::env::vars_os()));
        context.signers.trust(&global.trust);
        global.identity.iter().for_each(|path| context.keys.identity(SecretSource::File(path.clone())));
        Self { format: global.format, look: Look { width, colour }, context, config: global.config.clone() }
    }

    /// The estate file that was named, or is where one is looked for.
    fn estate_file(&self) -> Option<PathBuf> {
        let found = || DEFAULTS.iter().map(PathBuf::from).find(|path| path.exists());
        self.config.clone().or_else(found)
    }

    /// Whether an estate file was named, or is where one is looked for.
    pub fn has_estate(&self) -> bool {
        self.estate_file().is_some()
    }

    /// The estate, where there is a file.
    ///
    /// # Errors
    /// `Usage` where the file is not sound.
    pub fn estate_if_any(&self) -> Result<Option<Estate>, Failure> {
        self.estate_file().map(|_| self.estate()).transpose()
    }

    /// The estate, from the file that was named or is found.
    ///
    /// # Errors
    /// `Usage` where there is none, or it is not sound.
    pub fn estate(&self) -> Result<Estate, Failure> {
        let path = self.estate_file().ok_or_else(|| {
            let problem = Problem::new(Kind::Usage, "there is no outlive.toml here")
                .remedy("name the estate file with --config; docs/configuration.md says what it holds");
            Failure::new(problem, Exit::Usage)
        })?;
        let refuse = |metadata: &Metadata| match self.config {
            Some(_) => Ok(()),
            None => refuse_strangers(&path, metadata),
        };
        let estate =
            Estate::read_unless(&path, refuse).map_err(|problem| Failure::new(problem, Exit::Usage))?;
        self.context.keys.learn(&estate);
        self.context.signers.learn(&estate);
        Ok(estate)
    }

    /// Signs what a command added to the ledger, where the estate file asks for that; gives what could not be done.
    pub fn sign_ledger(&self) -> Vec<String> {
        match self.estate_if_any() {
            Ok(Some(estate)) => app::sign_ledger(&self.context, &estate, None, SIGNING),
            Ok(None) => Vec::new(),
            // What has a path needs no file; whether it asks for signatures, nobody can say.
            Err(_) => vec!["the ledger is not signed: the estate file cannot be used".into()],
        }
    }

    /// A vault as the user names it: by its id in the estate file, as `s3://bucket/prefix`, or as a directory.
    ///
    /// # Errors
    /// `Usage` for an address that is none, and where the estate file is not sound.
    pub fn place(&self, named: &OsStr) -> Result<VaultPlace, Failure> {
        // What has a slash is a path or an address, and needs no file: not even a sound one.
        let id = named.to_str().filter(|text| !text.contains('/'));
        if let Some(id) = id
            && let Some(estate) = self.estate_if_any()?
            && let Some(vault) = estate.vault(id)
        {
            return Ok(vault.place.clone());
        }
        place_named(named, &self.context.environment).map_err(|problem| Failure::new(problem, Exit::Usage))
    }

    /// Progress bars on a terminal; elsewhere nothing. Either way it notices when the user wants to stop.
    pub fn monitor(&self) -> Bars {
        Bars::new(self.format == Format::Text && std::io::stderr().is_terminal(), self.context.stop.clone())
    }

    /// A result in the format that was asked for.
    pub fn tell<T: Told>(&self, told: &T, codes: &[u8]) -> String {
        match self.format {
            Format::Text => told.text(self.look),
            Format::Json => told.json(codes),
        }
    }

    /// Prints a result.
    ///
    /// # Errors
    /// When nobody can have read it.
    pub fn print(&self, text: &str) -> std::io::Result<()> {
        self.print_by(|stdout| stdout.write_all(text.as_bytes()))
    }

    /// Prints a result piece by piece.
    ///
    /// # Errors
    /// As [`Terminal::print`].
    pub fn print_by(&self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut stdout = std::io::BufWriter::with_capacity(PIECE, std::io::stdout().lock());
        write(&mut stdout)?;
        stdout.flush()
    }
}

fn state(global: &Global) -> PathBuf {
    if let Some(state) = &global.state {
        return state.clone();
    }
    if rustix::process::geteuid().is_root() {
        return "/var/lib/outlive".into();
    }
    let home =
        || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from).join(".local/state");
    std::env::var_os("XDG_STATE_HOME").map_or_else(home, PathBuf::from).join("outlive")
}

/// A file that nobody named is used where the user who runs this, or the administrator, wrote it and nobody else can: it may name programs
/// to run.
fn refuse_strangers(path: &Path, metadata: &Metadata) -> Result<(), Problem> {
    let me = rustix::process::geteuid().as_raw();
    // With sudo the user's own file is meant.
    let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse::<u32>().ok()).filter(|_| me == 0);
    let (owner, group) = (metadata.uid(), metadata.gid());
    let what = if metadata.mode() & 0o002 != 0 {
        "everybody on this machine may write to this estate file, and it may name programs to run".to_owned()
    } else if metadata.mode() & 0o020 != 0 && group != owner && group != 0 {
        // A group of the number of its owner is that user's own, by the custom of Debian and others.
        format!("a group ({group}) may write to this estate file, and it may name programs to run")
    } else if owner != 0 && owner != me && Some(owner) != caller {
        format!("this estate file belongs to another user ({owner}), and it may name programs to run")
    } else {
        return Ok(());
    };
    Err(Problem::new(Kind::Refused, what)
        .at(crate::domain::printable(path.as_os_str().as_encoded_bytes()))
        .remedy("look at what it says, and name it with --config to use it; or go to another directory"))
}
