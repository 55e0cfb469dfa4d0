//! The command line.

use super::credentials::Credentials;
use super::exit::HELP;
use super::init::Init;
use super::points::Points;
use super::readers::{Epochs, Readers};
use super::rehearse::Rehearse;
use super::restore::Restore;
use super::runbook::Runbook;
use crate::domain::{HazardClass, Policy, parse_duration};
use crate::plan::{Dialect, Role};
use crate::report::schedule::TimeOfDay;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Proves that backups outlive whatever kills the primary, and that they restore.
#[derive(Debug, Parser)]
#[command(name = "outlive", version, after_help = HELP, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
    /// The directory that holds the ledger of what was done
    /// [default: /var/lib/outlive for root, otherwise below the user's state directory]
    #[arg(long, value_name = "DIR", global = true, env = "OUTLIVE_STATE")]
    pub state: Option<PathBuf>,
    /// The estate file [default: outlive.toml here, or /etc/outlive/outlive.toml]
    #[arg(long, value_name = "FILE", global = true, env = "OUTLIVE_CONFIG")]
    pub config: Option<PathBuf>,
    /// A reader's private key, as age-keygen writes it: opens encrypted vaults
    #[arg(long, value_name = "FILE", global = true, env = "OUTLIVE_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// A public key whose signatures on recovery points count, besides those of the estate file: others are doubted then
    #[arg(long, value_name = "KEY", global = true, env = "OUTLIVE_TRUST", value_delimiter = ' ')]
    pub trust: Vec<String>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and sentences
    Text,
    /// A versioned JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Propose an outlive.toml from what is seen of this machine, and ask before it is written
    Init(Init),
    /// Do the whole job once: survey, flag, copy, lose, restore, verify
    Rehearse(Rehearse),
    /// Say which recovery point of each volume survives which loss
    Audit(Audit),
    /// List volumes and recovery points as they were observed
    Inventory(Survey),
    /// Explain a rule, a kind of recovery point, or by which bonds the recovery points of a volume fall
    Explain(Explain),
    /// Say what each credential can destroy, and by which call; or find tokens that lie about
    Credentials(Credentials),
    /// Copy a volume into a vault, from a snapshot where there is one, and read it back
    Copy(Copy),
    /// Read a whole vault: every object, every chunk
    Verify(Verify),
    /// Restore a recovery point, or a part of it, to a new, empty target; or say what could be restored
    Restore(Restore),
    /// List the recovery points of a volume, and what changed from each to the next
    Points(Points),
    /// Write the page for the night on which everything is gone: what to do, in order, with commands to paste
    Runbook(Runbook),
    /// Do all that is due by the estate file: copies, read-backs, drills; then judge
    Nightly(Nightly),
    /// Restore recovery points into scratch space and check them
    Drill(Drill),
    /// Look into a vault
    #[command(subcommand)]
    Vault(Vault),
    /// The record of what was done: show it, verify it, make a key to sign it with
    #[command(subcommand)]
    Ledger(Ledger),
    /// Print what runs `outlive nightly` every night; nothing is installed
    Schedule(Schedule),
}

/// What is to be looked at.
#[derive(Debug, Clone, Args)]
pub struct Survey {
    /// Directories, mount points, subvolumes, image files or block devices that somebody would miss
    /// [default: the volumes of the estate file, by their own policies]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A directory whose entries are copies of the PATH
    #[arg(long, value_name = "DIR")]
    pub copies: Vec<PathBuf>,
    /// A directory below which dumps, archives, databases, images and repositories are looked for by content
    #[arg(long, value_name = "DIR")]
    pub look_in: Vec<PathBuf>,
    /// A vault whose recovery points count: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "VAULT")]
    pub vault: Vec<OsString>,
    /// How long looking at one path may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    pub time_limit: Duration,
    /// How old an answer of a provider may be that stands for asking it again; 0s always asks
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = max_age)]
    pub max_age: Duration,
}

#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    pub survey: Survey,
    #[command(flatten)]
    pub policy: PolicyOptions,
    /// Only say what these would take of every volume, happening together: a volume's name, or KIND:NAME, with or without
    /// an act before it (lost:, deleted:, compromised:, bad-data:), for example compromised:host:build-3. Several stand
    /// behind one flag or between commas, each with its own act; a PATH stands before it. Ends with 0 where everything could
    /// be said, else with 11
    #[arg(long, value_name = "HAZARD", num_args = 1..)]
    pub what_if: Vec<String>,
}

/// What must hold.
#[derive(Debug, Args)]
pub struct PolicyOptions {
    /// How old the newest surviving recovery point may be
    #[arg(long, value_name = "DURATION", default_value = "26h", value_parser = duration)]
    pub rpo: chrono::TimeDelta,
    /// Which losses a recovery point must survive [default: those of this machine]
    #[arg(long, value_name = "CLASS", value_delimiter = ',', value_parser = hazard_class())]
    pub survive: Vec<String>,
}

impl PolicyOptions {
    pub fn policy(&self) -> Policy {
        let wanted = |class: &HazardClass| match self.survive.as_slice() {
            [] => HazardClass::LOCAL.contains(class),
            words => words.iter().any(|word| word == class.word()),
        };
        Policy {
            rpo: self.rpo,
            survive: HazardClass::ALL.into_iter().filter(wanted).collect(),
            ..Policy::default()
        }
    }
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A rule, a kind of the catalogue (railway.volume-backup), a volume of the estate file or among PATH, or a hazard as
    /// for `audit --what-if`; without it, the rules are listed. Of a volume or hazard, ends with 11 where a fate could not be said
    pub what: Option<String>,
    #[command(flatten)]
    pub survey: Survey,
    #[command(flatten)]
    pub policy: PolicyOptions,
}

#[derive(Debug, Args)]
pub struct Copy {
    /// The directory, image file or block device; `-` is standard input; without --vault, a volume of the estate file
    pub path: PathBuf,
    /// The vault: a directory, made where it is not there yet, s3://bucket/prefix, or a vault of the estate file
    #[arg(long, value_name = "VAULT")]
    pub vault: Option<OsString>,
    /// Read live data even where there is a snapshot
    #[arg(long)]
    pub live: bool,
    /// What the volume is called in the vault [default: by host and path]; needed for standard input
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The vault: a directory, or s3://bucket/prefix
    pub vault: OsString,
}

#[derive(Debug, Args)]
pub struct Nightly {
    /// Do nothing, and show what is due
    #[arg(long)]
    pub dry_run: bool,
    /// End at this time of day (UTC), and report what was not reached
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    pub until: Option<TimeOfDay>,
    /// Print the line of a Nagios plugin, and end with its exit code: 0, 1, 2 or 3
    #[arg(long)]
    pub nagios: bool,
    /// How long looking at one path or vault may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = time_limit)]
    pub time_limit: Duration,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["names", "due", "all", "escrow"]))]
pub struct Drill {
    /// The drills, by the names of their folders; with --escrow the vaults, by their names in outlive.toml
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Those that are due, and what was missed
    #[arg(long, conflicts_with_all = ["names", "all"])]
    pub due: bool,
    /// All
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Leave what was restored, and say where
    #[arg(long)]
    pub keep: bool,
    /// Damage what was restored, once for each check, and see that the check notices
    #[arg(long)]
    pub prove: bool,
    /// See that the key in the safe still opens its vaults, and record it; needs --identity of a reader with the role escrow
    #[arg(long, conflicts_with_all = ["due", "all", "keep", "prove"])]
    pub escrow: bool,
}

#[derive(Debug, Subcommand)]
pub enum Vault {
    /// List the recovery points in a vault
    List {
        /// The vault: a directory, or s3://bucket/prefix
        vault: OsString,
    },
    /// Ask a vault's store what it does: with small objects, some of them locked for ten minutes
    Check {
        /// Its name in outlive.toml
        vault: String,
    },
    /// Print the rights that a vault's credentials need in its store, and no more
    Policy {
        /// Its name in outlive.toml
        vault: String,
        /// The kind of store
        #[arg(long = "for", value_name = "STORE", value_parser = one_of(Dialect::ALL, Dialect::word))]
        store: Dialect,
        /// Print this document alone, as a file has it
        #[arg(long, value_name = "ROLE", value_parser = one_of(Role::ALL, Role::word))]
        only: Option<Role>,
    },
    /// Send again what is damaged or gone in a vault, and name what cannot be had
    Repair {
        /// The vault: its name in outlive.toml, a directory, or s3://bucket/prefix
        vault: OsString,
        /// A second vault that may hold the same; may be repeated
        #[arg(long, value_name = "VAULT")]
        from: Vec<OsString>,
        /// Only recovery points of this volume, by its path or id
        #[arg(long, value_name = "VOLUME")]
        volume: Option<OsString>,
        /// Where that volume is read now, instead of where it was copied from
        #[arg(long, value_name = "PATH", requires = "volume")]
        source: Option<PathBuf>,
        /// Write nothing, and only say what could be had
        #[arg(long)]
        plan: bool,
    },
    /// Say what may go from a vault, as files for a person with a credential that may delete: outlive deletes nothing
    ExpiryPlan {
        /// Its name in outlive.toml
        vault: String,
        /// Write the files into this folder, which must not exist, and record the plan; without it, it is only shown
        #[arg(long, value_name = "NEWDIR")]
        into: Option<PathBuf>,
    },
    /// Make a vault of outlive.toml, and put it under its lock
    Init {
        /// Its name in outlive.toml
        vault: String,
        /// Agree to what its lock costs, without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Make a break-glass kit for a stick: the vault's facts, its instructions, the runbooks, this program; no secret
    Kit {
        /// The new directory
        #[arg(value_name = "NEWDIR")]
        into: PathBuf,
        /// The vault's name in outlive.toml
        vault: String,
    },
    /// Say who can read an encrypted vault, or add a reader to it
    #[command(subcommand)]
    Reader(Readers),
    /// Begin a new epoch of an encrypted vault: after a key was stolen, or to leave a reader out of what comes
    #[command(subcommand)]
    Epoch(Epochs),
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// List what was done, newest last
    Show {
        /// Only the newest so many events
        #[arg(long, value_name = "COUNT")]
        last: Option<usize>,
    },
    /// See that the ledger is the one that was signed, and which nights no signature speaks of
    Verify {
        /// Compare it with its copy in this vault: a directory, s3://bucket/prefix, or a vault of the estate file
        #[arg(long, value_name = "VAULT")]
        vault: Option<OsString>,
    },
    /// Make a key to sign the ledger with, and say what to write into outlive.toml
    Key {
        /// Write the secret key into this file, which must not exist
        #[arg(long, value_name = "FILE")]
        into: PathBuf,
    },
}

/// One of a few things, by its word.
pub(super) fn one_of<T: std::marker::Copy + Send + Sync + 'static, const COUNT: usize>(
    all: [T; COUNT],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let known = PossibleValuesParser::new(all.map(word));
    known.try_map(move |said| all.into_iter().find(|one| word(*one) == said).ok_or("it is none of these"))
}

#[derive(Debug, Args)]
pub struct Schedule {
    /// What it is to run under
    #[arg(value_enum)]
    pub under: Scheduler,
    /// When: in local time, under Kubernetes in UTC
    #[arg(long, value_name = "HH:MM", default_value = "02:00", value_parser = time_of_day)]
    pub at: TimeOfDay,
    /// The program there [default: this one; under Kubernetes `outlive`]
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// The user that it runs as [default: root]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The container image, needed for Kubernetes
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Write new files into this directory instead of printing; nothing is overwritten
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// What starts a nightly run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scheduler {
    /// A service and a timer
    Systemd,
    /// A crontab
    Cron,
    /// A CronJob
    Kubernetes,
}

fn time_of_day(text: &str) -> Result<TimeOfDay, String> {
    TimeOfDay::parse(text).map_err(|problem| format!("{}; {}", problem.what, problem.remedy))
}

fn duration(text: &str) -> Result<chrono::TimeDelta, String> {
    parse_duration(text).map_err(|problem| format!("{}; {}", problem.what, problem.remedy))
}

pub(super) fn time_limit(text: &str) -> Result<Duration, String> {
    duration(text)?.to_std().map_err(|error| error.to_string())
}

/// As a time limit, but nothing at all is an age too.
pub fn max_age(text: &str) -> Result<Duration, String> {
    if text == "0s" { Ok(Duration::ZERO) } else { time_limit(text) }
}

fn hazard_class() -> clap::builder::PossibleValuesParser {
    HazardClass::ALL.map(HazardClass::word).into()
}
