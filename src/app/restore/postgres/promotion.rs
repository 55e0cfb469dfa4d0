//! What is done from the moment on at which a restored server becomes the primary.

use super::DATABASE;
use super::account::Account;
use super::load::Loaded;
use super::programs::Programs;
use super::room::Room;
use super::steps::{MAINTENANCE, Made, MadeOf, as_user, control, said, step};
use crate::report::activity::PostgresStep;
use crate::report::runbook::{EACH_COUNTED, MASKED, OWN_NAMES, command};
use std::collections::BTreeSet;

/// What a dump says of owners and rights, which was not done when it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// The roles that it names, as they are written in SQL, but for those that are there.
    roles: BTreeSet<String>,
    /// Whether there is a file with it.
    is_written: bool,
    /// How many statements are not in the file.
    more: u64,
}

impl Left {
    /// What was left of a dump.
    pub fn of(loaded: &Loaded) -> Self {
        let is_there = |role: &String| role == DATABASE || loaded.made.contains(role);
        let roles = loaded.roles.iter().filter(|role| !is_there(role));
        Self {
            roles: roles.cloned().collect(),
            is_written: !loaded.rights.is_empty(),
            more: loaded.more_rights,
        }
    }
}

/// The file with the statements about owners and rights.
pub(super) fn rights(all: &str) -> String {
    format!(
        "-- Written by outlive: who owned what in the dump, and who might use it. Read it before it is run.\n{all}"
    )
}

/// A unit for systemd that starts a server by its own configuration.
pub(super) fn unit(room: &Room, account: &Account, programs: &Programs) -> String {
    let quoted = |path: &std::path::Path| format!("\"{}\"", said(path).replace('%', "%%"));
    let control = quoted(&programs.path("pg_ctl"));
    let (data, log) = (quoted(&room.data()), quoted(&room.log()));
    format!(
        "# Written by outlive.\n[Unit]\nDescription=PostgreSQL, restored\nAfter=network.target\n\n[Service]\nType=forking\nUser={}\n\
         ExecStart={control} -D {data} -w -t 86400 -l {log} start\nExecStop={control} -D {data} -m fast -w -t 86400 stop\n\
         TimeoutSec=infinity\n\n[Install]\nWantedBy=multi-user.target\n",
        account.name
    )
}

/// So many roles are made by one command.
const MOST_AT_ONCE: usize = 100;

/// The words that run one of PostgreSQL's programs as its superuser, at the socket that its own configuration says.
struct Asking<'a>(&'a Made<'a>);

impl Asking<'_> {
    fn program(&self, name: &str, more: &[&str]) -> String {
        let mut words = as_user(self.0.account, self.0.programs, name);
        if self.0.is_own_socket() {
            words.extend(["-h".to_owned(), said(&self.0.room.sockets())]);
        }
        words.extend(more.iter().map(|word| (*word).to_owned()));
        format!("{OWN_NAMES} {}", command(words))
    }

    /// `psql` on a database, with these statements.
    fn psql(&self, database: &str, statements: &[&str]) -> String {
        let mut more = vec!["-X", "-U", self.0.superuser, "-d", database];
        more.extend(statements.iter().flat_map(|statement| ["-c", statement]));
        self.program("psql", &more)
    }
}

/// The steps from then on.
pub(super) fn promoted(made: &Made<'_>) -> Vec<PostgresStep> {
    let Made { superuser, room, account, programs, made_of, .. } = *made;
    let ask = Asking(made);
    let first =
        ask.program("psql", &["-X", "-U", superuser, "-d", MAINTENANCE, "-Atc", "show data_directory"]);
    let mut all = vec![
        step(
            "See that no other server is where this one will be, on port 5432 unless its configuration says otherwise: \"no response\" must be \
             seen. A package of PostgreSQL may have started an empty one: stop it, or give this one another `port` in postgresql.conf, and behind each `psql -X` and `pg_isready` below write `-p` and that port; pg_ctl reads it from postgresql.conf.",
            ask.program("pg_isready", if made.is_own_socket() { &["-h", "localhost"] } else { &[] }),
        ),
        step(
            match made.is_own_socket() {
                false => {
                    "Start it by its own configuration: from then on it is the primary. Its socket is no longer in its directory: start.sh, and what goes to that socket, are of no use until it is stopped again."
                }
                true => {
                    "Start it by its own configuration: from then on it is the primary. Its socket stays in its directory; services on this machine come to it by localhost. start.sh is of no use until it is stopped again."
                }
            },
            format!("(cd / && {})", control(room, account, programs, &["start"])),
        ),
        step(
            &format!(
                "See that it is this one that answers: {} must be seen, and nothing else.",
                said(&room.data())
            ),
            first,
        ),
    ];
    if made_of == MadeOf::OneDatabase {
        all.extend(of_one_database(made));
    }
    let unit = "/etc/systemd/system/postgres-restored.service";
    // One that an earlier restore left would start what that one made.
    let install = format!(
        "{} && {}",
        command(["cp", "-n", &said(&room.unit()), unit]),
        command(["cmp", &said(&room.unit()), unit])
    );
    all.push(step(
        "Nothing starts it after a restart of the machine: give it this service, which is not started now since the server runs already. Where cmp says that they differ, another restore has that name already: give this one another, in all three places. Leave its directory where it is.",
        format!("{install} && systemctl enable postgres-restored"),
    ));
    all.push(step(
        "Only where it is to be stopped again, as it is from now on:",
        format!("(cd / && {})", control(room, account, programs, &["-m", "fast", "stop"])),
    ));
    all
}

/// How a database that a dump was read into gets its name, and owners and rights back.
fn of_one_database(made: &Made<'_>) -> Vec<PostgresStep> {
    let (ask, left) = (Asking(made), made.left);
    let mut all = Vec::new();
    all.extend((left.is_written || left.more > 0).then(|| rights_told(made)));
    // More at once is no command that could be typed.
    let makes: Vec<String> = left.roles.iter().map(|role| format!("create role {role}")).collect();
    for makes in makes.chunks(MOST_AT_ONCE) {
        let makes: Vec<&str> = makes.iter().map(String::as_str).collect();
        all.push(step(
            "Make the roles that the dump names and does not bring. None of them can log in yet.",
            ask.psql(MAINTENANCE, &makes),
        ));
    }
    all.push(step(
        "For each role that a service logs in as, put its name in the place of ROLE (and before that `create role ROLE`, where an error says that it does not exist). A new password is asked for: tell it to the service. \
         A name with capitals, spaces or other signs than letters, digits and _ is written between double quotes here and behind `owner to`, `rename to` and `grant`, as \"My-Shop\"; behind -U and -d, and between single quotes, it is written as it is.",
        ask.psql(MAINTENANCE, &["alter role ROLE login", "\\password ROLE"]),
    ));
    all.push(step(
        &format!(
            "Give the database an owner and the name that its services know, while nobody is logged in on it: put its name in the place of NAME, and in the place of ROLE the role that owned it. A dump does not \
             tell which; where its tables have one owner, that one; where they have several, the role that its services log in as. The same command sets another later, and no data hangs on it. \
             From then on NAME stands in the place of {DATABASE} in every command here; the lines of the runbook's page for {DATABASE} are of no use any more, and nobody logs in as {DATABASE}."
        ),
        ask.psql(
            MAINTENANCE,
            &[
                &format!("alter role {DATABASE} nologin password null"),
                &format!("alter database {DATABASE} owner to ROLE"),
                &format!("alter database {DATABASE} reset all"),
                &format!("alter database {DATABASE} rename to NAME"),
            ],
        ),
    ));
    all.push(rights_back(made, &ask));
    let may = "select n.nspname, c.relname, pg_get_userbyid(c.relowner), has_table_privilege(r.oid, c.oid, 'select') \
               from pg_class c join pg_namespace n on n.oid = c.relnamespace, pg_roles r where r.rolname = 'ROLE' and c.relkind in ('r', 'v', 'm', 'p') \
               and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2";
    all.push(step(
        "See which tables and views a service's role may read: t or f behind each and its owner. Where the dump's statements were run as they are, an f is no damage: the role could not read that table before either, or had the right from elsewhere.",
        format!("{} 2>&1 | {MASKED}", ask.program("psql", &["-X", "-U", made.superuser, "-d", "NAME", "-Atc", may])),
    ));
    all.extend(as_a_service(made));
    all
}

/// What is asked as the role of a service, with its password.
fn as_a_service(made: &Made<'_>) -> [PostgresStep; 2] {
    let psql = said(&made.programs.path("psql"));
    let ask = |sql: &str| command([&psql, "-X", "-h", "localhost", "-U", "ROLE", "-d", "NAME", "-Atc", sql]);
    [
        step(
            "Log in once as that role, with its new password, as a service does; and look at its data so, never as a superuser: what a dump brings along runs as whoever looks.",
            ask("select current_user, current_database()"),
        ),
        step(
            "Count every row that this role may read: as many as the restore counted, but where a policy hides some.",
            format!("{OWN_NAMES} {} 2>&1 | {MASKED}", ask(EACH_COUNTED)),
        ),
    ]
}

/// That it is read who owned what and who might use it.
fn rights_told(made: &Made<'_>) -> PostgresStep {
    let dump = command([said(&made.room.dump())]);
    // Whoever wrote an archive speaks to who reads it.
    let mut reads = as_user(made.account, made.programs, "pg_restore");
    reads.extend(["--schema-only", "--file", "-", &said(&made.room.dump())].map(str::to_owned));
    let reads = command(reads);
    let more = match made.left.more {
        0 => String::new(),
        more => format!(
            " {more} more are not in it: what a superuser owned or had, what is about the server, kinds as publications and operators, and names with odd signs. Some of them may TAKE rights, from everybody too. They are seen by \
             `grep -aE '^(ALTER .* OWNER TO|GRANT|REVOKE|ALTER DEFAULT) ' {dump} | {MASKED}`, and of an archive by `{reads} | grep -aE '^(ALTER .* OWNER TO|GRANT|REVOKE|ALTER DEFAULT) ' | {MASKED}`: \
             what is meant of it is written anew, by hand."
        ),
    };
    let what = format!(
        "Read who owned what and who might use it, as the dump says: whoever made the dump wrote that. Nothing of it was done yet.{more}"
    );
    if !made.left.is_written {
        return step(&format!("No file says who owned what and who might use it.{more}"), String::new());
    }
    step(&what, command(["cat", &said(&made.room.rights())]))
}

/// Who owned what and who may use it, as the dump says it.
fn rights_back(made: &Made<'_>, ask: &Asking<'_>) -> PostgresStep {
    if !made.left.is_written {
        let what = format!(
            "All in it belongs to the role {DATABASE}, and the dump says nothing of owners and rights that could be taken over. This gives a role all of it; \
             `grant select on TABLE to ROLE` and its like, in a `psql` on NAME, give less."
        );
        return step(&what, ask.psql("NAME", &[&format!("grant {DATABASE} to ROLE")]));
    }
    let file = said(&made.room.rights());
    let run = ["-X", "-1", "-U", made.superuser, "-d", "NAME", "-v", "ON_ERROR_STOP=1", "-f", &file];
    step(
        &format!(
            "Where what the file says is as it was meant to be, this makes it so again, all of it or nothing: where an error says that a role is not there, make it as above, and where it names another line of the file put `--` before that line; then run it again. What it does not name still belongs to the role {DATABASE}, also what a superuser owned: whose it is, somebody decides who knows it."
        ),
        ask.program("psql", &run),
    )
}
