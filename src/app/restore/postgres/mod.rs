//! Restoring into a new PostgreSQL that is ready to be promoted, and stopped: from a dump, or from a copied data directory.
//!
//! The restore itself is the same as any: to a new place, compared, recorded. What follows is done with what was restored.

mod account;
mod count;
mod dump;
mod left_out;
mod lexer;
mod load;
mod lower;
mod patience;
mod point;
mod policy;
mod programs;
mod promotion;
mod rights;
mod room;
mod script;
mod server;
mod settings;
mod steps;
mod tree;
mod wire;
mod words;

use super::super::Context;
use super::{RestoreOrder, restore_at};
use crate::domain::{Kind, Monitor, Problem, Result, printable};
use crate::report::activity::{NotReady, PostgresDone, PostgresStep, RestoreDone};
use account::{Account, write_new};
use count::Counting;
use dump::DumpKind;
use patience::Patience;
use point::{Held, held};
use programs::Programs;
use room::{Room, Shape};
use server::{Scene, Server};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use steps::{Left, Made, MadeOf};

/// The database that a dump of one is read into, and the role that owns it.
const DATABASE: &str = "restored";
/// The superuser of a new cluster. A dump by `pg_dumpall` makes it too, most often.
const SUPERUSER: &str = "postgres";
/// How long looking for programs and users may take.
const SHORT: Duration = Duration::from_secs(60);

/// Who reads a dump of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// The owner of the new database, who may neither run programs nor read files of this system.
    Owner,
    /// A superuser, who may: for a dump that is trusted.
    Superuser,
}

/// How the scratch server is made.
#[derive(Debug, Clone)]
pub struct PostgresOrder {
    /// Where its programs are.
    pub bin: Option<PathBuf>,
    /// The user of the system that it runs as, where we are root.
    pub user: Option<String>,
    /// The locale of a new cluster.
    pub locale: Option<String>,
    /// How long recovering, or reading a dump, may take.
    pub longest: Duration,
    /// Who reads a dump.
    pub rights: Rights,
}

/// Restores into a new directory, and makes a PostgreSQL of it. Where that fails, what was restored stays, and why is in the result.
///
/// # Errors
/// As [`super::restore`]; and, before anything is written, where there is no PostgreSQL, no user to run it, or a point of something else.
pub fn restore_postgres(
    context: &Context,
    order: &RestoreOrder,
    postgres: &PostgresOrder,
    monitor: &dyn Monitor,
) -> Result<RestoreDone> {
    let patience = |longest| Patience { until: Instant::now() + longest, monitor };
    let account = Account::of(postgres.user.as_deref(), patience(SHORT))?;
    let path = context.environment.get("PATH");
    let installed = Programs::all(postgres.bin.as_deref(), path, &account, patience(SHORT))?;
    let mut begun = None;
    let mut done = restore_at(context, order, monitor, &mut |vault, found| {
        let room = Room::of(&order.target, &account, patience(SHORT))?;
        let held = held(vault, found, monitor)?;
        let target = room.begin(&order.target, held.shape())?;
        begun = Some((room, held));
        Ok(target)
    })?;
    let Some((room, held)) = begun else {
        return Err(Problem::new(Kind::Internal, "something was restored to nowhere"));
    };
    let began = Instant::now();
    let path = |path: PathBuf| printable(path.as_os_str().as_encoded_bytes());
    let mut said = PostgresDone {
        from: held.word().into(),
        directory: path(room.root.clone()),
        data: path(room.data()),
        socket: path(room.sockets()),
        superuser: SUPERUSER.into(),
        user: account.name.clone(),
        notices: held.notices(),
        ..PostgresDone::default()
    };
    let work = Work { room: &room, account: &account, installed: &installed, order: postgres };
    let tried = match (done.compared, done.missed_when_stored) {
        (false, _) => Err(lacking("content is lost")),
        (true, missed) if missed > 0 && held.shape() == Shape::Cluster => {
            Err(lacking(&format!("{missed} paths were missed when the point was made")))
        }
        _ => work.make(held, patience(postgres.longest), &mut said),
    };
    let tried = tried.and_then(|()| write_new(&room.promote(), &steps::written(&said.steps)));
    said.ready = tried.is_ok();
    if !said.ready {
        // What is not ready is not promoted.
        said.steps.clear();
    }
    said.problem =
        tried.err().map(|Problem { what, place, remedy, .. }| NotReady { what, place, what_to_do: remedy });
    said.seconds = began.elapsed().as_secs_f64();
    done.postgres = Some(said);
    Ok(done)
}

fn lacking(what: &str) -> Problem {
    Problem::new(Kind::Refused, format!("{what}: no server is started on what lacks something"))
        .remedy("choose another recovery point, or repair it by hand: it is where the restore put it")
}

/// What is worked with.
struct Work<'w> {
    room: &'w Room,
    account: &'w Account,
    installed: &'w [Programs],
    order: &'w PostgresOrder,
}

impl Work<'_> {
    fn make(&self, held: Held, patience: Patience<'_>, said: &mut PostgresDone) -> Result<()> {
        match held {
            Held::Dump(kind) => self.of_dump(kind, patience, said),
            Held::Cluster(_) => self.of_cluster(patience, said),
        }
    }

    fn scene<'s>(&'s self, programs: &'s Programs, patience: Patience<'s>) -> Scene<'s> {
        Scene { room: self.room, programs, account: self.account, patience }
    }

    /// The words that the server is started with, also by the script that is written here.
    fn words(&self, programs: &Programs, control: &str, said: &mut PostgresDone) -> Result<Vec<String>> {
        let words = settings::words(self.room, programs.major, control);
        write_new(&self.room.start(), &steps::script(self.room, self.account, programs, &words))?;
        write_new(&self.room.stop(), &steps::stop_script(self.room, self.account, programs))?;
        let made_of = match said.from.as_str() {
            Held::CLUSTER => MadeOf::Directory,
            from if from == DumpKind::Cluster.word() => MadeOf::Databases,
            _ => MadeOf::OneDatabase,
        };
        write_new(&self.room.unit(), &steps::unit(self.room, self.account, programs))?;
        said.steps = self.steps(programs, SUPERUSER, made_of, &Left::default());
        Ok(words)
    }

    fn steps(&self, programs: &Programs, superuser: &str, made_of: MadeOf, left: &Left) -> Vec<PostgresStep> {
        steps::steps(&Made { superuser, room: self.room, account: self.account, programs, made_of, left })
    }

    fn of_dump(&self, kind: DumpKind, patience: Patience<'_>, said: &mut PostgresDone) -> Result<()> {
        // `all` never gives none.
        let Some(programs) = self.installed.last() else {
            return Err(Problem::new(Kind::Internal, "no programs"));
        };
        let scene = self.scene(programs, patience);
        self.room.furnish(self.account)?;
        let locale = scene.make_cluster(SUPERUSER, self.order.locale.as_deref())?;
        let words = self.words(programs, "", said)?;
        let (server, _) = Server::start(scene, &words, &[SUPERUSER])?;
        server.admit(SUPERUSER, kind != DumpKind::Cluster)?;
        let loaded = load::load(scene, &server, kind, self.order.rights)?;
        if kind != DumpKind::Cluster {
            said.notices.push(format!(
                "sorting and upper case go by the locale {locale}: that of the lost database is not taken over, \
                 --postgres-locale sets another"
            ));
        }
        if self.order.rights == Rights::Superuser {
            said.notices.push("the dump was read by a superuser: it could do whatever that may".into());
        }
        if kind != DumpKind::Cluster {
            let left = Left::of(&loaded);
            if !loaded.rights.is_empty() {
                write_new(&self.room.rights(), &steps::rights(&loaded.rights))?;
                self.account.own(&self.room.rights())?;
            }
            said.steps = self.steps(programs, SUPERUSER, MadeOf::OneDatabase, &left);
        }
        // That one is there.
        said.owners_left_out = loaded.owners.into_iter().filter(|owner| owner != SUPERUSER).collect();
        if loaded.left_out > 0 && said.owners_left_out.is_empty() {
            said.notices.push(format!(
                "{} statements about owners, privileges and tablespaces are left out",
                loaded.left_out
            ));
        }
        // A dump by `pg_dumpall` was read by a superuser, and whose its tables are it says itself.
        let by = match kind {
            DumpKind::Cluster => Counting::Superuser(SUPERUSER),
            _ => Counting::Reader,
        };
        if !loaded.made.is_empty() {
            let made: Vec<&str> = loaded.made.iter().take(20).map(String::as_str).collect();
            said.notices.push(format!(
                "{} roles that policies are for were made, and none of them can log in yet: {}. What the dump let them do meanwhile, `\\dp` and `\\ddp` show",
                loaded.made.len(),
                printable(made.join(", ").as_bytes())
            ));
        }
        if loaded.of_database > 0 {
            said.notices.push(format!(
                "{} statements about the database itself and about settings of roles in it are left out: all of it is in the database {DATABASE}, whatever the dump calls it; \
                 in the dump they begin with ALTER DATABASE, COMMENT ON DATABASE or ALTER ROLE … IN DATABASE",
                loaded.of_database
            ));
        }
        finish(&server, (SUPERUSER, by), said)?;
        if matches!(by, Counting::Reader) {
            // What counting called may have set them again.
            lower::lower(&server, self.order.rights)?;
        }
        server.stop()
    }

    fn of_cluster(&self, patience: Patience<'_>, said: &mut PostgresDone) -> Result<()> {
        let data = self.room.data();
        let wanted = tree::version_of(&data)?;
        // Looked at while it is still ours alone. Of what would reach elsewhere there is no script, and no word on how to start it.
        tree::refuse_reaching(&data)?;
        tree::hand_over(&data, self.account)?;
        self.room.furnish(self.account)?;
        let fits = |programs: &&Programs| wanted.major >= 10 && programs.major == wanted.major;
        let Some(programs) = self.installed.iter().rev().find(fits) else {
            let bin = Path::new("/usr/lib/postgresql").join(&wanted.version).join("bin");
            let missing = Programs { bin, version: wanted.version.clone(), major: wanted.major };
            self.words(&missing, "", said)?;
            said.steps.clear();
            return Err(not_here(&wanted.version, self.installed, self.room));
        };
        let scene = self.scene(programs, patience);
        let control = scene.control()?;
        let words = self.words(programs, &control, said)?;
        tree::refuse_alive(&data)?;
        let (server, role) = Server::start(scene, &words, &[SUPERUSER, &self.account.name])?;
        if !control
            .lines()
            .any(|line| line.starts_with("Database cluster state") && line.ends_with("shut down"))
        {
            said.notices
                .push("it was copied from a server that ran, and has recovered as after a crash".into());
        }
        said.superuser.clone_from(&role);
        said.steps = self.steps(programs, &role, MadeOf::Directory, &Left::default());
        finish(&server, (&role, Counting::Superuser(&role)), said)?;
        server.stop()
    }
}

fn finish(server: &Server<'_>, (superuser, by): (&str, Counting<'_>), said: &mut PostgresDone) -> Result<()> {
    said.server_version = Some(count::version(server, superuser)?);
    said.databases = count::count(server, by)?;
    said.tables = said.databases.iter().map(|database| database.tables.len() as u64).sum();
    said.rows = said.databases.iter().map(|database| database.rows).sum();
    let unlogged = said.databases.iter().flat_map(|database| &database.tables).filter(|table| table.unlogged);
    let unlogged: Vec<String> = unlogged.map(|table| format!("{}.{}", table.schema, table.name)).collect();
    if !unlogged.is_empty() && said.from == Held::CLUSTER {
        said.notices.push(format!("unlogged tables are empty after a crash: {}", unlogged.join(", ")));
    }
    Ok(())
}

fn not_here(version: &str, installed: &[Programs], room: &Room) -> Problem {
    let here: Vec<&str> = installed.iter().map(|programs| programs.version.as_str()).collect();
    let what = format!("the data directory is of PostgreSQL {version}, and here is {}", here.join(", "));
    let start = room.start();
    let start = crate::report::runbook::command(["sh", &start.to_string_lossy()]);
    Problem::new(Kind::NotFound, what)
        .at(printable(room.data().as_os_str().as_encoded_bytes()))
        .remedy(format!(
            "install it (on Debian: apt install postgresql-{version}; versions that Debian has no more are at apt.postgresql.org), then `{start}`"
        ))
}
