//! A scratch PostgreSQL that was made of a recovery point.

use super::{say_bytes, say_seconds};
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PostgresTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its rows; none where it is not known how many.
    pub rows: Option<u64>,
    /// True where they were counted one by one; otherwise it is the planner's estimate.
    pub counted: bool,
    /// True where the server does not log it: after a crash it is empty.
    pub unlogged: bool,
}

/// A database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PostgresDatabase {
    /// Its name.
    pub name: String,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Rows of all its tables of which it is known.
    pub rows: u64,
    /// Its tables.
    pub tables: Vec<PostgresTable>,
}

/// Why there is no server that could be promoted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// What happened.
    pub what: String,
    /// Where; empty where there is no place.
    pub place: String,
    /// What to do; empty where nobody knows.
    pub what_to_do: String,
}

/// Something that a person does then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PostgresStep {
    /// What, and why.
    pub what: String,
    /// The command; empty where it is none.
    pub command: String,
}

/// A scratch PostgreSQL.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PostgresDone {
    /// What it was made of.
    pub from: String,
    /// The new directory.
    pub directory: String,
    /// The data directory in it.
    pub data: String,
    /// The directory of the socket, where the server listens while it is a scratch server.
    pub socket: String,
    /// The version of the server that ran; none where none did.
    pub server_version: Option<String>,
    /// A role that is a superuser.
    pub superuser: String,
    /// The user of the system that it runs as.
    pub user: String,
    /// The databases that came back.
    pub databases: Vec<PostgresDatabase>,
    /// Their tables.
    pub tables: u64,
    /// The rows of all of them.
    pub rows: u64,
    /// Owners of the dump whose roles are not in it.
    pub owners_left_out: Vec<String>,
    /// True where it was started, read to its end, and stopped cleanly: it is ready then.
    pub ready: bool,
    /// Why it is not.
    pub problem: Option<NotReady>,
    /// What to do with it.
    pub steps: Vec<PostgresStep>,
    /// What else should be known.
    pub notices: Vec<String>,
    /// Seconds from the end of the restore until it was stopped.
    pub seconds: f64,
}

/// Tables that are listed at most; JSON has all.
const SHOWN: usize = 40;

impl PostgresDone {
    pub(super) fn text(&self, look: Look) -> String {
        let mut out = String::from("\n");
        let version = self.server_version.as_deref().unwrap_or_default();
        match &self.problem {
            None => {
                let what = format!("PostgreSQL {version} is ready, and stopped: made of {}", self.from);
                out.push_str(&look.say(&what, 0, Tone::Good));
            }
            Some(problem) => {
                let what = format!("PostgreSQL is NOT ready: {}", problem.what);
                out.push_str(&look.say(&what, 0, Tone::Bad));
                for (word, text) in [("where", &problem.place), ("what to do", &problem.what_to_do)] {
                    if !text.is_empty() {
                        out.push_str(&look.say(&format!("{word}: {text}"), 2, Tone::Plain));
                    }
                }
                out.push_str(&look.say("What was restored stays where it is.", 2, Tone::Plain));
            }
        }
        out.push_str(&look.say(&format!("data   {}", self.data), 2, Tone::Plain));
        if self.ready {
            let what = format!(
                "what   {} databases, {} tables, {} rows, after {}",
                self.databases.len(),
                self.tables,
                self.rows,
                say_seconds(self.seconds)
            );
            out.push_str(&look.say(&what, 2, Tone::Plain));
        }
        out.push_str(&self.say_tables(look));
        if !self.owners_left_out.is_empty() {
            let own = if self.owners_left_out.len() == 1 { "owns" } else { "own" };
            let left = format!(
                "owners and privileges are left out, their roles are not in the dump: {} {own} what is in it. All belongs to the role `restored`; the steps name every role that is wanted.",
                self.owners_left_out.join(", ")
            );
            out.push_str(&look.say(&left, 0, Tone::Open));
        }
        for (number, step) in self.steps.iter().enumerate() {
            out.push_str(&look.say(&format!("{}. {}", number + 1, step.what), 0, Tone::Strong));
            if !step.command.is_empty() {
                // To be pasted: never folded.
                out.push_str(&format!("   {}\n", step.command));
            }
        }
        out.push_str(&super::say_notices(look, &self.notices));
        if !self.steps.is_empty() {
            out.push_str(&self.say_end(look));
        }
        out
    }

    /// What it came to, once more: the steps are longer than a screen.
    fn say_end(&self, look: Look) -> String {
        let tables = || self.databases.iter().flat_map(|database| &database.tables);
        let unknown = tables().filter(|table| table.rows.is_none()).count();
        let estimated = tables().filter(|table| !table.counted).count() - unknown;
        let (about, tone) = match unknown + estimated {
            0 => (String::new(), Tone::Good),
            _ => (
                format!(
                    " NOT all are counted: of {estimated} tables they are estimated, of {unknown} not known, see above."
                ),
                Tone::Open,
            ),
        };
        let what = format!(
            "Restored and compared, and PostgreSQL is ready, and stopped: {} tables, {} rows.{about} The steps are in {}/promote.txt as well; who follows a runbook goes on with its page.",
            self.tables, self.rows, self.directory
        );
        look.say(&what, 0, tone)
    }

    fn say_tables(&self, look: Look) -> String {
        let mut out = String::new();
        let mut left = SHOWN;
        for database in &self.databases {
            let bytes = say_bytes(database.bytes);
            let what = format!(
                "{}: {} tables, {} rows, {bytes}",
                database.name,
                database.tables.len(),
                database.rows
            );
            out.push_str(&look.say(&what, 2, Tone::Strong));
            for table in database.tables.iter().take(left) {
                let about = if table.counted { "" } else { " (estimated)" };
                let what = match table.rows {
                    Some(rows) => format!("{rows} rows in {}.{}{about}", table.schema, table.name),
                    None => format!("NOT known how many rows in {}.{}", table.schema, table.name),
                };
                out.push_str(&look.say(&what, 4, Tone::Plain));
            }
            let more = database.tables.len().saturating_sub(left);
            if more > 0 {
                out.push_str(&look.say(&format!("{more} more; --format json lists all"), 4, Tone::Plain));
            }
            left = left.saturating_sub(database.tables.len());
        }
        out
    }
}
