//! What a scratch server is told on its command line, which counts before every file and every `ALTER SYSTEM` that was restored; and what a
//! session of it is told, since a setting of a role or a database counts before the command line.
//!
//! A server that was copied archives its log over the live archive, connects to the live primary and loads libraries, because its own
//! configuration says so. None of that may happen here.

use super::room::Room;
use crate::domain::{Kind, Problem, Result, printable};
use std::path::Path;

/// The settings that reach out of the directory, hold up what is done in it, or need more than a machine may have; each with the first
/// version that knows it, and the first that does not any more.
const SAFE: [(&str, &str, u32, u32); 38] = [
    ("listen_addresses", "", 9, 0),
    ("port", "5432", 9, 0),
    ("unix_socket_permissions", "0700", 9, 0),
    ("unix_socket_group", "", 9, 0),
    ("external_pid_file", "", 9, 0),
    ("ssl", "off", 9, 0),
    // Its log goes to nobody's archive, and comes from nobody's.
    // A logical replication slot that was copied lets no server start with less.
    ("wal_level", "logical", 10, 0),
    ("archive_mode", "off", 9, 0),
    ("archive_command", "", 9, 0),
    ("archive_library", "", 15, 0),
    ("restore_command", "", 12, 0),
    ("archive_cleanup_command", "", 12, 0),
    ("recovery_end_command", "", 12, 0),
    // It follows nobody, nobody follows it, and it waits for nobody.
    ("max_wal_senders", "0", 10, 0),
    ("primary_conninfo", "", 12, 0),
    ("primary_slot_name", "", 12, 0),
    ("synchronous_standby_names", "", 9, 0),
    ("max_logical_replication_workers", "0", 10, 0),
    // Nothing is loaded into it that was not asked for.
    ("shared_preload_libraries", "", 9, 0),
    ("session_preload_libraries", "", 10, 0),
    ("local_preload_libraries", "", 9, 0),
    ("dynamic_library_path", "$libdir", 9, 0),
    ("jit", "off", 11, 0),
    ("ssl_passphrase_command", "", 11, 0),
    ("stats_temp_directory", "pg_stat_tmp", 9, 15),
    // What it says comes to server.log.
    ("logging_collector", "off", 9, 0),
    ("log_destination", "stderr", 9, 0),
    // Nothing runs by itself meanwhile, and a crash ends it.
    ("autovacuum", "off", 9, 0),
    ("restart_after_crash", "off", 9, 0),
    // Damage is to be seen, and what is written is to stay.
    ("zero_damaged_pages", "off", 9, 0),
    ("ignore_checksum_failure", "off", 9, 0),
    ("fsync", "on", 9, 0),
    ("full_page_writes", "on", 9, 0),
    ("default_transaction_read_only", "off", 9, 0),
    // A small machine is enough.
    ("shared_buffers", "128MB", 9, 0),
    ("huge_pages", "off", 10, 0),
    ("max_wal_size", "4GB", 10, 0),
    ("temp_tablespaces", "", 9, 0),
];

/// What a superuser who looks through the databases is told when it connects, with versions as above. It counts before `ALTER ROLE` and
/// `ALTER DATABASE`, which were copied: damage is seen, every row is counted, nothing is loaded, and nothing else runs.
const SESSION: [(&str, &str, u32, u32); 22] = [
    ("zero_damaged_pages", "off", 9, 0),
    ("ignore_checksum_failure", "off", 9, 0),
    ("ignore_system_indexes", "off", 9, 0),
    // Rows are counted in the table: an index may be whole where the table is not.
    ("enable_seqscan", "on", 9, 0),
    ("enable_indexscan", "off", 9, 0),
    ("enable_indexonlyscan", "off", 9, 0),
    ("enable_bitmapscan", "off", 9, 0),
    ("session_preload_libraries", "", 10, 0),
    ("local_preload_libraries", "", 9, 0),
    ("dynamic_library_path", "$libdir", 9, 0),
    ("jit", "off", 11, 0),
    ("event_triggers", "off", 17, 0),
    ("role", "none", 9, 0),
    ("row_security", "off", 10, 0),
    ("search_path", "pg_catalog", 9, 0),
    ("client_encoding", "UTF8", 9, 0),
    ("default_transaction_read_only", "off", 9, 0),
    ("statement_timeout", "0", 9, 0),
    ("lock_timeout", "0", 9, 0),
    ("idle_in_transaction_session_timeout", "0", 10, 0),
    ("idle_session_timeout", "0", 14, 0),
    ("transaction_timeout", "0", 17, 0),
];

/// Those of them that only a superuser may set.
const OF_SUPERUSERS: [&str; 5] = [
    "zero_damaged_pages",
    "ignore_checksum_failure",
    "session_preload_libraries",
    "dynamic_library_path",
    "event_triggers",
];

/// Settings that must not be lower than they were, by what `pg_controldata` calls them.
const AS_BEFORE: [(&str, &str, u64); 4] = [
    ("max_connections setting", "max_connections", 20),
    ("max_worker_processes setting", "max_worker_processes", 8),
    ("max_prepared_xacts setting", "max_prepared_transactions", 0),
    ("max_locks_per_xact setting", "max_locks_per_transaction", 64),
];

/// As many replication slots and origins a server has where nothing else is said.
const USUAL: usize = 10;

/// The words behind `postgres`, for a version, with what `pg_controldata` printed.
pub(super) fn words(room: &Room, major: u32, control: &str) -> Vec<String> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = vec!["-D".to_owned(), path(&room.data())];
    let mut say = |name: &str, value: &str| words.extend(["-c".to_owned(), format!("{name}={value}")]);
    say("config_file", &path(&room.config()));
    say("hba_file", &path(&room.access()));
    // A list, of one: what is in quotation marks may hold a comma.
    say("unix_socket_directories", &format!("\"{}\"", path(&room.sockets())));
    known(&SAFE, major).for_each(|(name, value)| say(name, value));
    for (called, name, least) in AS_BEFORE {
        let before = controlled(control, called).and_then(|before| before.parse().ok());
        say(name, &before.unwrap_or(least).max(least).to_string());
    }
    // A server that is started without it throws away what was noted with it.
    if controlled(control, "track_commit_timestamp setting") == Some("on") {
        say("track_commit_timestamp", "on");
    }
    // With fewer than were copied a server does not start.
    let (slots, origins) = (slots(&room.data()), origins(&room.data()));
    if major < 18 {
        say("max_replication_slots", &slots.max(origins).to_string());
    } else {
        say("max_replication_slots", &slots.to_string());
        say("max_active_replication_origins", &origins.to_string());
    }
    words
}

/// What a connection says when it begins, to a server of this version. Who is no superuser leaves out what only these may set: nobody else
/// has set it.
pub(super) fn session(major: u32, is_superuser: bool) -> String {
    let words = known(&SESSION, major).filter(|(name, _)| is_superuser || !OF_SUPERUSERS.contains(name));
    words.map(|(name, value)| format!("-c {name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Name and value of the settings that a version knows.
fn known<'s>(all: &'s [(&str, &str, u32, u32)], major: u32) -> impl Iterator<Item = (&'s str, &'s str)> {
    all.iter()
        .filter(move |(_, _, since, until)| major >= *since && (*until == 0 || major < *until))
        .map(|(name, value, ..)| (*name, *value))
}

fn controlled<'c>(control: &'c str, called: &str) -> Option<&'c str> {
    control.lines().find_map(|line| line.strip_prefix(called)?.trim_start().strip_prefix(':')).map(str::trim)
}

/// Replication slots, each a directory; at least what is usual.
fn slots(data: &Path) -> usize {
    std::fs::read_dir(data.join("pg_replslot")).map_or(0, Iterator::count).max(USUAL)
}

/// Origins of replication: a head of four bytes, sixteen for each, and a checksum of four. At least what is usual.
fn origins(data: &Path) -> usize {
    let noted = std::fs::symlink_metadata(data.join("pg_logical/replorigin_checkpoint"));
    let bytes = noted.map_or(0, |noted| noted.len());
    usize::try_from(bytes.saturating_sub(8) / 16).unwrap_or(USUAL).max(USUAL)
}

/// A configuration that reads another file may set anything there, before and after its own lines.
///
/// # Errors
/// `Refused`, naming the line.
pub(super) fn refuse_includes(text: &str) -> Result<()> {
    let includes = |line: &&str| line.trim_start().to_ascii_lowercase().starts_with("include");
    match text.lines().find(includes) {
        None => Ok(()),
        Some(line) => Err(Problem::new(
            Kind::Refused,
            format!(
                "the data directory is not started: its configuration reads another file: {}",
                printable(line.as_bytes())
            ),
        )
        .remedy("take the line out, in what was restored, and start it with start.sh")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_told_only_what_it_knows_and_never_less_than_it_had() {
        let room = Room { root: "/srv/a, b".into() };
        let said = |major: u32, control: &str| words(&room, major, control).join("\n");
        let control = "pg_control version number:            1300\nmax_connections setting:              400\n\
            track_commit_timestamp setting:       on\n";
        let (old, new) = (said(11, control), said(17, ""));
        assert!(old.contains("max_connections=400") && new.contains("max_connections=20"), "{old}");
        assert!(!old.contains("primary_conninfo") && old.contains("stats_temp_directory"), "{old}");
        assert!(new.contains("archive_library=\n") && !new.contains("stats_temp_directory"), "{new}");
        assert!(new.contains("unix_socket_directories=\"/srv/a, b/socket\""), "{new}");
        assert!(
            old.contains("track_commit_timestamp=on") && !new.contains("track_commit_timestamp"),
            "{new}"
        );
        for wanted in ["listen_addresses=\n", "archive_mode=off", "primary_conninfo=\n", "restore_command=\n"]
        {
            assert!(new.contains(wanted), "{wanted}");
        }
        assert!(
            session(11, true).contains("-c jit=off -c role=none")
                && session(17, true).contains("-c event_triggers=off ")
        );
        assert!(refuse_includes("a = 'include'\n#include 'x'\n").is_ok());
        assert!(refuse_includes("a = 1\n include_dir 'x'\n").is_err());
    }
}
