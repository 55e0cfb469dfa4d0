//! The part of the page that comes before any restore: what acts is stopped, and what did it is revoked.

use super::block::{Block, Line, StepBlock};
use super::facts::{Runbook, Runbooks};

pub(super) fn blocks(out: &mut Vec<Block>, all: &Runbooks, runbook: &Runbook) {
    out.push(Block::Heading(2, "1. Stop the bleeding".into()));
    let step = |says: Vec<Line>| StepBlock { says, commands: Vec::new() };
    let mut steps = vec![
        step(vec![
            Line::from("Freeze what acts by itself: coding agents, CI and deployment pipelines, cron jobs and timers, configuration \
                        management, autoscaling. Nobody cleans up, and nobody retries. Time frozen: ............"),
        ]),
        step(vec![
            Line::default()
                .strong("Before any backup host is started or reached again:")
                .and(" suspend pruning, retention jobs and the lifecycle rules of buckets. A host that comes back goes on with what it was told, and expires the last good copy."),
            lifecycles(all),
        ]),
        step(vec![
            Line::from("Revoke what did it, and what else it could have read: the table below. It is done where each was given out (the provider's console, the database, the host's authorized_keys), by whoever administers that, from a machine that the incident did not touch. Make new credentials only for this restore."),
            Line::from("Look for what was planted: new users, keys, tokens, OAuth applications, SSH keys, webhooks, scheduled jobs. A revoked token that made itself a second one is not gone."),
        ]),
        step(vec![
            Line::from("Save the logs before they turn over: the provider's audit log, CI, the agent's own transcript, shell histories, database logs, this machine's journal. Copy them to where the credential that did it does not reach."),
        ]),
        step(vec![
            Line::from("Leave what is left of the primary as it is. Do not format, re-create or overwrite it: a provider may still bring it back."),
        ]),
    ];
    out.push(Block::Steps(std::mem::take(&mut steps)));
    reaching(out, runbook);
}

fn lifecycles(all: &Runbooks) -> Line {
    let buckets: Vec<&str> =
        all.vaults.iter().map(|vault| vault.address.as_str()).filter(|a| a.starts_with("s3://")).collect();
    match buckets.as_slice() {
        [] => "No vault of this estate is a bucket.".into(),
        some => Line::from("Buckets of this estate: ").code(some.join("  ")).and(
            ". Whoever administers the account of the store does it, in its console: each lifecycle rule is set to disabled, none is removed. \
             What the vault's own credentials may do is not enough. Where nobody can, go on: what is locked outlives such rules until its lock ends.",
        ),
    }
}

fn reaching(out: &mut Vec<Block>, runbook: &Runbook) {
    if runbook.reaching.is_empty() {
        let none = "No credential is declared that reaches this volume. That is unknown, not none: list the tokens of the provider's account, and of every machine that deploys.";
        out.push(Block::Warn(none.into()));
        return;
    }
    let rows = runbook.reaching.iter().map(|one| {
        vec![
            Line::default().strong(&one.name),
            one.kind.as_str().into(),
            one.takes_primary.as_str().into(),
            one.points.to_string().into(),
            one.open.to_string().into(),
            "☐ ........".into(),
        ]
    });
    let head = vec![
        "in wrong hands",
        "kind",
        "takes the primary",
        "copies it takes",
        "copies nobody can say of",
        "revoked at",
    ];
    out.push(Block::Table(head, rows.collect()));
    if runbook.reaching_more > 0 {
        let more =
            format!("{} more exist, none of which takes more than the last of these.", runbook.reaching_more);
        out.push(Block::Warn(
            Line::default().strong(more).and(" What one of them takes: ").code("outlive what-if"),
        ));
    }
    revoking(out);
}

/// How what is in the table is revoked, where that is the same everywhere.
fn revoking(out: &mut Vec<Block>) {
    out.push(Block::Say("How a key is revoked is said where it was given out. What is often needed:".into()));
    out.push(Block::List(vec![
        Line::from("a login of PostgreSQL, as its superuser: ")
            .code("alter role NAME nologin;")
            .and(" and ")
            .code("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'NAME';")
            .and(", since who is in stays in"),
        Line::from("an access key of AWS, as its administrator: ")
            .code("aws iam update-access-key --user-name NAME --access-key-id ID --status Inactive"),
        Line::from("an SSH key, on each machine that it opens: its line out of ")
            .code("~/.ssh/authorized_keys")
            .and(", then ")
            .code("loginctl terminate-user NAME")
            .and(" for who is in"),
        "a token of a provider or of a repository: in its console, where tokens are listed; and every session of whoever made it is ended there".into(),
    ]));
}
