//! What whoever read a dump is left with.

use super::server::Server;
use super::{DATABASE, Rights, SUPERUSER};
use crate::domain::Result;

/// Takes from who read a dump of one database what it needs no more, and what the dump gave it.
///
/// # Errors
/// What the server said.
pub(super) fn lower(server: &Server<'_>, rights: Rights) -> Result<()> {
    let lowers = match rights {
        Rights::Owner => "",
        Rights::Superuser => "nosuperuser",
    };
    let mut link = server.oversee(SUPERUSER, "postgres")?;
    for sql in [
        format!("alter role {DATABASE} {lowers} password null"),
        format!("alter role {DATABASE} reset all"),
        format!("alter role {DATABASE} in database {DATABASE} reset all"),
        format!("alter role {DATABASE} in database postgres reset all"),
        format!("alter role {DATABASE} in database template1 reset all"),
        format!("alter database {DATABASE} reset all"),
    ] {
        link.ask(&sql).map_err(|trouble| trouble.into_problem("taking rights back"))?;
    }
    Ok(())
}
