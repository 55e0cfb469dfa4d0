//! The shortest way for a dump of PostgreSQL: outlive makes the new server itself.

use super::restore::{Case, place, until_it_answers, words};
use super::{Scene, access, dump};
use crate::report::runbook::{Procedure, Step, command};

/// The way, where outlive reads such a dump into one new database.
pub(super) fn procedure(scene: &Scene<'_>, case: &Case<'_, '_>) -> Option<Procedure> {
    if !dump::is_of_one_postgres(&case.thing) {
        return None;
    }
    let (entry, found) = (case.looked.entry, case.found);
    let taken_at = found.taken_at.format("%Y-%m-%d %H:%M UTC");
    let mut restore = words(case);
    restore.extend(["--to-postgres".to_owned(), case.target.clone()]);
    let mut steps = until_it_answers(scene, case, "restore-postgres");
    if let Some(first) = steps.first_mut() {
        first.what = format!(
            "As root: PostgreSQL then runs as the user postgres. Go below a directory that is root's and that everybody may pass, such as /srv, not /root. {}",
            first.what
        );
    }
    steps.push(Step {
        what: "Restore the dump and read it into a new PostgreSQL of its own, which nothing else reaches. It needs the programs of a PostgreSQL \
               as new as the lost one, and a place where the user postgres may pass."
            .into(),
        commands: vec![command(restore)],
        expect: Some("\"restored and compared\", \"is ready\", and every table that you know with about as many rows as you expect".into()),
        ..Step::default()
    });
    let socket = format!("\"$PWD\"/{}", command([format!("{}/socket", case.target)]));
    let ask = "select relname, n_live_tup from pg_stat_user_tables order by 1";
    steps.push(Step {
        what: "Start it, on its socket alone, and look at the data. The commands that promote it are the last ones that the restore printed; for the rest, follow this page.".into(),
        commands: vec![
            command(["sh".to_owned(), format!("{}/start.sh", case.target)]),
            format!("psql -X -h {socket} -U postgres -d restored -qc analyze"),
            format!("psql -X -h {socket} -U postgres -d restored -Atc {}", command([ask])),
        ],
        expect: Some("the tables, with about as many rows as the restore counted".into()),
        ..Step::default()
    });
    steps.push(Step {
        what: "Stop it, until somebody has decided that it is the new primary.".into(),
        commands: vec![command(["sh".to_owned(), format!("{}/stop.sh", case.target)])],
        expect: Some("server stopped".into()),
        ..Step::default()
    });
    steps.push(place(case));
    Some(Procedure {
        title: format!("with outlive, into a new PostgreSQL, from the vault {} ({taken_at})", entry.id),
        vault: entry.id.clone(),
        point: found.short.clone(),
        with: "outlive",
        target: case.target.clone(),
        fill_in: access::fill_in(entry, case.is_encrypted),
        steps,
    })
}
